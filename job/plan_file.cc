#include "job/plan_file.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "onnx_io/checksum.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kSchema = "cnnopt-plan/1";

Json Layers(const std::vector<LayerChoice>& layers) {
  Json list = Json::array();
  for (const LayerChoice& layer : layers) {
    Json& entry = list.emplace_back(Json{{"name", layer.name}, {"form", layer.form.empty() ? "keep" : layer.form}});
    if (layer.rank.has_value()) entry["rank"] = *layer.rank;
  }
  return list;
}

// What tells that nobody has edited the layers since.
std::string Seal(const std::vector<LayerChoice>& layers) { return Sha256Hex(Layers(layers).dump()); }

absl::Status Wrong(const std::string& where, absl::string_view expected, const Json& found) {
  std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = absl::StrCat(text.substr(0, 60), "...");
  return absl::InvalidArgumentError(absl::StrCat(where, ": expected ", std::string(expected), ", found ", text));
}

absl::StatusOr<std::vector<std::string>> Texts(const Json& plan, const char* field) {
  std::vector<std::string> texts;
  const Json list = plan.value(field, Json::array());
  if (!list.is_array()) return Wrong(field, "a list of texts", list);
  for (const Json& text : list) {
    if (!text.is_string()) return Wrong(field, "a list of texts", text);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

absl::StatusOr<std::optional<double>> Bound(const Json& plan, const char* field) {
  const Json bounds = plan.value("bounds", Json::object());
  if (!bounds.is_object()) return Wrong("bounds", "an object", bounds);
  const Json bound = bounds.value(field, Json());
  if (bound.is_null()) return std::optional<double>();
  // Written so that not-a-number fails too.
  if (!bound.is_number() || !(bound.get<double>() > 0)) return Wrong(field, "a number above 0 or null", bound);
  return std::optional<double>(bound.get<double>());
}

absl::StatusOr<LayerChoice> ParseLayer(const Json& entry, size_t index) {
  const std::string where = absl::StrCat("layers[", index, "]");
  if (!entry.is_object()) return Wrong(where, "an object", entry);
  LayerChoice layer;
  for (const auto& [key, value] : entry.items()) {
    const std::string field = absl::StrCat(where, ".", key);
    if (key == "name" || key == "form") {
      if (!value.is_string()) return Wrong(field, "a text", value);
      (key == "name" ? layer.name : layer.form) = value.get<std::string>();
    } else if (key == "rank") {
      if (!value.is_number_integer() || value.get<int64_t>() < 1)
        return Wrong(field, "a whole number from 1 on", value);
      layer.rank = value.get<int64_t>();
    } else {
      return absl::InvalidArgumentError(absl::StrCat(field, ": unknown, expected name, form or rank"));
    }
  }
  if (layer.name.empty() || layer.form.empty()) return Wrong(where, "a name and a form", entry);
  if (layer.form == "keep") {
    if (layer.rank.has_value()) return Wrong(where, "no rank of a layer that is kept", entry);
    layer.form.clear();
  } else if (!layer.rank.has_value()) {
    return Wrong(where, "a rank", entry);
  }
  return layer;
}

}  // namespace

std::vector<LayerChoice> PlanOf(const SlimReport& report) {
  std::vector<LayerChoice> layers;
  for (const LayerReport& layer : report.layers) layers.push_back({layer.name, layer.form, layer.rank});
  return layers;
}

absl::StatusOr<std::string> RenderPlan(const PlanFile& plan, const std::string& version) {
  const auto bound = [](const std::optional<double>& value) { return value.has_value() ? Json(*value) : Json(); };
  try {
    const Json json = {
        {"schema", kSchema},
        {"version", version},
        {"input_sha256", plan.input_sha256},
        {"options", plan.options},
        {"settings", plan.settings},
        {"bounds", {{"max_error", bound(plan.bounds.max_error)}, {"min_agreement", bound(plan.bounds.min_agreement)}}},
        {"layers", Layers(plan.layers)},
        {"layers_sha256", Seal(plan.layers)},
    };
    return json.dump(2) + "\n";
  } catch (const Json::exception&) {  // all that can be wrong
    return absl::InvalidArgumentError("plan: the name of a layer is not UTF-8");
  }
}

absl::StatusOr<PlanFile> ParsePlan(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return absl::InvalidArgumentError("expected a plan, found no JSON object");
  const Json schema = json.value("schema", Json());
  if (schema != kSchema) return Wrong("schema", absl::StrCat("\"", kSchema, "\""), schema);
  PlanFile plan;
  CNNOPT_ASSIGN_OR_RETURN(plan.options, Texts(json, "options"));
  CNNOPT_ASSIGN_OR_RETURN(plan.settings, Texts(json, "settings"));
  CNNOPT_ASSIGN_OR_RETURN(plan.bounds.max_error, Bound(json, "max_error"));
  CNNOPT_ASSIGN_OR_RETURN(plan.bounds.min_agreement, Bound(json, "min_agreement"));
  const Json sha256 = json.value("input_sha256", Json(""));
  if (!sha256.is_string()) return Wrong("input_sha256", "a text", sha256);
  plan.input_sha256 = sha256.get<std::string>();
  const Json layers = json.value("layers", Json());
  if (!layers.is_array()) return Wrong("layers", "a list", layers);
  for (const Json& entry : layers) {
    CNNOPT_ASSIGN_OR_RETURN(plan.layers.emplace_back(), ParseLayer(entry, plan.layers.size()));
  }
  plan.edited = json.value("layers_sha256", Json()) != Seal(plan.layers);
  return plan;
}

}  // namespace cnnopt
