// The error against cost curve that plans are chosen on, for the report.
#ifndef CNNOPT_PASSES_CURVE_H_
#define CNNOPT_PASSES_CURVE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "passes/allocate.h"
#include "passes/report_facts.h"

namespace cnnopt {

inline constexpr size_t kMostCurvePoints = 100;

// What plans cost where no budget says it: MACs, or parameters when some MACs are unknown.
struct PlainCosts {
  Costs costs;  // [site][candidate]
  bool in_macs = true;
};

// The plans that LagrangianPath meets, at most kMostCurvePoints of them, the first and the last included, evenly spread
// over their costs; and where `chosen` stands. `damage`: the squared relative output error of each candidate alone,
// [site][candidate]. Nullopt when no damage is known or no site has a choice.
std::optional<Curve> MakeCurve(const PlainCosts& costs, const std::vector<std::vector<double>>& damage,
                               const std::optional<Plan>& chosen);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CURVE_H_
