// The samples on which a slimmed model is furthest from the original, for the report.
#ifndef CNNOPT_PASSES_WORST_SAMPLES_H_
#define CNNOPT_PASSES_WORST_SAMPLES_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "passes/report_facts.h"
#include "runtime/session.h"

namespace cnnopt {

inline constexpr size_t kMostWorstSamples = 8;
inline constexpr int64_t kThumbnailSide = 96;  // pixels of the longer side, at most

// The samples of the largest errors, the worst first, of equals the earlier; at most kMostWorstSamples, none whose
// error is 0. `errors` and `indices`, which stand in the result, are in the order of `samples`.
std::vector<WorstSample> FindWorstSamples(absl::Span<const Sample> samples, absl::Span<const double> errors,
                                          absl::Span<const int64_t> indices);

// The first input of `sample` that looks like a picture: rank 4, with 1 or 3 channels second, else last. Of its batch
// the first; its values from the smallest to the largest as 0 to 255, shrunk to kThumbnailSide. Width 0: none does.
Image Thumbnail(const Sample& sample);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_WORST_SAMPLES_H_
