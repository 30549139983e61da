// `cnnopt inspect` as its users run it.
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "report/display.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::Finished;
using ::testing::HasSubstr;
using testing::RunCnnopt;
using testing::TestData;
using Json = nlohmann::ordered_json;

TEST(InspectRun, OneModelIsATableAndASummaryWithin80Columns) {
  const Finished run = RunCnnopt({"inspect", TestData("resnet.onnx"), "--pass=dsc"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part :
       {"/f/f.3/c1/Conv", "3x3 24->24", "dsc rank", "1x1 kernel", "exporter", "opset, IR", "slimmable", "59.65 M"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  for (const absl::string_view line : absl::StrSplit(run.out, '\n')) EXPECT_LE(DisplayWidth(line), 80u) << line;
}

TEST(InspectRun, SeveralModelsStandSideBySide) {
  const Finished run = RunCnnopt({"inspect", TestData("lenet.onnx"), TestData("mobilenet.onnx"), "--no-forms"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("slimmable"));
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 3);
}

TEST(InspectRun, JsonHoldsWhatTheTableSays) {
  const Finished run = RunCnnopt({"inspect", TestData("lenet.onnx"), "--json", "--pass=dsc,low-rank"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["schema"], "cnnopt-inspect/1");
  const Json& model = json["models"][0];
  EXPECT_EQ(model["path"], "lenet.onnx");
  ASSERT_EQ(model["layers"].size(), 5u);
  const Json& layer = model["layers"][1];
  EXPECT_EQ(layer["kernel"], Json({5, 5}));
  for (const Json& form : layer["forms"]) EXPECT_TRUE(form["form"] == "dsc" || form["form"] == "low-rank") << form;
  EXPECT_GE(layer["forms"].size(), 2u);
  EXPECT_GT(layer["forms"][0]["ranks"].size(), 0u);
  double shares = 0;
  for (const Json& one : model["layers"]) shares += one["macs_share"].get<double>();
  EXPECT_NEAR(shares, 1, 1e-9);
}

TEST(InspectRun, OpenSizesAreToldWithTheFlagThatSettlesThem) {
  const testing::TempFolder folder;
  const onnx::ModelProto model = testing::ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1, 1, H, W] x) => (float[1, 1, H, W] y)
         <float[1, 1, 1, 1] w = {2}> { y = Conv(x, w) })");
  const std::string path = folder.Write("open.onnx", model.SerializeAsString());
  const Finished open = RunCnnopt({"inspect", path});
  EXPECT_EQ(open.code, 0);
  EXPECT_THAT(open.err, HasSubstr("--input-shape=x:"));
  const Finished settled = RunCnnopt({"inspect", path, "--input-shape=1,1,4,4"});
  EXPECT_EQ(settled.code, 0);
  EXPECT_EQ(settled.err, "");
  EXPECT_THAT(settled.out, HasSubstr("1x1x4x4"));
}

TEST(InspectRun, MistakesAreNamed) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"inspect"}, "expected at least 1 argument of 'cnnopt inspect MODEL...', found 0"},
      {{"inspect", "--jsn", "a.onnx"}, "unknown option --jsn, did you mean --json?"},
      {{"inspect", "a.onnx", "--target-macs=0.5"}, "unknown option --target-macs"},
      {{"passes", "x"}, "unexpected argument 'x', expected 'cnnopt passes'"},
  };
  for (const auto& [arguments, message] : cases) {
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr(message));
  }
  EXPECT_EQ(RunCnnopt({"inspect", "/nowhere.onnx"}).code, 3);
}

TEST(Commands, EachExplainsItsFlagsWithin80Columns) {
  for (const Command& command : Commands()) {
    const std::string help = CommandHelp(command);
    EXPECT_THAT(HelpText(), HasSubstr(command.summary));
    for (const Flag& flag : command.flags) EXPECT_THAT(help, HasSubstr(flag.name));
    for (const absl::string_view line : absl::StrSplit(help, '\n')) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_EQ(RunCnnopt({command.name, "--help"}).out, help);
  }
}

}  // namespace
}  // namespace cnnopt
