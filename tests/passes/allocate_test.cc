#include "passes/allocate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

// Keep, and a few choices of falling cost and rising damage (not always convex).
Choices RandomChoices(std::mt19937& random, int sites, int most) {
  Choices choices;
  for (int s = 0; s < sites; ++s) {
    std::vector<Choice>& site = choices.emplace_back();
    site.push_back({1000 + static_cast<int64_t>(random() % 1000), 0});
    const int count = static_cast<int>(random() % static_cast<unsigned>(most + 1));
    for (int c = 0; c < count; ++c) {
      site.push_back({static_cast<int64_t>(random() % 1000), static_cast<double>(random() % 1000) / 100});
    }
  }
  return choices;
}

// Every plan, by counting.
void ForEachPlan(const Choices& choices, const std::function<void(const Plan&)>& visit) {
  Plan plan(choices.size(), 0);
  for (;;) {
    visit(plan);
    size_t s = 0;
    while (s < plan.size() && ++plan[s] == static_cast<int>(choices[s].size())) plan[s++] = 0;
    if (s == plan.size()) return;
  }
}

double LeastDamage(const Choices& choices, int64_t budget) {
  double least = std::numeric_limits<double>::infinity();
  ForEachPlan(choices, [&](const Plan& plan) {
    if (PlanCost(choices, plan) <= budget) least = std::min(least, PlanDamage(choices, plan));
  });
  return least;
}

TEST(LagrangianPathTest, EveryPlanOnItIsOptimalForItsCost) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const Choices choices = RandomChoices(random, 4, 4);
    const std::vector<Step> path = LagrangianPath(choices);
    int64_t last = std::numeric_limits<int64_t>::max();
    for (size_t count = 0; count <= path.size(); ++count) {
      const Plan plan = PlanAt(choices, path, count);
      const int64_t cost = PlanCost(choices, plan);
      EXPECT_LT(cost, last);
      last = cost;
      EXPECT_NEAR(PlanDamage(choices, plan), LeastDamage(choices, cost), 1e-9);
    }
    // The path ends at the cheapest plan of all.
    int64_t cheapest = std::numeric_limits<int64_t>::max();
    ForEachPlan(choices, [&](const Plan& plan) { cheapest = std::min(cheapest, PlanCost(choices, plan)); });
    EXPECT_EQ(last, cheapest);
  }
}

// One budget, on the costs of `choices`.
std::optional<Plan> MeetBudget(const Choices& choices, int64_t most) {
  Budget budget;
  budget.most = most;
  std::vector<std::vector<double>> damage;
  for (const std::vector<Choice>& site : choices) {
    std::vector<int64_t>& costs = budget.costs.emplace_back();
    std::vector<double>& damages = damage.emplace_back();
    for (const Choice& choice : site) {
      costs.push_back(choice.cost);
      damages.push_back(choice.damage);
    }
  }
  return MeetBudgets(damage, {budget});
}

TEST(MeetBudgetsTest, HoldsTheBudgetAndIsNearTheOptimum) {
  std::mt19937 random(2);
  double found = 0, best = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Choices choices = RandomChoices(random, 4, 4);
    const int64_t keep = PlanCost(choices, Plan(4, 0));
    for (const int64_t budget : {keep, keep * 3 / 4, keep / 2, keep / 4, int64_t{0}}) {
      const std::optional<Plan> plan = MeetBudget(choices, budget);
      const double least = LeastDamage(choices, budget);
      ASSERT_EQ(plan.has_value(), std::isfinite(least));
      if (!plan.has_value()) continue;
      EXPECT_LE(PlanCost(choices, *plan), budget);
      EXPECT_GE(PlanDamage(choices, *plan), least - 1e-9);
      found += PlanDamage(choices, *plan);
      best += least;
    }
  }
  EXPECT_LT(found, 1.15 * best);  // over all trials; a Lagrangian misses the plans off the hull
}

TEST(MeetBudgetsTest, KeepsEverythingWhenNothingIsAsked) {
  const Choices choices = {{{100, 0}, {50, 1}}, {{100, 0}}};
  EXPECT_THAT(*MeetBudget(choices, 200), ::testing::ElementsAre(0, 0));
  EXPECT_THAT(*MeetBudget(choices, 199), ::testing::ElementsAre(1, 0));
  EXPECT_FALSE(MeetBudget(choices, 149).has_value());
  EXPECT_TRUE(MeetBudget({}, 0).has_value());
}

