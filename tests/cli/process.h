// Runs the built program as its users do, in a folder of its own.
#ifndef CNNOPT_TESTS_CLI_PROCESS_H_
#define CNNOPT_TESTS_CLI_PROCESS_H_

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace cnnopt {

inline std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A new folder under the system's place for such, gone with everything in it when the test ends.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cnnopt-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      std::abort();
    }
    path_ = pattern;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

 private:
  std::string path_;
};

struct Finished {
  int code = -1;  // of exit; minus the signal's number when one ended the process
  std::string out, err;
};

struct RunOptions {
  std::string program = CNNOPT_BINARY;
  std::string stdout_path;             // empty: captured
  std::optional<rlim_t> largest_file;  // RLIMIT_FSIZE
  std::optional<uid_t> user;           // run as this user (only root can)
  std::vector<std::pair<std::string, std::string>> environment;
};

inline Finished RunCnnopt(const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  const TempFolder streams;
  const std::string out = options.stdout_path.empty() ? streams / "out" : options.stdout_path;
  const std::string err = streams / "err";
  std::vector<char*> argv{const_cast<char*>(options.program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    if (options.largest_file.has_value()) {
      const rlimit limit{*options.largest_file, *options.largest_file};
      setrlimit(RLIMIT_FSIZE, &limit);
    }
    for (const auto& [name, value] : options.environment) {
      setenv(name.c_str(), value.c_str(), 1);
    }
    if (options.user.has_value() && setuid(*options.user) != 0) {
      _exit(126);
    }
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  Finished finished;
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  finished.out = options.stdout_path.empty() ? ReadText(out) : "";
  finished.err = ReadText(err);
  return finished;
}

// Runs the program with a terminal of 100 columns as stdout and stderr, whose text comes back as `out`.
inline Finished RunOnTerminal(const std::vector<std::string>& arguments,
                              const std::vector<std::pair<std::string, std::string>>& environment = {}) {
  std::vector<char*> argv{const_cast<char*>(CNNOPT_BINARY)};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  winsize size{};
  size.ws_row = 25;
  size.ws_col = 100;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    for (const auto& [name, value] : environment) {
      setenv(name.c_str(), value.c_str(), 1);
    }
    execv(argv[0], argv.data());
    _exit(127);
  }
  Finished finished;
  char buffer[4096];
  for (ssize_t count; (count = read(terminal, buffer, sizeof(buffer))) > 0;) {
    finished.out.append(buffer, static_cast<size_t>(count));
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return finished;
}

}  // namespace cnnopt

#endif  // CNNOPT_TESTS_CLI_PROCESS_H_
