#include "passes/forms/trial_ranks.h"

#include <algorithm>
#include <cmath>

namespace cnnopt {
namespace {

std::vector<size_t> PickTrials(const std::vector<int64_t>& ranks, size_t trials) {
  std::vector<size_t> picked;
  if (ranks.size() <= trials) {
    for (size_t r = 0; r < ranks.size(); ++r) picked.push_back(r);
    return picked;
  }
  const auto first = static_cast<double>(ranks.front()), last = static_cast<double>(ranks.back());
  for (size_t r = 0; r < ranks.size(); ++r) {
    const double wanted =
        first * std::pow(last / first, static_cast<double>(picked.size()) / static_cast<double>(trials - 1));
    if (static_cast<double>(ranks[r]) >= wanted * (1 - 1e-9)) picked.push_back(r);
  }
  if (picked.back() + 1 != ranks.size()) picked.push_back(ranks.size() - 1);
  return picked;
}

// The logarithm of the error, linear in the logarithm of the rank, between the two nearest trials.
double Interpolate(double rank, double low_rank, double low, double high_rank, double high) {
  if (!(low > 0) || !(high > 0)) return low + (high - low) * (rank - low_rank) / (high_rank - low_rank);
  return low * std::pow(high / low, std::log(rank / low_rank) / std::log(high_rank / low_rank));
}

}  // namespace

std::vector<double> ErrorsFromTrials(const std::vector<int64_t>& ranks, size_t trials,
                                     const std::function<double(int64_t rank)>& error) {
  std::vector<double> errors(ranks.size());
  size_t last = 0;
  for (const size_t trial : PickTrials(ranks, trials)) {
    errors[trial] = error(ranks[trial]);
    if (trial > 0) errors[trial] = std::min(errors[trial], errors[last]);
    for (size_t r = last + 1; r < trial; ++r) {
      errors[r] = Interpolate(static_cast<double>(ranks[r]), static_cast<double>(ranks[last]), errors[last],
                              static_cast<double>(ranks[trial]), errors[trial]);
    }
    last = trial;
  }
  return errors;
}

}  // namespace cnnopt
