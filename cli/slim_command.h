// `cnnopt IN OUT [options]`: the main job from the files to the printed result.
#ifndef CNNOPT_CLI_SLIM_COMMAND_H_
#define CNNOPT_CLI_SLIM_COMMAND_H_

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"

namespace cnnopt {

// Errors carry their origin, see exit_code.h; on each of them OUT is as it was. A refused model is no error here: it is
// printed and gives kExitVerification.
absl::StatusOr<ExitCode> RunSlim(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_SLIM_COMMAND_H_
