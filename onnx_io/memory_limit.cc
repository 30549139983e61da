#include "onnx_io/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace cnnopt {
namespace {

constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

// The number in a file of one line; kNone when there is no such file or it holds no number ("max").
int64_t NumberIn(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  int64_t number = 0;
  return std::getline(file, line) && absl::SimpleAtoi(line, &number) && number > 0 ? number : kNone;
}

// The smallest limit of the cgroup `group` and those above it. In a container the mount shows only the own group,
// as the root, whatever /proc says.
int64_t SmallestLimit(const std::string& mount, std::string group, const char* file) {
  int64_t smallest = NumberIn(absl::StrCat(mount, "/", file));
  for (; group.size() > 1; group.resize(group.find_last_of('/'))) {
    smallest = std::min(smallest, NumberIn(absl::StrCat(mount, group, "/", file)));
  }
  return smallest;
}

int64_t CgroupLimit() {
  int64_t smallest = kNone;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "<number>:<controllers>:<path>"; no controllers means version 2.
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || parts[2].empty() || parts[2][0] != '/') {
      continue;
    }
    if (parts[1].empty()) {
      smallest = std::min(smallest, SmallestLimit("/sys/fs/cgroup", parts[2], "memory.max"));
    } else if (parts[1] == "memory") {
      smallest = std::min(smallest, SmallestLimit("/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes"));
    }
  }
  return smallest;
}

int64_t AddressSpaceLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kNone;
  }
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(kNone)));
}

}  // namespace

int64_t DefaultMemoryLimit() {
  const int64_t machine = int64_t{sysconf(_SC_PHYS_PAGES)} * int64_t{sysconf(_SC_PAGESIZE)};
  return std::min({machine, CgroupLimit(), AddressSpaceLimit()}) / 5 * 4;
}

}  // namespace cnnopt
