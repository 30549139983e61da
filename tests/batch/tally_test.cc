#include "batch/tally.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "batch/page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Record Made(const std::string& path, Fate fate, const char* verdict, const char* reason) {
  Record record;
  record.path = path;
  record.fate = fate;
  record.verdict = verdict;
  record.reason = reason;
  record.macs_before = 200;
  record.macs_after = fate == Fate::kOk ? 50 : 7;
  record.seconds = 1;
  return record;
}

std::vector<Record> Sample() {
  std::vector<Record> records = {Made("a.onnx", Fate::kOk, "slimmed", ""), Made("b.onnx", Fate::kOk, "unchanged", "no"),
                                 Made("<i>c</i>.onnx", Fate::kRejected, "", "broken & bad"),
                                 Made("d\x1b[31m.onnx", Fate::kCrashed, "", "signal 9")};
  records[1].skipped = true;
  return records;
}

TEST(Tally, CountsEachModelOnceAndCostsOfThoseThatAreOk) {
  Tally tally;
  for (const Record& record : Sample()) Add(record, tally);
  EXPECT_EQ(CountsText(tally), "1 slimmed, 1 unchanged, 1 rejected, 1 crashed; 1 of them before");
  EXPECT_EQ(tally.macs_before, 400);
  EXPECT_EQ(tally.macs_after, 100);
  EXPECT_EQ(tally.failed(), 2);
}

TEST(Tally, AFewModelsAreAllListedOfManyThoseThatFailed) {
  const std::string few = BatchTable(Sample(), 3, 80, false);
  for (const char* part : {"a.onnx", "unchanged before", "broken & bad", "\\x1b", "3 were not run", "0.250x"}) {
    EXPECT_THAT(few, HasSubstr(part));
  }
  for (const absl::string_view line : absl::StrSplit(few, '\n')) EXPECT_LE(DisplayWidth(line), 80u) << line;
  std::vector<Record> many = Sample();
  for (int m = 0; m < 100; ++m) many.push_back(Made(absl::StrCat("fine", m), Fate::kOk, "slimmed", ""));
  for (int m = 0; m < 30; ++m) many.push_back(Made(absl::StrCat("wrong", m), Fate::kRejected, "", "no"));
  const std::string table = BatchTable(many, 0, 80, false);
  EXPECT_THAT(table, Not(HasSubstr("fine")));
  EXPECT_THAT(table, HasSubstr("wrong17"));
  EXPECT_THAT(table, HasSubstr("and 12 more that failed"));
  EXPECT_THAT(BatchTable(many, 0, 80, true), HasSubstr("fine99"));
}

TEST(BatchPage, ShowsEveryModelAndTakesNoNameForHtml) {
  const std::string page = BatchPage(Sample());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("&lt;i&gt;c&lt;/i&gt;.onnx"));
  EXPECT_THAT(page, Not(HasSubstr("<i>")));
  EXPECT_THAT(page, HasSubstr("broken &amp; bad"));
  EXPECT_THAT(page, HasSubstr("0.250x"));
  std::vector<Record> many(12'000, Sample()[0]);
  EXPECT_THAT(BatchPage(many), HasSubstr("The first 10000 of 12000 models"));
}

}  // namespace
}  // namespace cnnopt
