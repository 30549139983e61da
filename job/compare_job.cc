#include "job/compare_job.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "job/calibration.h"
#include "job/exit_code.h"
#include "job/image_flags.h"
#include "job/input_shapes.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

absl::StatusOr<std::vector<Sample>> ReadSamples(const SlimArguments& arguments, const onnx::ModelProto& model,
                                                const std::optional<SampleFiles>& calibration,
                                                const std::map<std::string, Shape>& shapes) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(model, shapes));
  if (!calibration.has_value()) {
    return SyntheticSamples(inputs, arguments.samples.value_or(kDefaultSyntheticSamples), arguments.seed);
  }
  CNNOPT_ASSIGN_OR_RETURN(SampleSet set,
                          calibration->Read(inputs, arguments.samples.value_or(kDefaultCalibrationSamples)));
  return std::move(set.samples);
}

// The outputs of B in the order of A's names. Where the names differ, place by place, if there are as many.
absl::StatusOr<Outputs> InOrderOf(const std::vector<std::string>& a_names, const std::vector<std::string>& b_names,
                                  const Outputs& outputs) {
  std::vector<size_t> places;
  for (const std::string& name : a_names) {
    const auto found = std::find(b_names.begin(), b_names.end(), name);
    if (found != b_names.end()) places.push_back(static_cast<size_t>(found - b_names.begin()));
  }
  if (places.size() == a_names.size()) {
    Outputs ordered;
    for (const std::vector<Tensor>& sample : outputs) {
      std::vector<Tensor>& tensors = ordered.emplace_back();
      for (const size_t place : places) tensors.push_back(sample[place]);
    }
    return ordered;
  }
  if (a_names.size() == b_names.size()) return outputs;
  return absl::InvalidArgumentError(absl::StrCat("A has the outputs ", absl::StrJoin(a_names, ", "), ", B has ",
                                                 absl::StrJoin(b_names, ", "), ": expected the same ones"));
}

absl::Status CheckInputs(const Session& a, const Session& b) {
  if (a.input_names() == b.input_names()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("A has the inputs ", absl::StrJoin(a.input_names(), ", "), ", B has ",
                                                 absl::StrJoin(b.input_names(), ", "), ": expected the same ones"));
}

absl::StatusOr<ModelFacts> FactsOf(const onnx::ModelProto& model, const std::map<std::string, Shape>& shapes) {
  InspectOptions options;
  options.input_shapes = shapes;
  options.factorise = false;
  return Inspect(model, options);
}

// Runs both models on `samples`; then, one thread each, in alternation on the first one.
absl::Status RunBoth(const SlimArguments& arguments, const std::shared_ptr<const OnnxRuntime>& runtime,
                     const onnx::ModelProto& a, const onnx::ModelProto& b, const std::vector<Sample>& samples,
                     ComparedModels& models) {
  SessionOptions options;
  options.threads = arguments.threads > 0 ? arguments.threads : AvailableThreads();
  CNNOPT_ASSIGN_OR_RETURN(const Session a_session, Session::Create(runtime, a, options));
  CNNOPT_ASSIGN_OR_RETURN(const Session b_session, Session::Create(runtime, b, options));
  CNNOPT_RETURN_IF_ERROR(CheckInputs(a_session, b_session));
  CNNOPT_ASSIGN_OR_RETURN(const Outputs a_outputs, RunAll(a_session, samples));
  CNNOPT_ASSIGN_OR_RETURN(Outputs b_outputs, RunAll(b_session, samples));
  const std::vector<std::string>& names = a_session.output_names();
  CNNOPT_ASSIGN_OR_RETURN(b_outputs, InOrderOf(names, b_session.output_names(), b_outputs));
  CNNOPT_ASSIGN_OR_RETURN(models.comparison, Compare(names, a_outputs, b_outputs));
  CNNOPT_ASSIGN_OR_RETURN(models.deviations, Deviations(names, a_outputs, b_outputs));
  if (!arguments.latency) return absl::OkStatus();
  CNNOPT_ASSIGN_OR_RETURN(const Session a_alone, Session::Create(runtime, a));
  CNNOPT_ASSIGN_OR_RETURN(const Session b_alone, Session::Create(runtime, b));
  CNNOPT_ASSIGN_OR_RETURN(models.latency, TimePairs(a_alone, b_alone, samples.front()));
  return absl::OkStatus();
}

// Which bound that was given does not hold, as one line; empty when all do.
std::string ObjectionTo(const SlimArguments& arguments, const ComparedModels& models) {
  const Comparison& comparison = models.comparison;
  const std::optional<double> max_error = arguments.bounds.max_error, least = arguments.bounds.min_agreement;
  if (max_error.has_value() && !(comparison.relative_error <= *max_error)) {
    return absl::StrFormat("relative output error is %.3g, the bound is %g", comparison.relative_error, *max_error);
  }
  if (least.has_value() && !(comparison.top1_agreement.value_or(0) >= *least)) {
    return comparison.top1_agreement.has_value()
               ? absl::StrFormat("top-1 agreement is %.4g, the bound is %g", *comparison.top1_agreement, *least)
               : std::string("no output has a top-1, --min-agreement expects one of floats [batch, classes]");
  }
  if (!arguments.tolerance.has_value()) return "";
  for (const OutputDeviation& output : models.deviations) {
    if (output.tolerance <= *arguments.tolerance) continue;
    return absl::StrCat("output '", output.name, "' needs a tolerance of ", absl::StrFormat("%.3g", output.tolerance),
                        ", given is ", absl::StrFormat("%g", *arguments.tolerance));
  }
  return "";
}

absl::Status CheckFlags(const SlimArguments& arguments) {
  const std::vector<std::string> images = ImageFlags(arguments.images);
  if (HasCalibration(arguments) || images.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(images[0], " is for images, which --calibration gives"));
}

}  // namespace

absl::StatusOr<ComparedModels> CompareModels(
    const SlimArguments& arguments, const std::string& a_name, const std::string& b_name,
    const std::function<absl::StatusOr<std::pair<ModelFile, ModelFile>>()>& read) {
  CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckFlags(arguments)));
  CNNOPT_ASSIGN_OR_RETURN(const std::shared_ptr<const OnnxRuntime> runtime,
                          From(Origin::kUsage, OnnxRuntime::Open(arguments.ort)));
  ComparedModels models;
  models.a = a_name;
  models.b = b_name;
  auto both = From(Origin::kInput, read());
  if (!both.ok()) return both.status();
  const onnx::ModelProto &a = both->first.proto, &b = both->second.proto;
  CNNOPT_ASSIGN_OR_RETURN(const auto given, From(Origin::kUsage, NamedShapes(arguments.input_shapes, a.graph())));
  CNNOPT_ASSIGN_OR_RETURN(const std::optional<SampleFiles> calibration, OpenCalibration(arguments, a));
  CNNOPT_ASSIGN_OR_RETURN(const auto shapes, CompleteShapes(calibration, a, given));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<Sample> samples,
                          From(Origin::kInput, ReadSamples(arguments, a, calibration, shapes)));
  models.synthetic = !calibration.has_value();
  CNNOPT_RETURN_IF_ERROR(From(Origin::kSlim, RunBoth(arguments, runtime, a, b, samples, models)));
  CNNOPT_ASSIGN_OR_RETURN(models.a_facts, From(Origin::kUsage, FactsOf(a, shapes)));
  CNNOPT_ASSIGN_OR_RETURN(models.b_facts, From(Origin::kUsage, FactsOf(b, shapes)));
  models.objection = ObjectionTo(arguments, models);
  return models;
}

}  // namespace cnnopt
