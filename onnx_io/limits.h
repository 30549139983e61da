// How much of a file this program is willing to believe. Every limit has a name that its error message carries.
#ifndef CNNOPT_ONNX_IO_LIMITS_H_
#define CNNOPT_ONNX_IO_LIMITS_H_

#include <cstdint>

namespace cnnopt {

struct Limits {
  int64_t file_bytes = (int64_t{1} << 31) - 1;  // of the protobuf itself; protobuf cannot parse more
  int64_t depth = 30;                           // nested subgraphs, nested types, function calls
  int64_t nodes = 1'000'000;                    // over all graphs and functions
  int64_t initializers = 1'000'000;             // over all graphs
  int64_t rank = 16;                            // dimensions of one tensor
  int64_t name_bytes = 4096;                    // of one name
  int64_t memory_bytes = 0;                     // payload a model may occupy; 0: 80 % of the machine or cgroup
};

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_LIMITS_H_
