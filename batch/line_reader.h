// A file line by line, whatever its size.
#ifndef CNNOPT_BATCH_LINE_READER_H_
#define CNNOPT_BATCH_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "onnx_io/file_io.h"

namespace cnnopt {

class LineReader {
 public:
  // Errors: as InputFile.
  static absl::StatusOr<LineReader> Open(const std::string& path);

  // The next line without its '\n'; false when none is left. What follows the last '\n' is no line: its writer was
  // ended in the middle of it. Errors: InvalidArgument (a line of more than a megabyte), Unavailable.
  absl::StatusOr<bool> Next(std::string& line);

 private:
  explicit LineReader(InputFile file) : file_(std::move(file)) {}

  InputFile file_;
  std::string buffer_;
  size_t begin_ = 0;    // of the next line in buffer_
  int64_t offset_ = 0;  // of what follows buffer_ in the file
};

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_LINE_READER_H_
