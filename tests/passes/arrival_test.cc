#include "passes/arrival.h"

#include <random>

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

Candidate Costing(int64_t macs, std::optional<int64_t> effort) {
  Candidate candidate;
  candidate.macs = macs;
  candidate.effort = effort;
  return candidate;
}

// Two sites that can each be halved, the first in time too, and a third whose effort nobody knows.
std::vector<Proposal> ThreeSites() {
  std::vector<Proposal> proposals(3);
  proposals[0].candidates = {Costing(100, 150), Costing(50, 75)};
  proposals[1].candidates = {Costing(100, 150), Costing(50, 140)};
  proposals[2].candidates = {Costing(400, std::nullopt), Costing(40, std::nullopt)};
  return proposals;
}

bool Holds(const Budget& budget, const Plan& plan) { return PlanCost(budget.costs, plan) <= budget.most; }

TEST(ArrivalBudget, HoldsWhereEffortFallsAsMacsDo) {
  const std::vector<Proposal> sites = ThreeSites();
  const Budget all = ArrivalBudget(sites, 1);
  EXPECT_TRUE(Holds(all, {0, 0, 0}));
  EXPECT_TRUE(Holds(all, {1, 0, 0}));  // MACs 150 of 200, effort 225 of 300
  EXPECT_FALSE(Holds(all, {0, 1, 0}));
  EXPECT_TRUE(Holds(all, {1, 0, 1}));
  EXPECT_FALSE(Holds(all, {1, 1, 0}));  // MACs 0.5, effort 215 of 300: 0.7 arrive
  EXPECT_FALSE(Holds(ArrivalBudget(sites, 0.71), {1, 1, 0}));
  EXPECT_TRUE(Holds(ArrivalBudget(sites, 0.69), {1, 1, 0}));
}

TEST(ArrivalBudget, IsTheShareOfMacsOverTheShareOfEffortOnRandomSites) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int64_t> cost(1'000'000, 9'000'000);
  std::uniform_real_distribution<double> share(0.6, 1.0);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<Proposal> sites(4);
    Plan plan(sites.size(), 0);
    double macs = 0, effort = 0, macs_left = 0, effort_left = 0;
    for (size_t s = 0; s < sites.size(); ++s) {
      for (int c = 0; c < 3; ++c) sites[s].candidates.push_back(Costing(cost(random), cost(random)));
      plan[s] = static_cast<int>(random() % 3);
      const Candidate& keep = sites[s].candidates.front();
      const Candidate& chosen = sites[s].candidates[static_cast<size_t>(plan[s])];
      macs += static_cast<double>(*keep.macs);
      effort += static_cast<double>(*keep.effort);
      macs_left += static_cast<double>(*chosen.macs);
      effort_left += static_cast<double>(*chosen.effort);
    }
    const double arrives = share(random);
    const double arrived = (macs_left / macs) / (effort_left / effort);
    EXPECT_NEAR(ArrivalOf(sites, plan), arrived, 1e-12);
    EXPECT_EQ(Holds(ArrivalBudget(sites, arrives), plan), arrived >= arrives) << arrived << " " << arrives;
  }
}

TEST(ArrivalOf, LeavesOutWhatIsNotKnown) {
  const std::vector<Proposal> sites = ThreeSites();
  EXPECT_EQ(ArrivalOf(sites, {0, 0, 0}), 1);
  EXPECT_EQ(ArrivalOf(sites, {0, 0, 1}), 1);
  EXPECT_NEAR(ArrivalOf(sites, {1, 1, 1}), (300.0 / 215) / 2, 1e-12);
  EXPECT_EQ(ArrivalOf({}, {}), 1);
}

TEST(PoorArrival, IsOfNetworksThatTakeAMillisecond) {
  std::vector<Proposal> sites(1);
  sites[0].candidates = {Costing(50'000'000, 70'000'000), Costing(25'000'000, 50'000'000), Costing(25, 35)};
  EXPECT_NEAR(PoorArrival(sites, {1}).value_or(0), 0.7, 1e-12);
  EXPECT_EQ(PoorArrival(sites, {0}), std::nullopt);
  EXPECT_EQ(PoorArrival(sites, {2}), std::nullopt);
  sites[0].candidates[0].effort = 60'000'000;
  EXPECT_EQ(PoorArrival(sites, {1}), std::nullopt);
}

TEST(MeetBudgetsInTime, TakesTheFasterOfTwoPlansThatHarmAboutAsMuch) {
  const std::vector<Proposal> sites = ThreeSites();
  const std::vector<Budget> macs = {{{{100, 50}, {100, 50}, {0, 0}}, 150}};
  const std::optional<BudgetedPlan> near = MeetBudgetsInTime({{0, 1.2}, {0, 1}, {0, 9}}, macs, sites);
  ASSERT_TRUE(near.has_value());
  EXPECT_EQ(near->plan, (Plan{1, 0, 0}));
  EXPECT_EQ(near->budgets.size(), 2);
  const std::optional<BudgetedPlan> far = MeetBudgetsInTime({{0, 1.6}, {0, 1}, {0, 9}}, macs, sites);
  ASSERT_TRUE(far.has_value());
  EXPECT_EQ(far->plan, (Plan{0, 1, 0}));  // time is not worth that much
  EXPECT_EQ(far->budgets.size(), 1);
}

TEST(MeetBudgetsInTime, MeetsTheBudgetsWhereNoTimeCanBeSaved) {
  std::vector<Proposal> sites(1);
  sites[0].candidates = {Costing(100, 100), Costing(50, 99)};
  const std::optional<BudgetedPlan> slow = MeetBudgetsInTime({{0, 1}}, {{{{100, 50}}, 50}}, sites);
  ASSERT_TRUE(slow.has_value());
  EXPECT_EQ(slow->plan, (Plan{1}));
  EXPECT_EQ(slow->budgets.size(), 1);
  EXPECT_FALSE(MeetBudgetsInTime({{0, 1}}, {{{{100, 50}}, 49}}, sites).has_value());
}

}  // namespace
}  // namespace cnnopt
