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
#include "cli/calibration.h"
#include "cli/display.h"
#include "cli/input_shapes.h"
#include "cli/path_checks.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/table.h"
#include "onnx_io/checksum.h"
#include "onnx_io/file_io.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "passes/selection.h"

namespace cnnopt {
namespace {

using Runtime = std::shared_ptr<const OnnxRuntime>;

// Options with the budgets and bounds filled in.
SlimOptions Budgets(const SlimArguments& arguments) {
  SlimOptions options;
  options.target_macs = arguments.target_macs;
  options.target_params = arguments.target_params;
  options.target_size = arguments.target_size;
  options.target_latency = arguments.target_latency;
  options.bounds = arguments.bounds;
  return options;
}

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
         !(HasBudget(Budgets(arguments)) || selection->forced_rank);
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
  SlimOptions options = Budgets(arguments);
  options.passes = arguments.passes;
  options.cleanup = arguments.cleanup;
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

// The samples of `calibration` in `options`, and their digest in `context`.
absl::Status ReadCalibration(const SlimArguments& arguments, const onnx::ModelProto& model,
                             const SampleFiles& calibration, SlimOptions& options, ReportContext& context) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(model, options.input_shapes));
  const int64_t limit = arguments.samples.value_or(kDefaultCalibrationSamples);
  CNNOPT_ASSIGN_OR_RETURN(SampleSet set, calibration.Read(inputs, limit));
  options.samples = std::move(set.samples);
  CNNOPT_ASSIGN_OR_RETURN(context.calibration_sha256, ContentSha256(set.files));
  return absl::OkStatus();
}

absl::StatusOr<SlimReport> SlimWithProgress(onnx::ModelProto& model, const SlimOptions& options, bool quiet,
                                            const Console& console) {
  if (quiet || console.progress_width == 0) {
    return Slim(model, options);
  }
  ProgressBar bar(console.err, console.progress_width);
  return Slim(model, options,
              [&](const std::string& stage, int64_t done, int64_t total) { bar.Show(stage, done, total); });
}

absl::StatusOr<FileFacts> DescribeFile(const std::string& path) {
  FileFacts facts;
  CNNOPT_ASSIGN_OR_RETURN(facts.sha256, FileSha256(path));
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  facts.bytes = file.size();
  return facts;
}

absl::StatusOr<std::string> ReadBytes(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  CNNOPT_RETURN_IF_ERROR(file.ReadAllAt(0, bytes.data(), bytes.size()));
  return bytes;
}

// Records how the model came to be, in place of what an earlier run recorded. Nothing here differs between two runs
// of the same command on the same input.
void AddProvenance(const ReportContext& context, onnx::ModelProto& model) {
  const std::vector<std::pair<std::string, std::string>> entries = {
      {"cnnopt.version", context.version},
      {"cnnopt.options", absl::StrJoin(context.options, " ")},
      {"cnnopt.input_sha256", context.in_facts.sha256},
  };
  for (const auto& [key, value] : entries) {
    auto& properties = *model.mutable_metadata_props();
    const auto same = std::find_if(properties.begin(), properties.end(),
                                   [&wanted = key](const auto& property) { return property.key() == wanted; });
    onnx::StringStringEntryProto& entry = same == properties.end() ? *properties.Add() : *same;
    entry.set_key(key);
    entry.set_value(value);
  }
}

WriteOptions MakeWriteOptions(const SlimArguments& arguments, const ModelFile& file) {
  WriteOptions options;
  if (file.had_external_data || arguments.external_threshold.has_value()) {
    options.external_threshold = arguments.external_threshold.value_or(kDefaultExternalThreshold);
  }
  return options;
}

// Bytes of OUT and its data file when `model` is written as the flags say.
absl::StatusOr<int64_t> OutputBytes(const SlimArguments& arguments, const ModelFile& file, const ReportContext& context,
                                    onnx::ModelProto model) {
  if (arguments.provenance) {
    AddProvenance(context, model);
  }
  return WrittenBytes(model, arguments.out.empty() ? "out.onnx" : arguments.out, MakeWriteOptions(arguments, file));
}

