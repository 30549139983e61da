// How far the outputs of two models are apart, in every figure that people ask for.
#ifndef CNNOPT_RUNTIME_DEVIATION_H_
#define CNNOPT_RUNTIME_DEVIATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/compare.h"

namespace cnnopt {

// Of one output over all samples, beside what Compare tells. Only elements finite on both sides count.
struct OutputDeviation {
  std::string name;
  int64_t elements = 0;              // finite on both sides
  double mean_abs = 0;               // of |b - a|
  double p50 = 0, p90 = 0, p99 = 0;  // quantiles of |b - a|, linear between neighbours
  double sqnr_db = 0;                // 10 log10(sum a^2 / sum (b - a)^2); infinite when nothing differs
  // The smallest t with |b - a| <= t (1 + |a|) everywhere; infinite when b is not finite where a is.
  double tolerance = 0;
  // Of float outputs [batch, classes >= 2]:
  std::optional<double> top5_agreement;  // share of rows whose largest element in a is among b's five largest
  std::optional<double> margin;          // mean distance between the largest and the second largest element of a
  std::optional<double> lost_margin;     // the largest such distance among rows whose top-1 differs; 0: none does
};

// One entry for each tensor output, in order, as in Comparison::outputs. Errors: as Compare.
absl::StatusOr<std::vector<OutputDeviation>> Deviations(const std::vector<std::string>& names, const Outputs& a,
                                                        const Outputs& b);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_DEVIATION_H_
