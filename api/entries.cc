#include "api/entries.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "onnx_io/status_macros.h"
#include "passes/nearest.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

// Flags of the command that a library has no use for.
constexpr absl::string_view kCommandOnly[] = {
    "--sweep",                                         // a caller calls once for each budget
    "--dry-run",                                       // SlimFile without an output
    "--config",  "--log-file",                         // a caller has options and a function for lines
    "--quiet",   "--verbose",  "--version", "--help",  // of the screen
};

class Entries {
 public:
  void Add(const char* flag, std::string text) { Find(flag).values.push_back(std::move(text)); }
  void AddText(const char* flag, const std::string& text) {
    if (!text.empty()) Add(flag, text);
  }
  void AddTexts(const char* flag, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) Add(flag, text);
  }
  void AddNumber(const char* flag, const std::optional<double>& number) {
    if (number.has_value()) Add(flag, ShortestText(*number));
  }
  void AddNumbers(const char* flag, const std::vector<double>& numbers) {
    const auto text = [](std::string* out, double number) { absl::StrAppend(out, ShortestText(number)); };
    if (!numbers.empty()) Add(flag, absl::StrJoin(numbers, ",", text));
  }
  void AddCount(const char* flag, const std::optional<int64_t>& count, const char* unit = "") {
    if (count.has_value()) Add(flag, absl::StrCat(*count, unit));
  }
  void AddSwitch(const char* flag, bool on) {
    if (on) Add(flag, "true");
  }
  std::vector<ConfigEntry> Take() { return std::move(entries_); }

 private:
  ConfigEntry& Find(const char* flag) {
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.flag == flag; });
    return same == entries_.end() ? entries_.emplace_back(ConfigEntry{flag, {}}) : *same;
  }
  std::vector<ConfigEntry> entries_;
};

void AddGoal(const Options& options, Entries& entries) {
  entries.AddNumber("--target-macs", options.target_macs);
  entries.AddNumber("--target-params", options.target_params);
  entries.AddText("--target-size", options.target_size);
  entries.AddText("--target-latency", options.target_latency);
  entries.AddText("--cost-cache", options.cost_cache);
  entries.AddNumber("--max-error", options.max_error);
  entries.AddNumber("--min-agreement", options.min_agreement);
  entries.AddText("--evaluate", options.evaluate);
  if (options.evaluate_timeout != Options().evaluate_timeout) {
    entries.AddNumber("--evaluate-timeout", options.evaluate_timeout);
  }
  entries.AddText("--labels", options.labels);
  entries.AddNumber("--max-drop", options.max_drop);
  entries.AddSwitch("--lower-is-better", options.lower_is_better);
}

void AddSamples(const Options& options, Entries& entries) {
  entries.AddTexts("--calibration", options.calibration);
  entries.AddNumbers("--scale", options.scale);
  entries.AddNumbers("--mean", options.mean);
  entries.AddNumbers("--std", options.deviation);
  entries.AddText("--resize", options.resize);
  entries.AddText("--crop", options.crop);
  entries.AddText("--channel-order", options.channel_order);
  entries.AddText("--layout", options.layout);
  entries.AddCount("--samples", options.samples);
  if (options.fit == Options::Fit::kWeights) entries.Add("--fit", "weights");
  if (options.seed != Options().seed) entries.Add("--seed", absl::StrCat(options.seed));
  for (const auto& [name, shape] : options.input_shapes) {
    entries.Add("--input-shape", absl::StrCat(name, name.empty() ? "" : ":", absl::StrJoin(shape, ",")));
  }
}

void AddLayers(const Options& options, Entries& entries) {
  entries.AddTexts("--pass", options.passes);
  entries.AddSwitch("--no-cleanup", !options.cleanup);
  entries.AddSwitch("--assume-constant", options.assume_constant);
  entries.AddTexts("--keep", options.keep);
  entries.AddTexts("--only", options.only);
  entries.AddTexts("--layer", options.layers);
  if (options.keep_first_last) entries.Add("--first-last", "keep");
  entries.AddText("--plan", options.plan);
}

void AddOutput(const Options& options, Entries& entries) {
  entries.AddTexts("--report", options.reports);
  entries.AddText("--plan-out", options.plan_out);
  entries.AddSwitch("--force", options.force);
  entries.AddSwitch("--fail-if-unchanged", options.fail_if_unchanged);
  entries.AddCount("--external-data", options.external_data);
  entries.AddSwitch("--no-provenance", !options.provenance);
}

