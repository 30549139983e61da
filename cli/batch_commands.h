// `cnnopt batch plan|run|status|merge`: whole zoos.
#ifndef CNNOPT_CLI_BATCH_COMMANDS_H_
#define CNNOPT_CLI_BATCH_COMMANDS_H_

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"

namespace cnnopt {

absl::StatusOr<ExitCode> RunBatchRun(const SlimArguments& arguments, const Console& console);
absl::StatusOr<ExitCode> RunBatchPlan(const SlimArguments& arguments, const Console& console);
absl::StatusOr<ExitCode> RunBatchStatus(const SlimArguments& arguments, const Console& console);
absl::StatusOr<ExitCode> RunBatchMerge(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_BATCH_COMMANDS_H_
