// TensorProto <-> numbers, for every dtype and storage field.
#ifndef CNNOPT_ONNX_IO_TENSOR_H_
#define CNNOPT_ONNX_IO_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

using Shape = std::vector<int64_t>;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// The product of `shape`; -1 when it overflows or a dimension is negative.
int64_t ElementCount(absl::Span<const int64_t> shape);
Shape TensorShape(const onnx::TensorProto& tensor);

// Bytes of one element as raw_data stores it; 0 for strings and types of less than a byte.
int64_t ElementBytes(int32_t data_type);
// Bytes a payload of `count` elements of `data_type` takes in raw_data (4-bit types are packed); -1 for strings.
int64_t PayloadBytes(int32_t data_type, int64_t count);
// The payload the tensor holds now, in bytes, whichever field it is in.
int64_t StoredBytes(const onnx::TensorProto& tensor);

bool IsFloating(int32_t data_type);  // FLOAT, DOUBLE, FLOAT16, BFLOAT16

// The payload as raw_data would store it, whichever field holds it now. Errors: Unimplemented (strings, external data
// not loaded), InvalidArgument (payload size is wrong).
absl::StatusOr<std::string> RawPayload(const onnx::TensorProto& tensor);

// Decodes a FLOAT, DOUBLE, FLOAT16 or BFLOAT16 tensor, from raw_data or its typed field, in row-major order.
// Errors: Unimplemented (other dtype, or external data not loaded), InvalidArgument (payload size is wrong).
absl::StatusOr<std::vector<double>> DecodeFloats(const onnx::TensorProto& tensor);
// The same numbers one by one, for tensors too big to stand in memory decoded. Borrows the tensor.
class FloatView {
 public:
  // Errors as DecodeFloats.
  static absl::StatusOr<FloatView> Of(const onnx::TensorProto& tensor);

  size_t size() const { return bytes_.size() / width_; }
  double operator[](size_t i) const;

 private:
  int32_t data_type_ = 0;
  size_t width_ = 1;
  absl::string_view bytes_;
  std::unique_ptr<std::string> packed_;  // a typed field as raw_data would have it: then the bytes are here
};

// Decodes an integer or bool tensor of any width from 2 to 64 bits. Errors as DecodeFloats; OutOfRange for a uint64
// beyond int64.
absl::StatusOr<std::vector<int64_t>> DecodeInts(const onnx::TensorProto& tensor);

// A tensor of `values`, rounded to nearest even into `like`'s dtype and stored in the field `like` uses
// (raw_data or typed). Errors: InvalidArgument when shape and values disagree; OutOfRange when a finite value
// does not fit into the dtype (an fp16 overflow).
absl::StatusOr<onnx::TensorProto> EncodeFloats(absl::string_view name, absl::Span<const int64_t> shape,
                                               absl::Span<const double> values, const onnx::TensorProto& like);
// The same of `value(i)`, which is asked once for every i, in order.
absl::StatusOr<onnx::TensorProto> EncodeFloats(absl::string_view name, absl::Span<const int64_t> shape,
                                               absl::FunctionRef<double(size_t)> value, const onnx::TensorProto& like);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_TENSOR_H_
