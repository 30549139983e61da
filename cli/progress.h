// A progress bar: stage, count, time left. For terminals only.
#ifndef CNNOPT_CLI_PROGRESS_H_
#define CNNOPT_CLI_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>

namespace cnnopt {

// "measuring layers  [########----------------]  12/40  0:12 left": at most `width` characters. `seconds` have
// passed since the stage began; nothing is said of the time left before the first step is done. A stage of one step
// is only named: "verify ...".
std::string RenderProgress(const std::string& stage, int64_t done, int64_t total, double seconds, size_t width);

// Draws on `screen`, at most ten times a second. Wipes its line when it is destroyed.
class ProgressBar {
 public:
  ProgressBar(std::ostream& screen, size_t width) : screen_(screen), width_(width) {}
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Show(const std::string& stage, int64_t done, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& screen_;
  size_t width_;
  std::string stage_;
  Clock::time_point stage_began_;
  Clock::time_point drawn_at_;
  bool drawn_ = false;
};

}  // namespace cnnopt

#endif  // CNNOPT_CLI_PROGRESS_H_
