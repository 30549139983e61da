// The version of this build.
#ifndef CNNOPT_JOB_VERSION_H_
#define CNNOPT_JOB_VERSION_H_

namespace cnnopt {

// "0.1.0", as CMakeLists.txt has it.
inline constexpr char kToolVersion[] = CNNOPT_VERSION;

}  // namespace cnnopt

#endif  // CNNOPT_JOB_VERSION_H_
