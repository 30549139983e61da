#include "passes/arrival.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace cnnopt {
namespace {

constexpr double kArrivals[] = {0.9, 0.85, kLeastArrival};
constexpr double kEnoughOverSlimmed = 0.86;
constexpr double kArrivalsOverSlimmed[] = {0.88, kEnoughOverSlimmed};
// Measured: with 2 a small ResNet lost .8 points of 86.2 at a fifth of its multiplications, with 1.5 it loses .1.
constexpr double kMostDamage = 1.5;
constexpr double kLittleDamage = 1.6e-3;  // an error of 4 % of the output
constexpr double kMostOfLittleDamage = 3;
constexpr double kEffortOfAMillisecond = 62e6;  // see Effort

struct SiteCosts {
  double effort = 0, macs = 0;
};
// What `plan` takes at the sites whose effort is known; over the slimmed ones, at those that `slimmed` does not keep.
SiteCosts KnownCosts(const std::vector<Proposal>& proposals, const Plan& plan, const Plan& slimmed, Over over) {
  SiteCosts costs;
  for (size_t s = 0; s < proposals.size(); ++s) {
    const std::vector<Candidate>& candidates = proposals[s].candidates;
    const Candidate& chosen = candidates[static_cast<size_t>(plan[s])];
    const bool kept = candidates[static_cast<size_t>(slimmed[s])].form == nullptr;
    if (over == Over::kSlimmed && kept) continue;
    if (!candidates.front().effort.has_value() || !chosen.effort.has_value()) continue;
    costs.effort += static_cast<double>(*chosen.effort);
    costs.macs += static_cast<double>(*chosen.macs);
  }
  return costs;
}

SiteCosts OriginalCosts(const std::vector<Proposal>& proposals) {
  const Plan keep(proposals.size(), 0);
  return KnownCosts(proposals, keep, keep, Over::kAll);
}

bool CanBeFelt(const std::vector<Proposal>& proposals) {
  return OriginalCosts(proposals).effort >= kEffortOfAMillisecond;
}

}  // namespace

double ArrivalOf(const std::vector<Proposal>& proposals, const Plan& plan, Over over) {
  const SiteCosts before = KnownCosts(proposals, Plan(proposals.size(), 0), plan, over);
  const SiteCosts after = KnownCosts(proposals, plan, plan, over);
  if (!(before.macs > 0) || !(after.macs > 0) || !(after.effort > 0)) return 1;
  return (before.effort / after.effort) / (before.macs / after.macs);
}

std::optional<double> PoorArrival(const std::vector<Proposal>& proposals, const Plan& plan) {
  if (!CanBeFelt(proposals)) return std::nullopt;
  const double arrives = ArrivalOf(proposals, plan, Over::kAll);
  return arrives < kLeastArrival ? std::optional(arrives) : std::nullopt;
}

Budget ArrivalBudget(const std::vector<Proposal>& proposals, double arrives, Over over) {
  const auto [effort, macs] = OriginalCosts(proposals);
  const double allowed = macs > 0 ? effort / (macs * arrives) : 0;  // effort per multiplication
  Budget budget;
  for (const Proposal& proposal : proposals) {
    std::vector<int64_t>& excess = budget.costs.emplace_back();
    for (const Candidate& candidate : proposal.candidates) {
      const bool counted = candidate.effort.has_value() && (over == Over::kAll || candidate.form != nullptr);
      excess.push_back(counted ? std::llround(static_cast<double>(*candidate.effort) -
                                              allowed * static_cast<double>(*candidate.macs))
                               : 0);
    }
    // Costs are not negative: what the most frugal choice saves is put on the other side.
    const int64_t least = *std::min_element(excess.begin(), excess.end());
    for (int64_t& each : excess) each -= least;
    budget.most -= least;
  }
  return budget;
}

std::optional<BudgetedPlan> MeetBudgetsInTime(const std::vector<std::vector<double>>& damage,
                                              const std::vector<Budget>& budgets,
                                              const std::vector<Proposal>& proposals) {
  const std::optional<Plan> plan = MeetBudgets(damage, budgets);
  if (!plan.has_value()) return std::nullopt;
  BudgetedPlan best{*plan, budgets};
  const auto take = [&](double arrives, Over over, double most_damage) {
    std::vector<Budget> all = budgets;
    all.push_back(ArrivalBudget(proposals, arrives, over));
    std::optional<Plan> faster = MeetBudgets(damage, all);
    if (!faster.has_value() || PlanDamage(damage, *faster) > most_damage) return false;
    best = {*std::move(faster), std::move(all)};
    return true;
  };
  const double least = PlanDamage(damage, *plan);
  for (const double arrives : kArrivals) {
    if (take(arrives, Over::kAll, kMostDamage * least)) break;
  }
  if (!CanBeFelt(proposals)) return best;
  for (const double arrives : kArrivalsOverSlimmed) {
    if (ArrivalOf(proposals, best.plan, Over::kSlimmed) >= kEnoughOverSlimmed) break;
    if (take(arrives, Over::kSlimmed, std::min(kLittleDamage, kMostOfLittleDamage * least))) break;
  }
  return best;
}

}  // namespace cnnopt
