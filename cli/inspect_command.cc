#include "cli/inspect_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "job/input_shapes.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/columns.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::string CountOrUnknown(const std::optional<int64_t>& count, int digits) {
  return count.has_value() ? HumanCount(*count, digits) : "?";
}

std::string Percent(const std::optional<int64_t>& part, const std::optional<int64_t>& whole) {
  if (!part.has_value() || !whole.has_value() || *whole <= 0) return "";
  return absl::StrFormat("%.1f%%", 100.0 * static_cast<double>(*part) / static_cast<double>(*whole));
}

// "24x32x32"; a batch of one goes without saying.
std::string OutputText(const LayerFacts& layer) {
  if (!layer.output.has_value()) return "?";
  const Shape& output = *layer.output;
  const bool one = output.size() > 1 && output[0] == 1;
  return absl::StrJoin(output.begin() + (one ? 1 : 0), output.end(), "x");
}

// "5.31M"
std::string Compact(const std::optional<int64_t>& count) {
  std::string text = CountOrUnknown(count, 3);
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

// What the layer could become: "dsc rank 3 0.46x".
std::string Outlook(const LayerFacts& layer) {
  if (!layer.slimmable()) return "-";
  const RankFacts* const best = BestWithin(layer, kInspectError);
  if (best == nullptr) return absl::StrFormat("above %g %%", 100 * kInspectError);
  const bool macs = best->macs.has_value() && layer.macs.value_or(0) > 0;
  const double share = macs ? static_cast<double>(*best->macs) / static_cast<double>(*layer.macs)
                            : static_cast<double>(best->params) / static_cast<double>(layer.params);
  return absl::StrFormat("%.2fx %s", share, best->label);
}

std::string LayerTable(const ModelFacts& facts, size_t width) {
  Rows rows = {{"layer", "size", "output", "MACs", "share", "params", "could be"}};
  for (const LayerFacts& layer : facts.layers) {
    rows.push_back({ForScreen(layer.name), ForScreen(layer.was.empty() ? layer.op : layer.was), OutputText(layer),
                    Compact(layer.macs), Percent(layer.macs, facts.totals.macs), Compact(layer.params),
                    Outlook(layer)});
  }
  if (std::all_of(facts.layers.begin(), facts.layers.end(), [](const LayerFacts& l) { return l.forms.empty(); })) {
    for (std::vector<std::string>& row : rows) row.pop_back();
    return RenderColumns(rows, {width});
  }
  return RenderColumns(rows, {width, true});
}

// Why layers cannot be touched, those with the same reason together, in the order in which reasons come up.
std::string ReasonLines(const ModelFacts& facts, size_t width, bool verbose) {
  std::vector<std::pair<std::string, std::vector<const LayerFacts*>>> groups;
  for (const LayerFacts& layer : facts.layers) {
    if (layer.slimmable()) continue;
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == layer.reason; });
    if (same == groups.end()) {
      groups.push_back({layer.reason, {&layer}});
    } else {
      same->second.push_back(&layer);
    }
  }
  std::string text;
  for (const auto& [reason, layers] : groups) {
    const size_t named = verbose ? layers.size() : std::min<size_t>(layers.size(), 2);
    std::vector<std::string> names;
    for (size_t i = 0; i < named; ++i) names.push_back(ForScreen(layers[i]->name));
    if (named < layers.size()) names.push_back(absl::StrCat(layers.size() - named, " more"));
    const std::string line = absl::StrCat("stays as it is: ", absl::StrJoin(names, ", "), ": ", ForScreen(reason));
    absl::StrAppend(&text, absl::StrJoin(Wrap(line, verbose ? SIZE_MAX : width), "\n  "), "\n");
  }
  return text;
}

std::string ValuesText(const std::vector<ValueFacts>& values) {
  constexpr size_t kMost = 3;
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(values.size(), kMost); ++i) {
    texts.push_back(ForScreen(absl::StrCat(values[i].name, " ", values[i].type, " ", values[i].shape)));
  }
  if (values.size() > kMost) texts.push_back(absl::StrCat("and ", values.size() - kMost, " more"));
  return absl::StrJoin(texts, ", ");
}

std::string OpsText(const ModelFacts& facts) {
  std::vector<std::pair<std::string, int64_t>> ops(facts.ops.begin(), facts.ops.end());
  std::sort(ops.begin(), ops.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  constexpr size_t kMost = 5;
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(ops.size(), kMost); ++i) {
    texts.push_back(absl::StrCat(ops[i].second, " ", ForScreen(ops[i].first)));
  }
  return absl::StrCat(facts.nodes, ": ", absl::StrJoin(texts, ", "), ops.size() > kMost ? ", ..." : "");
}

