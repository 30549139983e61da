#include "runtime/labels.h"

#include <cmath>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "onnx_io/status_macros.h"
#include "runtime/npy.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

constexpr int64_t kMostTextBytes = 64'000'000;

absl::Status Wrong(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("labels '", path, "': ", what));
}

absl::StatusOr<std::vector<int64_t>> ReadText(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostTextBytes));
  std::vector<int64_t> labels;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    int64_t label = -1;
    if (!absl::SimpleAtoi(line, &label) || label < 0) {
      return Wrong(path, absl::StrCat("line ", labels.size() + 1, ": expected a whole number from 0 on"));
    }
    labels.push_back(label);
  }
  return labels;
}

// The array of labels among those of a file; null when there is none.
const std::pair<const std::string, NpyHeader>* FindArray(const ArrayFile& file) {
  for (const auto& entry : file.arrays()) {
    const std::string& name = entry.first;
    if (file.arrays().size() == 1 || name == "labels" || name == "label" || name == "y") return &entry;
  }
  return nullptr;
}

absl::StatusOr<std::vector<int64_t>> ReadArray(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const ArrayFile file, ArrayFile::Open(path));
  const auto* const array = FindArray(file);
  if (array == nullptr) return Wrong(path, "expected an array called labels, label or y");
  const auto& [name, header] = *array;
  const int64_t count = NpyItems(header);
  if (ElementCount(header.shape) != count || header.shape.empty()) {
    return Wrong(path, absl::StrCat("expected one number for each sample, found shape of rank ", header.shape.size()));
  }
  std::vector<int64_t> all(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) all[static_cast<size_t>(i)] = i;
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> items, file.ReadItems(name, all));
  std::vector<int64_t> labels;
  for (const std::string& item : items) {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> value, ToDoubles(Tensor{header.data_type, {1}, item}));
    // Written so that not-a-number fails too.
    if (!(value[0] >= 0 && value[0] <= 1e15 && value[0] == std::floor(value[0]))) {
      return Wrong(path, absl::StrCat("item ", labels.size(), ": expected a whole number from 0 on, found ", value[0]));
    }
    labels.push_back(static_cast<int64_t>(value[0]));
  }
  return labels;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> ReadLabels(const std::string& path) {
  const bool array = absl::EndsWith(path, ".npy") || absl::EndsWith(path, ".npz");
  return array ? ReadArray(path) : ReadText(path);
}

absl::StatusOr<double> Top1Percent(const Outputs& outputs, absl::Span<const std::vector<int64_t>> labels) {
  int64_t right = 0, rows = 0;
  for (size_t s = 0; s < outputs.size(); ++s) {
    std::optional<std::vector<int64_t>> classes;
    for (size_t o = 0; o < outputs[s].size() && !classes.has_value(); ++o) {
      CNNOPT_ASSIGN_OR_RETURN(classes, Top1(outputs[s][o]));
    }
    if (!classes.has_value()) {
      return absl::InvalidArgumentError(
          "no output has a top-1, expected one of floats [batch, classes] with 2 classes or more");
    }
    if (classes->size() != labels[s].size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("sample ", s, " has ", classes->size(), " rows and ", labels[s].size(), " labels"));
    }
    for (size_t row = 0; row < classes->size(); ++row) right += (*classes)[row] == labels[s][row] ? 1 : 0;
    rows += static_cast<int64_t>(classes->size());
  }
  return rows == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(rows);
}

}  // namespace cnnopt