// Stages the input's own bytes, or the same model when its payloads have to move; the path where they stand now.
absl::StatusOr<std::string> StageUnchanged(const SlimArguments& arguments, ModelFile& file, const WriteOptions& options,
                                           StagedFiles& files) {
  if (SameFile(arguments.in, arguments.out) && !arguments.external_threshold.has_value()) {
    return arguments.out;
  }
  if (file.had_external_data || arguments.external_threshold.has_value()) {
    return From(Origin::kOutput, files.StageModel(file.proto, arguments.out, options));
  }
  file.proto.Clear();  // its memory is better used for the bytes
  CNNOPT_ASSIGN_OR_RETURN(const std::string bytes, From(Origin::kInput, ReadBytes(arguments.in)));
  return From(Origin::kOutput, files.StageBytes(bytes, arguments.out));
}

// Stages OUT as the verdict and the flags ask for, and notes in `context` what will stand there.
absl::Status StageOutput(const SlimArguments& arguments, const SlimReport& report, ModelFile& file, StagedFiles& files,
                         ReportContext& context) {
  const bool unchanged = report.verdict == Verdict::kUnchanged;
  if (arguments.dry_run || report.verdict == Verdict::kRefused || (unchanged && arguments.fail_if_unchanged)) {
    return absl::OkStatus();
  }
  const WriteOptions options = MakeWriteOptions(arguments, file);
  std::string staged;
  if (unchanged) {
    CNNOPT_ASSIGN_OR_RETURN(staged, StageUnchanged(arguments, file, options, files));
  } else {
    if (arguments.provenance) {
      AddProvenance(context, file.proto);
    }
    CNNOPT_ASSIGN_OR_RETURN(staged, From(Origin::kOutput, files.StageModel(file.proto, arguments.out, options)));
  }
  CNNOPT_ASSIGN_OR_RETURN(context.out_facts, From(Origin::kOutput, DescribeFile(staged)));
  return absl::OkStatus();
}

// OUT and the reports, all or none of them.
absl::Status WriteOutputs(const SlimArguments& arguments, const SlimReport& report, ModelFile& file,
                          ReportContext& context) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(StageOutput(arguments, report, file, files, context));
  for (const std::string& path : arguments.reports) {
    const std::string bytes = RenderReport(path, report, context);
    CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.StageBytes(bytes, path)).status());
  }
  return From(Origin::kOutput, files.Publish());
}

std::string Title(const SlimArguments& arguments, const ReportContext& context) {
  if (context.out_facts.has_value()) {
    return absl::StrCat(arguments.in, " -> ", arguments.out);
  }
  return absl::StrCat(arguments.in, " -> ", arguments.dry_run ? "nothing written (dry run)" : "nothing written");
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
    TableOptions table;
    table.width = console.width;
    table.color = console.color;
    table.verbose = arguments.verbose;
    table.title = Title(arguments, context);
    table.samples = context.calibration;
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

}  // namespace

absl::StatusOr<ExitCode> RunSlim(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(CheckPaths(arguments));
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
  CNNOPT_ASSIGN_OR_RETURN(SlimOptions options, MakeSlimOptions(arguments, file.proto, calibration, std::move(runtime)));
  if (calibration.has_value()) {
    CNNOPT_RETURN_IF_ERROR(
        From(Origin::kInput, ReadCalibration(arguments, file.proto, *calibration, options, context)));
  }
  context.options = CanonicalOptions(arguments, context.calibration_sha256);
  options.file_bytes = [&](const onnx::ModelProto& model) { return OutputBytes(arguments, file, context, model); };

  CNNOPT_ASSIGN_OR_RETURN(const SlimReport report,
                          From(Origin::kSlim, SlimWithProgress(file.proto, options, arguments.quiet, console)));

  CNNOPT_RETURN_IF_ERROR(WriteOutputs(arguments, report, file, context));
  return Print(arguments, report, context, console);
}

}  // namespace cnnopt
