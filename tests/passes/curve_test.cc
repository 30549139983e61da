#include "passes/curve.h"

#include <cmath>

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

TEST(CurveTest, GoesFromKeepingAllToTheCheapest) {
  // Site 0 saves 60 at a damage of 0.0004, site 1 saves 40 at 0.01.
  const PlainCosts costs{{{100, 40}, {100, 60}}, true};
  const std::optional<Curve> curve = MakeCurve(costs, {{0, 0.0004}, {0, 0.01}}, Plan{1, 0});
  ASSERT_TRUE(curve.has_value());
  EXPECT_TRUE(curve->in_macs);
  ASSERT_EQ(curve->points.size(), 3u);
  EXPECT_EQ(curve->points[0].cost, 200);
  EXPECT_EQ(curve->points[0].error, 0);
  EXPECT_EQ(curve->points[1].cost, 140);
  EXPECT_NEAR(curve->points[1].error, 0.02, 1e-12);
  EXPECT_EQ(curve->points[2].cost, 100);
  EXPECT_NEAR(curve->points[2].error, std::sqrt(0.0104), 1e-12);
  ASSERT_TRUE(curve->chosen.has_value());
  EXPECT_EQ(curve->chosen->cost, 140);
  EXPECT_NEAR(curve->chosen->error, 0.02, 1e-12);
}

TEST(CurveTest, ThereIsNoneWithoutDamageOrChoice) {
  EXPECT_FALSE(MakeCurve({{{100, 40}}, true}, {}, Plan{0}).has_value());
  EXPECT_FALSE(MakeCurve({{{100}}, true}, {{0}}, Plan{0}).has_value());
  const std::optional<Curve> refused = MakeCurve({{{100, 40}}, false}, {{0, 1}}, std::nullopt);
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(refused->in_macs);
  EXPECT_FALSE(refused->chosen.has_value());
}

TEST(CurveTest, ManyPlansAreThinnedOutEvenlyWithBothEnds) {
  PlainCosts costs;
  std::vector<std::vector<double>> damage;
  for (int site = 0; site < 3000; ++site) {
    costs.costs.push_back({10, 4});
    damage.push_back({0, 1e-6 * (site + 1)});
  }
  const std::optional<Curve> curve = MakeCurve(costs, damage, std::nullopt);
  ASSERT_TRUE(curve.has_value());
  EXPECT_EQ(curve->points.size(), kMostCurvePoints);
  EXPECT_EQ(curve->points.front().cost, 30000);
  EXPECT_EQ(curve->points.back().cost, 12000);
  for (size_t p = 1; p < curve->points.size(); ++p) {
    const int64_t step = curve->points[p - 1].cost - curve->points[p].cost;
    EXPECT_GT(step, 150) << p;
    EXPECT_LT(step, 220) << p;
    EXPECT_GT(curve->points[p].error, curve->points[p - 1].error) << p;
  }
}

}  // namespace
}  // namespace cnnopt