// The summary as pairs of a label and a text.
std::vector<std::pair<std::string, std::string>> Summary(const ModelFacts& facts) {
  std::vector<std::string> opsets = {absl::StrCat(facts.opset)};
  for (const auto& [domain, version] : facts.other_opsets) {
    opsets.push_back(ForScreen(absl::StrCat(domain, " ", version)));
  }
  const std::string share = Percent(facts.slimmable_macs, facts.totals.macs);
  return {{"exporter", facts.producer.empty() ? "not recorded" : ForScreen(facts.producer)},
          {"opset, IR", absl::StrCat(absl::StrJoin(opsets, ", "), ", IR ", facts.ir_version)},
          {"inputs", ValuesText(facts.inputs)},
          {"outputs", ValuesText(facts.outputs)},
          {"nodes", OpsText(facts)},
          {"MACs", CountOrUnknown(facts.totals.macs, 4)},
          {"parameters", HumanCount(facts.totals.params)},
          {"file", HumanBytes(facts.totals.bytes)},
          {"cleanup",
           absl::StrCat(facts.cleanups.size(), facts.cleanups.size() == 1 ? " exact rewrite" : " exact rewrites")},
          {"slimmable", absl::StrCat(facts.slimmable_layers, " of ", facts.layers.size(), " layers",
                                     share.empty() ? "" : absl::StrCat(", ", share, " of the MACs"))}};
}

std::string SideBySide(const InspectedModels& models, size_t width) {
  Rows rows = {{"model", "opset", "MACs", "params", "file", "layers", "slimmable", "of MACs"}};
  for (const auto& [path, facts] : models) {
    rows.push_back({ForScreen(path), absl::StrCat(facts.opset), CountOrUnknown(facts.totals.macs, 4),
                    HumanCount(facts.totals.params), HumanBytes(facts.totals.bytes), absl::StrCat(facts.layers.size()),
                    absl::StrCat(facts.slimmable_layers), Percent(facts.slimmable_macs, facts.totals.macs)});
  }
  return RenderColumns(rows, {width});
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

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

// An input of another name than the models have in common would stop all of them: shapes go to the models that have
// such an input.
std::map<std::string, Shape> ShapesFor(const std::map<std::string, Shape>& shapes, const onnx::GraphProto& graph) {
  std::map<std::string, Shape> fitting;
  for (const auto& [name, shape] : shapes) {
    const auto is_input = [&wanted = name](const onnx::ValueInfoProto& input) { return input.name() == wanted; };
    if (name.empty() || std::any_of(graph.input().begin(), graph.input().end(), is_input)) fitting[name] = shape;
  }
  return fitting;
}

absl::StatusOr<ModelFacts> InspectFile(const std::string& path, const SlimArguments& arguments) {
  CNNOPT_ASSIGN_OR_RETURN(const ModelFile file, From(Origin::kInput, ReadModel(path)));
  InspectOptions options;
  const std::map<std::string, Shape> shapes =
      arguments.positions.size() == 1 ? arguments.input_shapes : ShapesFor(arguments.input_shapes, file.proto.graph());
  CNNOPT_ASSIGN_OR_RETURN(options.input_shapes, From(Origin::kUsage, NamedShapes(shapes, file.proto.graph())));
  options.passes = arguments.passes;
  options.cleanup = arguments.cleanup;
  options.assume_constant = arguments.assume_constant;
  options.factorise = arguments.forms;
  options.threads = arguments.threads;
  return From(Origin::kUsage, Inspect(file.proto, options));
}

}  // namespace

std::string InspectText(const InspectedModels& models, size_t width, bool verbose) {
  if (models.size() > 1) return SideBySide(models, verbose ? SIZE_MAX : width);
  const auto& [path, facts] = models.front();
  constexpr size_t kLabel = 12;
  const size_t wide = verbose ? SIZE_MAX : width;
  std::string text = absl::StrCat(ForScreen(path), "\n\n");
  if (!facts.layers.empty()) {
    absl::StrAppend(&text, LayerTable(facts, wide), "\n");
    const std::string reasons = ReasonLines(facts, width, verbose);
    absl::StrAppend(&text, reasons, reasons.empty() ? "" : "\n");
  }
  for (const auto& [label, value] : Summary(facts)) {
    const std::string indent(kLabel, ' ');
    absl::StrAppend(&text, absl::StrFormat("%-12s", label),
                    absl::StrJoin(Wrap(value, verbose ? SIZE_MAX : width - kLabel), absl::StrCat("\n", indent)), "\n");
  }
  return text;
}

std::string InspectJson(const InspectedModels& models) {
  Json array = Json::array();
  for (const auto& [path, facts] : models) array.push_back(ModelJson(BaseName(path), facts));
  return Json({{"schema", "cnnopt-inspect/1"}, {"models", array}}).dump(2) + "\n";
}

absl::StatusOr<ExitCode> RunInspect(const SlimArguments& arguments, const Console& console) {
  InspectedModels models;
  for (const std::string& path : arguments.positions) {
    CNNOPT_ASSIGN_OR_RETURN(ModelFacts facts, InspectFile(path, arguments));
    models.emplace_back(path, std::move(facts));
  }
  console.out << (arguments.json ? InspectJson(models) : InspectText(models, console.width, arguments.verbose));
  for (const auto& [path, facts] : models) {
    if (!facts.hint.empty()) {
      console.err << "cnnopt: " << ForScreen(path) << ": MACs are unknown: " << ForScreen(facts.hint) << "\n";
    }
  }
  return kExitDone;
}

}  // namespace cnnopt
