#include "api/slim.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/entries.h"
#include "api/guard.h"
#include "job/exit_code.h"
#include "job/output_files.h"
#include "job/path_checks.h"
#include "job/prepare.h"
#include "job/run.h"
#include "onnx_io/checksum.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

void Tell(const LogLine& log, absl::string_view line) {
  if (log) log(line);
}

Report::Verdict VerdictOf(const SlimReport& report) {
  switch (report.verdict) {
    case Verdict::kSlimmed:
      return Report::Verdict::kSlimmed;
    case Verdict::kUnchanged:
      return Report::Verdict::kUnchanged;
    case Verdict::kRefused:
      break;
  }
  return Report::Verdict::kRefused;
}

Report ReportOf(const Outcome& outcome) {
  const SlimReport& from = outcome.report;
  Report report;
  report.verdict = VerdictOf(from);
  report.reason = from.reason;
  report.verified = from.verified;
  for (const LayerReport& layer : from.layers) {
    report.layers.push_back({layer.name, layer.op, layer.was, layer.now, layer.reason, layer.macs_before,
                             layer.macs_after, layer.params_before, layer.params_after});
  }
  report.macs_before = from.before.macs;
  report.macs_after = from.after.macs;
  report.params_before = from.before.params;
  report.params_after = from.after.params;
  report.bytes_before = from.before.bytes;
  report.bytes_after = from.after.bytes;
  if (from.comparison.has_value()) {
    report.output_error = from.comparison->relative_error;
    report.top1_agreement = from.comparison->top1_agreement;
  }
  if (from.latency.has_value()) {
    report.latency_before = from.latency->before_ms;
    report.latency_after = from.latency->after_ms;
  }
  if (from.score.has_value()) {
    report.score_before = from.score->before;
    report.score_after = from.score->after;
  }
  report.samples = from.samples;
  report.warnings = from.warnings;
  report.json = RenderJson(from, outcome.context);
  return report;
}

// Hands the steps of a job on to the caller: stages to the log, each once, and steps to the progress function.
struct Watcher {
  const Progress& progress;
  const LogLine& log;
  std::string stage;

  void Step(const std::string& now, int64_t done, int64_t total) {
    if (now != stage) Tell(log, now);
    stage = now;
    if (progress && !progress(now, done, total)) throw Cancelled();
  }
};

// A job up to its outcome; the model is in `prepared.file` then.
absl::StatusOr<Outcome> RunPrepared(Prepared& prepared, const Progress& progress, const LogLine& log) {
  Tell(log, absl::StrCat("options: ", absl::StrJoin(prepared.context.options, " ")));
  Watcher watcher{progress, log, {}};
  const auto step = [&](const std::string& stage, int64_t done, int64_t total) { watcher.Step(stage, done, total); };
  const Listener listener{step, [&](const std::string& line) { Tell(log, line); }};
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, RunJob(prepared, listener));
  for (const std::string& warning : outcome.report.warnings) Tell(log, absl::StrCat("warning: ", warning));
  return outcome;
}

absl::Status CheckInMemory(const SlimArguments& arguments) {
  if (!arguments.external_threshold.has_value()) return absl::OkStatus();
  return From(Origin::kUsage,
              absl::InvalidArgumentError("--external-data needs a file beside which the data can stand: give paths"));
}

// Of models in memory: the reports and the plan, all of them or none.
absl::Status WriteAccounts(const Outcome& outcome) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(StageAccounts(outcome.arguments, outcome.report, outcome.context, files));
  return From(Origin::kOutput, files.Publish());
}

FileFacts FactsOf(absl::string_view bytes) { return {Sha256Hex(bytes), static_cast<int64_t>(bytes.size())}; }

absl::StatusOr<std::string> Serialized(const onnx::ModelProto& model) {
  std::string bytes;
  if (model.SerializeToString(&bytes)) return bytes;
  return From(Origin::kOutput, absl::ResourceExhaustedError("the model passes the 2 GiB that one protobuf can hold"));
}

