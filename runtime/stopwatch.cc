#include "runtime/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

absl::StatusOr<double> TimeRun(const Session& session, const Sample& input) {
  const Clock::time_point start = Clock::now();
  CNNOPT_RETURN_IF_ERROR(session.Run(input).status());
  return std::max(MillisecondsSince(start), 1e-6);  // a coarse clock must not divide by zero
}

}  // namespace

double Quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double place = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

absl::StatusOr<Latency> TimePairs(const Session& before, const Session& after, const Sample& input,
                                  const StopwatchOptions& options) {
  const int min_pairs = std::max(options.min_pairs, 1);
  const int max_pairs = std::max(options.max_pairs, min_pairs);
  for (const Session* session : {&before, &after}) {
    CNNOPT_RETURN_IF_ERROR(session->Run(input).status());
  }
  std::vector<double> before_ms, after_ms, ratios;
  const Clock::time_point start = Clock::now();
  for (int pair = 0; pair < max_pairs; ++pair) {
    if (pair >= min_pairs && MillisecondsSince(start) >= options.seconds * 1000) {
      break;
    }
    // Every other pair the other way round, so that neither profits from what the first run leaves in the caches.
    const bool before_first = pair % 2 == 0;
    CNNOPT_ASSIGN_OR_RETURN(const double first, TimeRun(before_first ? before : after, input));
    CNNOPT_ASSIGN_OR_RETURN(const double second, TimeRun(before_first ? after : before, input));
    before_ms.push_back(before_first ? first : second);
    after_ms.push_back(before_first ? second : first);
    ratios.push_back(after_ms.back() / before_ms.back());
  }
  Latency result;
  result.before_ms = Quantile(before_ms, 0.5);
  result.after_ms = Quantile(after_ms, 0.5);
  result.ratio = Quantile(ratios, 0.5);
  result.ratio_low = Quantile(ratios, 0.25);
  result.ratio_high = Quantile(ratios, 0.75);
  result.pairs = static_cast<int>(ratios.size());
  result.before_samples = std::move(before_ms);
  result.after_samples = std::move(after_ms);
  return result;
}

}  // namespace cnnopt
