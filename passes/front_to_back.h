// Asymmetric refit: slimmed layers change what later ones see, so each is refitted, in the order of the graph, to the
// slim network's own inputs with the original outputs as target.
#ifndef CNNOPT_PASSES_FRONT_TO_BACK_H_
#define CNNOPT_PASSES_FRONT_TO_BACK_H_

#include <cstdint>
#include <memory>
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

struct RefitContext {
  const onnx::ModelProto& clean;
  const GraphView& view;  // of `clean`
  const std::vector<Site>& sites;
  RefitSamples samples;
  std::shared_ptr<const OnnxRuntime> runtime;
  int threads = 1;
  int64_t cache_bytes = 0;  // for values between the layers, see Frontier
  const ProgressSink& progress;
};

// Refits every site that `plan` replaces, and every kept Conv and Gemm behind the first of them, and keeps what helps
// on the held-out samples (a kept MatMul stays: the bias that a refit brings would cost a node): by least squares (see
// RefitToDrift), then to what the activation behind the site lets through (see RefitThroughActivation). Where a
// site's output goes into an Add and nowhere else, its target also makes up for the drift of the Add's other operand,
// of two operands that both are refitted the later one's.
// Returns the whole model. Original and slim network walk through the samples side by side, so that the whole sweep
// costs about two forward passes.
absl::StatusOr<onnx::ModelProto> RefitFrontToBack(const RefitContext& context, const Plan& plan, Workbench& bench);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FRONT_TO_BACK_H_
