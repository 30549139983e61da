// A prepared job, run.
#ifndef CNNOPT_JOB_RUN_H_
#define CNNOPT_JOB_RUN_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "job/prepare.h"
#include "job/sweep.h"
#include "passes/slim.h"

namespace cnnopt {

// Who wants to know how far a job is. Both may be null.
struct Listener {
  ProgressSink progress;
  std::function<void(const std::string& line)> tell;  // of every trial of a search or a sweep
};

// Slims once or, with a score, finds the slimmest model that keeps it. Under the verdict kSlimmed that model is in
// `job.file`; the outcome's own model is empty. Errors carry their origin, see exit_code.h.
absl::StatusOr<Outcome> RunJob(Prepared& job, const Listener& listener);

// The part that the trials of a search or a sweep have in common. `job` has to outlive it.
absl::StatusOr<std::unique_ptr<SlimJob>> PrepareTrials(const Prepared& job, const ProgressSink& progress);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_RUN_H_
