// The manual page, docs/options.md and completions say what --help says.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/completions.h"
#include "cli/help.h"
#include "cli/man_page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/catalog.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RunCnnopt;

TEST(Manual, EveryOptionOfEveryCommandIsInEachOfThem) {
  const std::string man = ManPage("1.2.3"), page = OptionsPage();
  EXPECT_THAT(man, HasSubstr("cnnopt 1.2.3"));
  for (const Usage& usage : Usages()) {
    EXPECT_THAT(page, HasSubstr(Synopsis(usage)));
    for (const Flag& flag : *usage.flags) {
      EXPECT_THAT(man, HasSubstr(absl::StrReplaceAll(flag.name, {{"-", "\\-"}})));
      EXPECT_THAT(page, HasSubstr(absl::StrReplaceAll(FlagTerm(flag), {{"|", "\\|"}})));
    }
  }
  for (const PassEntry& entry : Catalog()) {
    EXPECT_THAT(man, HasSubstr(absl::StrReplaceAll(entry.name, {{"-", "\\-"}})));
    EXPECT_THAT(page, HasSubstr(absl::StrCat("`", entry.name, "`")));
  }
  for (const EnvironmentEntry& entry : Environment()) {
    for (const std::string& text : {HelpText(), man, page}) EXPECT_THAT(text, HasSubstr(entry.name));
  }
}

TEST(Manual, TheOptionsPageIsUpToDate) {
  EXPECT_EQ(testing::FileBytes(absl::StrCat(CNNOPT_TESTDATA, "/../docs/options.md")), OptionsPage())
      << "docs/options.md is older than the tables; this renews it:\n  " << CNNOPT_BINARY
      << " man markdown > docs/options.md";
}

TEST(Manual, TheCommandsPrintThem) {
  EXPECT_EQ(RunCnnopt({"man", "markdown"}).out, OptionsPage());
  EXPECT_THAT(RunCnnopt({"man"}).out, HasSubstr(".TH CNNOPT 1"));
  EXPECT_EQ(RunCnnopt({"completions", "bash"}).out, BashCompletion());
  EXPECT_EQ(RunCnnopt({"completions", "zsh"}).out, ZshCompletion());
  EXPECT_EQ(RunCnnopt({"completions", "fish"}).out, FishCompletion());
  EXPECT_THAT(RunCnnopt({"completions", "sh"}).err, HasSubstr("completions sh: expected bash, zsh or fish"));
  EXPECT_EQ(RunCnnopt({"completions", "sh"}).code, 2);
  EXPECT_THAT(RunCnnopt({"man", "html"}).err, HasSubstr("man html: expected markdown, or nothing"));
}

TEST(Completions, OffersFollowTheValue) {
  EXPECT_THAT(OfferOf("enforce|report|off").words, ElementsAre("enforce", "report", "off"));
  EXPECT_THAT(OfferOf("WxH|N|fit").words, ElementsAre("fit"));
  EXPECT_THAT(OfferOfPositions("[markdown]").words, ElementsAre("markdown"));
  EXPECT_THAT(OfferOfPositions("bash|zsh|fish").words, ElementsAre("bash", "zsh", "fish"));
  EXPECT_FALSE(OfferOfPositions("bash|zsh|fish").files);
  EXPECT_FALSE(OfferOfPositions("").files);
  for (const char* text : {"MODEL...", "IN.onnx OUT.onnx", "ZOO|MANIFEST OUT"}) {
    EXPECT_TRUE(OfferOfPositions(text).files) << text;
    EXPECT_THAT(OfferOfPositions(text).words, ElementsAre()) << text;
  }
  for (const char* text : {"", "X", "X[,X,X]", "NAME:1,3,224,224", "REGEX", "COMMAND", "NAME=FORM[:rank=N]", "SIZE"}) {
    EXPECT_THAT(OfferOf(text).words, ElementsAre()) << text;
    EXPECT_FALSE(OfferOf(text).files) << text;
  }
  for (const char* text : {"FILE", "FILE.json", "PATH"}) {
    EXPECT_TRUE(OfferOf(text).files) << text;
    EXPECT_THAT(OfferOf(text).words, ElementsAre()) << text;
  }
}

}  // namespace
}  // namespace cnnopt
