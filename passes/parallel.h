// Independent pieces of work on several threads, with results that do not depend on how many.
#ifndef CNNOPT_PASSES_PARALLEL_H_
#define CNNOPT_PASSES_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace cnnopt {

// Threads this process may use (its affinity mask), at least 1.
int AvailableThreads();

// How many of `threads` can do algebra at the same time in the memory that the process may still take (ulimit -v).
// Takes the memory that BLAS needs for each, once for the whole run: where it finds none later, OpenBLAS asks for it
// forever. Throws std::bad_alloc when there is not enough for one.
int ThreadsWithMemory(int threads);

// Calls work(0) ... work(count - 1), each once, on up to `threads` threads, and returns when all are done. `work` must
// write only to what belongs to its index. BLAS itself is held to one thread, so that the same numbers come out
// whatever `threads` is. Rethrows what `work` throws.
void ParallelFor(int64_t count, int threads, const std::function<void(int64_t)>& work);

// The same for ranges [begin, begin + width) of at most `most` that cover [0, count): the pieces of large products.
void ParallelRanges(int64_t count, int64_t most, int threads,
                    const std::function<void(int64_t begin, int64_t width)>& work);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_PARALLEL_H_
