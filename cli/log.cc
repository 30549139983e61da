#include "cli/log.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "report/display.h"

namespace cnnopt {

absl::StatusOr<Log> Log::Open(const std::string& path) {
  Log log;
  if (path.empty()) return log;
  log.file_ = std::make_unique<std::ofstream>(path, std::ios::trunc);
  if (!*log.file_) return absl::UnavailableError(absl::StrCat("log file '", path, "' cannot be written"));
  return log;
}

void Log::Write(absl::string_view text) {
  if (file_ == nullptr) return;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    *file_ << absl::StrFormat("%8.2f  ", passed.count()) << ForScreen(line) << "\n";
  }
  file_->flush();
}

void Log::EnterStage(const std::string& stage) {
  if (stage == stage_) return;
  stage_ = stage;
  Write(stage);
}

}  // namespace cnnopt
