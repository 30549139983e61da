#include "passes/cleanup/output_affine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

// A Conv, ConvTranspose or Gemm as numbers: enough to scale its output channels.
struct Linear {
  const onnx::NodeProto* node = nullptr;
  OutputInfo info;
  const onnx::TensorProto* weight = nullptr;
  std::vector<double> bias;  // per output channel; empty: none
  // Element i of the weight belongs to output channel (i / group_size) * group_channels + i / inner % group_channels.
  int64_t inner = 1, group_channels = 1, group_size = 1;
};

// The channels of the weight's elements, one after the other: dividing for each would take longer than all the rest.
class ChannelCursor {
 public:
  explicit ChannelCursor(const Linear& linear) : linear_(linear) {}

  size_t Next() {
    const auto channel = static_cast<size_t>(first_ + channel_);
    if (++element_ < linear_.inner) return channel;
    element_ = 0;
    if (++channel_ < linear_.group_channels) return channel;
    channel_ = 0;
    group_ += linear_.inner * linear_.group_channels;
    if (group_ < linear_.group_size) return channel;
    group_ = 0;
    first_ += linear_.group_channels;
    return channel;
  }

 private:
  const Linear& linear_;
  int64_t first_ = 0, channel_ = 0;  // of the group, and within
  int64_t element_ = 0, group_ = 0;  // elements seen of the channel, and of the group up to it
};

bool IsLinear(const onnx::NodeProto& node) {
  return IsOp(node, "Conv") || IsOp(node, "ConvTranspose") || IsOp(node, "Gemm");
}

// Sets channels and layout of `linear` from the shape of its weight.
absl::Status ReadLayout(const Shape& shape, Linear& linear) {
  const int64_t count = ElementCount(shape);
  const bool gemm = IsOp(*linear.node, "Gemm");
  if (count <= 0 || (gemm ? shape.size() != 2 : shape.size() < 3)) {
    return absl::UnimplementedError(absl::StrCat("its weight has ", shape.size(), " dimensions, ", count, " elements"));
  }
  linear.info.rank = static_cast<int>(shape.size());
  const bool transposed = IsOp(*linear.node, "ConvTranspose");  // [C, M/g, ...], each group of rows on its own
  const int64_t groups = transposed ? IntAttribute(*linear.node, "group", 1) : 1;
  if (groups < 1 || shape[0] % groups != 0) {
    return absl::UnimplementedError(absl::StrCat("its ", groups, " groups do not divide ", shape[0], " channels"));
  }
  const bool columns = transposed || (gemm && IntAttribute(*linear.node, "transB", 0) == 0);  // channels are axis 1
  linear.group_channels = columns ? shape[1] : shape[0];
  linear.inner = columns ? count / shape[0] / shape[1] : count / shape[0];
  linear.group_size = count / groups;
  linear.info.channels = linear.group_channels * groups;
  return absl::OkStatus();
}

// A Gemm's C, times beta, per column.
absl::Status ReadGemmBias(const GraphView& view, PassContext& context, Linear& linear) {
  if (context.opset < 7) {
    return absl::UnimplementedError("a Gemm of opset 6 and earlier broadcasts in its own way");
  }
  const std::optional<Shape> shape = view.StaticShape(Input(*linear.node, 2));
  const bool row = shape.has_value() && !shape->empty() && ElementCount(*shape) == shape->back();
  if (!row && linear.bias.size() != 1) {
    return absl::UnimplementedError("its bias differs from row to row");
  }
  if (linear.bias.size() == 1) {
    linear.bias.assign(static_cast<size_t>(linear.info.channels), linear.bias[0]);
  }
  const double beta = FloatAttribute(*linear.node, "beta", 1);
  for (double& value : linear.bias) {
    value *= beta;
  }
  return absl::OkStatus();
}

absl::StatusOr<Linear> ReadLinear(const GraphView& view, PassContext& context, const onnx::NodeProto& node) {
  Linear linear;
  linear.node = &node;
  linear.weight = view.Constant(Input(node, 1));
  if (linear.weight == nullptr) {
    return absl::UnimplementedError(absl::StrCat("its weight ", Quote(Input(node, 1)), " is not constant"));
  }
  linear.info.data_type = linear.weight->data_type();
  if (!IsFloating(linear.info.data_type)) {
    return absl::UnimplementedError("its weight is not a float of 16 to 64 bits");
  }
  CNNOPT_RETURN_IF_ERROR(ReadLayout(TensorShape(*linear.weight), linear));
  if (!Input(node, 2).empty()) {
    CNNOPT_ASSIGN_OR_RETURN(linear.bias, FiniteConstant(view, Input(node, 2), linear.info.data_type, "bias"));
    if (IsOp(node, "Gemm")) {
      CNNOPT_RETURN_IF_ERROR(ReadGemmBias(view, context, linear));
    }
    if (static_cast<int64_t>(linear.bias.size()) != linear.info.channels) {
      return absl::UnimplementedError(
          absl::StrCat("its bias has ", linear.bias.size(), " elements for ", linear.info.channels, " channels"));
    }
  }
  return linear;
}

