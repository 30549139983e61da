// The library's jobs, whatever language asks for them.
#ifndef CNNOPT_API_SLIM_H_
#define CNNOPT_API_SLIM_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cnnopt/cnnopt.h"
#include "job/options.h"

namespace cnnopt {

using LogLine = std::function<void(absl::string_view line)>;

// `options` as the command's own data. Errors carry their origin, see job/exit_code.h.
absl::StatusOr<SlimArguments> ArgumentsOf(const Options& options);

// As SlimFile and SlimBytes, with the options in `arguments`, which have no paths of IN and OUT yet. They may throw.
absl::StatusOr<Report> RunFile(SlimArguments arguments, const std::string& in, const std::string& out,
                               const Progress& progress, const LogLine& log);
absl::StatusOr<Report> RunBytes(const SlimArguments& arguments, absl::string_view model, std::string& slim,
                                const Progress& progress, const LogLine& log);

}  // namespace cnnopt

#endif  // CNNOPT_API_SLIM_H_
