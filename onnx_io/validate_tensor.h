// Checks of one tensor and of one type. Their errors do not name it: the caller does.
#ifndef CNNOPT_ONNX_IO_VALIDATE_TENSOR_H_
#define CNNOPT_ONNX_IO_VALIDATE_TENSOR_H_

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/limits.h"

namespace cnnopt {

// What becomes of a data type that this program does not know, whose payload size it cannot check.
enum class UnknownTypes { kRefuse, kAccept };

// Dims are not negative and their product does not overflow; exactly one field holds the payload, the one that fits
// the data type, with exactly as many entries or bytes as dims and type need; an external payload has a well-formed
// place and, if it gives one, the right length. Constant time.
// Errors: InvalidArgument; Unimplemented (a segment); ResourceExhausted (rank).
absl::Status ValidateTensor(const onnx::TensorProto& tensor, const Limits& limits, UnknownTypes unknown);

// Both tensors are valid, their shapes agree with each other and with the dims, and the indices, where they are not
// external, are ascending positions inside the dense tensor. Linear in the stored values.
absl::Status ValidateSparseTensor(const onnx::SparseTensorProto& sparse, const Limits& limits, UnknownTypes unknown);

// Nested no deeper than the limit, shapes of no higher rank than the limit.
absl::Status ValidateType(const onnx::TypeProto& type, const Limits& limits);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_VALIDATE_TENSOR_H_
