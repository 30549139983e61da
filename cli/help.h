// What --help prints, made of the tables that the program itself works by.
#ifndef CNNOPT_CLI_HELP_H_
#define CNNOPT_CLI_HELP_H_

#include <string>

namespace cnnopt {

std::string HelpText();

}  // namespace cnnopt

#endif  // CNNOPT_CLI_HELP_H_
