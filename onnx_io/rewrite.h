// The only code that edits a graph. A Rewrite is an edit as plain data; making one changes nothing.
#ifndef CNNOPT_ONNX_IO_REWRITE_H_
#define CNNOPT_ONNX_IO_REWRITE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

struct Rewrite {
  std::string why;                         // one line for the report
  std::vector<std::string> remove;         // nodes, each by its first non-empty output (unique in ONNX)
  std::vector<onnx::NodeProto> insert;     // in order; define every value that the removed nodes made and is still read
  std::vector<onnx::TensorProto> weights;  // new initializers; one that nothing reads is left out
  // Where a node of the graph reads `first`, it reads `second` from now on. Subgraphs and graph outputs do not: a
  // value that they read must still be made.
  std::vector<std::pair<std::string, std::string>> redirect = {};
};

// Applies all of `rewrites` to the graph of `model`, or none of them and says why. They must remove different nodes.
//  - Values and weights that `insert` and `weights` define and the removed nodes did not are new: where the
//    proposed name is taken anywhere in the graph or its subgraphs, a number is appended. So no existing weight
//    can ever be changed, only replaced by a new one (copy on write).
//  - Inserted nodes stand where the last removed node stood; the order is repaired if that breaks it.
//  - What only the removed nodes read is gone afterwards: initializers, their twins among the graph inputs, Constant
//    nodes, and Identity nodes. So is value_info of every value that changed hands.
//  - Up to IR 3 a new weight is also listed as a graph input, as the format demands.
//  - Inserted nodes without a name get one from their output; doc_string and metadata_props are the caller's.
// Linear in the graph plus the rewrites. Errors: Internal (the rewrites are inconsistent: unknown node, a value
// still read but no longer made, made twice, a cycle).
absl::Status ApplyRewrites(std::vector<Rewrite> rewrites, onnx::ModelProto& model);
absl::Status ApplyRewrite(Rewrite rewrite, onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_REWRITE_H_
