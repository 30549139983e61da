// Folds BatchNormalization into the Conv, ConvTranspose or Gemm before it.
//
//   x ─ Conv(W, b) ─ BatchNormalization(g, beta, m, v) ─ y      becomes      x ─ Conv(W', b') ─ y
//
//   s = g / sqrt(v + epsilon)      W' = s W (per output channel)      b' = s (b - m) + beta
//
// Applies when the normalisation only applies stored statistics (is_test = 1 before opset 7, one output before
// opset 14, training_mode = 0 from then on), per channel (spatial = 1), all four vectors are constant, finite, of the
// weight's dtype and v + epsilon > 0; nothing else reads the Conv's output; weight and bias are constant; and W', b'
// fit into their dtype.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/status_macros.h"
#include "passes/cleanup/cleanup.h"
#include "passes/cleanup/output_affine.h"

namespace cnnopt {
namespace {

std::string DataOfBatchNorm(const onnx::NodeProto& node) {
  return IsOp(node, "BatchNormalization") ? Input(node, 0) : "";
}

absl::Status CheckInferenceMode(const onnx::NodeProto& node, int64_t opset) {
  for (int i = 1; i < node.output_size(); ++i) {
    if (!node.output(i).empty()) {
      return absl::UnimplementedError("it has several outputs: training mode");
    }
  }
  if (IntAttribute(node, "training_mode", 0) != 0 || (opset < 7 && IntAttribute(node, "is_test", 0) == 0)) {
    return absl::UnimplementedError("it is in training mode");
  }
  if (IntAttribute(node, "spatial", 1) == 0) {
    return absl::UnimplementedError("spatial = 0: it does not normalise per channel");
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputAffine> ReadBatchNorm(const GraphView& view, int64_t opset, const onnx::NodeProto& node,
                                           const OutputInfo& info) {
  CNNOPT_RETURN_IF_ERROR(CheckInferenceMode(node, opset));
  std::vector<double> vectors[4];
  const char* const names[4] = {"scale", "shift", "mean", "variance"};
  for (int i = 0; i < 4; ++i) {
    CNNOPT_ASSIGN_OR_RETURN(vectors[i], FiniteConstant(view, Input(node, i + 1), info.data_type, names[i]));
    if (static_cast<int64_t>(vectors[i].size()) != info.channels) {
      return absl::UnimplementedError(
          absl::StrCat("its ", names[i], " has ", vectors[i].size(), " elements for ", info.channels, " channels"));
    }
  }
  const auto& [gamma, beta, mean, variance] = vectors;
  const double epsilon = FloatAttribute(node, "epsilon", 1e-5f);
  OutputAffine affine;
  for (size_t i = 0; i < gamma.size(); ++i) {
    if (!(variance[i] + epsilon > 0)) {
      return absl::UnimplementedError(absl::StrCat("variance + epsilon of channel ", i, " is not positive"));
    }
    affine.scale.push_back(gamma[i] / std::sqrt(variance[i] + epsilon));
    affine.shift.push_back(beta[i] - mean[i] * affine.scale[i]);
  }
  return affine;
}

}  // namespace

absl::StatusOr<std::vector<Rewrite>> PlanFoldBatchNorm(const GraphView& view, PassContext& context) {
  const int64_t opset = context.opset;
  return FoldOutputAffines(view, context, DataOfBatchNorm, [&view, opset](const auto& node, const auto& info) {
    return ReadBatchNorm(view, opset, node, info);
  });
}

}  // namespace cnnopt
