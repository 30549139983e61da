#include "cli/start_up.h"

#include <alloca.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "job/exit_code.h"
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

[[noreturn]] void EndOutOfMemory() {
  RemoveTemporaries();
  constexpr char kLine[] = "cnnopt: out of memory\n";
  static_cast<void>(!write(STDERR_FILENO, kLine, sizeof(kLine) - 1));
  _exit(kExitTemporary);
}

// OpenBLAS starts threads when it is loaded, 128 MiB of address space for each, and where that is limited they ask for
// it forever. They are never used (ParallelFor), and only its environment can tell it so: the program starts anew with
// that. Runs before any library starts, so that even C's own functions for the environment do not work yet.
__attribute__((no_sanitize("address", "undefined"))) void StartWithoutBlasThreads(int, char** arguments,
                                                                                  char** environment) {
  static char setting[] = "OPENBLAS_NUM_THREADS=1";
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (std::strcmp(environment[count], setting) == 0) return;
  }
  auto** const with_setting = static_cast<char**>(alloca((count + 2) * sizeof(char*)));
  with_setting[0] = setting;
  for (size_t i = 0; i <= count; ++i) with_setting[i + 1] = environment[i];
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel hands it over as a number
  execve(reinterpret_cast<const char*>(getauxval(AT_EXECFN)), arguments, with_setting);
}

__attribute__((section(".preinit_array"), used)) void (*const before_libraries)(int, char**,
                                                                                char**) = StartWithoutBlasThreads;

}  // namespace

void EndWhenOutOfMemory() {
  static_cast<void>(LockTemporaries());  // makes the list of them while there is memory for it
  std::set_new_handler(EndOutOfMemory);
}

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
  } catch (const std::exception&) {
    return;  // no more threads: the same
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) HandleUnlessIgnored(signal);
}

}  // namespace cnnopt
