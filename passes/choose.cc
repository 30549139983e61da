#include "passes/choose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "passes/arrival.h"
#include "passes/damage.h"
#include "passes/swap.h"

namespace cnnopt {
namespace {

absl::StatusOr<Damages> DamagesOf(const ChooseContext& context, Workbench& bench) {
  std::optional<Damages>* const known = context.known_damage;
  if (known != nullptr && known->has_value()) return **known;
  auto damage = MeasureDamage(context.model.proposals, context.model.reference, context.model.original.macs.value_or(0),
                              bench, context.model.progress);
  if (known != nullptr && damage.ok()) *known = *damage;
  return damage;
}

// Every budget's price list, what of it is left for the sites once `surplus` is set apart.
std::vector<Budget> BudgetsOf(const std::vector<Target>& targets, const std::vector<int64_t>& surplus) {
  std::vector<Budget> budgets;
  for (size_t t = 0; t < targets.size(); ++t) {
    budgets.push_back({targets[t].costs, targets[t].limit - targets[t].fixed - surplus[t]});
  }
  return budgets;
}

// The plan of little damage within the budgets; of multiplications, such that their saving arrives as time.
std::optional<BudgetedPlan> MakePlan(const ChooseContext& context, const Damages& damage,
                                     const std::vector<Target>& targets, const std::vector<int64_t>& surplus) {
  std::vector<Budget> budgets = BudgetsOf(targets, surplus);
  const bool in_macs = std::any_of(targets.begin(), targets.end(),
                                   [](const Target& target) { return target.unit == BudgetUnit::kMacs; });
  if (in_macs) return MeetBudgetsInTime(damage, budgets, context.model.proposals);
  std::optional<Plan> plan = MeetBudgets(damage, budgets);
  if (!plan.has_value()) return std::nullopt;
  return BudgetedPlan{*std::move(plan), std::move(budgets)};
}

// What `plan`, built, takes of each target.
absl::StatusOr<std::vector<int64_t>> TakenBy(const ChooseContext& context, Workbench& bench,
                                             const std::vector<Target>& targets, const Plan& plan) {
  CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(plan));
  std::vector<int64_t> taken;
  for (const Target& target : targets) {
    CNNOPT_ASSIGN_OR_RETURN(taken.emplace_back(), Taken(target, context.model.options, model, plan, bench));
  }
  return taken;
}

bool AllHold(const std::vector<Target>& targets, const std::vector<int64_t>& taken) {
  for (size_t t = 0; t < targets.size(); ++t) {
    if (!Holds(targets[t], taken[t])) return false;
  }
  return true;
}

// Whether a budget of time is used so badly that another plan should be tried: the parts of a network take more or less
// time together than alone.
bool TimeIsLeft(const std::vector<Target>& targets, const std::vector<int64_t>& taken) {
  constexpr double kWellUsed = 0.96;
  for (size_t t = 0; t < targets.size(); ++t) {
    const bool left = static_cast<double>(taken[t]) < kWellUsed * static_cast<double>(targets[t].limit);
    if (targets[t].unit == BudgetUnit::kNanoseconds && left) return true;
  }
  return false;
}

// The plan that takes least of one target.
Plan CheapestPlan(const Target& target) {
  Plan plan;
  for (const std::vector<int64_t>& site : target.costs) {
    plan.push_back(static_cast<int>(std::min_element(site.begin(), site.end()) - site.begin()));
  }
  return plan;
}

// The last resort: the cheapest plans, built and counted. One of them does, or the reason why none may is given.
absl::Status TakeCheapest(const ChooseContext& context, Workbench& bench, Chosen& chosen) {
  std::vector<std::string> names;
  for (size_t t = 0; t < chosen.targets.size(); ++t) {
    const Target& target = chosen.targets[t];
    const Plan plan = CheapestPlan(target);
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> taken, TakenBy(context, bench, chosen.targets, plan));
    if (!Holds(target, taken[t])) {
      chosen.refusal = absl::StrCat(Describe(target), " cannot be reached: the least that these passes could give is ",
                                    InItsWords(target, taken[t]));
      return absl::OkStatus();
    }
    if (AllHold(chosen.targets, taken)) {
      chosen.plan = plan;
      return absl::OkStatus();
    }
    names.push_back(Describe(target));
  }
  chosen.refusal = absl::StrCat(absl::StrJoin(names, " and "), ": no plan was found that holds all of them");
  return absl::OkStatus();
}

