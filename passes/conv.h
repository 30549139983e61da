// One convolution as numbers, what may stand in for it, and both as ONNX nodes.
#ifndef CNNOPT_PASSES_CONV_H_
#define CNNOPT_PASSES_CONV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/rewrite.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// y[o] = bias[o] + sum_{i,t} weight(o, i * taps + t) x[i] at tap t. Any number of spatial axes; taps in row-major
// order over them. With groups, output o reads the in_channels / groups inputs of its own group and `i` counts
// within that group. A Gemm or MatMul with a constant right operand is a Conv without spatial axes: one tap, and every
// row of the data is an item of the batch.
struct Conv {
  std::vector<int64_t> kernel, stride, dilation, pad_begin, pad_end;  // one number per spatial axis
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t groups = 1;
  Matrix weight;  // out_channels x (in_channels / groups * taps); empty in an outline
  Vector bias;    // empty: none

  int64_t axes() const { return static_cast<int64_t>(kernel.size()); }
  int64_t taps() const { return ElementCount(kernel); }
  int64_t group_in_channels() const { return in_channels / groups; }
  bool pointwise() const { return taps() == 1; }
  bool depthwise() const { return groups > 1 && groups == in_channels; }
};

// A sum of chains of convolutions that stands in for one: the outputs of the branches are added. All padding and
// stride is on the spatial stage of a branch, and the bias on the last stage of the last branch only: a bias before
// a zero-padded stage would be wrong at the borders.
struct Replacement {
  std::vector<std::vector<Conv>> branches;
};

// A 1x1 convolution and a KxK convolution without weights, the stages most replacements are made of.
// Strides, dilations and pads are `like`'s for Spatial, and 1 and 0 for Pointwise.
Conv PointwiseOutline(int64_t axes, int64_t in_channels, int64_t out_channels, int64_t groups = 1);
Conv SpatialOutline(const Conv& like, int64_t in_channels, int64_t out_channels, int64_t groups = 1);

// The same function with groups = 1: weights between groups are zero.
Conv Ungroup(const Conv& conv);
// The one dense convolution (groups = 1) that a replacement equals, also at the borders. Stages after the first
// may only be padded when everything before them is pointwise without bias.
Conv Compose(const Replacement& replacement);

// Group g of a grouped convolution as a convolution of its own, and the way back: the groups of all parts side by
// side, stage by stage. All parts have the same branches and stages.
Conv ExtractGroup(const Conv& conv, int64_t group);
Replacement MergeGroups(const std::vector<Replacement>& parts);
// Part `part` of `parts` equal ones that MergeGroups has put side by side.
Replacement ExtractPart(const Replacement& merged, int64_t part, int64_t parts);

// Reads a Conv node whose weight and bias are constants. `input_shape`, when given, is the shape [N, C, spatial...]
// of its input that holds for every run; strided auto_pad=SAME needs it.
// Errors, each worded as the reason the layer is kept: FailedPrecondition (weight or bias not constant, padding
// depends on the input's size), Unimplemented (dtype), InvalidArgument (shapes disagree, non-finite weights).
absl::StatusOr<Conv> ReadConv(const onnx::NodeProto& node, const GraphView& view, const Shape* input_shape);

// Reads a Gemm or MatMul node (of opset 7 or later) whose right operand is a constant matrix. A Gemm's alpha, beta and
// transB are folded into weight and bias. Errors as ReadConv; Unimplemented also for a left operand that is transposed
// or itself the constant, and for a bias that differs from row to row.
absl::StatusOr<Conv> ReadProduct(const onnx::NodeProto& node, const GraphView& view);

// The rewrite that puts `replacement` in the place of the Conv, Gemm or MatMul `layer`: the last node keeps the
// output's name and the node's name, all others get fresh names made of the output's name and `label`; attributes that
// only matter to people (doc_string, metadata) are inherited. Weights are written in the dtype and storage field of
// `like`. A stage without spatial axes and bias is a MatMul; with a bias it is a Gemm in the place of a Gemm, and
// MatMul and Add in the place of a MatMul, whose data may have more than two axes. Errors: OutOfRange when a weight
// does not fit into that dtype.
absl::StatusOr<Rewrite> EmitReplacement(const Replacement& replacement, const onnx::NodeProto& layer,
                                        const onnx::TensorProto& like, absl::string_view label);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CONV_H_
