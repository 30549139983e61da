#include "cli/progress.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr const char* kWipe = "\r\x1b[K";

std::string TimeLeft(int64_t done, int64_t total, double seconds) {
  if (done <= 0 || done >= total) {
    return "";
  }
  const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
  const auto whole = static_cast<int64_t>(std::ceil(std::min(left, 359999.0)));
  if (whole >= 3600) {
    return absl::StrFormat("  %d:%02d:%02d left", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return absl::StrFormat("  %d:%02d left", whole / 60, whole % 60);
}

}  // namespace

std::string RenderProgress(const std::string& stage, int64_t done, int64_t total, double seconds, size_t width) {
  const std::string name = ShortenMiddle(ForScreen(stage), width / 2);
  if (total <= 1) {  // a stage of one step has no progress to show
    return absl::StrCat(name, " ...");
  }
  done = std::clamp<int64_t>(done, 0, total);
  const std::string count = absl::StrFormat("  %d/%d%s", done, total, TimeLeft(done, total, seconds));
  const size_t taken = DisplayWidth(name) + 4 + count.size();
  constexpr size_t kShortestBar = 5;
  if (taken + kShortestBar > width) {
    return ShortenEnd(absl::StrCat(name, count), width);
  }
  const size_t length = std::min<size_t>(width - taken, 32);
  const size_t filled =
      static_cast<size_t>(static_cast<double>(length) * static_cast<double>(done) / static_cast<double>(total));
  return absl::StrCat(name, "  [", std::string(filled, '#'), std::string(length - filled, '-'), "]", count);
}

ProgressBar::~ProgressBar() {
  if (drawn_) {
    screen_ << kWipe << std::flush;
  }
}

void ProgressBar::Show(const std::string& stage, int64_t done, int64_t total) {
  const Clock::time_point now = Clock::now();
  if (stage != stage_) {
    stage_ = stage;
    stage_began_ = now;
  } else if (drawn_ && now - drawn_at_ < std::chrono::milliseconds(100)) {
    return;
  }
  const double seconds = std::chrono::duration<double>(now - stage_began_).count();
  screen_ << kWipe << RenderProgress(stage, done, total, seconds, width_) << std::flush;
  drawn_at_ = now;
  drawn_ = true;
}

}  // namespace cnnopt
