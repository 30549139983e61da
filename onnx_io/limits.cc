#include "onnx_io/limits.h"

#include "absl/strings/str_cat.h"

namespace cnnopt {

absl::Span<const LimitInfo> AllLimits() {
  static constexpr LimitInfo kLimits[] = {
      {"file-bytes", &Limits::file_bytes, "size of the .onnx file without its external data"},
      {"depth", &Limits::depth, "nesting of subgraphs, of types and of function calls"},
      {"nodes", &Limits::nodes, "nodes in all graphs and functions"},
      {"initializers", &Limits::initializers, "initializers in all graphs"},
      {"rank", &Limits::rank, "dimensions of one tensor"},
      {"name-bytes", &Limits::name_bytes, "length of one name"},
      {"memory-bytes", &Limits::memory_bytes, "memory a model may take; 0: 80 % of the machine or cgroup"},
  };
  return kLimits;
}

absl::Status LimitExceeded(int64_t Limits::* field, const Limits& limits, absl::string_view what, int64_t found) {
  const char* name = "";
  for (const LimitInfo& info : AllLimits()) {
    if (info.field == field) {
      name = info.name;
    }
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " is ", found, ", the limit is ", limits.*field, " (", name, ")"));
}

}  // namespace cnnopt
