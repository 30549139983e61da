#include "passes/swap.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/passes/small_network.h"

namespace cnnopt {
namespace {

class SwapTest : public ::testing::Test {
 protected:
  testing::SmallNetwork network_{testing::TwoBranches()};
  std::vector<std::vector<double>> damage_ = network_.LayerErrors();
  int last_ = static_cast<int>(network_.proposals[0].candidates.size()) - 1;  // of the strong layer
  std::vector<Budget> budgets_ = {{network_.AllMacs(), PlanCost(network_.AllMacs(), {last_, 0})}};
  Workbench bench_ = network_.Bench();

  absl::StatusOr<Plan> Run(const Plan& plan, int64_t macs) {
    return Swap({damage_, budgets_, network_.reference, macs, network_.progress}, bench_, plan);
  }
};

TEST_F(SwapTest, MovesTheHarmFromTheLayerThatMattersToTheOneThatDoesNot) {
  const Plan start = {last_, 0};
  const absl::StatusOr<Plan> plan = Run(start, *network_.original.macs);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LE(PlanCost(budgets_[0].costs, *plan), budgets_[0].most);
  EXPECT_NE((*plan)[1], 0);
  EXPECT_LT(network_.ErrorOf(*plan), 0.5 * network_.ErrorOf(start));
  EXPECT_EQ(*Run(start, *network_.original.macs), *plan);
}

TEST_F(SwapTest, LeavesAGoodPlanAlone) {
  Plan good = {0, 1};
  budgets_[0].most = PlanCost(budgets_[0].costs, good);
  const absl::StatusOr<Plan> plan = Run(good, *network_.original.macs);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)[0], 0);
  EXPECT_LE(network_.ErrorOf(*plan), network_.ErrorOf(good));
}

TEST_F(SwapTest, TriesNothingOnALargeModel) { EXPECT_EQ(*Run({last_, 0}, int64_t{1} << 50), Plan({last_, 0})); }

}  // namespace
}  // namespace cnnopt
