#include "passes/stage_clock.h"

#include <algorithm>

namespace cnnopt {

void StageClock::Enter(const std::string& stage) {
  if (stage == current_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!current_.empty()) {
    auto found = std::find_if(times_.begin(), times_.end(), [&](const StageTime& t) { return t.stage == current_; });
    if (found == times_.end()) found = times_.insert(times_.end(), {current_, 0});
    found->seconds += std::chrono::duration<double>(now - began_).count();
  }
  current_ = stage;
  began_ = now;
}

}  // namespace cnnopt
