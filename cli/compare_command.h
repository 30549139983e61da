// `cnnopt compare A.onnx B.onnx`: two models side by side, what they compute and what they take.
#ifndef CNNOPT_CLI_COMPARE_COMMAND_H_
#define CNNOPT_CLI_COMPARE_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"
#include "report/compare_json.h"

namespace cnnopt {

// Lines of at most `width` columns.
std::string CompareText(const ComparedModels& models, size_t width);

// Exits with kExitVerification when a bound (--tolerance, --max-error, --min-agreement) does not hold.
absl::StatusOr<ExitCode> RunCompare(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_COMPARE_COMMAND_H_
