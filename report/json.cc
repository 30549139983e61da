#include "report/json.h"

#include <nlohmann/json.hpp>

#include "report/display.h"
#include "report/json_value.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(ValidUtf8(text)); }

Json Texts(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) {
    array.push_back(ValidUtf8(text));
  }
  return array;
}

template <typename T>
Json BeforeAfter(const T& before, const T& after) {
  return {{"before", before}, {"after", after}};
}
Json BeforeAfter(const std::optional<int64_t>& before, const std::optional<int64_t>& after) {
  return BeforeAfter(OrNull(before), OrNull(after));
}

Json Shapes(const std::map<std::string, Shape>& shapes) {
  Json object = Json::object();
  for (const auto& [name, shape] : shapes) {
    object[ValidUtf8(name)] = shape;
  }
  return object;
}

Json Input(const SlimReport& report, const ReportContext& context) {
  return {{"path", ValidUtf8(BaseName(context.in))}, {"sha256", context.in_facts.sha256},
          {"bytes", context.in_facts.bytes},         {"opset", context.opset},
          {"ir_version", context.ir_version},        {"shapes", Shapes(report.input_shapes)}};
}

Json Output(const ReportContext& context) {
  const std::optional<FileFacts>& facts = context.out_facts;
  return {{"path", TextOrNull(BaseName(context.out))},
          {"written", facts.has_value()},
          {"sha256", facts.has_value() ? Json(facts->sha256) : Json(nullptr)},
          {"bytes", facts.has_value() ? Json(facts->bytes) : Json(nullptr)}};
}

const char* UnitWord(BudgetUnit unit) {
  switch (unit) {
    case BudgetUnit::kMacs:
      return "macs";
    case BudgetUnit::kParams:
      return "params";
    case BudgetUnit::kBytes:
      return "bytes";
    case BudgetUnit::kNanoseconds:
      return "nanoseconds";
  }
  return "";
}

Json Budgets(const std::vector<BudgetReport>& budgets) {
  Json array = Json::array();
  for (const BudgetReport& budget : budgets) {
    array.push_back({{"unit", UnitWord(budget.unit)}, {"limit", budget.limit}, {"reached", OrNull(budget.reached)}});
  }
  return array;
}

Json Layers(const std::vector<LayerReport>& layers) {
  Json array = Json::array();
  for (const LayerReport& layer : layers) {
    array.push_back({{"name", ValidUtf8(layer.name)},
                     {"op", ValidUtf8(layer.op)},
                     {"was", ValidUtf8(layer.was)},
                     {"now", TextOrNull(layer.now)},
                     {"form", TextOrNull(layer.form)},
                     {"rank", OrNull(layer.rank)},
                     {"reason", ValidUtf8(layer.reason)},
                     {"macs", BeforeAfter(layer.macs_before, layer.macs_after)},
                     {"params", BeforeAfter(layer.params_before, layer.params_after)},
                     {"weight_error", layer.weight_error},
                     {"refitted", layer.refitted}});
  }
  return array;
}

// The figures that a comparison and each of its outputs have in common.
template <typename Figures>
void AddFigures(const Figures& figures, Json& object) {
  object["relative_error"] = figures.relative_error;
  object["max_abs"] = figures.max_abs;
  object["cosine"] = figures.cosine;
  object["top1_agreement"] = OrNull(figures.top1_agreement);
  object["top1_rows"] = figures.top1_rows;
  object["new_nonfinite"] = figures.new_nonfinite;
}

Json Stages(const std::vector<StageTime>& stages) {
  Json list = Json::array();
  for (const StageTime& stage : stages) list.push_back({{"stage", stage.stage}, {"seconds", stage.seconds}});
  return list;
}

Json Compared(const std::optional<Comparison>& comparison) {
  if (!comparison.has_value()) {
    return nullptr;
  }
  Json object = Json::object();
  AddFigures(*comparison, object);
  object["samples"] = comparison->samples;
  object["outputs"] = Json::array();
  for (const OutputComparison& output : comparison->outputs) {
    Json entry = {{"name", ValidUtf8(output.name)}};
    AddFigures(output, entry);
    object["outputs"].push_back(std::move(entry));
  }
  return object;
}

