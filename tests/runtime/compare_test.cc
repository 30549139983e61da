#include "runtime/compare.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using ::testing::HasSubstr;

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();

Tensor Numbers(const std::vector<double>& values, Shape shape, int32_t data_type = TensorProto::FLOAT) {
  return FromDoubles(values, std::move(shape), data_type).value();
}
Tensor Numbers(const std::vector<double>& values) { return Numbers(values, {static_cast<int64_t>(values.size())}); }

// Compares one output, one sample.
Comparison CompareOne(const Tensor& a, const Tensor& b) {
  const absl::StatusOr<Comparison> comparison = Compare({"y"}, {{a}}, {{b}});
  EXPECT_TRUE(comparison.ok()) << comparison.status();
  return *comparison;
}

TEST(CompareTest, FiguresOfOneOutput) {
  const Comparison comparison = CompareOne(Numbers({3, 4, 0}), Numbers({3, 4, -2}));
  ASSERT_EQ(comparison.outputs.size(), 1u);
  EXPECT_EQ(comparison.outputs[0].name, "y");
  EXPECT_DOUBLE_EQ(comparison.outputs[0].relative_error, 2.0 / 5.0);
  EXPECT_DOUBLE_EQ(comparison.outputs[0].max_abs, 2);
  EXPECT_DOUBLE_EQ(comparison.outputs[0].cosine, 25 / (5 * std::sqrt(29.0)));
  EXPECT_FALSE(comparison.outputs[0].top1_agreement.has_value());
  EXPECT_EQ(comparison.outputs[0].new_nonfinite, 0);
  EXPECT_EQ(comparison.samples, 1);
}

TEST(CompareTest, SameOutputs) {
  const Comparison comparison = CompareOne(Numbers({0.1, 0.2, 0.7}, {1, 3}), Numbers({0.1, 0.2, 0.7}, {1, 3}));
  EXPECT_EQ(comparison.relative_error, 0);
  EXPECT_EQ(comparison.max_abs, 0);
  EXPECT_EQ(comparison.cosine, 1);
  EXPECT_EQ(comparison.top1_agreement, 1.0);
}

TEST(CompareTest, ErrorsAreNormsOverAllSamples) {
  const Outputs a = {{Numbers({3, 0})}, {Numbers({0, 4})}};
  const Outputs b = {{Numbers({3, 1})}, {Numbers({2, 4})}};
  const Comparison comparison = Compare({"y"}, a, b).value();
  EXPECT_DOUBLE_EQ(comparison.relative_error, std::sqrt(5.0) / 5);
  EXPECT_DOUBLE_EQ(comparison.max_abs, 2);
  EXPECT_EQ(comparison.samples, 2);
}

TEST(CompareTest, ZeroReferenceCountsAbsolutely) {
  const Comparison comparison = CompareOne(Numbers({0, 0}), Numbers({3, 4}));
  EXPECT_DOUBLE_EQ(comparison.relative_error, 5);
  EXPECT_EQ(comparison.cosine, 0);
  EXPECT_EQ(CompareOne(Numbers({0, 0}), Numbers({0, 0})).relative_error, 0);
  EXPECT_EQ(CompareOne(Numbers({0, 0}), Numbers({0, 0})).cosine, 1);
  EXPECT_EQ(CompareOne(Numbers({1, 2}), Numbers({0, 0})).relative_error, 1);
  EXPECT_DOUBLE_EQ(CompareOne(Numbers({1, 2}), Numbers({-1, -2})).cosine, -1);
}

TEST(CompareTest, NonFiniteInTheReferenceIsLeftOut) {
  const Comparison comparison = CompareOne(Numbers({kNan, kInfinity, 3, 4, kNan}), Numbers({kNan, 1, 3, 4.5, 7}));
  EXPECT_DOUBLE_EQ(comparison.relative_error, 0.1);
  EXPECT_DOUBLE_EQ(comparison.max_abs, 0.5);
  EXPECT_EQ(comparison.new_nonfinite, 0);
}

TEST(CompareTest, NewNonFiniteIsCountedAndInfinitelyWrong) {
  const Comparison comparison = CompareOne(Numbers({1, 2, 3, kNan}), Numbers({kNan, kInfinity, 3, kNan}));
  EXPECT_EQ(comparison.new_nonfinite, 2);
  EXPECT_EQ(comparison.relative_error, kInfinity);
  EXPECT_EQ(comparison.max_abs, kInfinity);
  EXPECT_EQ(comparison.cosine, 1);
}

TEST(CompareTest, HugeDoublesNeverLookEqual) {
  const Comparison comparison =
      CompareOne(Numbers({1e200}, {1}, TensorProto::DOUBLE), Numbers({-1e200}, {1}, TensorProto::DOUBLE));
  EXPECT_EQ(comparison.relative_error, kInfinity);
  EXPECT_EQ(comparison.max_abs, 2e200);
}

TEST(CompareTest, TopOneAgreement) {
  // Rows: same place, another place, a tie in both (first wins), a tie that was none.
  const Tensor a = Numbers({1, 2, 0, 5, 1, 0, 4, 4, 0, 0, 1, 2}, {4, 3});
  const Tensor b = Numbers({1, 3, 0, 1, 5, 0, 4, 4, 0, 0, 2, 2}, {4, 3});
  EXPECT_EQ(CompareOne(a, b).top1_agreement, 0.5);
  // A row of nothing but NaN agrees only with its like.
  const Tensor nan = Numbers({kNan, kNan, kNan, kNan}, {2, 2});
  EXPECT_EQ(CompareOne(Numbers({1, 2, kNan, kNan}, {2, 2}), nan).top1_agreement, 0.5);
}

