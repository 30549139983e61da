#include "cli/compare_command.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "job/calibration.h"
#include "job/image_flags.h"
#include "job/input_shapes.h"
#include "onnx_io/model_file.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "passes/parallel.h"
#include "report/columns.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

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

std::string Number(double number) { return absl::StrFormat("%.3g", number); }

std::string PercentOrNone(const std::optional<double>& share) {
  return share.has_value() ? absl::StrFormat("%.1f %%", 100 * *share) : "-";
}

std::string Ratio(double a, double b) { return a > 0 ? absl::StrFormat("%.3fx", b / a) : ""; }

std::string SizesText(const ComparedModels& models, size_t width) {
  const Totals &a = models.a_facts.totals, &b = models.b_facts.totals;
  const auto count = [](int64_t number) { return HumanCount(number); };
  Rows rows = {{"", "A", "B", "B / A"}};
  if (a.macs.has_value() && b.macs.has_value()) {
    rows.push_back(
        {"MACs", count(*a.macs), count(*b.macs), Ratio(static_cast<double>(*a.macs), static_cast<double>(*b.macs))});
  }
  rows.push_back({"parameters", count(a.params), count(b.params),
                  Ratio(static_cast<double>(a.params), static_cast<double>(b.params))});
  rows.push_back({"file", HumanBytes(a.bytes), HumanBytes(b.bytes),
                  Ratio(static_cast<double>(a.bytes), static_cast<double>(b.bytes))});
  if (models.latency.has_value()) {
    const Latency& time = *models.latency;
    rows.push_back({"ms, 1 thread", absl::StrFormat("%#.3g", time.before_ms), absl::StrFormat("%#.3g", time.after_ms),
                    absl::StrFormat("%.3fx (%.2fx to %.2fx)", time.ratio, time.ratio_low, time.ratio_high)});
  }
  return RenderColumns(rows, {width});
}

std::string OutputsText(const ComparedModels& models, size_t width) {
  Rows rows = {{"output", "rel. error", "max", "mean", "99 %", "SQNR dB", "cosine", "tolerance"}};
  Rows classes = {{"classifier output", "top-1", "top-5", "margin", "lost margin", "rows"}};
  for (size_t i = 0; i < models.deviations.size(); ++i) {
    const OutputComparison& output = models.comparison.outputs[i];
    const OutputDeviation& more = models.deviations[i];
    const std::string name = ForScreen(output.name);
    rows.push_back({name, Number(output.relative_error), Number(output.max_abs), Number(more.mean_abs),
                    Number(more.p99), absl::StrFormat("%.1f", more.sqnr_db), absl::StrFormat("%.5f", output.cosine),
                    Number(more.tolerance)});
    if (!output.top1_agreement.has_value()) continue;
    classes.push_back({name, PercentOrNone(output.top1_agreement), PercentOrNone(more.top5_agreement),
                       Number(more.margin.value_or(0)), Number(more.lost_margin.value_or(0)),
                       absl::StrCat(output.top1_rows)});
  }
  std::string text = RenderColumns(rows, {width});
  if (classes.size() > 1) absl::StrAppend(&text, "\n", RenderColumns(classes, {width}));
  return text;
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json ModelJson(const std::string& path, const ModelFacts& facts) {
  return {{"path", ValidUtf8(BaseName(path))},
          {"macs", OrNull(facts.totals.macs)},
          {"params", facts.totals.params},
          {"bytes", facts.totals.bytes}};
}

Json OutputJson(const OutputComparison& output, const OutputDeviation& more) {
  return {{"name", ValidUtf8(output.name)},
          {"elements", more.elements},
          {"relative_error", output.relative_error},
          {"max_abs", output.max_abs},
          {"mean_abs", more.mean_abs},
          {"quantiles", {{"0.5", more.p50}, {"0.9", more.p90}, {"0.99", more.p99}}},
          {"sqnr_db", more.sqnr_db},
          {"cosine", output.cosine},
          {"tolerance", more.tolerance},
          {"new_nonfinite", output.new_nonfinite},
          {"top1_agreement", OrNull(output.top1_agreement)},
          {"top5_agreement", OrNull(more.top5_agreement)},
          {"margin", OrNull(more.margin)},
          {"lost_margin", OrNull(more.lost_margin)},
          {"rows", output.top1_rows}};
}

absl::Status CheckFlags(const SlimArguments& arguments) {
  const std::vector<std::string> images = ImageFlags(arguments.images);
  if (!arguments.calibration.empty() || images.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(images[0], " is for images, which --calibration gives"));
}

}  // namespace