Json Point(const CurvePoint& point) { return {{"cost", point.cost}, {"error", point.error}}; }

Json CurveOrNull(const std::optional<Curve>& curve) {
  if (!curve.has_value()) {
    return nullptr;
  }
  Json points = Json::array();
  for (const CurvePoint& point : curve->points) {
    points.push_back(Point(point));
  }
  return {{"unit", curve->in_macs ? "macs" : "params"},
          {"points", points},
          {"chosen", curve->chosen.has_value() ? Point(*curve->chosen) : Json(nullptr)}};
}

Json Worst(const std::vector<WorstSample>& samples) {
  Json array = Json::array();
  for (const WorstSample& sample : samples) {
    array.push_back({{"index", sample.index}, {"relative_error", sample.relative_error}});
  }
  return array;
}

Json Sweep(const std::vector<SweepPoint>& sweep) {
  Json array = Json::array();
  for (const SweepPoint& point : sweep) {
    array.push_back({{"target", point.target},
                     {"macs", OrNull(point.macs)},
                     {"relative_error", OrNull(point.relative_error)},
                     {"top1_agreement", OrNull(point.top1_agreement)},
                     {"latency_ratio", OrNull(point.latency_ratio)},
                     {"score", OrNull(point.score)},
                     {"file", TextOrNull(BaseName(point.file))},
                     {"reason", ValidUtf8(point.reason)}});
  }
  return array;
}

Json Scored(const std::optional<ScoreChange>& score) {
  if (!score.has_value()) return nullptr;
  return {{"before", score->before}, {"after", OrNull(score->after)}};
}

Json Timed(const std::optional<Latency>& latency, int threads) {
  if (!latency.has_value()) {
    return nullptr;
  }
  return {{"before_ms", latency->before_ms},
          {"after_ms", latency->after_ms},
          {"ratio", latency->ratio},
          {"ratio_low", latency->ratio_low},
          {"ratio_high", latency->ratio_high},
          {"pairs", latency->pairs},
          {"threads", threads},
          {"before_samples_ms", latency->before_samples},
          {"after_samples_ms", latency->after_samples}};
}

}  // namespace

std::string RenderJson(const SlimReport& report, const ReportContext& context) {
  const Json json = {
      {"schema", "cnnopt-report/1"},
      {"version", context.version},
      {"options", Texts(context.options)},
      {"input", Input(report, context)},
      {"output", Output(context)},
      {"verdict", VerdictWord(report.verdict)},
      {"reason", ValidUtf8(report.reason)},
      {"verified", report.verified},
      {"bound", OrNull(report.bounds.max_error)},
      {"min_agreement", OrNull(report.bounds.min_agreement)},
      {"budgets", Budgets(report.budgets)},
      {"totals",
       {{"macs", BeforeAfter(report.before.macs, report.after.macs)},
        {"params", BeforeAfter(report.before.params, report.after.params)},
        {"bytes", BeforeAfter(report.before.bytes, report.after.bytes)}}},
      {"layers", Layers(report.layers)},
      {"cleanups", Texts(report.cleanups)},
      {"curve", CurveOrNull(report.curve)},
      {"sweep", Sweep(report.sweep)},
      {"score", Scored(report.score)},
      {"comparison", Compared(report.comparison)},
      {"worst_samples", Worst(report.worst_samples)},
      {"latency", Timed(report.latency, report.latency_threads)},
      {"samples",
       {{"count", report.samples},
        {"fitted", report.fit_samples},
        {"synthetic", report.synthetic},
        {"path", TextOrNull(BaseName(context.calibration))},
        {"sha256", TextOrNull(context.calibration_sha256)}}},
      {"runtime", TextOrNull(report.runtime_version)},
      {"warnings", Texts(report.warnings)},
      {"stages", Stages(report.stages)},
  };
  return json.dump(2) + "\n";
}

}  // namespace cnnopt
