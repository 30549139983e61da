#include "passes/observe_moments.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "passes/cost.h"
#include "passes/parallel.h"
#include "passes/patches.h"
#include "runtime/observe.h"

namespace cnnopt {
namespace {

// A covariance of D dimensions wants several times D patches; more than the last of these adds nothing but time.
constexpr int64_t kPatchesPerDimension = 8;
constexpr int64_t kFewestPatches = 4096;
constexpr int64_t kMostPatches = 24'000;

// Adds one sample's patches to the sums of a site, all groups.
absl::Status AddSample(const Conv& conv, const Tensor& input, int64_t patches, size_t sample,
                       std::vector<MomentSums>& sums) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> values, ToFloats(input));
  const Shape shape = LayerShape(conv, input.shape);
  const int64_t total = shape[0] * ElementCount(OutputSize(conv, Shape(shape.begin() + 2, shape.end())));
  const std::vector<int64_t> positions = SamplePositions(total, patches, sample);
  for (int64_t g = 0; g < conv.groups; ++g) {
    const MatrixF seen = GatherPatches(conv, g, values, shape, positions);
    sums[static_cast<size_t>(g)].Add({{seen, MatrixF()}});
  }
  return absl::OkStatus();
}

// Patch elements whose covariance is 0.5 GB of doubles.
constexpr int64_t kMostElements = 8192;

}  // namespace

bool Observable(const Conv& conv) { return conv.group_in_channels() * conv.taps() <= kMostElements; }

int64_t MomentBytes(const Conv& conv) {
  const int64_t elements = conv.group_in_channels() * conv.taps();
  return conv.groups * elements * elements * static_cast<int64_t>(sizeof(double));
}

int64_t PatchCount(const Conv& conv) {
  return std::clamp(kPatchesPerDimension * conv.group_in_channels() * conv.taps(), kFewestPatches, kMostPatches);
}

absl::StatusOr<std::vector<std::vector<Moments>>> ObserveMoments(std::shared_ptr<const OnnxRuntime> runtime,
                                                                 const onnx::ModelProto& model, const GraphView& view,
                                                                 const std::vector<Site>& sites,
                                                                 const std::vector<bool>& wanted,
                                                                 absl::Span<const Sample> samples, int threads,
                                                                 const std::function<void(size_t)>& step) {
  std::vector<size_t> seen;  // the sites that are looked at
  std::vector<std::string> values;
  std::vector<std::vector<MomentSums>> sums;
  for (size_t s = 0; s < sites.size(); ++s) {
    if (!wanted[s] || !sites[s].conv.has_value()) continue;
    seen.push_back(s);
    values.push_back(view.Producer(sites[s].output)->input(0));
    sums.emplace_back(static_cast<size_t>(sites[s].conv->groups));
  }
  const auto count = static_cast<int64_t>(samples.size());
  const auto visit = [&](size_t sample, const std::vector<Tensor>& tensors) -> absl::Status {
    std::vector<absl::Status> statuses(seen.size());
    ParallelFor(static_cast<int64_t>(seen.size()), threads, [&](int64_t i) {
      const auto n = static_cast<size_t>(i);
      const Conv& conv = *sites[seen[n]].conv;
      statuses[n] = AddSample(conv, tensors[n], (PatchCount(conv) + count - 1) / count, sample, sums[n]);
    });
    for (size_t n = 0; n < seen.size(); ++n) {
      if (!statuses[n].ok()) {
        return absl::Status(statuses[n].code(),
                            absl::StrCat("input of '", sites[seen[n]].name, "': ", statuses[n].message()));
      }
    }
    step(sample + 1);
    return absl::OkStatus();
  };
  CNNOPT_RETURN_IF_ERROR(ObserveValues(std::move(runtime), model, values, samples, threads, visit));
  std::vector<std::vector<Moments>> moments(sites.size());
  for (size_t n = 0; n < seen.size(); ++n) {
    for (const MomentSums& group : sums[n]) moments[seen[n]].push_back(group.OfPatches());
    sums[n].clear();
  }
  return moments;
}

}  // namespace cnnopt
