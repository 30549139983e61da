// The .npy format itself, from any stream of bytes.
#ifndef CNNOPT_RUNTIME_NPY_FORMAT_H_
#define CNNOPT_RUNTIME_NPY_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// A stream of bytes, from front to back.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to `size` bytes to `to` and gives their number: less than `size` only at the end.
  virtual absl::StatusOr<size_t> Read(char* to, size_t size) = 0;
  // Leaves out the next `size` bytes. May go beyond the end without an error; then nothing is left to read.
  virtual absl::Status Skip(int64_t size) = 0;
};

struct NpyHeader {
  int32_t data_type = onnx::TensorProto::UNDEFINED;
  Shape shape;
  bool fortran_order = false;
  bool big_endian = false;
  int64_t bytes = 0;  // of the data

  bool operator==(const NpyHeader&) const = default;
};

// Parses the text of a header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", at most 16 dimensions.
// Errors: InvalidArgument (malformed, an overflowing shape, or a dtype that is not read).
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text);

// Reads all up to the data: versions 1 to 3, headers of at most 64 KiB. Errors as ParseNpyHeader, or the source's.
absl::StatusOr<NpyHeader> ReadNpyHeader(ByteSource& source);

// An array cut along its first axis gives its items, all of the shape of the other axes. Without axes it is one item.
int64_t NpyItems(const NpyHeader& header);
Shape NpyItemShape(const NpyHeader& header);

// The items `chosen` (ascending, each below NpyItems) of the data that follows the header, as bytes: row-major, little
// endian. Everything else is skipped. Allocates no more than about twice what is given back or `source`
// holds, whatever the header declares. Errors: InvalidArgument when the data is shorter or longer than declared, or the
// source's.
absl::StatusOr<std::vector<std::string>> ReadNpyItems(const NpyHeader& header, ByteSource& source,
                                                      absl::Span<const int64_t> chosen);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_NPY_FORMAT_H_
