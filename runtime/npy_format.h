// The .npy format itself, from any stream of bytes.
#ifndef CNNOPT_RUNTIME_NPY_FORMAT_H_
#define CNNOPT_RUNTIME_NPY_FORMAT_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx_io/tensor.h"
#include "runtime/session.h"

namespace cnnopt {

// Reads up to `size` bytes to `to` and gives their number: less than `size` only at the end.
using ByteSource = std::function<absl::StatusOr<size_t>(char* to, size_t size)>;

struct NpyHeader {
  int32_t data_type = onnx::TensorProto::UNDEFINED;
  Shape shape;
  bool fortran_order = false;
  bool big_endian = false;
  int64_t bytes = 0;  // of the data
};

// Parses the text of a header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", at most 16 dimensions.
// Errors: InvalidArgument (malformed, an overflowing shape, or a dtype that is not read).
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text);

// Reads all up to the data: versions 1 to 3, headers of at most 64 KiB. Errors as ParseNpyHeader, or the source's.
absl::StatusOr<NpyHeader> ReadNpyHeader(const ByteSource& source);

// Reads the data that follows the header. Allocates no more than about twice what `source` holds, whatever the header
// declares. Errors: InvalidArgument when the data is shorter or longer than declared, or the source's.
absl::StatusOr<Tensor> ReadNpyData(const NpyHeader& header, const ByteSource& source);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_NPY_FORMAT_H_
