#include "cli/command_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/slim_command.h"
#include "job/options.h"
#include "job/version.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {
namespace {

// Other libraries' messages come in several lines and hold names from the model.
std::string InOneLine(absl::string_view message) {
  return ForScreen(absl::StrReplaceAll(absl::StripAsciiWhitespace(message), {{"\r\n", " "}, {"\n", " "}, {"\t", " "}}));
}

absl::StatusOr<ExitCode> Dispatch(const std::vector<std::string>& arguments, const Console& console) {
  if (const size_t words = WordsOfCommand(arguments); words > 0) {
    const auto rest_begin = arguments.begin() + static_cast<std::ptrdiff_t>(words);
    const Command* const command = FindCommand(absl::StrJoin(arguments.begin(), rest_begin, " "));
    const std::vector<std::string> rest(rest_begin, arguments.end());
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments parsed, From(Origin::kUsage, ParseCommand(*command, rest)));
    if (parsed.action == SlimArguments::Action::kHelp) {
      console.out << CommandHelp(*command);
      return kExitDone;
    }
    return command->run(parsed, console);
  }
  if (!arguments.empty() && arguments[0] == "batch") {
    if (arguments.size() > 1 && (arguments[1] == "--help" || arguments[1] == "-h")) {
      console.out << BatchHelp();
      return kExitDone;
    }
    return From(Origin::kUsage, absl::InvalidArgumentError(absl::StrCat(
                                    "cnnopt batch: found ", arguments.size() > 1 ? Quote(arguments[1]) : "nothing",
                                    ", expected run, plan, status or merge; 'cnnopt batch --help' explains them")));
  }
  if (!arguments.empty()) CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckCommandName(arguments[0])));
  CNNOPT_ASSIGN_OR_RETURN(const SlimArguments parsed, From(Origin::kUsage, ParseSlimArguments(arguments)));
  switch (parsed.action) {
    case SlimArguments::Action::kHelp:
      console.out << HelpText();
      return kExitDone;
    case SlimArguments::Action::kVersion:
      console.out << "cnnopt " << kToolVersion << "\n";
      return kExitDone;
    case SlimArguments::Action::kSlim:
      return RunSlim(parsed, console);
  }
  return absl::InternalError("unknown action");
}

size_t TerminalWidth(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Whether `descriptor` is a terminal that understands escape sequences.
bool IsScreen(int descriptor) {
  const char* const terminal = std::getenv("TERM");
  return isatty(descriptor) != 0 && terminal != nullptr && std::string(terminal) != "dumb";
}

bool ColorsWelcome() {
  const char* const no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

}  // namespace

ExitCode RunCommandLine(const std::vector<std::string>& arguments, const Console& console) {
  const absl::StatusOr<ExitCode> code = Dispatch(arguments, console);
  if (!code.ok()) {
    console.err << "cnnopt: " << InOneLine(code.status().message()) << "\n";
    return StatusToExitCode(code.status());
  }
  console.out.flush();
  if (!console.out) {
    console.err << "cnnopt: the result could not be printed\n";
    return *code == kExitDone ? kExitIo : *code;
  }
  return *code;
}

ExitCode Guarded(const std::function<ExitCode()>& run, std::ostream& err) {
  try {
    return run();
  } catch (const std::bad_alloc&) {
    err << "cnnopt: out of memory\n";
    return kExitTemporary;
  } catch (const std::exception& error) {
    err << "cnnopt: internal error: " << InOneLine(error.what()) << "\n";
    return kExitInternal;
  }
}

int Main(int argc, char** argv) {
  Console console{std::cout, std::cerr};
  console.width = std::clamp<size_t>(TerminalWidth(STDOUT_FILENO), 80, 160);
  console.color = IsScreen(STDOUT_FILENO) && ColorsWelcome();
  console.progress_width = IsScreen(STDERR_FILENO) ? TerminalWidth(STDERR_FILENO) : 0;
  return Guarded(
      [&] { return RunCommandLine(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), console); },
      std::cerr);
}

}  // namespace cnnopt
