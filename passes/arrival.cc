#include "passes/arrival.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace cnnopt {
namespace {

constexpr double kArrivals[] = {0.9, 0.85, kLeastArrival};
// Measured: with 2 a small ResNet lost .8 points of 86.2 at a fifth of its multiplications, with 1.5 it loses .1.
constexpr double kMostDamage = 1.5;
constexpr double kEffortOfAMillisecond = 62e6;  // see Effort

struct SiteCosts {
  double effort = 0, macs = 0;
};
// Of the sites whose effort is known.
SiteCosts KnownCosts(const std::vector<Proposal>& proposals, const Plan& plan) {
  SiteCosts costs;
  for (size_t s = 0; s < proposals.size(); ++s) {
    const Candidate& chosen = proposals[s].candidates[static_cast<size_t>(plan[s])];
    if (!proposals[s].candidates.front().effort.has_value() || !chosen.effort.has_value()) continue;
    costs.effort += static_cast<double>(*chosen.effort);
    costs.macs += static_cast<double>(*chosen.macs);
  }
  return costs;
}

}  // namespace

double ArrivalOf(const std::vector<Proposal>& proposals, const Plan& plan) {
  const SiteCosts before = KnownCosts(proposals, Plan(proposals.size(), 0)), after = KnownCosts(proposals, plan);
  if (!(before.macs > 0) || !(after.macs > 0) || !(after.effort > 0)) return 1;
  return (before.effort / after.effort) / (before.macs / after.macs);
}

std::optional<double> PoorArrival(const std::vector<Proposal>& proposals, const Plan& plan) {
  if (KnownCosts(proposals, Plan(proposals.size(), 0)).effort < kEffortOfAMillisecond) return std::nullopt;
  const double arrives = ArrivalOf(proposals, plan);
  return arrives < kLeastArrival ? std::optional(arrives) : std::nullopt;
}

Budget ArrivalBudget(const std::vector<Proposal>& proposals, double arrives) {
  const auto [effort, macs] = KnownCosts(proposals, Plan(proposals.size(), 0));
  const double allowed = macs > 0 ? effort / (macs * arrives) : 0;  // effort per multiplication
  Budget budget;
  double most = 0;
  for (const Proposal& proposal : proposals) {
    std::vector<double> excess;
    for (const Candidate& candidate : proposal.candidates) {
      const bool known = candidate.effort.has_value();
      excess.push_back(known ? static_cast<double>(*candidate.effort) - allowed * static_cast<double>(*candidate.macs)
                             : 0);
    }
    // Costs are not negative: what the most frugal choice saves is put on the other side.
    const double least = *std::min_element(excess.begin(), excess.end());
    most -= least;
    std::vector<int64_t>& site = budget.costs.emplace_back();
    for (const double each : excess) site.push_back(std::llround(each - least));
  }
  budget.most = std::llround(most);
  return budget;
}

std::optional<BudgetedPlan> MeetBudgetsInTime(const std::vector<std::vector<double>>& damage,
                                              const std::vector<Budget>& budgets,
                                              const std::vector<Proposal>& proposals) {
  std::optional<Plan> plan = MeetBudgets(damage, budgets);
  if (!plan.has_value()) return std::nullopt;
  const double most = kMostDamage * PlanDamage(damage, *plan);
  for (const double arrives : kArrivals) {
    std::vector<Budget> all = budgets;
    all.push_back(ArrivalBudget(proposals, arrives));
    std::optional<Plan> faster = MeetBudgets(damage, all);
    if (faster.has_value() && PlanDamage(damage, *faster) <= most) return BudgetedPlan{*std::move(faster), all};
  }
  return BudgetedPlan{*std::move(plan), budgets};
}

}  // namespace cnnopt
