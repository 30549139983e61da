// NumPy's .npy and .npz files.
#ifndef CNNOPT_RUNTIME_NPY_H_
#define CNNOPT_RUNTIME_NPY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "onnx_io/tensor.h"
#include "runtime/session.h"

namespace cnnopt {

constexpr int64_t kMaxArrayBytes = int64_t{1} << 34;

// Reads a .npy array. C or Fortran order, little or big endian, bool, integer and float dtypes, versions 1 to 3.
// Object arrays are refused, never unpickled. Errors: NotFound, PermissionDenied, Unavailable (I/O), InvalidArgument,
// ResourceExhausted (declared size over `max_bytes`); the declared size is checked against the file before anything
// is allocated.
absl::StatusOr<Tensor> ReadNpy(const std::string& path, int64_t max_bytes = kMaxArrayBytes);
// All arrays of a .npz file (a zip of .npy), by name; `max_bytes` bounds them together, unpacked. What the zip says
// about sizes is not believed. Same errors.
absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(const std::string& path, int64_t max_bytes = kMaxArrayBytes);

// Either kind of file, told apart by its first bytes; the array of a .npy file has the name "".
absl::StatusOr<std::map<std::string, Tensor>> ReadArrays(const std::string& path, int64_t max_bytes = kMaxArrayBytes);
// The shapes alone, without reading the data.
absl::StatusOr<std::map<std::string, Shape>> ReadArrayShapes(const std::string& path);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_NPY_H_
