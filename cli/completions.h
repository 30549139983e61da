// `cnnopt completions SHELL`: a script that lets a shell complete commands, options and their values, made of the
// tables that the program itself works by.
#ifndef CNNOPT_CLI_COMPLETIONS_H_
#define CNNOPT_CLI_COMPLETIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"

namespace cnnopt {

// What may be typed for a value or a position.
struct Offer {
  std::vector<std::string> words;
  bool files = false;
};
// Of a flag's "enforce|report|off" the three words, of "WxH|N|fit" the last one, of "FILE.json" or "PATH" files.
Offer OfferOf(absl::string_view value);
// Of "bash|zsh|fish" the three words, of anything in capital letters files.
Offer OfferOfPositions(absl::string_view positions);

std::string BashCompletion();
std::string ZshCompletion();
std::string FishCompletion();

absl::StatusOr<ExitCode> RunCompletions(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_COMPLETIONS_H_
