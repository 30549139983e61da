// A look at a protobuf file before it is parsed.
#ifndef CNNOPT_ONNX_IO_WIRE_SCAN_H_
#define CNNOPT_ONNX_IO_WIRE_SCAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "onnx_io/file_io.h"

namespace cnnopt {

// A number in a file that says how many bytes follow it.
struct WireLength {
  int64_t position = 0;
  int64_t size = 0;  // of the number itself
  int64_t value = 0;
  int64_t end() const { return position + size; }
};

// The raw_data of an initializer of a model's main graph, by the lengths of all it stands in.
struct WirePayload {
  int initializer = 0;  // its place among them
  WireLength graph, tensor, raw_data;
};
// Smaller ones are not worth a word.
inline constexpr int64_t kWirePayloadBytes = int64_t{1} << 16;

// About how many bytes of memory the message of type `type` in `file` takes once it is parsed. Small messages take
// a hundred times their size in the file, so the file's size says little. Reads tags and lengths and skips payloads;
// its own memory is constant, but for the list.
// With `payloads` and the type ModelProto it lists those of at least kWirePayloadBytes, in the order of the file.
// Errors, which do not name the file: InvalidArgument (not such a message, truncated, or several of them one after
// another), as InputFile.
absl::StatusOr<int64_t> EstimateParsedBytes(const InputFile& file, const google::protobuf::Descriptor& type,
                                            std::vector<WirePayload>* payloads = nullptr);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_WIRE_SCAN_H_
