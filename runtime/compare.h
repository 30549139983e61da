// Two models on the same samples: how far their outputs are apart.
#ifndef CNNOPT_RUNTIME_COMPARE_H_
#define CNNOPT_RUNTIME_COMPARE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/session.h"

namespace cnnopt {

// Outputs of a model on many samples: [sample][output].
using Outputs = std::vector<std::vector<Tensor>>;
absl::StatusOr<Outputs> RunAll(const Session& session, absl::Span<const Sample> samples);

// Elements where a is not finite are left out. One that is finite in a and not in b makes both errors infinite.
struct OutputComparison {
  std::string name;
  double relative_error = 0;  // |b - a| / |a| over all samples, Euclidean norm
  double max_abs = 0;         // largest |b - a|
  double cosine = 1;          // between a and b where both are finite; 0 when only one of them is all zero
  // Share of rows whose largest element is at the same place, the first of equals; only for float outputs
  // [batch, classes >= 2].
  std::optional<double> top1_agreement;
  int64_t new_nonfinite = 0;  // elements finite in a, not in b
  int64_t top1_rows = 0;      // that top1_agreement is a share of
};
struct Comparison {
  std::vector<OutputComparison> outputs;  // tensors only
  // The worst output decides; top-1 of the first output that has one; non-finite values are summed.
  double relative_error = 0;
  double max_abs = 0;
  double cosine = 1;
  std::optional<double> top1_agreement;
  int64_t top1_rows = 0;
  int64_t new_nonfinite = 0;
  int64_t samples = 0;
  std::vector<double> sample_errors;  // relative_error of each sample alone, of its worst output
};

// The place of the largest element of each row, the first of equals, -1 in a row of NaN; nullopt unless `tensor` holds
// floats [batch, classes >= 2]. Errors as ToDoubles.
absl::StatusOr<std::optional<std::vector<int64_t>>> Top1(const Tensor& tensor);

// Compares outputs `b` with the reference `a`; integers and bools as numbers. An output whose reference is all zero
// counts its error absolutely. Errors: InvalidArgument when there are no samples, or when numbers of samples or
// outputs, dtypes or shapes differ (named, expected and found); Unimplemented for outputs ToDoubles cannot read.
absl::StatusOr<Comparison> Compare(const std::vector<std::string>& names, const Outputs& a, const Outputs& b);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_COMPARE_H_
