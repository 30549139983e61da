// Our own structural checks, run on a parsed model before anything else looks at it.
#ifndef CNNOPT_ONNX_IO_VALIDATE_H_
#define CNNOPT_ONNX_IO_VALIDATE_H_

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/limits.h"

namespace cnnopt {

// Checks what later code relies on, without allocating in proportion to anything the model merely declares:
//  - depth of nested subgraphs and types, number of nodes and initializers, tensor ranks, name lengths (limits);
//  - tensors: dims not negative, their product does not overflow, exactly one storage field and exactly as many
//    payload bytes as dims and type need (for external data: well-formed location, offset, length);
//  - graphs: every value defined once, every read value defined, no cycles; unordered nodes are allowed;
//  - function calls: acyclic, through subgraphs too;
//  - Conv, ConvTranspose and pooling attributes: lengths agree, strides, dilations, kernel and group positive,
//    group divides the channels, pads not negative, the weight has the rank and channels the attributes say.
// Iterative over nodes, bounded recursion over nesting. Errors: InvalidArgument naming the node or tensor,
// ResourceExhausted naming the limit.
absl::Status ValidateModel(const onnx::ModelProto& model, const Limits& limits = {});

// Checks every node of a known operator against onnx's own schema: inputs, outputs, attributes and their types. Nodes
// whose operator set is unknown or newer than the library pass, as do unknown and withdrawn operators and functions of
// the model. This is the part of onnx's checker that ONNX Runtime runs, too. The rest of that checker is stricter than
// what runs anywhere (names hidden by nested graphs, types of inputs, initializers of IR 3), prints, and recurses
// without a bound; what matters of it is in ValidateModel, which must come first.
// Errors: InvalidArgument naming the node.
absl::Status CheckWithOnnx(const onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_VALIDATE_H_
