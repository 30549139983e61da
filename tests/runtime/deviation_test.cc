#include "runtime/deviation.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

OutputDeviation Between(const std::vector<double>& a, const std::vector<double>& b, const Shape& shape) {
  const auto outputs = [&](const std::vector<double>& values) {
    return Outputs{{*FromDoubles(values, shape, onnx::TensorProto::FLOAT)}};
  };
  const auto deviations = Deviations({"y"}, outputs(a), outputs(b));
  EXPECT_TRUE(deviations.ok()) << deviations.status();
  return deviations.ok() && deviations->size() == 1 ? deviations->front() : OutputDeviation();
}

TEST(Deviations, AreTheFiguresOfTheirNames) {
  const OutputDeviation d = Between({1, -3, 0, 4}, {1, -2, 0.5, 4}, {4});
  EXPECT_EQ(d.elements, 4);
  EXPECT_DOUBLE_EQ(d.mean_abs, 0.375);
  EXPECT_DOUBLE_EQ(d.p50, 0.25);  // of 0 0 0.5 1
  EXPECT_DOUBLE_EQ(d.p90, 0.85);
  EXPECT_NEAR(d.sqnr_db, 10 * std::log10(26 / 1.25), 1e-12);
  EXPECT_DOUBLE_EQ(d.tolerance, 0.5);  // at the 0; 1 / (1 + 3) at the -3
  EXPECT_FALSE(d.top5_agreement.has_value());
}

TEST(Deviations, EqualOutputsHaveNone) {
  const OutputDeviation d = Between({1, 2}, {1, 2}, {1, 2});
  EXPECT_EQ(d.mean_abs, 0);
  EXPECT_EQ(d.tolerance, 0);
  EXPECT_TRUE(std::isinf(d.sqnr_db));
  EXPECT_EQ(d.top5_agreement, 1.0);
  EXPECT_EQ(d.lost_margin, 0.0);
}

TEST(Deviations, CountTheTopFiveAndTheMarginThatWasLost) {
  const OutputDeviation d = Between({7, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6.5},  //
                                    {0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 7, 6.5},  //
                                    {2, 6});
  EXPECT_EQ(d.top5_agreement, 0.5);  // the first row's 7 has become the smallest
  EXPECT_DOUBLE_EQ(*d.margin, (2 + 1.5) / 2);
  EXPECT_DOUBLE_EQ(*d.lost_margin, 2);
}

TEST(Deviations, NoToleranceAllowsWhatIsNoLongerFinite) {
  const OutputDeviation d = Between({1, kNan, 3}, {kNan, 2, 3}, {3});
  EXPECT_TRUE(std::isinf(d.tolerance));
  EXPECT_EQ(d.elements, 1);
}

TEST(Deviations, RefuseOutputsThatDoNotFit) {
  const Outputs a = {{*FromDoubles(std::vector<double>{1}, {1}, onnx::TensorProto::FLOAT)}};
  const Outputs b = {{*FromDoubles(std::vector<double>{1}, {1, 1}, onnx::TensorProto::FLOAT)}};
  EXPECT_EQ(Deviations({"y"}, a, b).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cnnopt
