// Signals as something to wait for, while a batch runs.
#ifndef CNNOPT_BATCH_STOP_SIGNALS_H_
#define CNNOPT_BATCH_STOP_SIGNALS_H_

#include <signal.h>

#include <vector>

#include "absl/status/statusor.h"

namespace cnnopt {

// While it lives, SIGINT, SIGTERM, SIGHUP (those that the caller does not ignore) and SIGCHLD come out of a pipe in
// place of what they did before. One at a time in a process.
class StopSignals {
 public:
  // Errors: Unavailable.
  static absl::StatusOr<StopSignals> Catch();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  int descriptor() const { return read_end_; }  // readable when a signal has come
  // The signals that came since the last call, SIGCHLD left out.
  std::vector<int> Take();

 private:
  StopSignals() = default;

  int read_end_ = -1;
  struct Old {
    int signal;
    struct sigaction action;
  };
  std::vector<Old> old_;
};

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_STOP_SIGNALS_H_
