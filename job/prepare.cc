#include "job/prepare.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "job/calibration.h"
#include "job/cost_cache.h"
#include "job/exit_code.h"
#include "job/input_shapes.h"
#include "job/output_files.h"
#include "job/plan_file.h"
#include "job/version.h"
#include "onnx_io/checksum.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/status_macros.h"
#include "passes/selection.h"
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
  if (arguments.verify != Verify::kOff || bounded || HasCalibration(arguments)) {
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
  if (arguments.arrays.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(context.calibration_sha256, ContentSha256(set.files));
  } else {
    context.calibration_sha256 = ArraysSha256(arguments.arrays);
  }
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

// With labels, no more than half of the samples are for anything but the score.
SlimArguments LimitSamples(SlimArguments arguments, const std::vector<int64_t>& labels) {
  if (arguments.labels.empty() || arguments.samples.has_value()) return arguments;
  const auto half = static_cast<int64_t>(labels.size() / 2);
  if (half < kDefaultCalibrationSamples) arguments.samples = std::max<int64_t>(half, 1);
  return arguments;
}

}  // namespace

absl::StatusOr<GivenModel> ReadGivenModel(const SlimArguments& arguments) {
  GivenModel model;
  CNNOPT_ASSIGN_OR_RETURN(model.facts, From(Origin::kInput, DescribeFile(arguments.in)));
  CNNOPT_ASSIGN_OR_RETURN(model.file,
                          From(Origin::kInput, ReadModel(arguments.in, arguments.limits, {.leave_stored = true})));
  return model;
}

absl::StatusOr<Prepared> Prepare(const SlimArguments& given, const std::function<absl::StatusOr<GivenModel>()>& read) {
  std::vector<int64_t> labels;
  if (!given.labels.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(labels, From(Origin::kInput, ReadLabels(given.labels)));
  }
  Prepared job;
  job.arguments = LimitSamples(given, labels);
  const SlimArguments& arguments = job.arguments;
  CNNOPT_ASSIGN_OR_RETURN(Runtime runtime, From(Origin::kUsage, OpenRuntime(arguments)));
  CNNOPT_ASSIGN_OR_RETURN(GivenModel model, read());
  job.file = std::move(model.file);
  const onnx::ModelProto& proto = job.file.proto;

  ReportContext& context = job.context;
  context.version = kToolVersion;
  context.in = arguments.in;
  context.out = arguments.out;
  context.calibration = CalibrationName(arguments);
  context.in_facts = std::move(model.facts);
  context.opset = OpsetVersion(proto);
  context.ir_version = proto.ir_version();
  CNNOPT_ASSIGN_OR_RETURN(const std::optional<SampleFiles> calibration, OpenCalibration(arguments, proto));
  CNNOPT_ASSIGN_OR_RETURN(job.options, MakeSlimOptions(arguments, proto, calibration, runtime));
  if (!arguments.cost_cache.empty() && runtime != nullptr) {  // without one nothing can be timed, which is said later
    const std::string machine = TimingMachine(*runtime, job.options.latency_threads);
    CNNOPT_ASSIGN_OR_RETURN(TimeCache times, From(Origin::kInput, ReadCostCache(arguments.cost_cache, machine)));
    job.options.layer_times = std::make_shared<TimeCache>(std::move(times));
  }
  if (calibration.has_value()) {
    CNNOPT_ASSIGN_OR_RETURN(
        job.score, From(Origin::kInput, ReadCalibration(arguments, proto, *calibration, labels, job.options, context)));
  }
  if (!arguments.evaluate.empty()) job.score = CommandScore(arguments.evaluate, arguments.evaluate_seconds);
  context.options = CanonicalOptions(arguments, context.calibration_sha256);
  CNNOPT_RETURN_IF_ERROR(ApplyPlan(arguments, job.options, context));
  return job;
}

}  // namespace cnnopt
