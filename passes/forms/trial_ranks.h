// Errors at many ranks from fits at a few of them.
#ifndef CNNOPT_PASSES_FORMS_TRIAL_RANKS_H_
#define CNNOPT_PASSES_FORMS_TRIAL_RANKS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace cnnopt {

// The squared error at each of `ranks` (rising): `error` is asked at `trials` of them, the first and the last among
// them and evenly spaced on a logarithmic scale, and interpolated between on logarithmic scales of both; at all of
// them when there are no more. Never rises: a local optimum may be worse than a smaller rank's, while a larger rank can
// always do as well.
std::vector<double> ErrorsFromTrials(const std::vector<int64_t>& ranks, size_t trials,
                                     const std::function<double(int64_t rank)>& error);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORMS_TRIAL_RANKS_H_