// Takes exchanges that help, if the budgets still hold once they are built.
absl::Status SwapWithinTargets(const ChooseContext& context, Workbench& bench, const Damages& damage,
                               const std::vector<Budget>& budgets, Chosen& chosen) {
  if (context.model.reference == nullptr) return absl::OkStatus();
  const int64_t macs = context.model.original.macs.value_or(std::numeric_limits<int64_t>::max());
  CNNOPT_ASSIGN_OR_RETURN(Plan swapped, Swap({damage, budgets, *context.model.reference, macs, context.model.progress},
                                             bench, chosen.plan));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> taken, TakenBy(context, bench, chosen.targets, swapped));
  if (AllHold(chosen.targets, taken)) chosen.plan = std::move(swapped);
  return absl::OkStatus();
}

// Candidates are priced before they are built. Where the built model takes more than that, the difference is set apart
// and the plan made anew; of measured time also where it takes less.
absl::Status ChooseWithinTargets(const ChooseContext& context, Workbench& bench, Chosen& chosen) {
  constexpr int kMostRounds = 8;
  const std::vector<Target>& targets = chosen.targets;
  CNNOPT_ASSIGN_OR_RETURN(std::vector<int64_t> taken, TakenBy(context, bench, targets, chosen.plan));
  if (AllHold(targets, taken)) return absl::OkStatus();
  std::vector<int64_t> surplus(targets.size(), 0);
  // Costs alone tell whether there is anything to measure for.
  Damages damage;
  for (const Proposal& proposal : context.model.proposals) {
    std::vector<double>& site = damage.emplace_back();
    for (const Candidate& candidate : proposal.candidates) site.push_back(candidate.error);
  }
  if (!MeetBudgets(damage, BudgetsOf(targets, surplus)).has_value()) return TakeCheapest(context, bench, chosen);
  CNNOPT_ASSIGN_OR_RETURN(damage, DamagesOf(context, bench));
  chosen.damage = damage;
  std::optional<Plan> best;  // of those that hold
  std::vector<Budget> best_budgets;
  for (int round = 0; round < kMostRounds; ++round) {
    std::optional<BudgetedPlan> planned = MakePlan(context, damage, targets, surplus);
    if (!planned.has_value() || planned->plan == best) break;
    const Plan& plan = planned->plan;
    CNNOPT_ASSIGN_OR_RETURN(taken, TakenBy(context, bench, targets, plan));
    const bool holds = AllHold(targets, taken);
    if (holds && (!best.has_value() || PlanDamage(damage, plan) < PlanDamage(damage, *best))) {
      best = plan;
      best_budgets = std::move(planned->budgets);
    }
    if (holds && !TimeIsLeft(targets, taken)) break;
    for (size_t t = 0; t < targets.size(); ++t) {
      const int64_t more = taken[t] - targets[t].fixed - PlanCost(targets[t].costs, plan);
      surplus[t] = targets[t].measure ? more : std::max(surplus[t], more);
    }
  }
  if (!best.has_value()) return TakeCheapest(context, bench, chosen);
  chosen.plan = *best;
  return SwapWithinTargets(context, bench, damage, best_budgets, chosen);
}

std::string KeptReason(const Bounds& bounds) {
  std::vector<std::string> limits;
  if (bounds.max_error.has_value()) limits.push_back(absl::StrFormat("pass the error bound of %g", *bounds.max_error));
  if (bounds.min_agreement.has_value())
    limits.push_back(absl::StrFormat("fall below the top-1 agreement of %g", *bounds.min_agreement));
  return absl::StrCat("would ", absl::StrJoin(limits, " or "));
}

}  // namespace

