#include "tests/fuzz/properties.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/model_file.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/text.h"
#include "onnx_io/validate.h"
#include "passes/form.h"
#include "passes/slim.h"
#include "tests/fuzz/hostile_edits.h"
#include "tests/fuzz/wrap.h"
#include "tests/testing/model.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt::testing {
namespace {

absl::Status Broken(absl::string_view promise, const onnx::ModelProto& model) {
  onnx::ModelProto outline = model;
  for (onnx::TensorProto& tensor : *outline.mutable_graph()->mutable_initializer()) {
    if (StoredBytes(tensor) > 64) tensor.clear_raw_data(), tensor.clear_float_data(), tensor.clear_int32_data();
  }
  return absl::InternalError(absl::StrCat(promise, "\n", outline.DebugString().substr(0, 20'000)));
}

absl::Status CheckValid(const onnx::ModelProto& model, absl::string_view what) {
  for (const absl::Status& status : {ValidateModel(model), CheckWithOnnx(model)}) {
    if (!status.ok()) return Broken(absl::StrCat(what, " is invalid: ", status.ToString()), model);
  }
  return absl::OkStatus();
}

// The names of the inputs a caller must feed and of the outputs.
std::vector<std::string> Interface(const onnx::GraphProto& graph) {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    const bool is_weight = std::any_of(graph.initializer().begin(), graph.initializer().end(),
                                       [&](const onnx::TensorProto& tensor) { return tensor.name() == input.name(); });
    if (!is_weight) names.push_back(absl::StrCat("in ", input.name()));
  }
  for (const onnx::ValueInfoProto& output : graph.output()) names.push_back(absl::StrCat("out ", output.name()));
  return names;
}

std::vector<std::string> OutputNames(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& output : model.graph().output()) names.push_back(output.name());
  return names;
}

absl::StatusOr<Sample> NormalSample(const onnx::ModelProto& model) {
  CNNOPT_ASSIGN_OR_RETURN(const auto shapes, InputShapes(model, {}));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(model, shapes));
  std::mt19937 random(7);
  Sample sample;
  for (const InputInfo& input : inputs) {
    std::vector<double> values(static_cast<size_t>(ElementCount(input.shape)));
    for (double& value : values) value = std::normal_distribution<double>()(random);
    CNNOPT_ASSIGN_OR_RETURN(sample[input.name], FromDoubles(values, input.shape, input.data_type));
  }
  return sample;
}

absl::StatusOr<std::vector<Tensor>> Run(const onnx::ModelProto& model, const Sample& sample) {
  SessionOptions options;
  options.optimize = false;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(TestRuntime(), model, options));
  return session.Run(sample);
}

// A network of `choices`, a sample and what the network makes of it.
struct Subject {
  onnx::ModelProto model;
  WeightKind kind = WeightKind::kAny;
  bool half = false;
  Sample sample;
  std::vector<Tensor> outputs;

  // Rounding of a few layers.
  double Tolerance() const { return half ? 0.05 : 1e-4; }
};

absl::StatusOr<Subject> MakeSubject(Choices& choices) {
  Subject subject;
  subject.kind = choices.Of<WeightKind>({WeightKind::kAny, WeightKind::kSeparable, WeightKind::kLowRank});
  subject.half = choices.Below(6) == 1;
  subject.model =
      RandomNetwork(choices, subject.kind, subject.half ? onnx::TensorProto::FLOAT16 : onnx::TensorProto::FLOAT);
  for (int64_t wraps = choices.OneIn(3) ? 1 + choices.Below(4) : 0; wraps > 0; --wraps)
    WrapNode(subject.model, choices);
  CNNOPT_RETURN_IF_ERROR(CheckValid(subject.model, "the random network"));
  CNNOPT_ASSIGN_OR_RETURN(subject.sample, NormalSample(subject.model));
  absl::StatusOr<std::vector<Tensor>> outputs = Run(subject.model, subject.sample);
  if (!outputs.ok()) return Broken(absl::StrCat("does not run: ", outputs.status().ToString()), subject.model);
  subject.outputs = *std::move(outputs);
  return subject;
}

absl::StatusOr<double> ErrorOf(const Subject& subject, const onnx::ModelProto& slim) {
  const absl::StatusOr<std::vector<Tensor>> outputs = Run(slim, subject.sample);
  if (!outputs.ok()) return Broken(absl::StrCat("the result does not run: ", outputs.status().ToString()), slim);
  CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison,
                          Compare(OutputNames(subject.model), {subject.outputs}, {*outputs}));
  return comparison.relative_error;
}

