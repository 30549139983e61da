// Models that leave sizes open: every command says which flag settles them, and the flag does.
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::Finished;
using ::testing::HasSubstr;
using testing::RunCnnopt;

constexpr char kAdvice[] = "model has dynamic inputs: give --input-shape=in/put:0:1,2,16,224, where W is a guess";

class DynamicInputs : public ::testing::Test {
 protected:
  // The flag that a message tells to give.
  static std::string FlagIn(const std::string& message) {
    const std::string rest = message.substr(message.find("--input-shape="));
    return rest.substr(0, rest.find(", where"));
  }

  const testing::TempFolder folder_;
  const std::string model_ =
      folder_.Write("open.onnx", testing::ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N, C, 16, W] "in/put:0") => (float[N, 2, 16, W] y)
      <float[2, 2, 1, 1] w = {1, 2, 3, 4}> { y = Conv("in/put:0", w) })")
                                     .SerializeAsString());
};

TEST_F(DynamicInputs, EveryCommandNamesTheFlagThatHelps) {
  const std::vector<std::string> commands[] = {
      {model_, folder_.Path("out.onnx"), "--no-latency"},
      {model_, folder_.Path("out.onnx"), "--verify=off", "--fit=weights", "--target-macs=0.9"},
      {"compare", model_, model_, "--no-latency"}};
  for (std::vector<std::string> arguments : commands) {
    const Finished open = RunCnnopt(arguments);
    EXPECT_EQ(open.code, 2);
    EXPECT_THAT(open.err, HasSubstr(kAdvice)) << arguments[0];
    arguments.push_back(FlagIn(open.err));
    const Finished settled = RunCnnopt(arguments);
    EXPECT_TRUE(settled.code == 0 || settled.code == 4) << settled.err;  // too small a layer to slim is no matter here
    EXPECT_THAT(settled.err, ::testing::Not(HasSubstr("dynamic")));
  }
}

TEST_F(DynamicInputs, WhereNothingDependsOnThemItIsAWarning) {
  const Finished inspected = RunCnnopt({"inspect", model_});
  EXPECT_EQ(inspected.code, 0);
  EXPECT_THAT(inspected.err, HasSubstr(std::string("MACs are unknown: ") + kAdvice));
  EXPECT_EQ(RunCnnopt({"inspect", model_, FlagIn(inspected.err)}).err, "");

  const Finished slim = RunCnnopt(
      {model_, folder_.Path("out.onnx"), "--verify=off", "--fit=weights", "--target-params=0.9", "--dry-run"});
  EXPECT_THAT(slim.err, HasSubstr(std::string("warning: MACs are unknown: ") + kAdvice));
}

TEST_F(DynamicInputs, SamplesWithoutAShapeOfTheirOwnNameItToo) {
  const std::string raw = folder_.Write("x.bin", std::string(1024, 'x'));
  const Finished run = RunCnnopt({model_, folder_.Path("out.onnx"), "--calibration=" + raw});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("give --input-shape=in/put:0:1,3,16,224, say"));
}

}  // namespace
}  // namespace cnnopt
