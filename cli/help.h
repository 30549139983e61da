// What --help prints, made of the tables that the program itself works by.
#ifndef CNNOPT_CLI_HELP_H_
#define CNNOPT_CLI_HELP_H_

#include <string>
#include <vector>

#include "cli/commands.h"
#include "job/options.h"

namespace cnnopt {

// A command as every kind of help shows it: --help, the man page, docs/options.md, completions.
struct Usage {
  std::string name;       // "inspect"; "" for the main job
  std::string positions;  // "MODEL..."
  std::string summary;    // one line, no full stop
  std::string about;      // a paragraph
  const std::vector<Flag>* flags;
};
// The main job, then Commands().
std::vector<Usage> Usages();
// "cnnopt inspect MODEL... [options]".
std::string Synopsis(const Usage& usage);

// "-q, --quiet", "--target-macs=X".
std::string FlagTerm(const Flag& flag);

struct EnvironmentEntry {
  const char* name;
  const char* meaning;  // no full stop
};
// The environment variables that are looked at.
const std::vector<EnvironmentEntry>& Environment();

std::string HelpText();
// What `cnnopt COMMAND --help` prints.
std::string CommandHelp(const Command& command);

// Of `cnnopt batch`: its commands.
std::string BatchHelp();

}  // namespace cnnopt

#endif  // CNNOPT_CLI_HELP_H_
