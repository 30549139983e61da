#include "batch/machine.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <thread>

#include "job/parse_number.h"
#include "onnx_io/memory_limit.h"

namespace cnnopt {
namespace {

// A number from 1 on in an environment variable.
std::optional<int64_t> Positive(const Environment& environment, const char* name) {
  const char* const text = environment(name);
  const std::optional<int64_t> number = text == nullptr ? std::nullopt : ParseNumber<int64_t>(text);
  return number.value_or(0) > 0 ? number : std::nullopt;
}

// "200000 100000" in cpu.max stands for two processors, "max 100000" for all.
int64_t GroupQuota(int64_t otherwise) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  int64_t quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return otherwise;
  return std::max<int64_t>((quota + period - 1) / period, 1);
}

}  // namespace

int64_t Processors(const Environment& environment) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int64_t allowed = sched_getaffinity(0, sizeof(mask), &mask) == 0
                              ? CPU_COUNT(&mask)
                              : static_cast<int64_t>(std::thread::hardware_concurrency());
  const int64_t mine = std::min(std::max<int64_t>(allowed, 1), GroupQuota(allowed));
  return std::min(mine, Positive(environment, "SLURM_CPUS_PER_TASK").value_or(mine));
}

int64_t MemoryBudget(const Environment& environment, int64_t processors) {
  constexpr int64_t kMega = 1 << 20;
  std::optional<int64_t> mega = Positive(environment, "SLURM_MEM_PER_NODE");
  if (!mega.has_value()) {
    mega = Positive(environment, "SLURM_MEM_PER_CPU");
    if (mega.has_value()) *mega *= processors;
  }
  const int64_t machine = DefaultMemoryLimit();
  return mega.has_value() ? std::min(machine, *mega * kMega / 5 * 4) : machine;
}

}  // namespace cnnopt
