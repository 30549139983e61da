#include "passes/arrival.h"

#include <random>

#include "gtest/gtest.h"
#include "passes/form.h"

namespace cnnopt {
namespace {

Candidate Costing(int64_t macs, std::optional<int64_t> effort, const Form* form = nullptr) {
  Candidate candidate;
  candidate.form = form;
  candidate.macs = macs;
  candidate.effort = effort;
  return candidate;
}

// Two sites that can each be halved, the first in time too, and a third whose effort nobody knows.
std::vector<Proposal> ThreeSites() {
  const Form* form = AllForms().front();
  std::vector<Proposal> proposals(3);
  proposals[0].candidates = {Costing(100, 150), Costing(50, 75, form)};
  proposals[1].candidates = {Costing(100, 150), Costing(50, 140, form)};
  proposals[2].candidates = {Costing(400, std::nullopt), Costing(40, std::nullopt, form)};
  return proposals;
}

bool Holds(const Budget& budget, const Plan& plan) { return PlanCost(budget.costs, plan) <= budget.most; }

TEST(ArrivalBudget, HoldsWhereEffortFallsAsMacsDo) {
  const std::vector<Proposal> sites = ThreeSites();
  const Budget all = ArrivalBudget(sites, 1, Over::kAll);
  EXPECT_TRUE(Holds(all, {0, 0, 0}));
  EXPECT_TRUE(Holds(all, {1, 0, 0}));  // MACs 150 of 200, effort 225 of 300
  EXPECT_FALSE(Holds(all, {0, 1, 0}));
  EXPECT_TRUE(Holds(all, {1, 0, 1}));
  EXPECT_FALSE(Holds(all, {1, 1, 0}));  // MACs 0.5, effort 215 of 300: 0.7 arrive
  EXPECT_FALSE(Holds(ArrivalBudget(sites, 0.71, Over::kAll), {1, 1, 0}));
  EXPECT_TRUE(Holds(ArrivalBudget(sites, 0.69, Over::kAll), {1, 1, 0}));
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
    EXPECT_NEAR(ArrivalOf(sites, plan, Over::kAll), arrived, 1e-12);
    EXPECT_EQ(Holds(ArrivalBudget(sites, arrives, Over::kAll), plan), arrived >= arrives) << arrived << " " << arrives;
  }
}

TEST(ArrivalBudget, OverSlimmedSitesLeavesOutTheKeptOnes) {
  const std::vector<Proposal> sites = ThreeSites();
  const Budget slimmed = ArrivalBudget(sites, 0.8, Over::kSlimmed);
  EXPECT_TRUE(Holds(slimmed, {0, 0, 0}));
  EXPECT_TRUE(Holds(slimmed, {1, 0, 1}));
  EXPECT_FALSE(Holds(slimmed, {0, 1, 0}));  // MACs 0.5, effort 140 of 150: 0.54 arrive; over all sites 0.78
  EXPECT_TRUE(Holds(ArrivalBudget(sites, 0.77, Over::kAll), {0, 1, 0}));
  EXPECT_TRUE(Holds(ArrivalBudget(sites, 0.53, Over::kSlimmed), {0, 1, 0}));
}

TEST(ArrivalBudget, OverSlimmedSitesIsExactWhereAllWereAsFast) {
  std::mt19937 random(2);
  std::uniform_int_distribution<int64_t> cost(1'000'000, 9'000'000);
  std::uniform_real_distribution<double> share(0.6, 1.0);
  int held = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<Proposal> sites(4);
    Plan plan;
    for (Proposal& site : sites) {
      const int64_t macs = cost(random);
      site.candidates.push_back(Costing(macs, macs));
      for (int c = 0; c < 2; ++c) site.candidates.push_back(Costing(cost(random), cost(random), AllForms().front()));
      plan.push_back(static_cast<int>(random() % 3));
    }
    const double arrives = share(random), arrived = ArrivalOf(sites, plan, Over::kSlimmed);
    const bool holds = Holds(ArrivalBudget(sites, arrives, Over::kSlimmed), plan);
    EXPECT_EQ(holds, arrived >= arrives) << arrived << " " << arrives;
    held += holds ? 1 : 0;
  }
  EXPECT_GT(held, 20);
  EXPECT_LT(held, 180);
}

TEST(ArrivalOf, LeavesOutWhatIsNotKnown) {
  const std::vector<Proposal> sites = ThreeSites();
  for (const Over over : {Over::kAll, Over::kSlimmed}) {
    EXPECT_EQ(ArrivalOf(sites, {0, 0, 0}, over), 1);
    EXPECT_EQ(ArrivalOf(sites, {0, 0, 1}, over), 1);
    EXPECT_NEAR(ArrivalOf(sites, {1, 1, 1}, over), (300.0 / 215) / 2, 1e-12);
    EXPECT_EQ(ArrivalOf({}, {}, over), 1);
  }
  EXPECT_NEAR(ArrivalOf(sites, {0, 1, 0}, Over::kAll), (300.0 / 290) / (200.0 / 150), 1e-12);
  EXPECT_NEAR(ArrivalOf(sites, {0, 1, 0}, Over::kSlimmed), (150.0 / 140) / 2, 1e-12);
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

TEST(MeetBudgetsInTime, TakesMoreOfLittleDamageForTheSlimmedSites) {
  const auto plan = [](double first, double second, int64_t scale) {
    std::vector<Proposal> sites = ThreeSites();
    for (Proposal& site : sites) {
      for (Candidate& candidate : site.candidates) {
        candidate.macs = *candidate.macs * scale;
        if (candidate.effort.has_value()) candidate.effort = *candidate.effort * scale;
      }
    }
    const std::vector<Budget> macs = {{{{100, 50}, {100, 50}, {0, 0}}, 150}};
    return MeetBudgetsInTime({{0, first}, {0, second}, {0, 1}}, macs, sites).value_or(BudgetedPlan{}).plan;
  };
  constexpr int64_t kScale = 1'000'000;  // the sites take a millisecond
  EXPECT_EQ(plan(2.9e-6, 1e-6, kScale), (Plan{1, 0, 0}));
  EXPECT_EQ(plan(3.1e-6, 1e-6, kScale), (Plan{0, 1, 0}));
  EXPECT_EQ(plan(2.9e-6, 1e-6, 1), (Plan{0, 1, 0}));  // that cannot be felt
  EXPECT_EQ(plan(1.59e-3, 7e-4, kScale), (Plan{1, 0, 0}));
  EXPECT_EQ(plan(1.61e-3, 7e-4, kScale), (Plan{0, 1, 0}));   // that is no longer little
  EXPECT_EQ(plan(2.2e-3, 1.6e-3, kScale), (Plan{1, 0, 0}));  // half as much again may always be
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
