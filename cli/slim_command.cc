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
#include "job/calibration.h"
#include "job/input_shapes.h"
#include "job/output_files.h"
#include "job/path_checks.h"
#include "job/plan_file.h"
#include "job/score.h"
#include "job/sweep.h"
#include "onnx_io/checksum.h"
#include "onnx_io/file_io.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "passes/catalog.h"
#include "passes/selection.h"
#include "report/display.h"
#include "report/report.h"
#include "runtime/labels.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

constexpr int64_t kMostPlanBytes = 64'000'000;

using Runtime = std::shared_ptr<const OnnxRuntime>;

// Whether a model must be run. What a budget or a rank decides can be fitted to the weights alone, and exact passes
// need no fit; a bound, and the default is one, is on what the model computes. The answer depends on the flags only,
// never on what happens to be installed, so that the same command gives the same bytes everywhere.
bool MustRun(const SlimArguments& arguments) {
  const bool bounded = arguments.bounds.max_error.has_value() || arguments.bounds.min_agreement.has_value();
  if (arguments.verify != Verify::kOff || bounded || !arguments.calibration.empty()) {
    return true;
  }
  const absl::StatusOr<Selection> selection = SelectPasses(arguments.passes, arguments.cleanup);
  if (!selection.ok() || selection->forms.empty()) {
    return false;
  }
  return arguments.fit == Fit::kSamples || arguments.target_latency.has_value() ||
         !(HasBudget(arguments) || selection->forced_rank || !arguments.plan.empty() || !arguments.sweep.empty() ||
           !arguments.evaluate.empty());
}

absl::StatusOr<Runtime> OpenRuntime(const SlimArguments& arguments) {
  if (!MustRun(arguments)) {
    return Runtime();
  }
  absl::StatusOr<Runtime> runtime = OnnxRuntime::Open(arguments.ort);
  if (!runtime.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        runtime.status().message(), "; without one: --verify=off --fit=weights and a budget or --pass=FORM:rank=N"));
  }
  return runtime;
}

// All options but the samples.
absl::StatusOr<SlimOptions> MakeSlimOptions(const SlimArguments& arguments, const onnx::ModelProto& model,
                                            const std::optional<SampleFiles>& calibration, Runtime runtime) {
  SlimOptions options;
  static_cast<Goal&>(options) = arguments;
  options.passes = arguments.passes;
  options.cleanup = arguments.cleanup;
  options.rules = arguments.rules;
  options.synthetic_samples = arguments.samples.value_or(kDefaultSyntheticSamples);
  options.seed = arguments.seed;
  options.fit = arguments.fit;
  options.threads = arguments.threads;
  options.max_memory = arguments.max_memory;
  options.verify = arguments.verify;
  options.measure_latency = arguments.latency;
  options.latency_threads = std::max(arguments.threads, 1);
  options.assume_constant = arguments.assume_constant;
  options.runtime = std::move(runtime);
  CNNOPT_ASSIGN_OR_RETURN(options.input_shapes,
                          From(Origin::kUsage, NamedShapes(arguments.input_shapes, model.graph())));
  const auto shapes = CompleteShapes(calibration, model, options.input_shapes);
  if (shapes.ok()) {
    options.input_shapes = *shapes;
  } else if (options.runtime != nullptr || options.target_macs.has_value() || !options.input_shapes.empty()) {
    return shapes.status();  // else nothing is run and no cost matters
  }
  return options;
}

// The samples of `calibration` in `options`, and their digest in `context`; the score of those that are left over, if
// there are labels.
absl::StatusOr<Score> ReadCalibration(const SlimArguments& arguments, const onnx::ModelProto& model,
                                      const SampleFiles& calibration, const std::vector<int64_t>& labels,
                                      SlimOptions& options, ReportContext& context) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(model, options.input_shapes));
  const int64_t limit = arguments.samples.value_or(kDefaultCalibrationSamples);
  CNNOPT_ASSIGN_OR_RETURN(SampleSet set, calibration.Read(inputs, limit));
  CNNOPT_ASSIGN_OR_RETURN(context.calibration_sha256, ContentSha256(set.files));
  Score score;
  if (!arguments.labels.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(score, LabelScore(arguments, labels, calibration, inputs, set, options.runtime));
  }
  options.samples = std::move(set.samples);
  return score;
}

