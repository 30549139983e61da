#include "passes/slim.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"
#include "tests/testing/slim_checks.h"

namespace cnnopt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One 3x3 Conv 32 -> 32 whose weight is an initializer and, from IR 4 on, a caller may override it.
onnx::ModelProto OverridableModel() {
  std::mt19937 random(1);
  const testing::Geometry padded = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  onnx::ModelProto model = testing::ModelOf(testing::RandomConv(random, padded, 32, 32), {8, 8});
  onnx::ValueInfoProto& input = *model.mutable_graph()->add_input();
  input.set_name("w");
  input.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {32, 32, 3, 3}) {
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
  }
  return model;
}

SlimOptions HalfTheMacs() {
  SlimOptions options;
  options.passes = {{"dsc", std::nullopt}};
  options.target_macs = 0.5;
  options.input_shapes = {{"x", {1, 32, 8, 8}}};
  options.verify = Verify::kReport;
  options.measure_latency = false;
  options.runtime = testing::TestRuntime();
  return options;
}

TEST(Slim, KeepsAWeightThatACallerMayOverrideAndStillKnowsItsCost) {
  onnx::ModelProto model = OverridableModel();
  const std::string before = model.SerializeAsString();
  const absl::StatusOr<SlimReport> report = Slim(model, HalfTheMacs());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kRefused);
  EXPECT_THAT(report->reason, HasSubstr("cannot be reached"));
  ASSERT_EQ(report->layers.size(), 1);
  EXPECT_EQ(report->layers[0].reason, "its weight is not a constant");
  EXPECT_EQ(report->before.macs, 8 * 8 * 32 * 32 * 9);
  EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(Slim, SlimsItWhenToldThatItIsConstant) {
  for (const Fit fit : {Fit::kWeights, Fit::kSamples}) {
    onnx::ModelProto model = OverridableModel();
    SlimOptions options = HalfTheMacs();
    options.assume_constant = true;
    options.fit = fit;
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->verdict, Verdict::kSlimmed);
    EXPECT_LE(*report->after.macs, *report->before.macs / 2);
    ASSERT_EQ(model.graph().input_size(), 1);  // nobody is left to override
    EXPECT_EQ(model.graph().input(0).name(), "x");
  }
}

// One net per number of spatial axes, every form that has a meaning there, end to end.
struct AxesCase {
  std::string nodes;
  Shape input;
  testing::Weights weights;
  std::vector<std::string> forms;
};

class SlimAxes : public ::testing::TestWithParam<AxesCase> {};

TEST_P(SlimAxes, EveryFormWorks) {
  const AxesCase& param = GetParam();
  const std::vector<Sample> samples = testing::FewDirections(param.input, 6, 30);
  for (const std::string& form : param.forms) {
    onnx::ModelProto model = testing::RandomModel(param.nodes, param.input, param.weights);
    SlimOptions options = testing::BudgetOf(0.9, param.input, samples);
    options.passes = {{form, std::nullopt}};
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << form << ": " << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << form << ": " << report->reason;
    EXPECT_LE(*report->after.macs, 0.9 * static_cast<double>(*report->before.macs)) << form;
    EXPECT_TRUE(report->verified) << form;
    testing::ExpectCostsAreThoseOf(model, param.input, *report);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Axes, SlimAxes,
    ::testing::Values(AxesCase{R"(a = Conv<strides = [2], pads = [3, 1]>(x, k1) ra = Relu(a)
                    b = Conv<dilations = [2], pads = [0, 4], group = 2>(ra, k2, b2) rb = Relu(b)
                    c = Conv<pads = [2, 2]>(rb, k3) rc = Relu(c) y = Conv(rc, k4, b4))",
                               {1, 16, 60},
                               {{"k1", {32, 16, 5}},
                                {"k2", {48, 16, 3}},
                                {"b2", {48}},
                                {"k3", {32, 48, 5}},
                                {"k4", {48, 32, 1}},
                                {"b4", {48}}},
                               {"dsc", "cp", "bottleneck", "stack3x3"}},
                      AxesCase{R"(a = Conv(x, k1, b1) ra = Relu(a) y = Conv<strides = [2], group = 2>(ra, k2))",
                               {1, 64, 30},
                               {{"k1", {64, 64, 1}}, {"b1", {64}}, {"k2", {96, 32, 1}}},
                               {"low-rank"}},
                      AxesCase{R"(a = Conv<strides = [2, 1, 1], pads = [1, 0, 2, 0, 1, 1]>(x, k1, b1) ra = Relu(a)
                    b = Conv<dilations = [1, 2, 1], pads = [1, 2, 1, 1, 2, 0], group = 2>(ra, k2) rb = Relu(b)
                    y = Conv(rb, k3, b3))",
                               {1, 8, 9, 8, 7},
                               {{"k1", {24, 8, 3, 2, 3}},
                                {"b1", {24}},
                                {"k2", {32, 12, 3, 3, 2}},
                                {"k3", {40, 32, 1, 1, 1}},
                                {"b3", {40}}},
                               {"dsc", "cp", "bottleneck", "spatial"}},
                      AxesCase{R"(a = Conv<strides = [2, 1, 1]>(x, k1, b1) ra = Relu(a) y = Conv<group = 2>(ra, k2))",
                               {1, 64, 5, 4, 3},
                               {{"k1", {64, 64, 1, 1, 1}}, {"b1", {64}}, {"k2", {96, 32, 1, 1, 1}}},
                               {"low-rank"}}));

// The biases that a refit brings would cost nodes: a kept MatMul stays as it is, a kept Gemm is refitted.
TEST(Slim, RefitsAKeptGemmButNoKeptMatMul) {
  const Shape input = {1, 64};
  const std::vector<Sample> samples = testing::FewDirections(input, 20, 200);
  for (const bool gemm : {true, false}) {
    onnx::ModelProto model = testing::RandomModel(
        gemm ? "a = Gemm(x, w1) r = Relu(a) y = Gemm(r, w2)" : "a = MatMul(x, w1) r = Relu(a) y = MatMul(r, w2)", input,
        {{"w1", {64, 64}}, {"w2", {64, 8}}});
    const absl::StatusOr<SlimReport> report = Slim(model, testing::BudgetOf(0.45, input, samples));
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    ASSERT_EQ(report->layers.size(), 2);
    EXPECT_EQ(report->layers[1].now, "");
    EXPECT_EQ(report->layers[1].refitted, gemm);
    std::vector<std::string> types;
    for (const onnx::NodeProto& node : model.graph().node()) types.push_back(node.op_type());
    if (gemm) {
      EXPECT_THAT(types, ElementsAre("MatMul", "Gemm", "Relu", "Gemm"));
    } else {
      EXPECT_THAT(types, ElementsAre("MatMul", "MatMul", "Add", "Relu", "MatMul"));
    }
  }
}

// No covariance of tens of thousands of inputs: it would take all memory there is.
TEST(Slim, FitsVeryWideLayersByWeightsOnly) {
  const Shape input = {1, 10'000};
  onnx::ModelProto model = testing::RandomModel("y = Gemm(x, w)", input, {{"w", {10'000, 24}}});
  SlimOptions options = testing::BudgetOf(0.8, input, testing::FewDirections(input, 4, 10));
  options.verify = Verify::kReport;
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kSlimmed);
  EXPECT_EQ(report->layers[0].now, "low-rank rank 16");
  EXPECT_THAT(report->warnings, Contains(HasSubstr("y: fitted by weights only")));
}

}  // namespace
}  // namespace cnnopt
