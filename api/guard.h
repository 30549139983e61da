// Where exceptions end: nothing that the library calls may throw at its caller.
#ifndef CNNOPT_API_GUARD_H_
#define CNNOPT_API_GUARD_H_

#include <exception>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "job/exit_code.h"

namespace cnnopt {

// What a step of a job throws for Guarded to catch when the caller wants no more: the passes have no other way out of
// the middle of a stage. Their data frees itself, and ParallelFor hands it on from its threads.
struct Cancelled {};

// Calls `run`, which gives a status or a StatusOr, and turns what it throws into an error.
template <typename Run>
auto Guarded(Run&& run) noexcept -> decltype(run()) {
  try {
    return std::forward<Run>(run)();
  } catch (const Cancelled&) {
    return absl::CancelledError("cancelled by the progress function");
  } catch (const std::bad_alloc&) {
    return From(Origin::kSlim, absl::UnavailableError("out of memory"));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("internal error: ", error.what()));
  } catch (...) {
    return absl::InternalError("internal error: an unknown exception");
  }
}

}  // namespace cnnopt

#endif  // CNNOPT_API_GUARD_H_
