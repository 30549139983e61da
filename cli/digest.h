// SHA-256 of files, by which reports and metadata name what was read and written.
#ifndef CNNOPT_CLI_DIGEST_H_
#define CNNOPT_CLI_DIGEST_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace cnnopt {

// A file by its content.
struct FileFacts {
  std::string sha256;  // 64 lower-case hex digits, as sha256sum prints them
  int64_t bytes = 0;
};
// Reads the file once, in pieces. Errors: NotFound, Unavailable (it could not be read).
absl::StatusOr<FileFacts> DescribeFile(const std::string& path);

// The whole file. Errors as DescribeFile.
absl::StatusOr<std::string> ReadBytes(const std::string& path);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_DIGEST_H_
