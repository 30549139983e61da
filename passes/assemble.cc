#include "passes/assemble.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

constexpr int kMostRefits = 4;  // of whole models, beyond the first
// Plans that cost less than this share more or less are not worth another refit.
constexpr double kWorthwhile = 0.01;

// Whether the refitted model may take the place of `slim`.
absl::StatusOr<bool> RefitHelps(const AssembleContext& context, const Chosen& chosen, const Comparison& before,
                                const Comparison& after, const onnx::ModelProto& refitted, const Workbench& bench) {
  if (after.new_nonfinite > 0 || !(after.relative_error < before.relative_error)) return false;
  if (Objection(before, chosen.bounds).empty() && !Objection(after, chosen.bounds).empty()) return false;
  for (const Target& target : chosen.targets) {
    if (target.measure) continue;  // a refit changes numbers only
    CNNOPT_ASSIGN_OR_RETURN(const int64_t taken, Taken(target, context.options, refitted, chosen.plan, bench));
    if (!Holds(target, taken)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<Assembled> Assemble(const AssembleContext& context, const Chosen& chosen, Workbench& bench) {
  CNNOPT_ASSIGN_OR_RETURN(onnx::ModelProto model, bench.Build(chosen.plan));
  Assembled slim;
  slim.model = std::move(model);
  slim.bench = std::make_shared<Workbench>(bench.Only(chosen.plan));
  if (context.samples.fit.empty() || bench.KeepsAll(chosen.plan) || !chosen.refusal.empty()) return slim;
  const size_t count = context.reference->samples.size();
  CNNOPT_ASSIGN_OR_RETURN(slim.plain, Measure(*context.reference, slim.model, count));
  slim.comparison = slim.plain;
  const RefitContext refit{context.clean,
                           context.view,
                           context.sites,
                           context.samples,
                           context.options.runtime,
                           context.options.threads,
                           context.options.max_memory / 2,
                           context.progress};
  CNNOPT_ASSIGN_OR_RETURN(onnx::ModelProto refitted, RefitFrontToBack(refit, chosen.plan, *slim.bench));
  CNNOPT_ASSIGN_OR_RETURN(const Comparison after, Measure(*context.reference, refitted, count));
  CNNOPT_ASSIGN_OR_RETURN(slim.refitted, RefitHelps(context, chosen, *slim.plain, after, refitted, *slim.bench));
  if (slim.refitted) {
    slim.model = std::move(refitted);
    slim.comparison = after;
  }
  return slim;
}

absl::Status GoFurther(const AssembleContext& context, Workbench& bench, Chosen& chosen, Assembled& slim) {
  if (chosen.choices.empty() || !slim.refitted) return absl::OkStatus();
  const Choices& choices = chosen.choices;
  const std::vector<Step> path = LagrangianPath(choices);
  const auto cost = [&](size_t steps) { return static_cast<double>(PlanCost(choices, PlanAt(choices, path, steps))); };
  size_t good = chosen.steps, bad = path.size() + 1;
  for (int refit = 0; refit < kMostRefits && bad - good > 1; ++refit) {
    size_t next = good + (bad - good) / 2;
    if (bad > path.size()) {
      const double before = slim.plain->relative_error;
      const double most = before * before / slim.comparison->relative_error;
      CNNOPT_ASSIGN_OR_RETURN(
          next, FurthestThatHolds(*context.reference, bench, choices, path, good, bad,
                                  [&](const Comparison& comparison) { return comparison.relative_error <= most; }));
    }
    if (cost(next) > (1 - kWorthwhile) * cost(good)) break;
    Chosen trial = chosen;
    trial.steps = next;
    trial.plan = PlanAt(choices, path, next);
    CNNOPT_ASSIGN_OR_RETURN(Assembled assembled, Assemble(context, trial, bench));
    const bool holds = Objection(*assembled.comparison, chosen.bounds).empty();
    if (!holds) {
      bad = next;
      continue;
    }
    good = next;
    chosen = std::move(trial);
    slim = std::move(assembled);
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