// The layers and bounds of --plan in `options`. A plan as it was written, applied to the same model under the same
// settings, gives what it came from: then that is how OUT came to be.
absl::Status ApplyPlan(const SlimArguments& arguments, SlimOptions& options, ReportContext& context) {
  if (arguments.plan.empty()) return absl::OkStatus();
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, From(Origin::kInput, ReadFile(arguments.plan, kMostPlanBytes)));
  absl::StatusOr<PlanFile> plan = ParsePlan(text);
  if (!plan.ok()) {
    return From(Origin::kInput, absl::Status(plan.status().code(),
                                             absl::StrCat("plan '", arguments.plan, "': ", plan.status().message())));
  }
  const std::vector<std::string> settings = PlanSettings(arguments, context);
  const bool bounded = options.bounds.max_error.has_value() || options.bounds.min_agreement.has_value();
  if (!plan->edited && !bounded && plan->settings == settings && plan->input_sha256 == context.in_facts.sha256) {
    context.options = plan->options;
  } else {
    context.options.push_back(absl::StrCat("--plan=sha256:", Sha256Hex(text)));
  }
  if (!bounded) options.bounds = plan->bounds;
  options.rules.layers = std::move(plan->layers);
  options.rules.others_are_kept = true;
  return absl::OkStatus();
}

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
  Progress progress() {
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

// What a job starts with.
struct Setup {
  const SlimArguments& arguments;
  const Console& console;
  Log& log;
  ModelFile file;
  SlimOptions options;
  ReportContext context;
  Score score;  // null: there is none
};

// OUT, the plan and the reports, all or none of them, and the screen.
absl::StatusOr<ExitCode> Finish(Setup& setup, const SlimArguments& arguments, const SlimReport& report,
                                ReportContext& context) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(StageOutput(arguments, report, setup.file, files, context));
  CNNOPT_RETURN_IF_ERROR(StageAccounts(arguments, report, context, files));
  CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.Publish()));
  LogResult(arguments, report, context, setup.log);
  return Print(arguments, report, context, setup.console);
}

absl::StatusOr<ExitCode> RunOnce(Setup& setup) {
  setup.options.file_bytes = [&](const onnx::ModelProto& model) {
    return OutputBytes(setup.arguments, setup.file, setup.context, model);
  };
  Watcher watcher(setup.arguments, setup.console, setup.log);
  CNNOPT_ASSIGN_OR_RETURN(const SlimReport report,
                          From(Origin::kSlim, Slim(setup.file.proto, setup.options, watcher.progress())));
  watcher.Stop();
  return Finish(setup, setup.arguments, report, setup.context);
}

absl::StatusOr<std::unique_ptr<SlimJob>> PrepareTrials(const Setup& setup, const Progress& progress) {
  SlimOptions options = setup.options;
  options.target_params = 1;  // trials set budgets of their own
  return From(Origin::kSlim, SlimJob::Prepare(setup.file.proto, options, progress));
}

void PrintSweep(const Setup& setup, const std::vector<SweepPoint>& sweep) {
  setup.log.Write(RenderSweep(sweep, 160, false));
  if (setup.arguments.quiet) return;
  setup.console.out << RenderSweep(sweep, setup.console.width, setup.console.color) << "\n";
  for (const SweepPoint& point : sweep) {
    if (point.reason.empty()) continue;
    setup.console.err << "cnnopt: warning: target " << point.target << ": " << ForScreen(point.reason) << "\n";
  }
}

// The slimmest model that keeps the score.
absl::StatusOr<ExitCode> RunSearch(Setup& setup) {
  const SlimArguments& arguments = setup.arguments;
  CNNOPT_ASSIGN_OR_RETURN(const double original, From(Origin::kUsage, setup.score(setup.file.proto)));
  setup.log.Write(absl::StrCat("score of the original: ", original));
  Watcher watcher(arguments, setup.console, setup.log);
  CNNOPT_ASSIGN_OR_RETURN(std::unique_ptr<SlimJob> job, PrepareTrials(setup, watcher.progress()));
  const Trials trials{arguments, setup.context, *job, setup.score,
                      [&](const std::string& line) { setup.log.Write(line); }};
  CNNOPT_ASSIGN_OR_RETURN(Outcome outcome,
                          FindSlimmest(trials, original, *arguments.max_drop, arguments.lower_is_better));
  watcher.Stop();
  PrintSweep(setup, outcome.report.sweep);
  job.reset();
  outcome.report.score = ScoreChange{original, outcome.score};
  if (outcome.report.verdict == Verdict::kSlimmed) setup.file.proto = std::move(outcome.model);
  return Finish(setup, outcome.arguments, outcome.report, outcome.context);
}

