// How much of a file this program is willing to believe. Every limit has a flag that its error message names.
#ifndef CNNOPT_ONNX_IO_LIMITS_H_
#define CNNOPT_ONNX_IO_LIMITS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cnnopt {

struct Limits {
  int64_t file_bytes = (int64_t{1} << 31) - 1;  // of the protobuf itself; protobuf cannot parse more
  int64_t depth = 30;                           // nested subgraphs, nested types, function calls
  int64_t nodes = 1'000'000;                    // over all graphs and functions
  int64_t initializers = 1'000'000;             // over all graphs
  int64_t rank = 16;                            // dimensions of one tensor
  int64_t name_bytes = int64_t{1} << 20;        // of a value, node or graph; tools that fuse nodes join their names
  int64_t identifier_bytes = 4096;              // of an operator, attribute, function or domain: what people name
  int64_t memory_bytes = 0;                     // a model may occupy; 0: 80 % of the machine or cgroup
};

// One limit as the command line and the messages show it. Its default stands in `Limits`.
struct LimitInfo {
  const char* flag;  // "--max-depth"
  int64_t Limits::* field;
  const char* description;
};
absl::Span<const LimitInfo> AllLimits();

// ResourceExhausted: "<what> is <found>, the limit is <value> (<flag>)".
absl::Status LimitExceeded(int64_t Limits::* field, const Limits& limits, absl::string_view what, int64_t found);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_LIMITS_H_
