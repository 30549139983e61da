#include "cli/batch_setup.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/batch_flags.h"
#include "job/child.h"
#include "job/exit_code.h"
#include "job/version.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {

absl::Status CheckMainOptions(const SlimArguments& arguments) {
  std::vector<std::string> words = ResultOptions(arguments.given);
  for (const std::string& option : RunningOptions(arguments.given)) words.push_back(option);
  for (const char* const position : {"--", "in.onnx", "out.onnx"}) words.emplace_back(position);
  return From(Origin::kUsage, ParseSlimArguments(words)).status();
}

absl::StatusOr<std::string> VersionOf(const std::string& program) {
  if (program.empty()) return std::string(kToolVersion);
  constexpr double kSeconds = 60;
  const absl::StatusOr<std::string> text = RunShell(absl::StrCat(ShellQuoted(program), " --version"), kSeconds);
  if (!text.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--program=", program, ": of its --version: ", text.status().message()));
  }
  absl::string_view version = absl::StripAsciiWhitespace(*text);
  if (!absl::ConsumePrefix(&version, "cnnopt ")) {
    return absl::FailedPreconditionError(
        absl::StrCat("--program=", program, ": its --version says ", Quote(version), ", expected cnnopt and a number"));
  }
  return std::string(version);
}

absl::StatusOr<std::string> ProgramPath(const std::string& program) {
  std::error_code error;
  // The link is followed now: the file may be replaced by a newer one while the batch runs.
  const std::filesystem::path path = program.empty() ? std::filesystem::read_symlink("/proc/self/exe", error)
                                                     : std::filesystem::absolute(program, error);
  if (program.empty()) return std::string("/proc/self/exe");
  if (access(path.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("--program=", program, " is no program that can be run"));
  }
  return path.string();
}

}  // namespace cnnopt
