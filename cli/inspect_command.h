// `cnnopt inspect MODEL...`: what models are made of and what could be slimmed.
#ifndef CNNOPT_CLI_INSPECT_COMMAND_H_
#define CNNOPT_CLI_INSPECT_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"
#include "passes/inspect.h"
#include "report/inspect_json.h"

namespace cnnopt {

// The weight error up to which a form counts as a good stand-in for a layer. Fitted to samples it errs less.
inline constexpr double kInspectError = 0.25;

// One model: its layers and a summary. Several: the summaries in columns. Lines of at most `width` columns, unless
// `verbose`.
std::string InspectText(const InspectedModels& models, size_t width, bool verbose);

absl::StatusOr<ExitCode> RunInspect(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_INSPECT_COMMAND_H_
