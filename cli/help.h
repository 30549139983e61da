// What --help prints, made of the tables that the program itself works by.
#ifndef CNNOPT_CLI_HELP_H_
#define CNNOPT_CLI_HELP_H_

#include <string>

#include "cli/commands.h"

namespace cnnopt {

std::string HelpText();
// What `cnnopt COMMAND --help` prints.
std::string CommandHelp(const Command& command);

// Of `cnnopt batch`: its commands.
std::string BatchHelp();

}  // namespace cnnopt

#endif  // CNNOPT_CLI_HELP_H_
