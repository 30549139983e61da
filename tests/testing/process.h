// Runs the built program as its users do.
#ifndef CNNOPT_TESTS_TESTING_PROCESS_H_
#define CNNOPT_TESTS_TESTING_PROCESS_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cnnopt::testing {

struct Finished {
  int code = -1;  // of exit; minus the signal's number when one ended the process
  std::string out, err;
  int64_t peak_bytes = 0;  // of memory; at least what the test program itself takes
  double seconds = 0;
  double cpu_seconds = 0;  // its own share of them, which other programs do not lengthen much
};

struct RunOptions {
  std::string program = CNNOPT_BINARY;
  std::string stdout_path;                                       // empty: captured
  std::optional<rlim_t> largest_file;                            // RLIMIT_FSIZE
  std::optional<rlim_t> address_space;                           // RLIMIT_AS
  unsigned most_seconds = 0;                                     // then SIGALRM ends it; 0: never
  std::optional<uid_t> user;                                     // run as this user (only root can)
  std::string folder;                                            // working folder; empty: that of the test
  std::vector<std::pair<std::string, std::string>> environment;  // added to that of the test
  bool close_stdout = false;
  std::function<void(pid_t child)> meanwhile;  // called while the program runs
};

Finished RunCnnopt(const std::vector<std::string>& arguments, const RunOptions& options = {});

// Runs the program with a terminal of 100 columns as stdout and stderr, whose text comes back as `out`.
Finished RunOnTerminal(const std::vector<std::string>& arguments,
                       const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_PROCESS_H_
