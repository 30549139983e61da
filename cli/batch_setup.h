// What the commands of `cnnopt batch` check and find out before they start.
#ifndef CNNOPT_CLI_BATCH_SETUP_H_
#define CNNOPT_CLI_BATCH_SETUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "job/options.h"

namespace cnnopt {

// Whether the main job would take the options that are for it. Errors carry their origin.
absl::Status CheckMainOptions(const SlimArguments& arguments);

// What `program --version` says; of "", this program's version. Errors: FailedPrecondition.
absl::StatusOr<std::string> VersionOf(const std::string& program);

// The path of the program to run for each model. Errors: FailedPrecondition.
absl::StatusOr<std::string> ProgramPath(const std::string& program);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_BATCH_SETUP_H_
