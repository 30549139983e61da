// Every tensor of a model, wherever it stands.
#ifndef CNNOPT_ONNX_IO_TENSOR_WALK_H_
#define CNNOPT_ONNX_IO_TENSOR_WALK_H_

#include "absl/functional/function_ref.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

enum class TensorPlace {
  kInitializer,  // of any graph
  kAttribute,    // of a node in a graph
  kSparse,       // the values or indices of a sparse tensor
  kFunction,     // anywhere in a function
};

// Calls `visit` for every tensor of `model`, in the order of the file: graphs with their nested graphs, training
// graphs, functions. Recursion is as deep as the model is nested (ValidateModel bounds that).
void ForEachTensor(onnx::ModelProto& model, absl::FunctionRef<void(onnx::TensorProto&, TensorPlace)> visit);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_TENSOR_WALK_H_
