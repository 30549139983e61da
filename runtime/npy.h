// NumPy's .npy and .npz files, read in parts.
#ifndef CNNOPT_RUNTIME_NPY_H_
#define CNNOPT_RUNTIME_NPY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/npy_format.h"

namespace cnnopt {

// The arrays of a .npy file or of a .npz file (a zip of .npy), told apart by the first bytes. C or Fortran order,
// little or big endian, bool, integer and float dtypes, versions 1 to 3. Object arrays are refused, never unpickled.
class ArrayFile {
 public:
  // Reads the headers. The size a .npy declares is checked against the file; what a .npz says about sizes is not
  // believed. Errors, which name the file: NotFound, PermissionDenied, Unavailable (I/O), InvalidArgument,
  // ResourceExhausted (more than 10,000 arrays).
  static absl::StatusOr<ArrayFile> Open(const std::string& path);
  // One array in memory, with the name "". `bytes` is row-major and little endian and must outlive it. `name` stands in
  // messages for the path. Errors: InvalidArgument when dtype, shape and number of bytes do not fit together.
  static absl::StatusOr<ArrayFile> OfMemory(std::string name, int32_t data_type, const Shape& shape,
                                            absl::string_view bytes);

  const std::string& path() const { return path_; }
  // By name; the array of a .npy file has the name "".
  const std::map<std::string, NpyHeader>& arrays() const { return arrays_; }
  bool in_memory() const { return memory_ != nullptr; }

  // The items `chosen` of the array `name`, as ReadNpyItems gives them. Of a .npy no more is read than these, with
  // Fortran order no more than all; an array of a .npz is unpacked to its end, which checks it, and only the items are
  // kept. Errors as Open, and Unavailable when the file is no longer the one that was opened.
  absl::StatusOr<std::vector<std::string>> ReadItems(const std::string& name, absl::Span<const int64_t> chosen) const;

 private:
  std::string path_;
  std::map<std::string, NpyHeader> arrays_;
  const char* memory_ = nullptr;  // not null: the only array's bytes
};

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_NPY_H_
