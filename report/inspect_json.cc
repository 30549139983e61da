#include "report/inspect_json.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "report/display.h"
#include "report/json_value.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

Json FormsJson(const LayerFacts& layer) {
  Json forms = Json::array();
  for (const FormFacts& form : layer.forms) {
    Json ranks = Json::array();
    for (const RankFacts& rank : form.ranks) {
      ranks.push_back({{"rank", rank.rank},
                       {"macs", OrNull(rank.macs)},
                       {"params", rank.params},
                       {"weight_error", rank.weight_error}});
    }
    forms.push_back({{"form", form.form},
                     {"reason", form.reason.empty() ? Json(nullptr) : Json(ValidUtf8(form.reason))},
                     {"ranks", ranks}});
  }
  return forms;
}

Json LayerJson(const LayerFacts& layer, const ModelFacts& facts) {
  const std::optional<int64_t>& total = facts.totals.macs;
  const bool known = layer.macs.has_value() && total.value_or(0) > 0;
  return {{"name", ValidUtf8(layer.name)},
          {"op", ValidUtf8(layer.op)},
          {"kernel", layer.kernel},
          {"in_channels", layer.in_channels},
          {"out_channels", layer.out_channels},
          {"groups", layer.groups},
          {"stride", layer.stride},
          {"dilation", layer.dilation},
          {"output", OrNull(layer.output)},
          {"macs", OrNull(layer.macs)},
          {"macs_share", known ? Json(static_cast<double>(*layer.macs) / static_cast<double>(*total)) : Json(nullptr)},
          {"params", layer.params},
          {"reason", layer.slimmable() ? Json(nullptr) : Json(ValidUtf8(layer.reason))},
          {"forms", FormsJson(layer)}};
}

Json ValuesJson(const std::vector<ValueFacts>& values) {
  Json array = Json::array();
  for (const ValueFacts& value : values) {
    array.push_back({{"name", ValidUtf8(value.name)}, {"type", value.type}, {"shape", ValidUtf8(value.shape)}});
  }
  return array;
}

Json ModelJson(const std::string& path, const ModelFacts& facts) {
  Json layers = Json::array();
  for (const LayerFacts& layer : facts.layers) layers.push_back(LayerJson(layer, facts));
  Json opsets = Json::object(), ops = Json::object(), cleanups = Json::array();
  for (const auto& [domain, version] : facts.other_opsets) opsets[ValidUtf8(domain)] = version;
  for (const auto& [op, count] : facts.ops) ops[ValidUtf8(op)] = count;
  for (const std::string& cleanup : facts.cleanups) cleanups.push_back(ValidUtf8(cleanup));
  return {{"path", ValidUtf8(path)},
          {"ir_version", facts.ir_version},
          {"opset", facts.opset},
          {"other_opsets", opsets},
          {"producer", ValidUtf8(facts.producer)},
          {"inputs", ValuesJson(facts.inputs)},
          {"outputs", ValuesJson(facts.outputs)},
          {"nodes", facts.nodes},
          {"ops", ops},
          {"macs", OrNull(facts.totals.macs)},
          {"params", facts.totals.params},
          {"bytes", facts.totals.bytes},
          {"slimmable_layers", facts.slimmable_layers},
          {"slimmable_macs", OrNull(facts.slimmable_macs)},
          {"cleanups", cleanups},
          {"layers", layers}};
}

}  // namespace

std::string InspectJson(const InspectedModels& models) {
  Json array = Json::array();
  for (const auto& [path, facts] : models) array.push_back(ModelJson(BaseName(path), facts));
  return Json({{"schema", "cnnopt-inspect/1"}, {"models", array}}).dump(2) + "\n";
}

}  // namespace cnnopt