SlimOptions OptionsFor(const Subject& subject) {
  SlimOptions options;
  options.samples = {subject.sample};
  for (const auto& [name, value] : subject.sample) options.input_shapes[name] = value.shape;
  options.fit = Fit::kWeights;
  options.verify = Verify::kOff;
  options.measure_latency = false;
  options.threads = 1;
  // Constants are listed among the inputs only where the format demands it.
  options.assume_constant = subject.model.ir_version() < 4;
  return options;
}

// Runs a job and checks what holds whatever the options. Gives the report, and the model in `slim`.
absl::StatusOr<SlimReport> CheckedSlim(const Subject& subject, const SlimOptions& options, onnx::ModelProto& slim) {
  slim = subject.model;
  const absl::StatusOr<SlimReport> report = Slim(slim, options);
  if (!report.ok()) return Broken(absl::StrCat("not slimmed: ", report.status().ToString()), subject.model);
  CNNOPT_RETURN_IF_ERROR(CheckValid(slim, "the result"));
  if (Interface(slim.graph()) != Interface(subject.model.graph())) {
    return Broken(absl::StrCat("inputs or outputs changed: ", absl::StrJoin(Interface(slim.graph()), ", ")), slim);
  }
  if (report->verdict != Verdict::kSlimmed && slim.SerializeAsString() != subject.model.SerializeAsString()) {
    return Broken("the model changed although the report says it did not", slim);
  }
  if (report->before.macs.has_value() && report->after.macs.value_or(0) > *report->before.macs) {
    return Broken(absl::StrCat("MACs rose from ", *report->before.macs, " to ", *report->after.macs), slim);
  }
  onnx::ModelProto again = subject.model;
  if (!Slim(again, options).ok() || again.SerializeAsString() != slim.SerializeAsString()) {
    return Broken("a second run gives other bytes", slim);
  }
  return *report;
}

absl::StatusOr<bool> CheckExact(const Subject& subject, const std::vector<PassChoice>& passes) {
  SlimOptions options = OptionsFor(subject);
  options.passes = passes;
  onnx::ModelProto slim;
  CNNOPT_ASSIGN_OR_RETURN(const SlimReport report, CheckedSlim(subject, options, slim));
  CNNOPT_ASSIGN_OR_RETURN(const double error, ErrorOf(subject, slim));
  bool all_exact = true;
  std::string layers;
  for (const LayerReport& layer : report.layers) {
    absl::StrAppend(&layers, ", ", layer.name, " ", layer.now, " ", layer.weight_error);
    const bool exact = layer.weight_error <= subject.Tolerance();
    // Pointwise first takes the place of depthwise first where that does not pay, and it is exact only where all
    // channels have the same taps up to a factor. Elsewhere it must say that it is not.
    if (!exact && !absl::StrContains(layer.now, "pw-dw")) {
      return Broken(absl::StrCat("an exact rewrite (", passes[0].name, ") says that it is not", layers), slim);
    }
    all_exact = all_exact && exact;
  }
  if (all_exact && error > subject.Tolerance()) {
    return Broken(absl::StrCat("an exact rewrite (", passes[0].name, ") has an error of ", error, layers), slim);
  }
  return report.verdict == Verdict::kSlimmed;
}

// A plan that is not exact has the error it is said to have.
absl::StatusOr<bool> CheckHonest(const Subject& subject, SlimOptions options) {
  options.runtime = TestRuntime();
  options.verify = Verify::kReport;
  onnx::ModelProto slim;
  CNNOPT_ASSIGN_OR_RETURN(const SlimReport report, CheckedSlim(subject, options, slim));
  if (report.verdict != Verdict::kSlimmed) return false;
  CNNOPT_ASSIGN_OR_RETURN(const double error, ErrorOf(subject, slim));
  const double said = report.comparison.has_value() ? report.comparison->relative_error : -1;
  if (std::isfinite(said) && std::abs(error - said) <= 0.02 * said + subject.Tolerance()) return true;
  return Broken(absl::StrCat("the error is ", error, ", the report says ", said), slim);
}

