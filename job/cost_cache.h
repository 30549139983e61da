// The times of layers that were measured before, in a file.
#ifndef CNNOPT_JOB_COST_CACHE_H_
#define CNNOPT_JOB_COST_CACHE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "passes/slim.h"
#include "runtime/session.h"

namespace cnnopt {

// What measured times hold for: the version of ONNX Runtime, the processor and the number of threads.
std::string TimingMachine(const OnnxRuntime& runtime, int threads);

// The times that `path` holds for `machine`; none where there is no such file. Errors: InvalidArgument (no cost cache,
// naming what was found), and those of reading.
absl::StatusOr<TimeCache> ReadCostCache(const std::string& path, const std::string& machine);

// Adds `times` to those of `machine` in `path`, atomically; what it holds for others stays. Of several processes that
// do so at once one may lose what it measured, and the file is whole. Errors as ReadCostCache and WriteFileAtomically.
absl::Status AddToCostCache(const std::string& path, const std::string& machine, const TimeCache& times);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_COST_CACHE_H_
