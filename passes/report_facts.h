// What a report shows beyond the totals and the layers: the curve the plan was chosen on, the samples that suffered
// most, and the results of a sweep.
#ifndef CNNOPT_PASSES_REPORT_FACTS_H_
#define CNNOPT_PASSES_REPORT_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/image.h"

namespace cnnopt {

// The user's own score of both models.
struct ScoreChange {
  double before = 0;
  std::optional<double> after;  // nullopt: there is no result
};

struct CurvePoint {
  int64_t cost = 0;  // of all layers, in the unit of the curve
  double error = 0;  // predicted relative output error
};

// The plans of least predicted error, from "keep every layer" to the cheapest, thinned out where they are many.
struct Curve {
  bool in_macs = true;  // the unit of costs: multiplications of one forward pass, else parameters
  std::vector<CurvePoint> points;
  std::optional<CurvePoint> chosen;  // what the prediction says of the plan that was taken; nullopt: none was
};

// A held-out sample and how far apart both models are on it.
struct WorstSample {
  int64_t index = 0;          // among the samples of the run, from 0, those that were fitted to included
  double relative_error = 0;  // |b - a| / |a| over this sample alone, of its worst output; infinity: not finite
  Image thumbnail;            // of its first input that looks like a picture; width 0: none does
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
