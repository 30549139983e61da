#include "batch/stop_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cnnopt {
namespace {

// A handler sees nothing but what is global.
int write_end = -1;

void PassOn(int signal) {
  const int error = errno;
  const char number = static_cast<char>(signal);
  static_cast<void>(!write(write_end, &number, 1));
  errno = error;
}

}  // namespace

absl::StatusOr<StopSignals> StopSignals::Catch() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return absl::UnavailableError(std::strerror(errno));
  StopSignals signals;
  signals.read_end_ = ends[0];
  write_end = ends[1];
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    Old old{signal, {}};
    if (sigaction(signal, nullptr, &old.action) != 0) continue;
    if (signal != SIGCHLD && old.action.sa_handler == SIG_IGN) continue;
    struct sigaction action{};
    action.sa_handler = PassOn;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, nullptr) == 0) signals.old_.push_back(old);
  }
  return signals;
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : read_end_(std::exchange(other.read_end_, -1)), old_(std::move(other.old_)) {
  other.old_.clear();
}

StopSignals::~StopSignals() {
  if (read_end_ == -1) return;
  for (const Old& old : old_) sigaction(old.signal, &old.action, nullptr);
  close(read_end_);
  close(std::exchange(write_end, -1));
}

std::vector<int> StopSignals::Take() {
  std::vector<int> taken;
  char numbers[64];
  for (ssize_t count; (count = read(read_end_, numbers, sizeof(numbers))) > 0;) {
    for (ssize_t n = 0; n < count; ++n) {
      if (numbers[n] != SIGCHLD) taken.push_back(numbers[n]);
    }
  }
  return taken;
}

}  // namespace cnnopt
