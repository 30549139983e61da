#include "passes/parallel.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

// OpenBLAS only; absent from other BLAS libraries.
extern "C" {
void openblas_set_num_threads(int count) __attribute__((weak));
void* blas_memory_alloc(int procpos) __attribute__((weak));
void blas_memory_free(void* buffer) __attribute__((weak));
}

namespace cnnopt {
namespace {

// What OpenBLAS maps for each thread that calls it, and a little more.
constexpr size_t kBlasBytes = size_t{130} << 20;

// How many pieces of kBlasBytes the process may still map, up to `most`.
int MappablePieces(int most) {
  std::vector<void*> pieces;
  while (static_cast<int>(pieces.size()) < most) {
    void* const piece = mmap(nullptr, kBlasBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) break;
    pieces.push_back(piece);
  }
  for (void* const piece : pieces) munmap(piece, kBlasBytes);
  return static_cast<int>(pieces.size());
}

}  // namespace

int AvailableThreads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(CPU_COUNT(&allowed), 1);
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

int ThreadsWithMemory(int threads) {
  if (blas_memory_alloc == nullptr || blas_memory_free == nullptr) return threads;
  static std::mutex& mutex = *new std::mutex;
  static int held = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  if (threads <= held) return threads;
  const int fresh = MappablePieces(threads - held);
  if (held + fresh == 0) throw std::bad_alloc();
  // OpenBLAS keeps what is given back for the next call.
  std::vector<void*> buffers;
  for (held += fresh; static_cast<int>(buffers.size()) < held;) buffers.push_back(blas_memory_alloc(0));
  for (void* const buffer : buffers) blas_memory_free(buffer);
  return held;
}

void ParallelFor(int64_t count, int threads, const std::function<void(int64_t)>& work) {
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto take = [&] {
    try {
      for (int64_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      failure = std::current_exception();
      next = count;
    }
  };
  const int64_t extra = std::max<int64_t>(std::min<int64_t>(threads, count) - 1, 0);
  std::vector<std::thread> workers;
  workers.reserve(static_cast<size_t>(extra));
  try {
    while (static_cast<int64_t>(workers.size()) < extra) workers.emplace_back(take);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no more threads: those that there are do all of it
  }
  take();
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

void ParallelRanges(int64_t count, int64_t most, int threads,
                    const std::function<void(int64_t begin, int64_t width)>& work) {
  ParallelFor((count + most - 1) / most, threads,
              [&](int64_t piece) { work(piece * most, std::min(most, count - piece * most)); });
}

}  // namespace cnnopt
