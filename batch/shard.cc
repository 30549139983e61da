#include "batch/shard.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "job/parse_number.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {
namespace {

struct Family {
  const char* name;
  const char* variable;
  int64_t first;     // the index of the first task
  const char* none;  // what the variable says where there is no array
};
constexpr Family kFamilies[] = {
    {"Slurm", "SLURM_ARRAY_TASK_ID", 0, ""},
    {"Kubernetes", "JOB_COMPLETION_INDEX", 0, ""},
    {"AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", 0, ""},
    {"Grid Engine", "SGE_TASK_ID", 1, "undefined"},
    {"PBS", "PBS_ARRAY_INDEX", 0, ""},
    {"LSF", "LSB_JOBINDEX", 1, "0"},
};

absl::StatusOr<int64_t> InRange(const std::string& text, int64_t first, int64_t shards, absl::string_view where) {
  const std::optional<int64_t> index = ParseNumber<int64_t>(text);
  if (!index.has_value() || *index < first || *index >= first + shards) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": found '", ForScreen(text), "', expected a number from ",
                                                   first, " to ", first + shards - 1, ", as the plan has ", shards,
                                                   shards == 1 ? " shard" : " shards"));
  }
  return *index - first;
}

absl::StatusOr<int64_t> FromEnvironment(int64_t shards, const Environment& environment) {
  const Family* found = nullptr;
  std::string value;
  for (const Family& family : kFamilies) {
    const char* const set = environment(family.variable);
    if (set == nullptr || *set == '\0' || absl::string_view(set) == family.none) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("--shard=auto: both ", found->variable, " and ", family.variable,
                                                     " are set, give --shard=", found->variable, " or the other"));
    }
    found = &family;
    value = set;
  }
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--shard=auto: no index of an array is set, expected one of ",
        absl::StrJoin(kFamilies, ", ",
                      [](std::string* out, const Family& family) { absl::StrAppend(out, family.variable); })));
  }
  return InRange(value, found->first, shards, absl::StrCat("--shard=auto: ", found->variable, " of ", found->name));
}

}  // namespace

absl::StatusOr<int64_t> ParseShard(const std::string& text, int64_t shards, const Environment& environment) {
  if (text == "auto") return FromEnvironment(shards, environment);
  const size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const std::optional<int64_t> total = ParseNumber<int64_t>(text.substr(slash + 1));
    if (total != shards) {
      return absl::InvalidArgumentError(
          absl::StrCat("--shard=", ForScreen(text), ": the plan has ", shards, shards == 1 ? " shard" : " shards"));
    }
  }
  return InRange(text.substr(0, slash), 0, shards, "--shard");
}

std::string ArrayList(const std::vector<int64_t>& shards, int64_t first) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < shards.size();) {
    size_t end = begin + 1;
    while (end < shards.size() && shards[end] == shards[end - 1] + 1) ++end;
    const int64_t low = shards[begin] + first, high = shards[end - 1] + first;
    parts.push_back(low == high ? absl::StrCat(low) : absl::StrCat(low, "-", high));
    begin = end;
  }
  return absl::StrJoin(parts, ",");
}

}  // namespace cnnopt
