#include "batch/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"

namespace cnnopt {

#if defined(__SANITIZE_ADDRESS__)
const bool kLimitsAddressSpace = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
const bool kLimitsAddressSpace = false;
#else
const bool kLimitsAddressSpace = true;
#endif
#else
const bool kLimitsAddressSpace = true;
#endif

namespace {

// Tells the child that it need not start anew for this, see cli/start_up.cc.
constexpr char kBlasSetting[] = "OPENBLAS_NUM_THREADS=1";

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "OPENBLAS_NUM_THREADS=")) entries.emplace_back(*entry);
  }
  entries.emplace_back(kBlasSetting);
  return entries;
}

// Only calls that are safe between fork and exec.
[[noreturn]] void Become(const char* program, char* const* arguments, char* const* environment, rlim_t address_space,
                         int errors, pid_t parent) {
  setpgid(0, 0);  // so that all of it can be killed, and no key on the keyboard reaches it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it was gone before that
  const int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
      dup2(errors, STDERR_FILENO) < 0) {
    _exit(127);
  }
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) static_cast<void>(!write(score, "1000", 4));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  if (address_space > 0 && kLimitsAddressSpace) {
    const rlimit limit{address_space, address_space};
    setrlimit(RLIMIT_AS, &limit);
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  execve(program, arguments, environment);
  constexpr char kLine[] = "cnnopt: the program cannot be started\n";
  static_cast<void>(!write(STDERR_FILENO, kLine, sizeof(kLine) - 1));
  _exit(127);
}

}  // namespace

absl::StatusOr<Child> StartChild(const ChildSpec& spec) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError(std::strerror(errno));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  std::vector<std::string> words = {"cnnopt"};
  words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
  const std::vector<std::string> environment = ChildEnvironment();
  const std::vector<char*> argument_pointers = Pointers(words), environment_pointers = Pointers(environment);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    Become(spec.program.c_str(), argument_pointers.data(), environment_pointers.data(),
           static_cast<rlim_t>(spec.address_space), ends[1], parent);
  }
  const int error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return absl::UnavailableError(absl::StrCat("cannot start ", Quote(spec.program), ": ", std::strerror(error)));
  }
  setpgid(pid, pid);  // whoever is first
  return Child{pid, ends[0]};
}

bool ReadErrors(int errors, std::string& text) {
  constexpr size_t kKept = 4096;
  char buffer[kKept];
  while (true) {
    const ssize_t count = read(errors, buffer, sizeof(buffer));
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > kKept) text.erase(0, text.size() - kKept);
  }
}

}  // namespace cnnopt
