// The log file: what happened when, complete up to the last line even where the process ends at once.
#ifndef CNNOPT_CLI_LOG_H_
#define CNNOPT_CLI_LOG_H_

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

class Log {
 public:
  // Begins the file anew. An empty path gives a log that writes nothing. Errors: Unavailable (it cannot be written).
  static absl::StatusOr<Log> Open(const std::string& path);

  // Writes the lines of `text`, each behind the seconds since Open.
  void Write(absl::string_view text);
  // Writes a line where the stage changes.
  void EnterStage(const std::string& stage);

 private:
  std::unique_ptr<std::ofstream> file_;  // null: none
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::string stage_;
};

}  // namespace cnnopt

#endif  // CNNOPT_CLI_LOG_H_
