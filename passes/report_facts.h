// What reports show beside what became of each layer.
#ifndef CNNOPT_PASSES_REPORT_FACTS_H_
#define CNNOPT_PASSES_REPORT_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace cnnopt {

// The user's own score of both models.
struct ScoreChange {
  double before = 0;
  std::optional<double> after;  // nullopt: there is no result
};

// One point of a sweep over targets: what was asked for and what came of it.
struct SweepPoint {
  double target = 0;                     // the fraction of the original's that was asked for
  std::optional<int64_t> macs;           // of the result
  std::optional<double> relative_error;  // of its output
  std::optional<double> top1_agreement;  // share of rows with the original's top-1
  std::optional<double> latency_ratio;   // time after / before
  std::optional<double> score;           // the user's own, see --evaluate
  std::string file;                      // that holds the model; empty: none was written
  std::string reason;                    // why there is no result
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_REPORT_FACTS_H_