// The spacing of the numbers of `data_type` next to 1.
double Epsilon(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::DOUBLE:
      return std::numeric_limits<double>::epsilon();
    case onnx::TensorProto::FLOAT:
      return std::numeric_limits<float>::epsilon();
    case onnx::TensorProto::FLOAT16:
      return 0x1p-10;
    default:
      return 0x1p-7;
  }
}

// The weight with every output channel scaled. Errors: not finite, overflow, or a channel so small that rounding to
// the dtype's subnormal numbers would hurt it.
absl::StatusOr<onnx::TensorProto> ScaledWeight(const Linear& linear, const std::vector<double>& scale) {
  CNNOPT_ASSIGN_OR_RETURN(const FloatView old, FloatView::Of(*linear.weight));
  bool finite = true;
  ChannelCursor channels(linear);
  const auto scaled = [&](size_t i) {
    const double value = old[i] * scale[channels.Next()];
    finite = finite && std::isfinite(value);
    return value;
  };
  absl::StatusOr<onnx::TensorProto> tensor =
      EncodeFloats(linear.weight->name(), TensorShape(*linear.weight), scaled, *linear.weight);
  if (!finite) return absl::UnimplementedError("a weight is not finite");
  CNNOPT_RETURN_IF_ERROR(tensor.status());
  CNNOPT_ASSIGN_OR_RETURN(const FloatView rounded, FloatView::Of(*tensor));
  std::vector<double> error(scale.size(), 0), norm(scale.size(), 0);
  ChannelCursor again(linear);
  for (size_t i = 0; i < old.size(); ++i) {
    const size_t channel = again.Next();
    const double value = old[i] * scale[channel];
    error[channel] = std::max(error[channel], std::abs(rounded[i] - value));
    norm[channel] = std::max(norm[channel], std::abs(value));
  }
  for (size_t channel = 0; channel < scale.size(); ++channel) {
    if (error[channel] > Epsilon(linear.info.data_type) * norm[channel]) {
      return absl::UnimplementedError(absl::StrCat("the weights of channel ", channel, " would underflow"));
    }
  }
  return tensor;
}

// The bias scaled and shifted, or nothing when it comes out as it was.
absl::StatusOr<std::optional<onnx::TensorProto>> ShiftedBias(const Linear& linear, const OutputAffine& affine) {
  std::vector<double> values = affine.shift;
  bool changed = false;
  for (size_t channel = 0; channel < values.size(); ++channel) {
    const double old = linear.bias.empty() ? 0 : linear.bias[channel];
    values[channel] += affine.scale[channel] * old;
    if (!std::isfinite(values[channel])) {
      return absl::UnimplementedError("the new bias is not finite");
    }
    changed = changed || values[channel] != old;
  }
  if (!changed) {
    return std::nullopt;
  }
  const std::string& name = Input(*linear.node, 2);
  CNNOPT_ASSIGN_OR_RETURN(onnx::TensorProto tensor, EncodeFloats(name.empty() ? Input(*linear.node, 1) + "_bias" : name,
                                                                 {linear.info.channels}, values, *linear.weight));
  return tensor;
}

// A Linear and the nodes behind it that are to vanish.
struct Chain {
  Linear linear;
  OutputAffine affine;
  std::vector<const onnx::NodeProto*> nodes;
};

absl::StatusOr<Rewrite> FoldChain(const Chain& chain) {
  const onnx::NodeProto& node = *chain.linear.node;
  Rewrite rewrite;
  rewrite.why = absl::StrCat("fold ", Describe(*chain.nodes.front()),
                             chain.nodes.size() > 1 ? absl::StrCat(" and ", chain.nodes.size() - 1, " more") : "",
                             " into ", Describe(node));
  rewrite.remove.push_back(node.output(0));
  for (const onnx::NodeProto* affine : chain.nodes) {
    rewrite.remove.push_back(affine->output(0));
  }
  onnx::NodeProto folded = node;
  folded.set_output(0, chain.nodes.back()->output(0));
  const std::vector<double>& scale = chain.affine.scale;
  if (std::any_of(scale.begin(), scale.end(), [](double s) { return s != 1; })) {
    CNNOPT_ASSIGN_OR_RETURN(onnx::TensorProto weight, ScaledWeight(chain.linear, scale));
    folded.set_input(1, weight.name());
    rewrite.weights.push_back(std::move(weight));
  }
  CNNOPT_ASSIGN_OR_RETURN(std::optional<onnx::TensorProto> bias, ShiftedBias(chain.linear, chain.affine));
  if (bias.has_value()) {
    if (folded.input_size() < 3) {
      folded.add_input();
    }
    folded.set_input(2, bias->name());
    rewrite.weights.push_back(*std::move(bias));
    for (int i = folded.attribute_size() - 1; i >= 0; --i) {
      if (folded.attribute(i).name() == "beta") {  // is in the bias now
        folded.mutable_attribute()->DeleteSubrange(i, 1);
      }
    }
  }
  rewrite.insert.push_back(std::move(folded));
  return rewrite;
}

