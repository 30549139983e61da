// The whole program after main: picks the command, runs it, turns what went wrong into one line and an exit code.
#ifndef CNNOPT_CLI_COMMAND_LINE_H_
#define CNNOPT_CLI_COMMAND_LINE_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/console.h"
#include "job/exit_code.h"

namespace cnnopt {

// `arguments` without the program's name.
ExitCode RunCommandLine(const std::vector<std::string>& arguments, const Console& console);

// The result of `run`. An exception ends here: out of memory gives kExitTemporary, any other kExitInternal, each
// with one line on `err`.
ExitCode Guarded(const std::function<ExitCode()>& run, std::ostream& err);

// RunCommandLine on the process's own arguments, stdout, stderr and terminal.
int Main(int argc, char** argv);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_COMMAND_LINE_H_
