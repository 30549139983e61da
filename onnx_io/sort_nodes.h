// Nodes into topological order.
#ifndef CNNOPT_ONNX_IO_SORT_NODES_H_
#define CNNOPT_ONNX_IO_SORT_NODES_H_

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// Sorts the nodes of every graph and function of `model` so that each comes after what it and its nested graphs read.
// Nodes that are in order keep their places. Linear in the model's size times its nesting, which must have been
// checked. Errors: InvalidArgument (a cycle, a value made twice).
absl::Status SortNodes(onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_SORT_NODES_H_
