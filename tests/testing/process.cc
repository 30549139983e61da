#include "tests/testing/process.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "tests/testing/temp_folder.h"

namespace cnnopt::testing {
namespace {

// Points into `program` and `arguments`.
std::vector<char*> Argv(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  return argv;
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

void SetEnvironment(const std::vector<std::pair<std::string, std::string>>& environment) {
  for (const auto& [name, value] : environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
}

// In the child: everything but the streams as `options` say.
void Prepare(const RunOptions& options) {
  if (options.close_stdout) {
    close(STDOUT_FILENO);
  }
  if (options.largest_file.has_value()) {
    const rlimit limit{*options.largest_file, *options.largest_file};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (options.address_space.has_value()) {
    const rlimit limit{*options.address_space, *options.address_space};
    setrlimit(RLIMIT_AS, &limit);
  }
  alarm(options.most_seconds);
  SetEnvironment(options.environment);
  if ((!options.folder.empty() && chdir(options.folder.c_str()) != 0) ||
      (options.user.has_value() && setuid(*options.user) != 0)) {
    _exit(126);
  }
}

}  // namespace

Finished RunCnnopt(const std::vector<std::string>& arguments, const RunOptions& options) {
  const TempFolder streams;
  const std::string out = options.stdout_path.empty() ? streams.Path("out") : options.stdout_path;
  const std::string err = streams.Path("err");
  std::vector<char*> argv = Argv(options.program, arguments);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    Prepare(options);
    execv(argv[0], argv.data());
    _exit(127);
  }
  if (options.meanwhile) {
    options.meanwhile(child);
  }
  Finished finished;
  rusage usage{};
  int status = 0;
  wait4(child, &status, 0, &usage);
  finished.code = CodeOf(status);
  finished.peak_bytes = int64_t{usage.ru_maxrss} * 1024;
  finished.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  finished.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  finished.out = options.stdout_path.empty() ? FileBytes(out) : "";
  finished.err = FileBytes(err);
  return finished;
}

Finished RunOnTerminal(const std::vector<std::string>& arguments,
                       const std::vector<std::pair<std::string, std::string>>& environment) {
  const std::string program = CNNOPT_BINARY;
  std::vector<char*> argv = Argv(program, arguments);
  winsize size{};
  size.ws_row = 25;
  size.ws_col = 100;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    SetEnvironment(environment);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Finished finished;
  char buffer[4096];
  for (ssize_t count; (count = read(terminal, buffer, sizeof(buffer))) > 0;) {
    finished.out.append(buffer, static_cast<size_t>(count));
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  finished.code = CodeOf(status);
  return finished;
}

}  // namespace cnnopt::testing
