// One program in a process of its own, with limits, whose last words are kept.
#ifndef CNNOPT_BATCH_CHILD_PROCESS_H_
#define CNNOPT_BATCH_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cnnopt {

// Whether ChildSpec::address_space counts: a program with sanitizers takes terabytes of it before it does anything, so
// one that was built with them sets no limit.
extern const bool kLimitsAddressSpace;

struct ChildSpec {
  std::string program;                 // a path
  std::vector<std::string> arguments;  // without the program's name
  int64_t address_space = 0;           // bytes; 0: any
};

struct Child {
  pid_t pid = -1;
  int errors = -1;  // the end of its stderr to read from, which does not block
};

// Starts it in a process group of its own, with no stdin and no stdout. It dies with the thread that started it, and
// goes first when the machine runs out of memory. Errors: Unavailable.
absl::StatusOr<Child> StartChild(const ChildSpec& spec);

// Adds what there is to read to `text`, of which the last 4 KB are kept. False at the end of the stream.
bool ReadErrors(int errors, std::string& text);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_CHILD_PROCESS_H_
