#include "passes/slim.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

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

}  // namespace
}  // namespace cnnopt
