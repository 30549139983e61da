// `cnnopt compare` as its users run it.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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

// y = factor * x + shift of one row of three numbers.
std::string Affine(const testing::TempFolder& folder, const std::string& name, double factor, double shift) {
  const onnx::ModelProto model = testing::ModelFromText(
      absl::StrCat(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1, 3] x) => (float[1, 3] y)
         <float f = {)",
                   factor, "}, float s = {", shift, "}> { m = Mul(x, f) y = Add(m, s) }"));
  return folder.Write(name, model.SerializeAsString());
}

TEST(CompareRun, AModelIsNoDistanceFromItself) {
  const std::string lenet = TestData("lenet.onnx");
  const Finished run = RunCnnopt({"compare", lenet, lenet, "--json", "--samples=4", "--no-latency", "--tolerance=0"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = Json::parse(run.out);
  ASSERT_EQ(json["outputs"].size(), 1u);
  EXPECT_EQ(json["outputs"][0]["relative_error"], 0);
  EXPECT_EQ(json["outputs"][0]["top1_agreement"], 1);
  EXPECT_EQ(json["outputs"][0]["top5_agreement"], 1);
  EXPECT_TRUE(json["outputs"][0]["sqnr_db"].is_null());
  EXPECT_EQ(json["samples"], 4);
  EXPECT_EQ(json["a"]["macs"], json["b"]["macs"]);
  EXPECT_GT(json["a"]["macs"], 0);
  EXPECT_TRUE(json["latency"].is_null());
  EXPECT_TRUE(json["objection"].is_null());
}

TEST(CompareRun, LatencyIsMeasuredUnlessToldNotTo) {
  const std::string lenet = TestData("lenet.onnx");
  for (const std::vector<std::string>& flags : {std::vector<std::string>{}, {"--latency"}}) {
    std::vector<std::string> arguments = {"compare", lenet, lenet, "--json", "--samples=1"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Finished run = RunCnnopt(arguments);
    ASSERT_EQ(run.code, 0) << run.err;
    const Json latency = Json::parse(run.out)["latency"];
    ASSERT_TRUE(latency.is_object());
    EXPECT_GT(latency["ratio"], 0);
  }
}

TEST(CompareRun, BoundsDecideTheExitCode) {
  const testing::TempFolder folder;
  const std::string a = Affine(folder, "a.onnx", 1, 0), b = Affine(folder, "b.onnx", 1.25, 0);
  EXPECT_EQ(RunCnnopt({"compare", a, b, "--no-latency", "--max-error=0.26"}).code, 0);
  const Finished error = RunCnnopt({"compare", a, b, "--no-latency", "--max-error=0.24"});
  EXPECT_EQ(error.code, 4);
  EXPECT_THAT(error.err, HasSubstr("relative output error is 0.25, the bound is 0.24"));
  EXPECT_EQ(RunCnnopt({"compare", a, b, "--no-latency", "--min-agreement=1"}).code, 0);
  const std::string negative = Affine(folder, "n.onnx", -1, 0);
  EXPECT_EQ(RunCnnopt({"compare", a, negative, "--no-latency", "--min-agreement=0.9"}).code, 4);
}

TEST(CompareRun, TheToleranceItNamesIsTheSmallestThatPasses) {
  const testing::TempFolder folder;
  const std::string a = Affine(folder, "a.onnx", 1, 0), b = Affine(folder, "b.onnx", 1, 0.125);
  const Finished run = RunCnnopt({"compare", a, b, "--no-latency", "--json", "--tolerance=0.001"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("output 'y' needs a tolerance of 0.1"));
  const double tolerance = Json::parse(run.out)["outputs"][0]["tolerance"].get<double>();
  EXPECT_EQ(RunCnnopt({"compare", a, b, "--no-latency", absl::StrCat("--tolerance=", tolerance * 1.001)}).code, 0);
  EXPECT_EQ(RunCnnopt({"compare", a, b, "--no-latency", absl::StrCat("--tolerance=", tolerance * 0.999)}).code, 4);
}

TEST(CompareRun, TextFitsTheScreenAndNamesTheTime) {
  const std::string lenet = TestData("lenet.onnx");
  const Finished run = RunCnnopt({"compare", lenet, lenet, "--calibration=" + TestData("mnist_samples.npy")});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part : {"ms, 1 thread", "top-5", "SQNR", "compared on 32 samples"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  for (const absl::string_view line : absl::StrSplit(run.out, '\n')) EXPECT_LE(DisplayWidth(line), 80u) << line;
}

TEST(CompareRun, ModelsThatCannotBeComparedAreRefused) {
  const Finished run = RunCnnopt({"compare", TestData("lenet.onnx"), TestData("resnet.onnx")});
  EXPECT_EQ(run.code, 3) << run.err;
  EXPECT_THAT(RunCnnopt({"compare", "a.onnx"}).err, HasSubstr("expected 2 arguments"));
  EXPECT_EQ(RunCnnopt({"compare", TestData("lenet.onnx"), TestData("lenet.onnx"), "--tolerance=nan"}).code, 2);
}

}  // namespace
}  // namespace cnnopt
