// What every site sees: moments of its input patches, over many samples in one forward pass each.
#ifndef CNNOPT_PASSES_OBSERVE_MOMENTS_H_
#define CNNOPT_PASSES_OBSERVE_MOMENTS_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "passes/moments.h"
#include "passes/site.h"
#include "runtime/session.h"

namespace cnnopt {

// Patches a site is sampled at over all samples together: enough for its covariance, evenly spread.
int64_t PatchCount(const Conv& conv);

// Whether a site's covariance is worth its memory: the number of its patch elements, squared. Wider ones (the first
// Gemm behind a large map) are fitted by weights only and not refitted.
bool Observable(const Conv& conv);

// What the moments of a site take, all groups.
int64_t MomentBytes(const Conv& conv);

// The moments of each site, one entry per group; none for sites without numbers and those `wanted` leaves out, which
// then are fitted by weights only. `model` is the one the sites were found in, `view` its index. `step` is called after
// each sample. Errors: what the runtime said; Unimplemented when an input is no floating-point tensor.
absl::StatusOr<std::vector<std::vector<Moments>>> ObserveMoments(std::shared_ptr<const OnnxRuntime> runtime,
                                                                 const onnx::ModelProto& model, const GraphView& view,
                                                                 const std::vector<Site>& sites,
                                                                 const std::vector<bool>& wanted,
                                                                 absl::Span<const Sample> samples, int threads,
                                                                 const std::function<void(size_t)>& step);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_OBSERVE_MOMENTS_H_
