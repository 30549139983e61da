// From proposals to one plan: a forced rank, budgets, or the cheapest plan within bounds.
#ifndef CNNOPT_PASSES_CHOOSE_H_
#define CNNOPT_PASSES_CHOOSE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "passes/curve.h"
#include "passes/slim.h"
#include "passes/target.h"
#include "passes/workbench.h"

namespace cnnopt {

using Damages = std::vector<std::vector<double>>;  // [site][candidate], see MeasureDamage

struct ChooseContext {
  TargetContext model;
  bool forced_rank = false;
  std::optional<Damages>* known_damage = nullptr;  // where an earlier choice left it, and a later one finds it
};

struct Chosen {
  Plan plan;
  std::vector<Target> targets;
  Bounds bounds;            // that the result must hold
  Choices choices;          // under bounds alone: what was searched,
  size_t steps = 0;         // and how far along its path `plan` is
  Damages damage;           // empty: nothing was weighed
  std::string kept_reason;  // of sites that had candidates and were kept all the same
  std::string refusal;      // why no plan does what was asked; empty when one does
};

// What plans cost where no budget says it.
PlainCosts CostsOf(const std::vector<Proposal>& proposals);
// The bounds in force: those asked for, else the default one.
Bounds BoundsOf(const SlimOptions& options, bool forced_rank);
// Why a measured result may not stand under `bounds`; empty when it may.
std::string Objection(const Comparison& comparison, const Bounds& bounds);

// How many steps along the path the furthest plan is that `holds` once it was measured, by bisection between `good`
// steps, known to hold, and `bad`, known not to: the error grows along the path, and agreement falls, if not strictly.
absl::StatusOr<size_t> FurthestThatHolds(const Reference& reference, Workbench& bench, const Choices& choices,
                                         const std::vector<Step>& path, size_t good, size_t bad,
                                         const std::function<bool(const Comparison&)>& holds);

// Under budgets: the plan of least damage that holds them all once built, the bounds left to be checked. Under bounds
// alone: the plan furthest along the path of falling costs (in MACs, else in parameters) that was measured to hold
// them. Errors: InvalidArgument when MACs are needed but unknown, or what measuring said.
absl::StatusOr<Chosen> Choose(const ChooseContext& context, Workbench& bench);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CHOOSE_H_
