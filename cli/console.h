// Where a command prints. stdout is for data, stderr for people.
#ifndef CNNOPT_CLI_CONSOLE_H_
#define CNNOPT_CLI_CONSOLE_H_

#include <cstddef>
#include <ostream>

namespace cnnopt {

struct Console {
  std::ostream& out;
  std::ostream& err;
  size_t width = 80;          // columns of `out`, at least 80
  bool color = false;         // `out` is a terminal and colours are welcome
  size_t progress_width = 0;  // columns of `err`; 0: it is no terminal and gets no progress bar
};

}  // namespace cnnopt

#endif  // CNNOPT_CLI_CONSOLE_H_
