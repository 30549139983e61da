#include "cli/command_line.h"
#include "cli/start_up.h"

int main(int argc, char** argv) {
  cnnopt::HoldStandardStreams();
  cnnopt::EndWhenOutOfMemory();
  cnnopt::InstallSignalHandlers();
  return cnnopt::Main(argc, argv);
}
