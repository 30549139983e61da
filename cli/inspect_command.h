// `cnnopt inspect MODEL...`: what models are made of and what could be slimmed.
#ifndef CNNOPT_CLI_INSPECT_COMMAND_H_
#define CNNOPT_CLI_INSPECT_COMMAND_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"
#include "passes/inspect.h"

namespace cnnopt {

// The weight error up to which a form counts as a good stand-in for a layer. Fitted to samples it errs less.
inline constexpr double kInspectError = 0.25;

// Models and their paths, in the order of the command line.
using InspectedModels = std::vector<std::pair<std::string, ModelFacts>>;

// One model: its layers and a summary. Several: the summaries in columns. Lines of at most `width` columns, unless
// `verbose`.
std::string InspectText(const InspectedModels& models, size_t width, bool verbose);
// All there is, as an array with one object a model: docs/inspect.md.
std::string InspectJson(const InspectedModels& models);

absl::StatusOr<ExitCode> RunInspect(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_INSPECT_COMMAND_H_
