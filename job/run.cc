#include "job/run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "job/cost_cache.h"
#include "job/exit_code.h"
#include "job/output_files.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

absl::StatusOr<Outcome> RunOnce(Prepared& job, const Listener& listener) {
  job.options.file_bytes = [&](const onnx::ModelProto& model) {
    return OutputBytes(job.arguments, job.file, job.context, model);
  };
  Outcome outcome{job.arguments, {}, job.context, {}, {}};
  CNNOPT_ASSIGN_OR_RETURN(outcome.report, From(Origin::kSlim, Slim(job.file.proto, job.options, listener.progress)));
  return outcome;
}

absl::StatusOr<Outcome> RunSearch(Prepared& job, const Listener& listener) {
  const SlimArguments& arguments = job.arguments;
  CNNOPT_ASSIGN_OR_RETURN(const double original, From(Origin::kUsage, job.score(job.file.proto)));
  if (listener.tell) listener.tell(absl::StrCat("score of the original: ", original));
  CNNOPT_ASSIGN_OR_RETURN(std::unique_ptr<SlimJob> trial, PrepareTrials(job, listener.progress));
  const Trials trials{arguments, job.context, *trial, job.score, listener.tell};
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome,
                          FindSlimmest(trials, original, *arguments.max_drop, arguments.lower_is_better));
  outcome.report.score = ScoreChange{original, outcome.score};
  if (outcome.report.verdict == Verdict::kSlimmed) {
    SlimJob::EndWith(std::move(trial), job.file.proto, outcome.model);
    job.file.proto = std::move(outcome.model);
  }
  outcome.model.Clear();
  return outcome;
}

}  // namespace

absl::StatusOr<Outcome> RunJob(Prepared& job, const Listener& listener) {
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, job.score ? RunSearch(job, listener) : RunOnce(job, listener));
  if (job.options.layer_times != nullptr) {
    const std::string machine = TimingMachine(*job.options.runtime, job.options.latency_threads);
    CNNOPT_RETURN_IF_ERROR(
        From(Origin::kOutput, AddToCostCache(job.arguments.cost_cache, machine, *job.options.layer_times)));
  }
  return outcome;
}

absl::StatusOr<std::unique_ptr<SlimJob>> PrepareTrials(const Prepared& job, const ProgressSink& progress) {
  SlimOptions options = job.options;
  options.target_params = 1;  // trials set budgets of their own
  return From(Origin::kSlim, SlimJob::Prepare(job.file.proto, options, progress));
}

}  // namespace cnnopt
