#include "cli/slim_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/log.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "job/output_files.h"
#include "job/path_checks.h"
#include "job/prepare.h"
#include "job/run.h"
#include "job/sweep.h"
#include "job/version.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {
namespace {

std::string Title(const SlimArguments& arguments, const ReportContext& context) {
  if (context.out_facts.has_value()) {
    return absl::StrCat(arguments.in, " -> ", arguments.out);
  }
  return absl::StrCat(arguments.in, " -> ", arguments.dry_run ? "nothing written (dry run)" : "nothing written");
}

TableOptions TableOf(const SlimArguments& arguments, const ReportContext& context) {
  TableOptions table;
  table.title = Title(arguments, context);
  table.samples = context.calibration;
  return table;
}

// The last part of -v, for a log file.
void LogResult(const SlimArguments& arguments, const SlimReport& report, const ReportContext& context, Log& log) {
  TableOptions table = TableOf(arguments, context);
  table.verbose = true;
  log.Write(RenderTable(report, table));
  for (const std::string& warning : report.warnings) log.Write(absl::StrCat("warning: ", warning));
  if (report.verdict == Verdict::kRefused) log.Write(absl::StrCat("nothing written: ", report.reason));
}

// Where the time went: "cnnopt: seconds: clean up 0.1, factorise 12.4".
std::string StagesLine(const std::vector<StageTime>& stages) {
  std::vector<std::string> parts;
  for (const StageTime& stage : stages) parts.push_back(absl::StrFormat("%s %.1f", stage.stage, stage.seconds));
  return absl::StrCat("cnnopt: seconds: ", absl::StrJoin(parts, ", "), "\n");
}

ExitCode Print(const SlimArguments& arguments, const SlimReport& report, const ReportContext& context,
               const Console& console) {
  const bool failed_unchanged = report.verdict == Verdict::kUnchanged && arguments.fail_if_unchanged;
  if (!arguments.quiet) {
    TableOptions table = TableOf(arguments, context);
    table.width = console.width;
    table.color = console.color;
    table.verbose = arguments.verbose;
    console.out << RenderTable(report, table);
    if (arguments.verbose) console.err << StagesLine(report.stages);
    for (const std::string& warning : report.warnings) {
      console.err << "cnnopt: warning: " << ForScreen(warning) << "\n";
    }
  }
  if (report.verdict == Verdict::kRefused) {
    console.err << "cnnopt: nothing written: " << ForScreen(report.reason) << "\n";
    return kExitVerification;
  }
  if (failed_unchanged) {
    console.err << "cnnopt: nothing written, nothing to gain: " << ForScreen(report.reason) << "\n";
    return kExitUnchanged;
  }
  return kExitDone;
}

// A progress bar on a terminal, and a line in the log for every stage.
class Watcher {
 public:
  Watcher(const SlimArguments& arguments, const Console& console, Log& log) : log_(log) {
    if (!arguments.quiet && console.progress_width > 0) bar_.emplace(console.err, console.progress_width);
  }
  ProgressSink progress() {
    return [this](const std::string& stage, int64_t done, int64_t total) {
      log_.EnterStage(stage);
      if (bar_.has_value()) bar_->Show(stage, done, total);
    };
  }
  // Wipes the bar.
  void Stop() { bar_.reset(); }

 private:
  Log& log_;
  std::optional<ProgressBar> bar_;
};

// OUT, the plan and the reports, all or none of them, and the screen.
absl::StatusOr<ExitCode> Finish(ModelFile& file, Outcome& outcome, const Console& console, Log& log) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(StageOutput(outcome.arguments, outcome.report, file, files, outcome.context));
  CNNOPT_RETURN_IF_ERROR(StageAccounts(outcome.arguments, outcome.report, outcome.context, files));
  CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.Publish()));
  LogResult(outcome.arguments, outcome.report, outcome.context, log);
  return Print(outcome.arguments, outcome.report, outcome.context, console);
}

void PrintSweep(const SlimArguments& arguments, const std::vector<SweepPoint>& sweep, const Console& console,
                Log& log) {
  log.Write(RenderSweep(sweep, 160, false));
  if (arguments.quiet) return;
  console.out << RenderSweep(sweep, console.width, console.color) << "\n";
  for (const SweepPoint& point : sweep) {
    if (point.reason.empty()) continue;
    console.err << "cnnopt: warning: target " << point.target << ": " << ForScreen(point.reason) << "\n";
  }
}

// A model for each budget of the sweep.
absl::StatusOr<ExitCode> RunSweep(Prepared& prepared, const Console& console, Log& log) {
  const SlimArguments& arguments = prepared.arguments;
  Watcher watcher(arguments, console, log);
  CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<SlimJob> job, PrepareTrials(prepared, watcher.progress()));
  const Trials trials{arguments, prepared.context, *job, prepared.score,
                      [&](const std::string& line) { log.Write(line); }};
  StagedFiles files;
  std::vector<Outcome> outcomes;
  std::vector<SweepPoint> sweep;
  for (const double target : arguments.sweep) {
    CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, Try(trials, target));
    outcome.context.out = outcome.arguments.out = PointPath(arguments.out, target);
    for (std::string& report : outcome.arguments.reports) report = PointPath(report, target);
    ModelFile file{outcome.report.verdict == Verdict::kSlimmed ? std::move(outcome.model) : prepared.file.proto,
                   prepared.file.path, prepared.file.bytes, prepared.file.had_external_data};
    CNNOPT_RETURN_IF_ERROR(StageOutput(outcome.arguments, outcome.report, file, files, outcome.context));
    outcome.model.Clear();
    sweep.push_back(PointOf(outcome, target));
    outcomes.push_back(std::move(outcome));
  }
  for (Outcome& outcome : outcomes) {
    outcome.report.sweep = sweep;
    CNNOPT_RETURN_IF_ERROR(StageAccounts(outcome.arguments, outcome.report, outcome.context, files));
  }
  CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.Publish()));
  watcher.Stop();
  PrintSweep(arguments, sweep, console, log);
  const bool refused = std::all_of(outcomes.begin(), outcomes.end(),
                                   [](const Outcome& outcome) { return outcome.report.verdict == Verdict::kRefused; });
  return refused ? kExitVerification : kExitDone;
}

absl::StatusOr<ExitCode> RunLogged(const SlimArguments& arguments, const Console& console, Log& log) {
  CNNOPT_ASSIGN_OR_RETURN(Prepared job, Prepare(arguments, [&] { return ReadGivenModel(arguments); }));
  log.Write(absl::StrCat("options: ", absl::StrJoin(job.context.options, " ")));
  if (!job.arguments.sweep.empty()) return RunSweep(job, console, log);
  Watcher watcher(job.arguments, console, log);
  const Listener listener{watcher.progress(), [&](const std::string& line) { log.Write(line); }};
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, RunJob(job, listener));
  watcher.Stop();
  if (!outcome.report.sweep.empty()) PrintSweep(job.arguments, outcome.report.sweep, console, log);
  return Finish(job.file, outcome, console, log);
}

}  // namespace

absl::StatusOr<ExitCode> RunSlim(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
  CNNOPT_ASSIGN_OR_RETURN(Log log, From(Origin::kOutput, Log::Open(arguments.log_file)));
  log.Write(absl::StrCat("cnnopt ", kToolVersion, ": ", arguments.in, " -> ", arguments.out));
  const absl::StatusOr<ExitCode> code = RunLogged(arguments, console, log);
  log.Write(code.ok() ? absl::StrCat("exit code ", *code) : absl::StrCat("error: ", code.status().message()));
  return code;
}

}  // namespace cnnopt
