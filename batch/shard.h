// Which part of a plan a process is to do, from a flag or from what the scheduler puts into the environment.
#ifndef CNNOPT_BATCH_SHARD_H_
#define CNNOPT_BATCH_SHARD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cnnopt {

// The value of an environment variable; null: it is not set.
using Environment = std::function<const char*(const char* name)>;

// The shard, from 0 on, that `text` names in a plan of `shards` shards: "3", "3/40", or "auto": the index of a Slurm
// array, a Kubernetes Indexed Job, AWS Batch, Grid Engine, PBS or LSF. Their number is the plan's: an array that is
// submitted again for the missing shards has another size. Errors: InvalidArgument (no number, out of range, no or
// several schedulers), one line.
absl::StatusOr<int64_t> ParseShard(const std::string& text, int64_t shards, const Environment& environment);

// The numbers of `shards`, in rising order, each `first` larger, as sbatch --array takes them: "3,7-9".
std::string ArrayList(const std::vector<int64_t>& shards, int64_t first);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_SHARD_H_
