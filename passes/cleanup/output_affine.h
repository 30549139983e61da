// Folding y' = scale * y + shift, one pair of numbers per output channel, into the Conv, ConvTranspose or Gemm that
// makes y. What the passes that look for BatchNormalization and for Mul, Add, ... have in common.
#ifndef CNNOPT_PASSES_CLEANUP_OUTPUT_AFFINE_H_
#define CNNOPT_PASSES_CLEANUP_OUTPUT_AFFINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/rewrite.h"
#include "passes/cleanup/cleanup.h"

namespace cnnopt {

// One number of each per output channel.
struct OutputAffine {
  std::vector<double> scale, shift;
};

// What a reader needs to know of the value the node it looks at reads.
struct OutputInfo {
  int64_t channels = 0;
  int rank = 0;           // of the value; the channels are axis 1
  int32_t data_type = 0;  // of the weights
};

// Which input of `node` might come from a Conv; empty: the node is not of the kind looked for.
using DataInput = std::function<std::string(const onnx::NodeProto& node)>;
// `node` as an affine map of that input. Errors: the reason why it is none.
using ReadAffine = std::function<absl::StatusOr<OutputAffine>(const onnx::NodeProto& node, const OutputInfo& info)>;

// One rewrite per Conv, ConvTranspose or Gemm that is followed by a chain of nodes which `data_input` and
// `read_affine` know. Every node of the chain is the only reader of the one before. Others are declined.
std::vector<Rewrite> FoldOutputAffines(const GraphView& view, PassContext& context, const DataInput& data_input,
                                       const ReadAffine& read_affine);

// The numbers of the constant `value`, which must hold `data_type`; `what` names it in the errors.
absl::StatusOr<std::vector<double>> FiniteConstant(const GraphView& view, absl::string_view value, int32_t data_type,
                                                   absl::string_view what);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CLEANUP_OUTPUT_AFFINE_H_
