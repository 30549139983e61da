#include "job/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMostOutput = 1'000'000;

[[noreturn]] void BecomeShell(const std::string& command, int output, pid_t parent) {
  setpgid(0, 0);  // so that all of it can be killed
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it was gone before that
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

double SecondsUntil(Clock::time_point deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

// Collects what comes out of `pipe` until its end; false when that comes after `deadline`.
bool ReadAll(int pipe, Clock::time_point deadline, std::string& text) {
  char buffer[4096];
  while (true) {
    const double left = SecondsUntil(deadline);
    if (left <= 0) return false;
    pollfd ready{pipe, POLLIN, 0};
    const int milliseconds = static_cast<int>(std::min(left, 1000.0) * 1000) + 1;
    if (poll(&ready, 1, milliseconds) <= 0) continue;  // not yet, or a signal came
    const ssize_t count = read(pipe, buffer, sizeof(buffer));
    if (count == 0) return true;
    if (count < 0) continue;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > 2 * kMostOutput) text.erase(0, text.size() - kMostOutput);
  }
}

// Waits for the end of `child`, which may have closed its stdout long before; false when it comes after `deadline`.
bool WaitUntil(pid_t child, Clock::time_point deadline, int& status) {
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (SecondsUntil(deadline) <= 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

absl::Status Outcome(int status) {
  if (WIFSIGNALED(status)) {
    return absl::FailedPreconditionError(absl::StrCat("it was ended by signal ", WTERMSIG(status)));
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? absl::OkStatus() : absl::FailedPreconditionError(absl::StrCat("it ended with exit code ", code));
}

}  // namespace

absl::StatusOr<std::string> RunShell(const std::string& command, double seconds) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError(std::strerror(errno));
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) BecomeShell(command, ends[1], parent);
  const int error = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return absl::UnavailableError(std::strerror(error));
  }
  setpgid(child, child);  // whoever is first
  std::string text;
  const Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  int status = 0;
  const bool in_time = ReadAll(ends[0], deadline, text) && WaitUntil(child, deadline, status);
  close(ends[0]);
  kill(-child, SIGKILL);  // and what it left in the background
  if (!in_time) {
    waitpid(child, &status, 0);
    return absl::FailedPreconditionError(absl::StrCat("it took longer than ", seconds, " s"));
  }
  CNNOPT_RETURN_IF_ERROR(Outcome(status));
  return text;
}

std::string ShellQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

}  // namespace cnnopt
