// Folds Mul, Div, Add and Sub by a constant per channel into the Conv, ConvTranspose or Gemm before them.
//
//   x ─ Conv(W, b) ─ Mul(s) ─ Add(t) ─ y      becomes      x ─ Conv(W', b') ─ y
//
//   W' = s W (per output channel)      b' = s b + t      Div is s = 1/c, Sub is t = -c, c - Conv is s = -1, t = c
//
// Applies when the constant has one element or one per channel, on the channel axis (axis 1 of the Conv's output, as
// broadcasting aligns it) and no more axes than that output, so that its shape stays; the constant is finite, not a
// zero divisor, and of the weight's dtype; nothing else reads the Conv's output; weight and bias are constant; and W',
// b' fit into their dtype.
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "passes/cleanup/cleanup.h"
#include "passes/cleanup/output_affine.h"

namespace cnnopt {
namespace {

// Index of the one constant operand; -1: none, or no such operator. A constant dividend is not affine in the divisor.
int ConstantOperand(const GraphView& view, const onnx::NodeProto& node) {
  const bool divides = IsOp(node, "Div");
  if (!divides && !IsOp(node, "Mul") && !IsOp(node, "Add") && !IsOp(node, "Sub")) {
    return -1;
  }
  const bool left = view.Constant(Input(node, 0)) != nullptr;
  const bool right = view.Constant(Input(node, 1)) != nullptr;
  return left == right || (left && divides) ? -1 : (right ? 1 : 0);
}

// The output axis that the first axis of the constant is aligned with. Before opset 7 the node itself says.
absl::StatusOr<int64_t> AlignedAxis(const onnx::NodeProto& node, int operand, int64_t opset, int64_t constant_rank,
                                    int64_t rank) {
  if (opset >= 7) {
    return rank - constant_rank;
  }
  if (operand != 1 || IntAttribute(node, "broadcast", 0) == 0) {
    return absl::UnimplementedError("without broadcasting, its constant has the shape of the whole output");
  }
  const int64_t axis = IntAttribute(node, "axis", rank - constant_rank);
  return axis < 0 ? axis + rank : axis;
}

// The constant operand as one number per channel.
absl::StatusOr<std::vector<double>> PerChannel(const GraphView& view, const onnx::NodeProto& node, int operand,
                                               int64_t opset, const OutputInfo& info) {
  const std::string& name = Input(node, operand);
  CNNOPT_ASSIGN_OR_RETURN(std::vector<double> values, FiniteConstant(view, name, info.data_type, "constant"));
  const Shape shape = TensorShape(*view.Constant(name));
  const auto constant_rank = static_cast<int64_t>(shape.size());
  CNNOPT_ASSIGN_OR_RETURN(const int64_t first, AlignedAxis(node, operand, opset, constant_rank, info.rank));
  const auto refuse = [&] {
    return absl::UnimplementedError(absl::StrCat("its constant ", Quote(name), " of shape [", absl::StrJoin(shape, ","),
                                                 "] is not one number per channel of ", info.channels));
  };
  if (first < 0 || first + constant_rank > info.rank) {
    return refuse();
  }
  for (int64_t axis = 0; axis < constant_rank; ++axis) {
    const int64_t dim = shape[static_cast<size_t>(axis)];
    if (dim != 1 && (first + axis != 1 || dim != info.channels)) {
      return refuse();
    }
  }
  if (values.size() == 1) {
    values.assign(static_cast<size_t>(info.channels), values[0]);
  }
  return values;
}

absl::StatusOr<OutputAffine> ReadScale(const GraphView& view, int64_t opset, const onnx::NodeProto& node,
                                       const OutputInfo& info) {
  const int operand = ConstantOperand(view, node);
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> constant, PerChannel(view, node, operand, opset, info));
  OutputAffine affine{std::vector<double>(constant.size(), 1), std::vector<double>(constant.size(), 0)};
  for (size_t i = 0; i < constant.size(); ++i) {
    if (IsOp(node, "Mul")) {
      affine.scale[i] = constant[i];
    } else if (IsOp(node, "Div")) {
      if (constant[i] == 0) {
        return absl::UnimplementedError("it divides by zero");
      }
      affine.scale[i] = 1 / constant[i];
    } else if (IsOp(node, "Add")) {
      affine.shift[i] = constant[i];
    } else if (operand == 1) {
      affine.shift[i] = -constant[i];
    } else {
      affine.scale[i] = -1;
      affine.shift[i] = constant[i];
    }
  }
  return affine;
}

}  // namespace

absl::StatusOr<std::vector<Rewrite>> PlanFoldScale(const GraphView& view, PassContext& context) {
  const int64_t opset = context.opset;
  const auto data_input = [&view](const onnx::NodeProto& node) {
    const int operand = ConstantOperand(view, node);
    return operand < 0 ? std::string() : Input(node, 1 - operand);
  };
  return FoldOutputAffines(view, context, data_input, [&view, opset](const auto& node, const auto& info) {
    return ReadScale(view, opset, node, info);
  });
}

}  // namespace cnnopt
