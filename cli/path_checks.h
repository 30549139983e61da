// Checks of the paths on the command line that cost nothing and would otherwise fail after the work.
#ifndef CNNOPT_CLI_PATH_CHECKS_H_
#define CNNOPT_CLI_PATH_CHECKS_H_

#include "absl/status/status.h"
#include "cli/options.h"

namespace cnnopt {

// IN and the samples are regular files; OUT and the reports can be made or replaced: their folders exist and can be
// written, and what is there now is a regular file; none of these is another one of them, except OUT and IN under
// --force. Errors carry their origin, see exit_code.h.
absl::Status CheckPaths(const SlimArguments& arguments);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_PATH_CHECKS_H_
