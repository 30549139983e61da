#include "cli/inspect_command.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "job/inspect_job.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/columns.h"
#include "report/display.h"

namespace cnnopt {
namespace {

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

absl::StatusOr<ExitCode> RunInspect(const SlimArguments& arguments, const Console& console) {
  InspectedModels models;
  for (const std::string& path : arguments.positions) {
    CNNOPT_ASSIGN_OR_RETURN(const ModelFile file, From(Origin::kInput, ReadModel(path)));
    CNNOPT_ASSIGN_OR_RETURN(ModelFacts facts, InspectModel(file.proto, arguments, arguments.positions.size() > 1));
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
