// How much memory this process may use.
#ifndef CNNOPT_ONNX_IO_MEMORY_LIMIT_H_
#define CNNOPT_ONNX_IO_MEMORY_LIMIT_H_

#include <cstdint>

namespace cnnopt {

// 80 % of the smallest of: the machine's memory, the memory limits of the process's cgroup (v1 and v2) and of those
// above it, and RLIMIT_AS. In bytes.
int64_t DefaultMemoryLimit();

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_MEMORY_LIMIT_H_
