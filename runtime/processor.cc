#include "runtime/processor.h"

#include <sys/utsname.h>

#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cnnopt {
namespace {

// What stands behind "key   :", of the first processor; "" if nothing does.
std::string ValueOf(absl::string_view cpuinfo, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(parts.first) == key) return std::string(absl::StripAsciiWhitespace(parts.second));
  }
  return "";
}

}  // namespace

std::string ProcessorIn(absl::string_view cpuinfo) {
  if (std::string name = ValueOf(cpuinfo, "model name"); !name.empty()) return name;
  std::vector<std::string> parts;
  for (const char* key : {"CPU implementer", "CPU part", "CPU variant"}) {
    if (const std::string value = ValueOf(cpuinfo, key); !value.empty()) parts.push_back(value);
  }
  return absl::StrJoin(parts, " ");
}

std::string ProcessorName() {
  struct utsname system{};
  const std::string machine = uname(&system) == 0 ? system.machine : "";
  std::ifstream file("/proc/cpuinfo");
  const std::string name = ProcessorIn(std::string(std::istreambuf_iterator<char>(file), {}));
  return absl::StrCat(machine, machine.empty() || name.empty() ? "" : " ", name);
}

}  // namespace cnnopt
