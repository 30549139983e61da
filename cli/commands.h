// The commands beside the main job: name, positions, flags and help of each, in one table.
#ifndef CNNOPT_CLI_COMMANDS_H_
#define CNNOPT_CLI_COMMANDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"

namespace cnnopt {

struct Command {
  const char* name;       // "inspect", "batch run"
  const char* positions;  // "MODEL..."; "": none
  size_t least, most;     // positions it takes
  const char* summary;    // one line, no full stop
  const char* about;      // what its --help says below the usage
  std::vector<Flag> flags;
  absl::StatusOr<ExitCode> (*run)(const SlimArguments& arguments, const Console& console);
};

// In the order in which help shows them.
const std::vector<Command>& Commands();
// The command called `name`, or null: then the words belong to the main job.
const Command* FindCommand(absl::string_view name);
// How many of the first words of a command line name a command; 0: none do.
size_t WordsOfCommand(const std::vector<std::string>& arguments);

// Ok unless `word`, the first of a command line, is probably a misspelt command: no path, no file, near to a name.
// Errors: InvalidArgument, with the command that was probably meant.
absl::Status CheckCommandName(const std::string& word);

// Parses what follows the command's name. Errors: InvalidArgument, one line as of ParseSlimArguments.
absl::StatusOr<SlimArguments> ParseCommand(const Command& command, const std::vector<std::string>& arguments);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_COMMANDS_H_