absl::StatusOr<Report> RunModel(const SlimArguments& arguments, onnx::ModelProto& model, const Progress& progress,
                                const LogLine& log) {
  CNNOPT_RETURN_IF_ERROR(CheckInMemory(arguments));
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
  const auto given = [&]() -> absl::StatusOr<GivenModel> {
    CNNOPT_ASSIGN_OR_RETURN(ModelFile file, From(Origin::kInput, CheckModel(model, arguments.limits)));
    CNNOPT_ASSIGN_OR_RETURN(const std::string bytes, Serialized(model));
    return GivenModel{std::move(file), FactsOf(bytes)};
  };
  CNNOPT_ASSIGN_OR_RETURN(Prepared prepared, Prepare(arguments, given));
  CNNOPT_ASSIGN_OR_RETURN(const Outcome outcome, RunPrepared(prepared, progress, log));
  CNNOPT_RETURN_IF_ERROR(WriteAccounts(outcome));
  Report report = ReportOf(outcome);
  if (outcome.report.verdict == Verdict::kSlimmed) {
    if (arguments.provenance) AddProvenance(outcome.context, prepared.file.proto);
    model.Swap(&prepared.file.proto);
  }
  return report;
}

}  // namespace

absl::StatusOr<SlimArguments> ArgumentsOf(const Options& options) {
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments arguments, From(Origin::kUsage, ArgumentsOf(EntriesOf(options))));
  for (const Array& array : options.arrays) {
    arguments.arrays.push_back({array.name, array.data_type, array.shape,
                                absl::string_view(static_cast<const char*>(array.data), array.bytes)});
  }
  return arguments;
}

absl::StatusOr<Report> RunFile(SlimArguments arguments, const std::string& in, const std::string& out,
                               const Progress& progress, const LogLine& log) {
  arguments.in = in;
  arguments.out = out;
  arguments.dry_run = out.empty();
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
  CNNOPT_ASSIGN_OR_RETURN(Prepared prepared, Prepare(arguments, [&] { return ReadGivenModel(arguments); }));
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, RunPrepared(prepared, progress, log));
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(StageOutput(outcome.arguments, outcome.report, prepared.file, files, outcome.context));
  CNNOPT_RETURN_IF_ERROR(StageAccounts(outcome.arguments, outcome.report, outcome.context, files));
  Report report = ReportOf(outcome);
  CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.Publish()));
  return report;
}

absl::StatusOr<Report> RunBytes(const SlimArguments& arguments, absl::string_view model, std::string& slim,
                                const Progress& progress, const LogLine& log) {
  CNNOPT_RETURN_IF_ERROR(CheckInMemory(arguments));
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
  const auto given = [&]() -> absl::StatusOr<GivenModel> {
    CNNOPT_ASSIGN_OR_RETURN(ModelFile file, From(Origin::kInput, ReadModelBytes(model, arguments.limits)));
    return GivenModel{std::move(file), FactsOf(model)};
  };
  CNNOPT_ASSIGN_OR_RETURN(Prepared prepared, Prepare(arguments, given));
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, RunPrepared(prepared, progress, log));
  std::string result(model);
  if (outcome.report.verdict == Verdict::kSlimmed) {
    if (arguments.provenance) AddProvenance(outcome.context, prepared.file.proto);
    CNNOPT_ASSIGN_OR_RETURN(result, Serialized(prepared.file.proto));
  }
  if (outcome.report.verdict != Verdict::kRefused) outcome.context.out_facts = FactsOf(result);
  Report report = ReportOf(outcome);
  CNNOPT_RETURN_IF_ERROR(WriteAccounts(outcome));
  slim = std::move(result);
  return report;
}

absl::StatusOr<Report> SlimFile(const std::string& in, const std::string& out, const Options& options,
                                const Progress& progress) {
  return Guarded([&]() -> absl::StatusOr<Report> {
    CNNOPT_ASSIGN_OR_RETURN(SlimArguments arguments, ArgumentsOf(options));
    return RunFile(std::move(arguments), in, out, progress, options.log);
  });
}

absl::StatusOr<Report> SlimBytes(absl::string_view model, std::string& slim, const Options& options,
                                 const Progress& progress) {
  return Guarded([&]() -> absl::StatusOr<Report> {
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments arguments, ArgumentsOf(options));
    return RunBytes(arguments, model, slim, progress, options.log);
  });
}

absl::StatusOr<Report> Slim(onnx::ModelProto& model, const Options& options, const Progress& progress) {
  return Guarded([&]() -> absl::StatusOr<Report> {
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments arguments, ArgumentsOf(options));
    return RunModel(arguments, model, progress, options.log);
  });
}

int ExitCodeOf(const absl::StatusOr<Report>& result) {
  if (result.ok()) return result->verdict == Report::Verdict::kRefused ? kExitVerification : kExitDone;
  return ExitCodeOf(result.status());
}

int ExitCodeOf(const absl::Status& error) {
  return absl::IsCancelled(error) ? kExitInterrupted : StatusToExitCode(error);
}

}  // namespace cnnopt
