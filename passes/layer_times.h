// How long each way of having a layer takes, measured: every candidate's chain runs alone, at the layer's real shape,
// in alternation with the layer itself.
#ifndef CNNOPT_PASSES_LAYER_TIMES_H_
#define CNNOPT_PASSES_LAYER_TIMES_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx_io/graph_view.h"
#include "passes/allocate.h"
#include "passes/propose.h"
#include "passes/site.h"
#include "passes/slim.h"
#include "runtime/session.h"

namespace cnnopt {

struct TimingContext {
  std::shared_ptr<const OnnxRuntime> runtime;
  const onnx::ModelProto& model;  // that the sites were found in
  const GraphView& view;
  const std::vector<Site>& sites;
  const std::vector<Proposal>& proposals;
  int threads = 1;
  const ProgressSink& progress;
};

// Nanoseconds of every candidate of every site, "keep" first. What stands in `cache` is not measured again: layers of
// the same shape, and those of a job before. Of every form a few ranks are measured and the others interpolated. A
// candidate that is not faster than its layer costs more than the layer, so that it is never chosen. Sites whose input
// shape or numbers are unknown cost 0. Errors: what the runtime said.
absl::StatusOr<Costs> TimeCandidates(const TimingContext& context, TimeCache& cache);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_LAYER_TIMES_H_
