#include "job/config_file.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {
constexpr int64_t kMostBytes = 1'000'000;
}  // namespace

absl::StatusOr<std::vector<ConfigEntry>> ReadConfig(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  std::vector<CLI::ConfigItem> items;
  try {
    std::istringstream stream(text);
    items = CLI::ConfigTOML().from_config(stream);
  } catch (const std::exception& error) {  // of the library's own kinds, and of std
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': ", error.what()));
  }
  std::vector<ConfigEntry> entries;
  for (const CLI::ConfigItem& item : items) {
    if (!item.parents.empty() || item.name == "++" || item.name == "--") {
      const std::string table = item.parents.empty() ? item.name : item.parents.front();
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "': found the table [", table, "], expected lines like target-macs = 0.5 only"));
    }
    entries.push_back({absl::StrCat("--", item.name), item.inputs});
  }
  return entries;
}

}  // namespace cnnopt
