// What the process tells its caller. Stable: scripts depend on these numbers.
#ifndef CNNOPT_JOB_EXIT_CODE_H_
#define CNNOPT_JOB_EXIT_CODE_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cnnopt {

enum ExitCode : int {
  kExitDone = 0,
  kExitInternal = 1,       // we broke a rule of our own
  kExitUsage = 2,          // bad flag or combination of flags, or a runtime that is not there
  kExitInput = 3,          // the model or samples are unreadable or invalid
  kExitVerification = 4,   // a bound or budget was not met: nothing written
  kExitUnchanged = 5,      // nothing to do, under --fail-if-unchanged
  kExitBatchFailures = 6,  // a batch ended with failures
  kExitIo = 74,            // writing failed
  kExitTemporary = 75,     // try again: out of memory
  kExitInterrupted = 130,  // SIGINT
  kExitTerminated = 143,   // SIGTERM
};

// The codes this version can end with and what each means in a few words, for --help.
struct ExitCodeEntry {
  int code;
  const char* meaning;
};
const std::vector<ExitCodeEntry>& ExitCodes();

// What the program was busy with when an error came up. The same status means different things to the caller:
// NotFound of the model is bad input, of OUT's folder it is a failed write.
enum class Origin {
  kUsage,   // the command line, or something it must name
  kInput,   // reading the model or the samples
  kSlim,    // the pipeline
  kOutput,  // writing the model or a report
};

// `status` marked with where it came from. Ok stays ok; the first mark stays.
absl::Status From(Origin origin, absl::Status status);
template <typename T>
absl::StatusOr<T> From(Origin origin, absl::StatusOr<T> result) {
  if (!result.ok()) {
    return From(origin, std::move(result).status());
  }
  return result;
}

// Ok: kExitDone. An error without a mark: kExitInternal.
ExitCode StatusToExitCode(const absl::Status& status);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_EXIT_CODE_H_