void AddRunning(const Options& options, Entries& entries) {
  entries.AddCount("--max-file-bytes", options.max_file_bytes);
  entries.AddCount("--max-model-memory", options.max_model_memory);
  entries.AddCount("--max-nodes", options.max_nodes);
  entries.AddCount("--max-initializers", options.max_initializers);
  entries.AddCount("--max-depth", options.max_depth);
  entries.AddCount("--max-rank", options.max_rank);
  entries.AddCount("--max-name-bytes", options.max_name_bytes);
  entries.AddCount("--max-identifier-bytes", options.max_identifier_bytes);
  entries.AddCount("--max-memory", options.max_memory, "B");
  if (options.verify != Options::Verify::kEnforce) {
    entries.Add("--verify", options.verify == Options::Verify::kOff ? "off" : "report");
  }
  entries.AddSwitch("--no-latency", !options.latency);
  if (options.threads != 0) entries.Add("--threads", absl::StrCat(options.threads));
  entries.AddText("--ort", options.ort);
}

std::string KeyOf(const Flag& flag) {
  return absl::StrReplaceAll(absl::string_view(flag.name).substr(2), {{"-", "_"}});
}

absl::Status WrongKey(const std::string& key) {
  std::vector<std::string> known;
  for (const Flag& flag : Flags()) {
    if (!IsLibraryFlag(flag.name)) {
      if (KeyOf(flag) == key) {
        return absl::InvalidArgumentError(absl::StrCat("option '", key, "' is for the command only"));
      }
      continue;
    }
    known.push_back(KeyOf(flag));
  }
  const std::string nearest = Nearest(key, known);
  return absl::InvalidArgumentError(absl::StrCat("unknown option '", ForScreen(key), "'",
                                                 nearest.empty() ? ", expected a long flag of the command with _ for -"
                                                                 : absl::StrCat(", did you mean '", nearest, "'?")));
}

bool IsScalar(const Json& value) { return value.is_string() || value.is_number(); }

std::string ScalarText(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// "1,3,224,224" of a list, the text of anything else.
std::optional<std::string> OneText(const Json& value) {
  if (IsScalar(value)) return ScalarText(value);
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), IsScalar)) return std::nullopt;
  std::vector<std::string> parts;
  for (const Json& part : value) parts.push_back(ScalarText(part));
  return absl::StrJoin(parts, ",");
}

// The texts that `value` gives to `flag`; nullopt: it makes no sense.
std::optional<std::vector<std::string>> Texts(const Flag& flag, const Json& value) {
  std::vector<std::string> texts;
  if (value.is_boolean()) {
    if (*flag.value != '\0') return std::nullopt;
    return std::vector<std::string>{value.get<bool>() ? "true" : "false"};
  }
  if (*flag.value == '\0') return std::nullopt;
  if (value.is_object()) {
    const char* const between = flag.is("--input-shape") ? ":" : "=";
    if (!flag.is("--input-shape") && !flag.is("--calibration") && !flag.is("--layer")) return std::nullopt;
    for (const auto& [name, part] : value.items()) {
      const std::optional<std::string> text = OneText(part);
      if (!text.has_value()) return std::nullopt;
      texts.push_back(absl::StrCat(name, name.empty() ? "" : between, *text));
    }
    return texts;
  }
  const bool numbers =
      value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& part) { return part.is_number(); });
  if (value.is_array() && flag.repeatable && !numbers) {
    for (const Json& part : value) {
      const std::optional<std::string> text = OneText(part);
      if (!text.has_value()) return std::nullopt;
      texts.push_back(*text);
    }
    return texts;
  }
  const std::optional<std::string> text = OneText(value);
  if (!text.has_value()) return std::nullopt;
  return std::vector<std::string>{*text};
}

}  // namespace

bool IsLibraryFlag(absl::string_view flag) {
  return std::find(std::begin(kCommandOnly), std::end(kCommandOnly), flag) == std::end(kCommandOnly);
}

std::vector<ConfigEntry> EntriesOf(const Options& options) {
  Entries entries;
  AddGoal(options, entries);
  AddSamples(options, entries);
  AddLayers(options, entries);
  AddOutput(options, entries);
  AddRunning(options, entries);
  return entries.Take();
}

absl::StatusOr<std::vector<ConfigEntry>> EntriesOfJson(absl::string_view json) {
  const Json object = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return absl::InvalidArgumentError("options: expected a JSON object like {\"target_macs\": 0.5}");
  }
  std::vector<ConfigEntry> entries;
  for (const auto& [key, value] : object.items()) {
    const auto flag = std::find_if(Flags().begin(), Flags().end(), [&wanted = key](const Flag& f) {
      return IsLibraryFlag(f.name) && KeyOf(f) == wanted;
    });
    if (flag == Flags().end()) return WrongKey(key);
    if (value.is_null()) continue;
    const std::optional<std::vector<std::string>> texts = Texts(*flag, value);
    if (!texts.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "option '", key, "': expected ",
          *flag->value == '\0' ? "true or false" : absl::StrCat(flag->value, flag->repeatable ? ", or a list" : ""),
          ", found ", ForScreen(value.dump(-1, ' ', false, Json::error_handler_t::replace))));
    }
    entries.push_back({flag->name, *texts});
  }
  return entries;
}

}  // namespace cnnopt