std::string CompareText(const ComparedModels& models, size_t width) {
  std::string text = absl::StrCat("A  ", ForScreen(models.a), "\nB  ", ForScreen(models.b), "\n\n",
                                  SizesText(models, width), "\n", OutputsText(models, width), "\n");
  if (models.comparison.new_nonfinite > 0) {
    absl::StrAppend(&text, models.comparison.new_nonfinite, " output elements are finite in A and not in B\n");
  }
  absl::StrAppend(&text, "compared on ", models.comparison.samples,
                  models.synthetic ? " made-up samples, --calibration gives real ones\n" : " samples\n");
  return text;
}

std::string CompareJson(const ComparedModels& models) {
  Json outputs = Json::array();
  for (size_t i = 0; i < models.deviations.size(); ++i) {
    outputs.push_back(OutputJson(models.comparison.outputs[i], models.deviations[i]));
  }
  Json latency = nullptr;
  if (models.latency.has_value()) {
    const Latency& time = *models.latency;
    latency = {{"a_ms", time.before_ms},      {"b_ms", time.after_ms},         {"ratio", time.ratio},
               {"ratio_low", time.ratio_low}, {"ratio_high", time.ratio_high}, {"pairs", time.pairs}};
  }
  const Json json = {{"schema", "cnnopt-compare/1"},
                     {"a", ModelJson(models.a, models.a_facts)},
                     {"b", ModelJson(models.b, models.b_facts)},
                     {"samples", models.comparison.samples},
                     {"synthetic", models.synthetic},
                     {"outputs", outputs},
                     {"latency", latency},
                     {"objection", models.objection.empty() ? Json(nullptr) : Json(ValidUtf8(models.objection))}};
  return json.dump(2) + "\n";
}

absl::StatusOr<ExitCode> RunCompare(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckFlags(arguments)));
  CNNOPT_ASSIGN_OR_RETURN(const std::shared_ptr<const OnnxRuntime> runtime,
                          From(Origin::kUsage, OnnxRuntime::Open(arguments.ort)));
  ComparedModels models;
  models.a = arguments.positions[0];
  models.b = arguments.positions[1];
  CNNOPT_ASSIGN_OR_RETURN(const ModelFile a, From(Origin::kInput, ReadModel(models.a)));
  CNNOPT_ASSIGN_OR_RETURN(const ModelFile b, From(Origin::kInput, ReadModel(models.b)));
  CNNOPT_ASSIGN_OR_RETURN(const auto given, From(Origin::kUsage, NamedShapes(arguments.input_shapes, a.proto.graph())));
  CNNOPT_ASSIGN_OR_RETURN(const std::optional<SampleFiles> calibration, OpenCalibration(arguments, a.proto));
  CNNOPT_ASSIGN_OR_RETURN(const auto shapes, CompleteShapes(calibration, a.proto, given));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<Sample> samples,
                          From(Origin::kInput, ReadSamples(arguments, a.proto, calibration, shapes)));
  models.synthetic = !calibration.has_value();
  CNNOPT_RETURN_IF_ERROR(From(Origin::kSlim, RunBoth(arguments, runtime, a.proto, b.proto, samples, models)));
  CNNOPT_ASSIGN_OR_RETURN(models.a_facts, From(Origin::kUsage, FactsOf(a.proto, shapes)));
  CNNOPT_ASSIGN_OR_RETURN(models.b_facts, From(Origin::kUsage, FactsOf(b.proto, shapes)));
  models.objection = ObjectionTo(arguments, models);
  console.out << (arguments.json ? CompareJson(models) : CompareText(models, console.width));
  if (models.objection.empty()) return kExitDone;
  console.err << "cnnopt: " << ForScreen(models.objection) << "\n";
  return kExitVerification;
}

}  // namespace cnnopt