TEST(CompareTest, TopOneOnlyForClassifiers) {
  EXPECT_FALSE(CompareOne(Numbers({1, 2}, {2, 1}), Numbers({1, 2}, {2, 1})).top1_agreement.has_value());
  EXPECT_FALSE(CompareOne(Numbers({1, 2}, {1, 2, 1}), Numbers({1, 2}, {1, 2, 1})).top1_agreement.has_value());
  EXPECT_FALSE(CompareOne(Numbers({}, {0, 2}), Numbers({}, {0, 2})).top1_agreement.has_value());
  const Tensor labels = Numbers({1, 2}, {1, 2}, TensorProto::INT64);
  EXPECT_FALSE(CompareOne(labels, labels).top1_agreement.has_value());
}

TEST(CompareTest, IntegersAreNumbers) {
  const Comparison comparison =
      CompareOne(Numbers({3, 4}, {2}, TensorProto::INT64), Numbers({3, 5}, {2}, TensorProto::INT64));
  EXPECT_DOUBLE_EQ(comparison.relative_error, 0.2);
  EXPECT_DOUBLE_EQ(comparison.max_abs, 1);
}

TEST(CompareTest, TheWorstOutputDecides) {
  const Tensor none{TensorProto::UNDEFINED, {}, {}};
  const Outputs a = {{none, Numbers({100, 0}), Numbers({1, 2}, {1, 2}), Numbers({1, 2}, {1, 2})}};
  const Outputs b = {{none, Numbers({100, 1}), Numbers({1.5, 2}, {1, 2}), Numbers({2, 1}, {1, 2})}};
  const Comparison comparison = Compare({"s", "big", "same", "swapped"}, a, b).value();
  ASSERT_EQ(comparison.outputs.size(), 3u);
  EXPECT_EQ(comparison.outputs[0].name, "big");
  EXPECT_DOUBLE_EQ(comparison.outputs[0].relative_error, 0.01);
  EXPECT_DOUBLE_EQ(comparison.relative_error, std::sqrt(2.0 / 5));
  EXPECT_DOUBLE_EQ(comparison.max_abs, 1);
  EXPECT_DOUBLE_EQ(comparison.cosine, 0.8);
  EXPECT_EQ(comparison.top1_agreement, 1.0);  // of the first output that has one
  EXPECT_EQ(comparison.outputs[2].top1_agreement, 0.0);
}

TEST(CompareTest, WhatCannotBeCompared) {
  const auto expect_invalid = [](const Outputs& a, const Outputs& b, const std::string& part) {
    const absl::Status status = Compare({"y"}, a, b).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  };
  const Tensor one = Numbers({1});
  expect_invalid({}, {}, "no samples");
  expect_invalid({{one}}, {{one}, {one}}, "expected outputs of 1 samples, found 2");
  expect_invalid({{one}}, {{one, one}}, "expected 1 outputs, found 2");
  expect_invalid({{one}, {one}}, {{one}, {Numbers({1, 2})}}, "output 'y', sample 1: expected data type 1 [1], found");
  expect_invalid({{one}}, {{Numbers({1}, {1}, TensorProto::DOUBLE)}}, "output 'y', sample 0: expected data type 1");
  EXPECT_EQ(Compare({"y"}, {{{TensorProto::STRING, {0}, ""}}}, {{{TensorProto::STRING, {0}, ""}}}).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(CompareTest, RunAllKeepsTheOrderOfSamples) {
  const onnx::ModelProto model = testing::ModelFromText(
      "<ir_version: 8, opset_import: [\"\" : 17]> g (float[1] x) => (float[1] y, float[1] z) "
      "{ y = Neg(x)  z = Identity(x) }");
  const Session session = Session::Create(testing::TestRuntime(), model).value();
  const std::vector<Sample> samples = {{{"x", Numbers({1})}}, {{"x", Numbers({2})}}};
  const Outputs outputs = RunAll(session, samples).value();
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0][0].bytes, Numbers({-1}).bytes);
  EXPECT_EQ(outputs[1][0].bytes, Numbers({-2}).bytes);
  EXPECT_EQ(outputs[1][1].bytes, Numbers({2}).bytes);
  EXPECT_EQ(RunAll(session, std::vector<Sample>(1)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CompareTest, EverySampleHasAnErrorOfItsOwn) {
  const Tensor a = Numbers({3, 4}), b = Numbers({3, 5}), broken = Numbers({3, kNan}), zero = Numbers({0, 0});
  const Outputs before = {{a, a}, {a, a}, {a, a}, {zero, a}};
  const Outputs after = {{b, a}, {a, a}, {a, broken}, {b, a}};
  const absl::StatusOr<Comparison> comparison = Compare({"y", "z"}, before, after);
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  ASSERT_EQ(comparison->sample_errors.size(), 4u);
  EXPECT_DOUBLE_EQ(comparison->sample_errors[0], 1.0 / 5.0);
  EXPECT_EQ(comparison->sample_errors[1], 0);
  EXPECT_EQ(comparison->sample_errors[2], kInfinity);
  EXPECT_DOUBLE_EQ(comparison->sample_errors[3], std::sqrt(34.0));  // a reference of zeros counts absolutely
}

}  // namespace
}  // namespace cnnopt
