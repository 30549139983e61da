// `cnnopt man`: every option of every command as a manual page, or as docs/options.md.
#ifndef CNNOPT_CLI_MAN_PAGE_H_
#define CNNOPT_CLI_MAN_PAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"

namespace cnnopt {

// cnnopt(1) in the macros of man(7).
std::string ManPage(const std::string& version);
// docs/options.md.
std::string OptionsPage();

absl::StatusOr<ExitCode> RunMan(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_MAN_PAGE_H_
