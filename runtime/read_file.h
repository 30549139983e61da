// A file as one string.
#ifndef CNNOPT_RUNTIME_READ_FILE_H_
#define CNNOPT_RUNTIME_READ_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace cnnopt {

// All bytes of a regular file of at most `max_bytes`; the size is looked at before anything is read. Errors, which name
// the file: ResourceExhausted (too large), else as InputFile.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_READ_FILE_H_