// A model for each budget of the sweep.
absl::StatusOr<ExitCode> RunSweep(Setup& setup) {
  const SlimArguments& arguments = setup.arguments;
  Watcher watcher(arguments, setup.console, setup.log);
  CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<SlimJob> job, PrepareTrials(setup, watcher.progress()));
  const Trials trials{arguments, setup.context, *job, setup.score,
                      [&](const std::string& line) { setup.log.Write(line); }};
  StagedFiles files;
  std::vector<Outcome> outcomes;
  std::vector<SweepPoint> sweep;
  for (const double target : arguments.sweep) {
    CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, Try(trials, target));
    outcome.context.out = outcome.arguments.out = PointPath(arguments.out, target);
    for (std::string& report : outcome.arguments.reports) report = PointPath(report, target);
    ModelFile file{outcome.report.verdict == Verdict::kSlimmed ? std::move(outcome.model) : setup.file.proto,
                   setup.file.path, setup.file.bytes, setup.file.had_external_data};
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
  PrintSweep(setup, sweep);
  const bool refused = std::all_of(outcomes.begin(), outcomes.end(),
                                   [](const Outcome& outcome) { return outcome.report.verdict == Verdict::kRefused; });
  return refused ? kExitVerification : kExitDone;
}

// With labels, no more than half of the samples are for anything but the score.
SlimArguments LimitSamples(SlimArguments arguments, const std::vector<int64_t>& labels) {
  if (arguments.labels.empty() || arguments.samples.has_value()) return arguments;
  const auto half = static_cast<int64_t>(labels.size() / 2);
  if (half < kDefaultCalibrationSamples) arguments.samples = std::max<int64_t>(half, 1);
  return arguments;
}

absl::StatusOr<ExitCode> RunLogged(const SlimArguments& given, const Console& console, Log& log) {
  std::vector<int64_t> labels;
  if (!given.labels.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(labels, From(Origin::kInput, ReadLabels(given.labels)));
  }
  const SlimArguments arguments = LimitSamples(given, labels);
  CNNOPT_ASSIGN_OR_RETURN(Runtime runtime, From(Origin::kUsage, OpenRuntime(arguments)));

  ReportContext context;
  context.version = CNNOPT_VERSION;
  context.in = arguments.in;
  context.out = arguments.out;
  context.calibration = CalibrationName(arguments);
  CNNOPT_ASSIGN_OR_RETURN(context.in_facts, From(Origin::kInput, DescribeFile(arguments.in)));
  CNNOPT_ASSIGN_OR_RETURN(ModelFile file, From(Origin::kInput, ReadModel(arguments.in, arguments.limits)));
  context.opset = OpsetVersion(file.proto);
  context.ir_version = file.proto.ir_version();
  CNNOPT_ASSIGN_OR_RETURN(const std::optional<SampleFiles> calibration, OpenCalibration(arguments, file.proto));
  CNNOPT_ASSIGN_OR_RETURN(SlimOptions options, MakeSlimOptions(arguments, file.proto, calibration, runtime));
  Score score;
  if (calibration.has_value()) {
    CNNOPT_ASSIGN_OR_RETURN(
        score, From(Origin::kInput, ReadCalibration(arguments, file.proto, *calibration, labels, options, context)));
  }
  if (!arguments.evaluate.empty()) score = CommandScore(arguments.evaluate, arguments.evaluate_seconds);
  context.options = CanonicalOptions(arguments, context.calibration_sha256);
  log.Write(absl::StrCat("options: ", absl::StrJoin(context.options, " ")));
  CNNOPT_RETURN_IF_ERROR(ApplyPlan(arguments, options, context));
  Setup setup{arguments, console, log, std::move(file), std::move(options), std::move(context), std::move(score)};
  if (!arguments.sweep.empty()) return RunSweep(setup);
  return setup.score ? RunSearch(setup) : RunOnce(setup);
}

}  // namespace

absl::StatusOr<ExitCode> RunSlim(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
  CNNOPT_ASSIGN_OR_RETURN(Log log, From(Origin::kOutput, Log::Open(arguments.log_file)));
  log.Write(absl::StrCat("cnnopt ", CNNOPT_VERSION, ": ", arguments.in, " -> ", arguments.out));
  const absl::StatusOr<ExitCode> code = RunLogged(arguments, console, log);
  log.Write(code.ok() ? absl::StrCat("exit code ", *code) : absl::StrCat("error: ", code.status().message()));
  return code;
}

}  // namespace cnnopt
