#include "job/parse_number.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"

namespace cnnopt {

std::optional<int64_t> ParseBytes(absl::string_view text) {
  static constexpr std::pair<absl::string_view, double> kUnits[] = {
      {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024},
      {"KB", 1e3},   {"MB", 1e6},          {"GB", 1e9},
      {"K", 1e3},    {"M", 1e6},           {"G", 1e9},
      {"B", 1}};
  const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                 [&](const auto& entry) { return absl::EndsWith(text, entry.first); });
  if (unit == std::end(kUnits)) return std::nullopt;
  absl::string_view digits = text;
  digits.remove_suffix(unit->first.size());
  const double bytes = ParseNumber<double>(digits).value_or(0) * unit->second;
  if (!(bytes >= 1 && bytes <= 1e15)) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

}  // namespace cnnopt
