// Exchanges between sites: what the sum of predicted damages does not see.
#ifndef CNNOPT_PASSES_SWAP_H_
#define CNNOPT_PASSES_SWAP_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "passes/allocate.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

struct SwapContext {
  const std::vector<std::vector<double>>& damage;  // [site][choice], predicted
  const std::vector<Budget>& budgets;
  const Reference& reference;
  int64_t macs = 0;  // of the original, for one run
  const ProgressSink& progress;
};

// `plan` after exchanges of one site to a less harmful choice for another to the least harmful one that pays for it,
// under the budgets. Those of least predicted damage are built and measured on the reference, a dozen at most, none
// when the model is large; one that clearly lowers the output error is kept. Deterministic.
absl::StatusOr<Plan> Swap(const SwapContext& context, Workbench& bench, Plan plan);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_SWAP_H_
