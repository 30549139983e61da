// Cast, Transpose, Reshape, Squeeze and Unsqueeze of a tensor that is known.
#ifndef CNNOPT_PASSES_CLEANUP_CONSTANT_OP_H_
#define CNNOPT_PASSES_CLEANUP_CONSTANT_OP_H_

#include <cstdint>

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// Whether ApplyConstantOp knows the operator.
bool IsConstantOp(const onnx::NodeProto& node);

// Bytes of what `node` makes of a tensor like `source`; -1 when it cannot be told.
int64_t ConstantOpBytes(const onnx::NodeProto& node, const onnx::TensorProto& source);

// Makes of `tensor`, the first input of `node`, its output. `parameter` is its second input (shape or axes), or null.
// All but Cast and Transpose keep the storage field. Errors, which leave `tensor` as it was: Unimplemented when the
// result is not exactly what every runtime would compute: a Cast that rounds in an unspecified way or overflows, a data
// type or an attribute that is not understood.
absl::Status ApplyConstantOp(const onnx::NodeProto& node, const onnx::TensorProto* parameter, int64_t opset,
                             onnx::TensorProto& tensor);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CLEANUP_CONSTANT_OP_H_