PlainCosts CostsOf(const std::vector<Proposal>& proposals) {
  PlainCosts plain;
  for (const Proposal& proposal : proposals) {
    plain.in_macs = plain.in_macs && proposal.candidates.front().macs.has_value();
  }
  for (const Proposal& proposal : proposals) {
    std::vector<int64_t>& site = plain.costs.emplace_back();
    for (const Candidate& candidate : proposal.candidates) {
      site.push_back(plain.in_macs ? *candidate.macs : candidate.params);
    }
  }
  return plain;
}

Bounds BoundsOf(const SlimOptions& options, bool forced_rank) {
  Bounds bounds = options.bounds;
  if (bounds.max_error.has_value() || bounds.min_agreement.has_value()) return bounds;
  bounds.max_error = forced_rank || HasBudget(options) ? kBudgetMaxError : kDefaultMaxError;
  return bounds;
}

std::string Objection(const Comparison& comparison, const Bounds& bounds) {
  if (comparison.new_nonfinite > 0) {
    return absl::StrCat(comparison.new_nonfinite, " output values are no longer finite");
  }
  if (bounds.max_error.has_value() && !(comparison.relative_error <= *bounds.max_error)) {
    return absl::StrFormat("relative output error is %.3g, the bound is %.3g", comparison.relative_error,
                           *bounds.max_error);
  }
  if (bounds.min_agreement.has_value() && !(comparison.top1_agreement.value_or(0) >= *bounds.min_agreement)) {
    return absl::StrFormat("top-1 agreement is %.4g on %d held-out samples, the bound is %.4g",
                           comparison.top1_agreement.value_or(0), comparison.top1_rows, *bounds.min_agreement);
  }
  return "";
}

absl::StatusOr<size_t> FurthestThatHolds(const Reference& reference, Workbench& bench, const Choices& choices,
                                         const std::vector<Step>& path, size_t good, size_t bad,
                                         const std::function<bool(const Comparison&)>& holds) {
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(PlanAt(choices, path, middle)));
    CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Measure(reference, model, reference.samples.size()));
    (holds(comparison) ? good : bad) = middle;
  }
  return good;
}

absl::StatusOr<Chosen> Choose(const ChooseContext& context, Workbench& bench) {
  const std::vector<Proposal>& proposals = context.model.proposals;
  Chosen chosen;
  chosen.plan = Plan(proposals.size(), 0);
  chosen.bounds = BoundsOf(context.model.options, context.forced_rank);
  const auto has_candidates = [](const Proposal& proposal) { return proposal.candidates.size() > 1; };
  if (context.forced_rank) {
    for (size_t s = 0; s < proposals.size(); ++s) chosen.plan[s] = has_candidates(proposals[s]) ? 1 : 0;
    return chosen;
  }
  if (HasBudget(context.model.options)) {
    chosen.kept_reason = "costs more accuracy than the budget asks for";
    CNNOPT_ASSIGN_OR_RETURN(chosen.targets, ListTargets(context.model));
    CNNOPT_RETURN_IF_ERROR(ChooseWithinTargets(context, bench, chosen));
    return chosen;
  }
  chosen.kept_reason = KeptReason(chosen.bounds);
  if (std::none_of(proposals.begin(), proposals.end(), has_candidates)) return chosen;
  CNNOPT_ASSIGN_OR_RETURN(chosen.damage, DamagesOf(context, bench));
  chosen.choices = MakeChoices(CostsOf(proposals).costs, chosen.damage);
  const std::vector<Step> path = LagrangianPath(chosen.choices);
  const auto expected = static_cast<int64_t>(std::ceil(std::log2(static_cast<double>(path.size() + 1))));
  int64_t trials = 0;
  const auto tell = [&] {
    if (context.model.progress) context.model.progress("search the bound", std::min(trials++, expected), expected);
  };
  tell();
  const auto holds = [&](const Comparison& comparison) {
    tell();
    return Objection(comparison, chosen.bounds).empty();
  };
  CNNOPT_ASSIGN_OR_RETURN(chosen.steps, FurthestThatHolds(*context.model.reference, bench, chosen.choices, path, 0,
                                                          path.size() + 1, holds));
  chosen.plan = PlanAt(chosen.choices, path, chosen.steps);
  return chosen;
}

}  // namespace cnnopt
