#include "passes/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

// OpenBLAS only; absent from other BLAS libraries.
extern "C" void openblas_set_num_threads(int count) __attribute__((weak));

namespace cnnopt {

int AvailableThreads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(CPU_COUNT(&allowed), 1);
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

void ParallelFor(int64_t count, int threads, const std::function<void(int64_t)>& work) {
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  std::atomic<int64_t> next = 0;
  const auto take = [&] {
    for (int64_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> workers;
  const int64_t extra = std::min<int64_t>(threads, count) - 1;
  for (int64_t t = 0; t < extra; ++t) workers.emplace_back(take);
  take();
  for (std::thread& worker : workers) worker.join();
}

}  // namespace cnnopt
