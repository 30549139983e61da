#include <csignal>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  // A closed pipe and a file size limit come back as errors of the write, which clean up after themselves.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return cnnopt::Main(argc, argv);
}
