#include "job/path_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "job/exit_code.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

absl::Status Wrong(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("'", path, "' ", what));
}

// What stands at `path`, links followed; nullopt with errno set when nothing does or it cannot be seen.
std::optional<mode_t> Mode(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) {
    return std::nullopt;
  }
  return facts.st_mode;
}

absl::Status CheckReadable(const std::string& path) {
  const std::optional<mode_t> mode = Mode(path);
  if (!mode.has_value()) {
    return errno == ENOENT ? absl::NotFoundError(absl::StrCat("'", path, "' does not exist"))
                           : Wrong(path, std::strerror(errno));
  }
  if (S_ISDIR(*mode)) {
    return Wrong(path, "is a folder, expected a file");
  }
  if (!S_ISREG(*mode)) {
    return Wrong(path, "is not a regular file");
  }
  if (access(path.c_str(), R_OK) != 0) {
    return Wrong(path, "cannot be read: permission denied");
  }
  return absl::OkStatus();
}

// A file is written beside its name and renamed: only the folder's permissions count, and anything but a regular
// file, /dev/null say, would be lost.
absl::Status CheckReplaceable(const std::string& path) {
  const std::optional<mode_t> mode = Mode(path);
  if (path.back() == '/' || (mode.has_value() && S_ISDIR(*mode))) {
    return Wrong(path, "is a folder, expected a file name");
  }
  if (mode.has_value() && !S_ISREG(*mode)) {
    return Wrong(path, "is not a regular file and is not replaced");
  }
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  const std::optional<mode_t> folder_mode = Mode(folder);
  if (!folder_mode.has_value()) {
    return Wrong(path, absl::StrCat("cannot be written: folder '", folder, "': ", std::strerror(errno)));
  }
  if (!S_ISDIR(*folder_mode)) {
    return Wrong(path, absl::StrCat("cannot be written: '", folder, "' is not a folder"));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return Wrong(path, absl::StrCat("cannot be written: folder '", folder, "': ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

// Whether writing `a` would replace `b`, which need not exist.
bool SamePlace(const std::string& a, const std::string& b) {
  if (SameFile(a, b)) {
    return true;
  }
  std::error_code error;  // of a path that cannot be followed: then it is no place of either
  const std::filesystem::path full_a = std::filesystem::weakly_canonical(a, error);
  if (error) {
    return false;
  }
  const std::filesystem::path full_b = std::filesystem::weakly_canonical(b, error);
  return !error && full_a == full_b;
}

absl::Status CheckDistinct(absl::string_view role, const std::string& path, absl::string_view other_role,
                           const std::string& other, absl::string_view remedy = "") {
  if (path.empty() || other.empty() || !SamePlace(path, other)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(role, " '", path, "' and ", other_role, " '", other, "' are the same file", remedy));
}

// What is written beside OUT, with what it is.
std::vector<std::pair<const char*, std::string>> WrittenBeside(const SlimArguments& arguments) {
  std::vector<std::pair<const char*, std::string>> files;
  for (const std::string& report : arguments.reports) files.emplace_back("report", report);
  if (!arguments.plan_out.empty()) files.emplace_back("plan", arguments.plan_out);
  if (!arguments.cost_cache.empty()) files.emplace_back("cost cache", arguments.cost_cache);
  if (!arguments.log_file.empty()) files.emplace_back("log file", arguments.log_file);
  return files;
}

}  // namespace

absl::Status CheckPaths(const SlimArguments& arguments) {
  if (!arguments.in.empty()) CNNOPT_RETURN_IF_ERROR(From(Origin::kInput, CheckReadable(arguments.in)));
  if (!arguments.out.empty()) {
    CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, CheckReplaceable(arguments.out)));
  }
  if (!arguments.force) {
    CNNOPT_RETURN_IF_ERROR(
        From(Origin::kUsage, CheckDistinct("OUT", arguments.out, "IN", arguments.in, ", which --force allows")));
  }
  for (const auto& [role, path] : WrittenBeside(arguments)) {
    CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, CheckReplaceable(path)));
    CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckDistinct(role, path, "IN", arguments.in)));
    CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckDistinct(role, path, "OUT", arguments.out)));
  }
  return absl::OkStatus();
}

absl::Status CheckSampleFiles(const SlimArguments& arguments, const std::vector<std::string>& files) {
  std::vector<std::pair<const char*, std::string>> written = {{"OUT", arguments.out}};
  for (auto& file : WrittenBeside(arguments)) written.push_back(std::move(file));
  for (const auto& [role, path] : written) {
    if (path.empty() || !Mode(path).has_value()) {
      continue;  // not there yet, so none of the files
    }
    for (const std::string& file : files) {
      CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, CheckDistinct(role, path, "calibration data", file)));
    }
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
