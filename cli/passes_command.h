// `cnnopt passes`: every form and cleanup pass.
#ifndef CNNOPT_CLI_PASSES_COMMAND_H_
#define CNNOPT_CLI_PASSES_COMMAND_H_

#include <string>

namespace cnnopt {

// One line each: name, kind, summary.
std::string PassesText();

}  // namespace cnnopt

#endif  // CNNOPT_CLI_PASSES_COMMAND_H_
