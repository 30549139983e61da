#include "runtime/read_file.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/file_io.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  if (file.size() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(Quote(path), ": the size of the file is ", file.size(), " bytes, the limit is ", max_bytes));
  }
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  CNNOPT_RETURN_IF_ERROR(file.ReadAllAt(0, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace cnnopt
