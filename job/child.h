// A command of the user, run by the shell.
#ifndef CNNOPT_JOB_CHILD_H_
#define CNNOPT_JOB_CHILD_H_

#include <string>

#include "absl/status/statusor.h"

namespace cnnopt {

// What `sh -c command` prints on stdout until it ends, of which the last megabyte counts; stdin is empty, stderr is
// ours. After `seconds` the command is killed with all it has started. It dies with this process. Errors:
// FailedPrecondition (an exit code other than 0, a signal, or too slow: named), Unavailable (it cannot be started).
absl::StatusOr<std::string> RunShell(const std::string& command, double seconds);

// `text` as one word for the shell.
std::string ShellQuoted(const std::string& text);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_CHILD_H_
