#include "cli/start_up.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "onnx_io/temporaries.h"

namespace cnnopt {
namespace {

// A handler may do next to nothing. It passes the signal's number on to a thread that may do anything.
int pipe_ends[2] = {-1, -1};

void PassOn(int signal) {
  const int error = errno;
  const char number = static_cast<char>(signal);
  static_cast<void>(!write(pipe_ends[1], &number, 1));
  errno = error;
}

[[noreturn]] void EndOnSignal() {
  char number = 0;
  ssize_t got = 0;
  do {
    got = read(pipe_ends[0], &number, 1);
  } while (got == -1 && errno == EINTR);
  if (got != 1) {  // cannot be: both ends stay open; but then signals must work without this thread
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
    while (true) pause();
  }
  RemoveTemporaries();
  const std::string line = absl::StrCat("cnnopt: ended by signal ", static_cast<int>(number), "\n");
  static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
  _exit(128 + number);
}

void HandleUnlessIgnored(int signal) {
  struct sigaction action{};
  if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = PassOn;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void HoldStandardStreams() {
  int descriptor = 0;
  do {
    descriptor = open("/dev/null", O_RDONLY);  // takes the lowest number that is free
  } while (descriptor != -1 && descriptor <= STDERR_FILENO);
  if (descriptor != -1) close(descriptor);
}

void InstallSignalHandlers() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  if (pipe2(pipe_ends, O_CLOEXEC) == -1) return;  // signals then end the process at once, and the next run sweeps
  try {
    std::thread(EndOnSignal).detach();
  } catch (const std::system_error&) {
    return;  // no more threads: the same
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) HandleUnlessIgnored(signal);
}

}  // namespace cnnopt
