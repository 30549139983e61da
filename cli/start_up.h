// What the process settles before anything else.
#ifndef CNNOPT_CLI_START_UP_H_
#define CNNOPT_CLI_START_UP_H_

namespace cnnopt {

// Ends the process with exit code 75 and one line as soon as memory runs out, and takes the temporary files along. An
// exception could not do that in other libraries' threads and where none may pass. To be called once, at the start.
void EndWhenOutOfMemory();

// Gives stdin, stdout and stderr that the caller closed to something that cannot be written to. The next file opened
// would get the number of one of them otherwise, OUT for instance, and then the text that is printed.
void HoldStandardStreams();

// SIGPIPE and SIGXFSZ come back as errors of the write, which clean up after themselves. SIGINT, SIGTERM and SIGHUP end
// the process with 128 plus the signal's number, as soon as no file is just taking its name, and take the temporary
// files along. Signals that the caller ignores (nohup) stay ignored. To be called once, at the start.
void InstallSignalHandlers();

}  // namespace cnnopt

#endif  // CNNOPT_CLI_START_UP_H_