absl::StatusOr<bool> CheckAnyPlan(const Subject& subject, Choices& choices) {
  SlimOptions options = OptionsFor(subject);
  const Form* form = choices.Of<const Form*>(AllForms());
  switch (choices.Below(3)) {
    case 0:
      options.passes = {{std::string(form->name()), choices.Of<int64_t>({1, 2, 8, 16, 4})}};
      break;
    case 1:
      options.target_params = 0.7;
      options.bounds.max_error = 1;
      break;
    default:
      options.bounds.max_error = 0.3;
  }
  return CheckHonest(subject, options);
}

absl::Status CheckRoundTrip(onnx::ModelProto& model, const std::string& path) {
  CNNOPT_RETURN_IF_ERROR(WriteModel(model, path));
  const absl::StatusOr<ModelFile> again = ReadModel(path);
  if (!again.ok()) return Broken(absl::StrCat("what was written is refused: ", again.status().ToString()), model);
  return again->proto.SerializeAsString() == model.SerializeAsString()
             ? absl::OkStatus()
             : Broken("what was written and read again is not the same", model);
}

// An error that says that this program broke a rule of its own.
bool BlamesUs(const absl::Status& status) { return absl::IsInternal(status) || absl::IsUnknown(status); }

const TempFolder& Folder() {
  static const TempFolder& folder = *[] {
    auto* made = new TempFolder;
    made->Write(kDataName, std::string(kDataBytes, '\1'));
    return made;
  }();
  return folder;
}

}  // namespace

absl::StatusOr<int> CheckRandomNetwork(Choices choices) {
  CNNOPT_ASSIGN_OR_RETURN(const Subject subject, MakeSubject(choices));
  std::vector<std::vector<PassChoice>> exact = {
      {{"fold-constants", std::nullopt}, {"fold-batch-norm", std::nullopt}, {"fold-scale", std::nullopt}}};
  if (subject.kind == WeightKind::kSeparable) exact.push_back({{"dsc", 1}});
  if (subject.kind == WeightKind::kLowRank) exact.push_back({{"low-rank", 8}});
  int slimmed = 0;
  for (const std::vector<PassChoice>& passes : exact) {
    CNNOPT_ASSIGN_OR_RETURN(const bool changed, CheckExact(subject, passes));
    slimmed += changed;
  }
  CNNOPT_ASSIGN_OR_RETURN(const bool changed, CheckAnyPlan(subject, choices));
  return slimmed + changed;
}

absl::StatusOr<Outcome> CheckReading(const std::string& bytes) {
  absl::StatusOr<ModelFile> file = ReadModel(Folder().Write("fuzzed.onnx", bytes));
  if (!file.ok()) {
    return BlamesUs(file.status()) ? absl::StatusOr<Outcome>(file.status()) : Outcome::kRefused;
  }
  CNNOPT_RETURN_IF_ERROR(CheckRoundTrip(file->proto, Folder().Path("copy.onnx")));
  return Outcome::kUnchanged;
}

absl::StatusOr<Outcome> CheckWholeJob(const std::string& bytes, int64_t form) {
  absl::StatusOr<ModelFile> file = ReadModel(Folder().Write("fuzzed.onnx", bytes));
  if (!file.ok()) {
    return BlamesUs(file.status()) ? absl::StatusOr<Outcome>(file.status()) : Outcome::kRefused;
  }
  SlimOptions options;
  const auto which = static_cast<size_t>(form) % AllForms().size();
  static const std::vector<int64_t> ranks = {1, 8, 2, 16};
  options.passes = {{std::string(AllForms()[which]->name()), ranks[static_cast<size_t>(form / 8) % ranks.size()]}};
  options.fit = Fit::kWeights;
  options.verify = Verify::kOff;
  options.measure_latency = false;
  options.threads = 1;
  options.assume_constant = form >= 128;
  onnx::ModelProto slim = file->proto;
  const absl::StatusOr<SlimReport> report = Slim(slim, options);
  if (!report.ok()) {
    if (BlamesUs(report.status())) return Broken(report.status().ToString(), file->proto);
    return Outcome::kRefused;
  }
  if (Interface(slim.graph()) != Interface(file->proto.graph())) return Broken("inputs or outputs changed", slim);
  CNNOPT_RETURN_IF_ERROR(CheckValid(slim, "the result"));
  CNNOPT_RETURN_IF_ERROR(CheckRoundTrip(slim, Folder().Path("slim.onnx")));
  return report->verdict == Verdict::kSlimmed ? Outcome::kSlimmed : Outcome::kUnchanged;
}

}  // namespace cnnopt::testing
