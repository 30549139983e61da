// What a file that is not a model probably is.
#ifndef CNNOPT_ONNX_IO_FILE_KIND_H_
#define CNNOPT_ONNX_IO_FILE_KIND_H_

#include "absl/strings/string_view.h"

namespace cnnopt {

// The kind of file that starts with `head`, its first bytes (512 are enough): "a gzip file, unpack it first". Null when
// it is none of the kinds that people take for a model.
const char* WrongKind(absl::string_view head);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_FILE_KIND_H_
