// One job, several budgets: a sweep over given ones, or a search for the slimmest model that keeps a score.
#ifndef CNNOPT_JOB_SWEEP_H_
#define CNNOPT_JOB_SWEEP_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "job/score.h"
#include "passes/slim.h"
#include "report/json.h"

namespace cnnopt {

// One budget and what came of it.
struct Outcome {
  SlimArguments arguments;  // as if this budget alone had been asked for
  SlimReport report;
  ReportContext context;
  onnx::ModelProto model;  // under the verdict kSlimmed
  std::optional<double> score;
};

struct Trials {
  const SlimArguments& arguments;
  const ReportContext& context;
  SlimJob& job;
  Score score;                                        // null: there is none
  std::function<void(const std::string& line)> tell;  // of every trial
};

// "out.onnx" and 0.5: "out-0.5.onnx".
std::string PointPath(const std::string& path, double target);

// Slims to this fraction and scores the result.
absl::StatusOr<Outcome> Try(const Trials& trials, double target);

// The point of a sweep that `outcome` is.
SweepPoint PointOf(const Outcome& outcome, double target);

// Bisects the budgets in hundredths for the smallest whose model keeps `original`, the score of the model as it is, up
// to `max_drop`, to 2 hundredths: a smaller budget is taken to score no better. The outcome that was found, or the
// unchanged model; every trial is in its report, smallest budget first.
absl::StatusOr<Outcome> FindSlimmest(const Trials& trials, double original, double max_drop, bool lower_is_better);

// The points as a table.
std::string RenderSweep(const std::vector<SweepPoint>& sweep, size_t width, bool color);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_SWEEP_H_
