// An honest stopwatch: two models in alternation on the same input.
#ifndef CNNOPT_RUNTIME_STOPWATCH_H_
#define CNNOPT_RUNTIME_STOPWATCH_H_

#include <vector>

#include "absl/status/statusor.h"
#include "runtime/session.h"

namespace cnnopt {

struct Latency {
  double before_ms = 0;  // median over the pairs
  double after_ms = 0;
  double ratio = 1;      // median of after / before within each pair
  double ratio_low = 1;  // quartiles of that ratio: what the noise of this machine allows to say
  double ratio_high = 1;
  int pairs = 0;
  // Every run that was timed, in the order of the pairs, milliseconds.
  std::vector<double> before_samples = {}, after_samples = {};
};
// The value below which a share `p` of `values`, at least one, lies; linear between neighbours.
double Quantile(std::vector<double> values, double p);

struct StopwatchOptions {
  double seconds = 2;  // stop after this long, but not before min_pairs
  int min_pairs = 5;
  int max_pairs = 200;
};
// Warms both up once, then runs A B, B A, A B, ... Wall time of Run only.
absl::StatusOr<Latency> TimePairs(const Session& before, const Session& after, const Sample& input,
                                  const StopwatchOptions& options = {});

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_STOPWATCH_H_
