#include "tests/testing/slim_checks.h"

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/shapes.h"
#include "passes/site.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {

onnx::ModelProto RandomModel(const std::string& nodes, const Shape& input, const Weights& weights) {
  onnx::ModelProto model = ModelFromText(absl::StrCat(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[)",
                                                      absl::StrJoin(input, ","), "] x) => (float[] y) {", nodes, "}"));
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  std::mt19937 random(5);
  onnx::TensorProto like;
  like.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto& [name, shape] : weights) {
    Matrix values = RandomMatrix(random, ElementCount(shape), 1);
    if (shape.size() > 1 && values.size() > 0) {
      // A kernel sums over all axes but the first; of a matrix either axis will do here.
      const int64_t summed = shape.size() > 2 ? ElementCount(shape) / shape[0] : std::max(shape[0], shape[1]);
      values /= std::sqrt(static_cast<double>(summed));
    }
    const absl::Span<const double> span(values.data(), static_cast<size_t>(values.size()));
    *model.mutable_graph()->add_initializer() = EncodeFloats(name, shape, span, like).value();
  }
  return model;
}

std::vector<Sample> FewDirections(const Shape& shape, int64_t directions, int count) {
  std::mt19937 random(8);
  const int64_t size = ElementCount(shape);
  const Matrix basis = RandomMatrix(random, size, directions) / std::sqrt(static_cast<double>(directions));
  const Matrix mean = RandomMatrix(random, size, 1);
  std::vector<Sample> samples;
  for (int s = 0; s < count; ++s) {
    const Matrix x = mean + basis * RandomMatrix(random, directions, 1) + 0.01 * RandomMatrix(random, size, 1);
    const absl::Span<const double> values(x.data(), static_cast<size_t>(size));
    samples.push_back({{"x", FromDoubles(values, shape, onnx::TensorProto::FLOAT).value()}});
  }
  return samples;
}

SlimOptions BudgetOf(double target_macs, const Shape& input, std::vector<Sample> samples) {
  SlimOptions options;
  options.target_macs = target_macs;
  options.input_shapes = {{"x", input}};
  options.samples = std::move(samples);
  options.measure_latency = false;
  options.threads = 1;
  options.runtime = TestRuntime();
  return options;
}

void ExpectCostsAreThoseOf(const onnx::ModelProto& slim, const Shape& input, const SlimReport& report) {
  const absl::StatusOr<GraphView> view = GraphView::Create(slim);
  ASSERT_TRUE(view.ok()) << view.status();
  const std::vector<Site> sites = FindSites(*view, InferShapes(slim, {{"x", input}}));
  EXPECT_TRUE(report.after.macs.has_value());
  EXPECT_EQ(report.after.macs, TotalMacs(sites));
  EXPECT_EQ(report.after.params, TotalParameters(slim.graph()));
}

}  // namespace cnnopt::testing
