// Input patches of a convolution, and their moments, gathered sample by sample.
#ifndef CNNOPT_PASSES_PATCHES_H_
#define CNNOPT_PASSES_PATCHES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx_io/tensor.h"
#include "passes/conv.h"
#include "passes/moments.h"
#include "runtime/session.h"

namespace cnnopt {

// The elements of a floating-point tensor as float. Errors: Unimplemented (other dtypes).
absl::StatusOr<std::vector<float>> ToFloats(const Tensor& tensor);

// `count` output positions, evenly spread over all `total` of a sample (batch and spatial axes together), shifted from
// sample to sample so that all are visited over time. All of them when there are no more.
std::vector<int64_t> SamplePositions(int64_t total, int64_t count, size_t sample);

// One patch per position, as the convolution sees it, its own padding included: positions x (group channels * taps),
// columns in the order of the weight's. `input` is [N, C, spatial...] of shape `shape` (see LayerShape); positions
// count outputs in row-major order of [N, spatial...].
MatrixF GatherPatches(const Conv& conv, int64_t group, const std::vector<float>& input, const Shape& shape,
                      const std::vector<int64_t>& positions);
// The outputs [N, C, spatial...] at the same positions: positions x C.
MatrixF GatherOutputs(const std::vector<float>& output, const Shape& shape, const std::vector<int64_t>& positions);

// Patches, one a row, and as many rows of targets, or none when only the moments of patches are wanted. Borrows.
struct PatchRows {
  const MatrixF& patches;
  const MatrixF& targets;
};

// Running sums over patches x and targets y, from which come the moments of x and the cross moments of y with x.
class MomentSums {
 public:
  // The same as one set after the other. Sums do not depend on the number of threads.
  void Add(absl::Span<const PatchRows> sets, int threads = 1);
  int64_t count() const { return count_; }
  Moments OfPatches() const;
  Vector TargetMean() const;
  Matrix Cross() const;            // cov(y, x)
  Vector TargetVariances() const;  // of every element of y
  double TargetVariance() const;   // E|y - E y|^2

 private:
  void AddSums(const PatchRows& rows);  // all but products

  int64_t count_ = 0;
  Vector x_sum_, y_sum_, yy_;
  Matrix xx_, yx_;
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_PATCHES_H_