TEST(MeetBudgetsTest, SpendsWhatTheLastStepOvershot) {
  // The path's cheap steps first: both sites; then site 0 can come back to its mild choice within the budget.
  const Choices choices = {{{1000, 0}, {900, 5}, {100, 50}}, {{1000, 0}, {500, 1}}};
  const std::optional<Plan> plan = MeetBudget(choices, 1400);
  ASSERT_TRUE(plan.has_value());
  EXPECT_THAT(*plan, ::testing::ElementsAre(1, 1));
}

// A second cost that follows the first loosely, as parameters follow multiplications.
Costs LooselyAfter(const Choices& choices, std::mt19937& random) {
  Costs costs;
  for (const std::vector<Choice>& site : choices) {
    std::vector<int64_t>& row = costs.emplace_back();
    for (const Choice& choice : site) row.push_back(choice.cost * (50 + static_cast<int64_t>(random() % 100)) / 100);
  }
  return costs;
}

TEST(MeetBudgetsTest, HoldsSeveralAtOnceAndIsNearTheOptimum) {
  std::mt19937 random(3);
  double found = 0, best = 0;
  int possible = 0, missed = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Choices choices = RandomChoices(random, 4, 4);
    std::vector<std::vector<double>> damage;
    std::vector<Budget> budgets(2 + static_cast<size_t>(trial % 2));
    for (const std::vector<Choice>& site : choices) {
      damage.emplace_back();
      budgets[0].costs.emplace_back();
      for (const Choice& choice : site) {
        damage.back().push_back(choice.damage);
        budgets[0].costs.back().push_back(choice.cost);
      }
    }
    for (size_t b = 0; b < budgets.size(); ++b) {
      if (b > 0) budgets[b].costs = LooselyAfter(choices, random);
      const auto percent = static_cast<int64_t>(20 + random() % 80);
      budgets[b].most = PlanCost(budgets[b].costs, Plan(4, 0)) * percent / 100;
    }
    const auto holds = [&](const Plan& plan) {
      return std::all_of(budgets.begin(), budgets.end(),
                         [&](const Budget& budget) { return PlanCost(budget.costs, plan) <= budget.most; });
    };
    double least = std::numeric_limits<double>::infinity();
    ForEachPlan(choices, [&](const Plan& plan) {
      if (holds(plan)) least = std::min(least, PlanDamage(choices, plan));
    });
    const std::optional<Plan> plan = MeetBudgets(damage, budgets);
    possible += std::isfinite(least) ? 1 : 0;
    missed += std::isfinite(least) && !plan.has_value() ? 1 : 0;
    if (!plan.has_value()) continue;
    EXPECT_TRUE(holds(*plan));
    found += PlanDamage(choices, *plan);
    best += least;
  }
  EXPECT_GT(possible, 100);
  EXPECT_LT(possible, 300);
  EXPECT_EQ(missed, 0);
  EXPECT_LT(found, 1.03 * best);
}

TEST(MeetBudgetsTest, WeighsTheBudgetThatBinds) {
  // One choice saves the first cost only, the other the second; whichever budget is tight decides.
  const std::vector<std::vector<double>> damage = {{0, 1, 1}};
  const auto budgets = [](int64_t first, int64_t second) {
    return std::vector<Budget>{{{{100, 10, 100}}, first}, {{{100, 100, 10}}, second}};
  };
  EXPECT_THAT(*MeetBudgets(damage, budgets(50, 100)), ::testing::ElementsAre(1));
  EXPECT_THAT(*MeetBudgets(damage, budgets(100, 50)), ::testing::ElementsAre(2));
  EXPECT_THAT(*MeetBudgets(damage, budgets(100, 100)), ::testing::ElementsAre(0));
  EXPECT_FALSE(MeetBudgets(damage, budgets(50, 50)).has_value());
  EXPECT_FALSE(MeetBudgets(damage, budgets(-1, 100)).has_value());
}

}  // namespace
}  // namespace cnnopt
