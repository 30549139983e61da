#include "runtime/stopwatch.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

// `size` decides the cost: two products of square matrices.
onnx::ModelProto Model(int64_t size) {
  return testing::ModelFromText(absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (float[1] x) => (float[",
                                             size, ",", size, "] y) <int64[2] shape = {", size, ",", size,
                                             "}> { s = Expand(x, shape)  t = MatMul(s, s)  y = MatMul(t, s) }"));
}

Session MakeSession(const onnx::ModelProto& model) {
  return Session::Create(testing::TestRuntime(), model, {1, /*optimize=*/false, {}}).value();
}

Sample Input() { return {{"x", FromDoubles({1}, {1}, onnx::TensorProto::FLOAT).value()}}; }

TEST(StopwatchTest, CheaperModelIsFaster) {
  const onnx::ModelProto big = Model(256), small = Model(16);
  const Session before = MakeSession(big), after = MakeSession(small);
  const Latency latency = TimePairs(before, after, Input(), {.seconds = 0.2}).value();
  EXPECT_LT(latency.ratio, 0.5);
  EXPECT_LT(latency.ratio_high, 1);
  EXPECT_LT(latency.after_ms, latency.before_ms);
  EXPECT_GT(latency.after_ms, 0);
  EXPECT_GT(TimePairs(after, before, Input(), {.seconds = 0.2})->ratio, 2);
}

TEST(StopwatchTest, SameModelIsNoFaster) {
  const onnx::ModelProto model = Model(128);
  const Session session = MakeSession(model);
  const Latency latency = TimePairs(session, session, Input(), {.seconds = 0.5, .min_pairs = 50}).value();
  EXPECT_GE(latency.pairs, 50);
  EXPECT_EQ(latency.before_samples.size(), static_cast<size_t>(latency.pairs));
  EXPECT_EQ(latency.after_samples.size(), static_cast<size_t>(latency.pairs));
  EXPECT_EQ(Quantile(latency.before_samples, 0.5), latency.before_ms);
  EXPECT_EQ(Quantile(latency.after_samples, 0.5), latency.after_ms);
  EXPECT_LE(latency.ratio_low, latency.ratio);
  EXPECT_LE(latency.ratio, latency.ratio_high);
  EXPECT_LE(latency.ratio_low, 1.1);
  EXPECT_GE(latency.ratio_high, 0.9);
}

TEST(StopwatchTest, PairsAreBounded) {
  const onnx::ModelProto model = Model(2);
  const Session session = MakeSession(model);
  EXPECT_EQ(TimePairs(session, session, Input(), {.seconds = 0, .min_pairs = 3, .max_pairs = 9})->pairs, 3);
  EXPECT_EQ(TimePairs(session, session, Input(), {.seconds = 60, .min_pairs = 3, .max_pairs = 9})->pairs, 9);
  EXPECT_EQ(TimePairs(session, session, Input(), {.seconds = 0, .min_pairs = 0, .max_pairs = 0})->pairs, 1);
}

TEST(StopwatchTest, RunThatFails) {
  const onnx::ModelProto model = Model(2);
  const Session session = MakeSession(model);
  EXPECT_EQ(TimePairs(session, session, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cnnopt
