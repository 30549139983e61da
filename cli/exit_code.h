// What the process tells its caller. Stable: scripts depend on these numbers.
#ifndef CNNOPT_CLI_EXIT_CODE_H_
#define CNNOPT_CLI_EXIT_CODE_H_

namespace cnnopt {

enum ExitCode : int {
  kExitDone = 0,
  kExitInternal = 1,            // we broke a rule of our own
  kExitUsage = 2,               // bad flag or combination of flags
  kExitInput = 3,               // the model or samples are unreadable or invalid
  kExitVerification = 4,        // a bound or budget was not met: nothing written
  kExitUnchanged = 5,           // nothing to do, under --fail-if-unchanged
  kExitBatchFailures = 6,       // a batch ended with failures
  kExitIo = 74,                 // writing failed
  kExitTemporary = 75,          // try again
  kExitInterrupted = 130,       // SIGINT
  kExitTerminated = 143,        // SIGTERM
};

}  // namespace cnnopt

#endif  // CNNOPT_CLI_EXIT_CODE_H_
