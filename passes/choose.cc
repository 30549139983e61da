#include "passes/choose.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

// Samples a probe runs on: enough to rank layers, few enough to probe each of them.
constexpr size_t kProbeSamples = 4;

bool Within(const Comparison& comparison, double bound) {
  return comparison.new_nonfinite == 0 && comparison.relative_error <= bound;
}

// How strongly the network's output reacts to each site's error: squared relative output error per squared relative
// error of the site, measured by slimming that site alone with its middle candidate. Sites without candidates: 0.
// Without a runtime every site counts alike.
absl::StatusOr<std::vector<double>> ProbeSensitivity(const ChooseContext& context, Workbench& bench) {
  std::vector<double> sensitivity(context.sites.size(), 1.0);
  if (context.reference == nullptr) return sensitivity;
  const size_t samples = std::min(kProbeSamples, context.reference->samples.size());
  for (size_t s = 0; s < context.sites.size(); ++s) {
    if (context.progress) {
      context.progress("probe layers", static_cast<int64_t>(s), static_cast<int64_t>(context.sites.size()));
    }
    const std::vector<Candidate>& candidates = context.proposals[s].candidates;
    if (candidates.size() < 2) continue;
    Plan plan(context.sites.size(), 0);
    plan[s] = static_cast<int>(candidates.size() / 2);
    const double error = candidates[candidates.size() / 2].error;
    if (error <= 0) continue;
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(plan));
    CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Measure(*context.reference, model, samples));
    const double ratio = comparison.relative_error / error;
    // A layer that blows the output up is priced out of reach.
    sensitivity[s] = std::isfinite(ratio) && comparison.new_nonfinite == 0 ? ratio * ratio : 1e12;
  }
  return sensitivity;
}

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
    (Within(comparison, bound) ? good : bad) = middle;
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

}  // namespace

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
  if (options.target_macs.has_value()) {
    chosen.bound = options.max_error.value_or(kBudgetMaxError);
    chosen.kept_reason = "costs more accuracy than the budget asks for";
    CNNOPT_RETURN_IF_ERROR(UnknownCosts(context));
    const auto budget =
        static_cast<int64_t>(*options.target_macs * static_cast<double>(context.original_macs.value_or(0)));
    Choices choices = ToChoices(context.proposals, std::vector<double>(context.sites.size(), 1.0));
    if (PlanCost(choices, chosen.plan) <= budget) return chosen;
    if (!MeetBudget(choices, budget).has_value()) {
      const Plan cheapest = PlanAt(choices, LagrangianPath(choices), LagrangianPath(choices).size());
      const double least =
          static_cast<double>(PlanCost(choices, cheapest)) / static_cast<double>(*context.original_macs);
      chosen.refusal =
          absl::StrFormat("target-macs %g cannot be reached: the least that these passes could give is %.3f",
                          *options.target_macs, least);
      return chosen;
    }
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> sensitivity, ProbeSensitivity(context, bench));
    choices = ToChoices(context.proposals, sensitivity);
    chosen.plan = *MeetBudget(choices, budget);
    return chosen;
  }
  chosen.bound = options.max_error.value_or(kDefaultMaxError);
  chosen.kept_reason = absl::StrFormat("would pass the error bound of %g", chosen.bound);
  if (!any) return chosen;
  CNNOPT_RETURN_IF_ERROR(UnknownCosts(context));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> sensitivity, ProbeSensitivity(context, bench));
  CNNOPT_ASSIGN_OR_RETURN(chosen.plan,
                          CheapestWithin(context, bench, ToChoices(context.proposals, sensitivity), chosen.bound));
  return chosen;
}

}  // namespace cnnopt
