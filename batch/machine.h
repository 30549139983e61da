// What this process may use of the machine, by what schedulers and control groups say.
#ifndef CNNOPT_BATCH_MACHINE_H_
#define CNNOPT_BATCH_MACHINE_H_

#include <cstdint>

#include "batch/shard.h"

namespace cnnopt {

// The processors: the smallest of the affinity mask, the quota of the control group and SLURM_CPUS_PER_TASK.
int64_t Processors(const Environment& environment);

// Bytes: 80 % of SLURM_MEM_PER_NODE or SLURM_MEM_PER_CPU times `processors`, at most DefaultMemoryLimit().
int64_t MemoryBudget(const Environment& environment, int64_t processors);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_MACHINE_H_