void Compose(const OutputAffine& next, OutputAffine& affine) {
  for (size_t i = 0; i < affine.scale.size(); ++i) {
    affine.scale[i] *= next.scale[i];
    affine.shift[i] = affine.shift[i] * next.scale[i] + next.shift[i];
  }
}

// Why `value` is not for `node` alone.
std::string OtherReaders(const GraphView& view, absl::string_view value) {
  return absl::StrCat(Quote(value), " is ",
                      view.IsGraphOutput(value)      ? "also a graph output"
                      : view.IsReadBySubgraph(value) ? "also read by a subgraph"
                                                     : "also read elsewhere");
}

}  // namespace

absl::StatusOr<std::vector<double>> FiniteConstant(const GraphView& view, absl::string_view value, int32_t data_type,
                                                   absl::string_view what) {
  const onnx::TensorProto* tensor = view.Constant(value);
  if (tensor == nullptr) {
    return absl::UnimplementedError(absl::StrCat("its ", what, " ", Quote(value), " is not constant"));
  }
  if (tensor->data_type() != data_type) {
    return absl::UnimplementedError(
        absl::StrCat("its ", what, " ", Quote(value), " has another data type than the weight"));
  }
  CNNOPT_ASSIGN_OR_RETURN(std::vector<double> values, DecodeFloats(*tensor));
  for (const double number : values) {
    if (!std::isfinite(number)) {
      return absl::UnimplementedError(absl::StrCat("its ", what, " ", Quote(value), " is not finite"));
    }
  }
  return values;
}

std::vector<Rewrite> FoldOutputAffines(const GraphView& view, PassContext& context, const DataInput& data_input,
                                       const ReadAffine& read_affine) {
  std::vector<Chain> chains;
  absl::flat_hash_map<const onnx::NodeProto*, size_t> chain_of;  // by its last node
  // Extends the chain that ends in the producer of `value` by `node`. Ok too when there is nothing to extend.
  const auto extend = [&](const onnx::NodeProto& node, absl::string_view value) -> absl::Status {
    const onnx::NodeProto* producer = view.Producer(value);
    const auto found = chain_of.find(producer);
    if (producer == nullptr || (found == chain_of.end() && !IsLinear(*producer))) {
      return absl::OkStatus();
    }
    if (view.SoleConsumer(value) != &node) {
      return absl::UnimplementedError(OtherReaders(view, value));
    }
    if (found == chain_of.end()) {
      absl::StatusOr<Linear> linear = ReadLinear(view, context, *producer);
      if (!linear.ok()) {
        return absl::UnimplementedError(absl::StrCat(Describe(*producer), ": ", linear.status().message()));
      }
      CNNOPT_ASSIGN_OR_RETURN(OutputAffine affine, read_affine(node, linear->info));
      chain_of[&node] = chains.size();
      chains.push_back({*std::move(linear), std::move(affine), {&node}});
      return absl::OkStatus();
    }
    Chain& chain = chains[found->second];
    CNNOPT_ASSIGN_OR_RETURN(const OutputAffine affine, read_affine(node, chain.linear.info));
    Compose(affine, chain.affine);
    chain.nodes.push_back(&node);
    const size_t index = found->second;
    chain_of[&node] = index;
    return absl::OkStatus();
  };
  for (const onnx::NodeProto* node : view.nodes()) {
    const std::string value = data_input(*node);
    if (!value.empty()) {
      if (absl::Status status = extend(*node, value); !status.ok()) {
        context.declined.push_back({Describe(*node), std::string(status.message())});
      }
    }
  }
  std::vector<Rewrite> rewrites;
  for (const Chain& chain : chains) {
    absl::StatusOr<Rewrite> rewrite = FoldChain(chain);
    if (rewrite.ok()) {
      rewrites.push_back(*std::move(rewrite));
    } else {
      context.declined.push_back({Describe(*chain.nodes.front()), std::string(rewrite.status().message())});
    }
  }
  return rewrites;
}

}  // namespace cnnopt
