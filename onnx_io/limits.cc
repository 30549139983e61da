#include "onnx_io/limits.h"

#include "absl/strings/str_cat.h"

namespace cnnopt {

absl::Span<const LimitInfo> AllLimits() {
  static constexpr LimitInfo kLimits[] = {
      {"--max-file-bytes", &Limits::file_bytes, "size of the .onnx file without its external data"},
      {"--max-depth", &Limits::depth, "nesting of subgraphs, of types and of function calls"},
      {"--max-nodes", &Limits::nodes, "nodes in all graphs and functions"},
      {"--max-initializers", &Limits::initializers, "initializers in all graphs"},
      {"--max-rank", &Limits::rank, "dimensions of one tensor"},
      {"--max-name-bytes", &Limits::name_bytes, "length of the name of a value, node or graph"},
      {"--max-identifier-bytes", &Limits::identifier_bytes,
       "length of the name of an operator, attribute, function or domain"},
      {"--max-model-memory", &Limits::memory_bytes, "memory that the model may take when it is read"},
  };
  return kLimits;
}

absl::Status LimitExceeded(int64_t Limits::* field, const Limits& limits, absl::string_view what, int64_t found) {
  const char* flag = "";
  for (const LimitInfo& info : AllLimits()) {
    if (info.field == field) {
      flag = info.flag;
    }
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " is ", found, ", the limit is ", limits.*field, " (", flag, ")"));
}

}  // namespace cnnopt
