#include "passes/choose.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/status_macros.h"
#include "passes/damage.h"

namespace cnnopt {
namespace {

// The plan furthest along the path whose measured error is within the bound, by bisection: the error grows along the
// path, if not strictly.
absl::StatusOr<Plan> CheapestWithin(const ChooseContext& context, Workbench& bench, const Choices& choices,
                                    double bound) {
  const std::vector<Step> path = LagrangianPath(choices);
  size_t good = 0, bad = path.size() + 1;  // steps known to be within, and not
  int64_t trials = 0;
  const auto expected = static_cast<int64_t>(std::ceil(std::log2(static_cast<double>(path.size() + 1))));
  while (bad - good > 1) {
    if (context.progress) context.progress("search the bound", std::min(trials++, expected), expected);
    const size_t middle = good + (bad - good) / 2;
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(PlanAt(choices, path, middle)));
    CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison,
                            Measure(*context.reference, model, context.reference->samples.size()));
    (Objection(comparison, bound).empty() ? good : bad) = middle;
  }
  return PlanAt(choices, path, good);
}

absl::Status UnknownCosts(const ChooseContext& context) {
  for (const Site& site : context.sites) {
    if (!site.macs.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          site.op, " '", site.name, "': its MACs are unknown because shapes are dynamic: give --input-shape"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Choices> MeasuredChoices(const ChooseContext& context, Workbench& bench) {
  CNNOPT_ASSIGN_OR_RETURN(const auto damage, MeasureDamage(context.proposals, context.reference,
                                                           context.original_macs.value_or(0), bench, context.progress));
  return ToChoices(context.proposals, damage);
}

absl::StatusOr<Chosen> ChooseWithinBudget(const ChooseContext& context, Workbench& bench, Chosen chosen) {
  if (!context.original_macs.has_value()) {
    return absl::InvalidArgumentError(
        "target-macs: the model's MACs are unknown because shapes are dynamic: give --input-shape");
  }
  const auto whole = static_cast<double>(*context.original_macs);
  const double target = *context.options.target_macs;
  const auto budget = static_cast<int64_t>(target * whole);
  // Costs alone tell whether there is anything to measure for.
  Choices choices;
  for (const Proposal& proposal : context.proposals) {
    std::vector<Choice>& site = choices.emplace_back();
    for (const Candidate& candidate : proposal.candidates)
      site.push_back({candidate.macs.value_or(0), candidate.error});
  }
  if (PlanCost(choices, chosen.plan) <= budget) return chosen;
  if (!MeetBudget(choices, budget).has_value()) {
    const std::vector<Step> path = LagrangianPath(choices);
    const auto least = static_cast<double>(PlanCost(choices, PlanAt(choices, path, path.size())));
    chosen.refusal = absl::StrFormat("target-macs %g cannot be reached: the least that these passes could give is %.3f",
                                     target, least / whole);
    return chosen;
  }
  CNNOPT_ASSIGN_OR_RETURN(choices, MeasuredChoices(context, bench));
  chosen.plan = *MeetBudget(choices, budget);
  return chosen;
}

}  // namespace

std::string Objection(const Comparison& comparison, double bound) {
  if (comparison.new_nonfinite > 0) {
    return absl::StrCat(comparison.new_nonfinite, " output values are no longer finite");
  }
  if (!(comparison.relative_error <= bound)) {
    return absl::StrFormat("relative output error is %.3g, the bound is %.3g", comparison.relative_error, bound);
  }
  return "";
}

absl::StatusOr<Chosen> Choose(const ChooseContext& context, Workbench& bench) {
  const SlimOptions& options = context.options;
  Chosen chosen;
  chosen.plan = Plan(context.sites.size(), 0);
  const bool any = std::any_of(context.proposals.begin(), context.proposals.end(),
                               [](const Proposal& proposal) { return proposal.candidates.size() > 1; });
  if (context.forced_rank) {
    chosen.bound = options.max_error.value_or(kBudgetMaxError);
    for (size_t s = 0; s < context.sites.size(); ++s)
      chosen.plan[s] = context.proposals[s].candidates.size() > 1 ? 1 : 0;
    return chosen;
  }
  CNNOPT_RETURN_IF_ERROR(any ? UnknownCosts(context) : absl::OkStatus());
  if (options.target_macs.has_value()) {
    chosen.bound = options.max_error.value_or(kBudgetMaxError);
    chosen.kept_reason = "costs more accuracy than the budget asks for";
    return ChooseWithinBudget(context, bench, std::move(chosen));
  }
  chosen.bound = options.max_error.value_or(kDefaultMaxError);
  chosen.kept_reason = absl::StrFormat("would pass the error bound of %g", chosen.bound);
  if (!any) return chosen;
  CNNOPT_ASSIGN_OR_RETURN(const Choices choices, MeasuredChoices(context, bench));
  CNNOPT_ASSIGN_OR_RETURN(chosen.plan, CheapestWithin(context, bench, choices, chosen.bound));
  return chosen;
}

}  // namespace cnnopt
