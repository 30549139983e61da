// Asymmetric refit: slimmed layers change what later ones see, so each is refitted, in the order of the graph, to the
// slim network's own inputs with the original outputs as target.
#ifndef CNNOPT_PASSES_FRONT_TO_BACK_H_
#define CNNOPT_PASSES_FRONT_TO_BACK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

struct RefitSamples {
  absl::Span<const Sample> fit, held_out;
};

// Refits every site that `plan` replaces, and every kept Conv and Gemm behind one, and keeps what helps on the held-out
// samples (see RefitLastStage). A kept MatMul stays: the bias that a refit brings would cost a node. Where a site's
// output goes into an Add and nowhere else, its target also makes up for the drift of the Add's other operand. Returns
// the whole model. `view` is the index of `clean`.
absl::StatusOr<onnx::ModelProto> RefitFrontToBack(const onnx::ModelProto& clean, const GraphView& view,
                                                  const std::vector<Site>& sites, const Plan& plan,
                                                  const RefitSamples& samples,
                                                  const std::shared_ptr<const OnnxRuntime>& runtime, int threads,
                                                  Workbench& bench, const Progress& progress);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FRONT_TO_BACK_H_
