// From a plan to its model, refitted where that helps; and how much further a bound lets go once models are refitted.
#ifndef CNNOPT_PASSES_ASSEMBLE_H_
#define CNNOPT_PASSES_ASSEMBLE_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "passes/choose.h"
#include "passes/front_to_back.h"
#include "passes/workbench.h"

namespace cnnopt {

struct AssembleContext {
  const onnx::ModelProto& clean;
  const GraphView& view;  // of `clean`
  const std::vector<Site>& sites;
  RefitSamples samples;  // none to fit to: nothing is refitted
  const Reference* reference = nullptr;
  const SlimOptions& options;
  const ProgressSink& progress;
};

struct Assembled {
  onnx::ModelProto model;
  std::shared_ptr<Workbench> bench;  // that made it
  bool refitted = false;
  std::optional<Comparison> plain;       // before a refit, where it was measured
  std::optional<Comparison> comparison;  // of `model` with the original, where it was measured already
};

// The model of the chosen plan, refitted front to back where that helps on the held-out samples. A refit that breaks a
// budget or a bound is not taken.
absl::StatusOr<Assembled> Assemble(const AssembleContext& context, const Chosen& chosen, Workbench& bench);

// A plan that was searched without a refit is within the bounds by more than it need be once refitted. Plans further
// along `chosen.choices`' path are assembled, a few at most: the first where the error before the refit has grown by as
// much as the refit takes away, then by bisection. `chosen` and `slim` are left at the furthest that holds the bounds.
absl::Status GoFurther(const AssembleContext& context, Workbench& bench, Chosen& chosen, Assembled& slim);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_ASSEMBLE_H_
