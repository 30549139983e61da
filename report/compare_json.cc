#include "report/compare_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "report/display.h"
#include "report/json_value.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

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

}  // namespace

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

}  // namespace cnnopt
