// A look at a protobuf file before it is parsed.
#ifndef CNNOPT_ONNX_IO_WIRE_SCAN_H_
#define CNNOPT_ONNX_IO_WIRE_SCAN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "onnx_io/file_io.h"

namespace cnnopt {

// About how many bytes of memory the message of type `type` in `file` takes once it is parsed. Small messages take
// a hundred times their size in the file, so the file's size says little. Reads tags and lengths and skips payloads;
// its own memory is constant.
// Errors, which do not name the file: InvalidArgument (not such a message, truncated, or several of them one after
// another), as InputFile.
absl::StatusOr<int64_t> EstimateParsedBytes(const InputFile& file, const google::protobuf::Descriptor& type);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_WIRE_SCAN_H_
