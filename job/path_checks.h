// Checks of the paths on the command line that cost nothing and would otherwise fail after the work.
#ifndef CNNOPT_JOB_PATH_CHECKS_H_
#define CNNOPT_JOB_PATH_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "job/options.h"

namespace cnnopt {

// IN, if it is a file at all, is a regular one; OUT and the reports can be made or replaced: their folders exist and
// can be written, and what is there now is a regular file; none of these is another one of them, except OUT and IN
// under --force. Errors carry their origin, see exit_code.h.
absl::Status CheckPaths(const SlimArguments& arguments);

// Neither OUT nor a report is one of `files`, which hold the samples. Errors carry their origin.
absl::Status CheckSampleFiles(const SlimArguments& arguments, const std::vector<std::string>& files);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_PATH_CHECKS_H_
