#include "job/layer_flags.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "job/parse_number.h"
#include "onnx_io/status_macros.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

constexpr int64_t kMostListBytes = 64'000'000;

// `text`, or the lines of the file it names.
absl::StatusOr<std::vector<std::string>> Values(const std::string& text) {
  if (text.empty()) return absl::InvalidArgumentError("expected a value");
  if (text[0] != '@') return std::vector<std::string>{text};
  CNNOPT_ASSIGN_OR_RETURN(const std::string content, ReadFile(text.substr(1), kMostListBytes));
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    absl::ConsumeSuffix(&line, "\r");
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

// Stores all values, or none where one is wrong.
absl::Status StorePatterns(const std::string& text, std::vector<std::string> LayerRules::* field, LayerRules& rules) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> values, Values(text));
  LayerRules more = rules;
  (more.*field).insert((more.*field).end(), values.begin(), values.end());
  CNNOPT_RETURN_IF_ERROR(CheckRules(more));
  rules = std::move(more);
  return absl::OkStatus();
}

absl::StatusOr<LayerChoice> ParseLayer(const std::string& text) {
  LayerChoice choice;
  std::string rest = text;
  const size_t colon = rest.rfind(":rank=");
  if (colon != std::string::npos) {
    choice.rank = ParseNumber<int64_t>(absl::string_view(rest).substr(colon + 6));
    if (!choice.rank.has_value() || *choice.rank < 1) {
      return absl::InvalidArgumentError("expected rank= a whole number from 1 on");
    }
    rest.resize(colon);
  }
  const size_t equals = rest.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == rest.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected NAME=keep, NAME=FORM or NAME=FORM:rank=N, found '", text, "'"));
  }
  choice.name = rest.substr(0, equals);
  choice.form = rest.substr(equals + 1);
  if (choice.form != "keep") return choice;
  if (choice.rank.has_value()) return absl::InvalidArgumentError("a layer that is kept has no rank");
  choice.form.clear();
  return choice;
}

}  // namespace

absl::Status StoreKeep(const std::string& text, LayerRules& rules) {
  return StorePatterns(text, &LayerRules::keep, rules);
}

absl::Status StoreOnly(const std::string& text, LayerRules& rules) {
  return StorePatterns(text, &LayerRules::only, rules);
}

absl::Status StoreLayer(const std::string& text, LayerRules& rules) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> values, Values(text));
  LayerRules more = rules;
  for (const std::string& value : values) {
    CNNOPT_ASSIGN_OR_RETURN(more.layers.emplace_back(), ParseLayer(value));
  }
  CNNOPT_RETURN_IF_ERROR(CheckRules(more));
  rules = std::move(more);
  return absl::OkStatus();
}

absl::Status StoreFirstLast(const std::string& text, LayerRules& rules) {
  if (text != "keep" && text != "slim") return absl::InvalidArgumentError("expected keep or slim");
  rules.keep_first_last = text == "keep";
  return absl::OkStatus();
}

std::vector<std::string> LayerFlags(const LayerRules& rules) {
  std::vector<std::string> flags;
  for (const std::string& pattern : rules.keep) flags.push_back(absl::StrCat("--keep=", pattern));
  for (const std::string& pattern : rules.only) flags.push_back(absl::StrCat("--only=", pattern));
  if (rules.keep_first_last) flags.emplace_back("--first-last=keep");
  for (const LayerChoice& choice : rules.layers) {
    flags.push_back(absl::StrCat("--layer=", choice.name, "=", choice.form.empty() ? "keep" : choice.form,
                                 choice.rank.has_value() ? absl::StrCat(":rank=", *choice.rank) : ""));
  }
  return flags;
}

}  // namespace cnnopt
