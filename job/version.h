// The version of this build.
#ifndef CNNOPT_JOB_VERSION_H_
#define CNNOPT_JOB_VERSION_H_

namespace cnnopt {

extern const char kToolVersion[];  // "0.1.0", as CMakeLists.txt has it

}  // namespace cnnopt

#endif  // CNNOPT_JOB_VERSION_H_
