// From proposals to one plan: a forced rank, a budget of MACs, or the cheapest plan within an error bound.
#ifndef CNNOPT_PASSES_CHOOSE_H_
#define CNNOPT_PASSES_CHOOSE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

struct ChooseContext {
  const SlimOptions& options;
  bool forced_rank = false;
  std::optional<int64_t> original_macs;  // of the whole model
  const std::vector<Site>& sites;
  const std::vector<Proposal>& proposals;
  const Reference* reference = nullptr;  // null: no runtime
  const Progress& progress;
};

struct Chosen {
  Plan plan;
  double bound = 0;         // on the relative output error of the result
  std::string kept_reason;  // of sites that had candidates and were kept all the same
  std::string refusal;      // why no plan does what was asked; empty when one does
};

// Why a measured result may not stand under `bound`; empty when it may.
std::string Objection(const Comparison& comparison, double bound);

// Errors: InvalidArgument when MACs are needed but unknown, or what measuring said.
absl::StatusOr<Chosen> Choose(const ChooseContext& context, Workbench& bench);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CHOOSE_H_
