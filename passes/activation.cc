#include "passes/activation.h"

#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

// A number that a constant input of one element holds, or `otherwise` when the input is absent; nullopt when it is not
// constant.
std::optional<float> ConstantNumber(const onnx::NodeProto& node, int input, const GraphView& view, float otherwise) {
  const std::string& value = Input(node, input);
  if (value.empty()) return otherwise;
  const onnx::TensorProto* constant = view.Constant(value);
  if (constant == nullptr) return std::nullopt;
  const absl::StatusOr<std::vector<double>> numbers = DecodeFloats(*constant);
  if (!numbers.ok() || numbers->size() != 1) return std::nullopt;
  return static_cast<float>(numbers->front());
}

std::optional<Activation> ReadClip(const onnx::NodeProto& node, const GraphView& view) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::optional<float> low = FloatAttribute(node, "min", -kInfinity), high = FloatAttribute(node, "max", kInfinity);
  if (node.input_size() > 1) {  // from opset 11 on the limits are inputs
    low = ConstantNumber(node, 1, view, -kInfinity);
    high = ConstantNumber(node, 2, view, kInfinity);
  }
  if (!low.has_value() || !high.has_value() || *low != 0 || !(*high > 0)) return std::nullopt;
  return Activation{0, *high};
}

}  // namespace

std::optional<Activation> ReadActivation(const onnx::NodeProto& node, const GraphView& view) {
  if (IsOp(node, "Relu")) return Activation{};
  if (IsOp(node, "LeakyRelu")) {
    const float slope = FloatAttribute(node, "alpha", 0.01F);
    if (slope > 0 && slope < 1) return Activation{slope};
  }
  if (IsOp(node, "Clip")) return ReadClip(node, view);
  return std::nullopt;
}

Surroundings SurroundingsOf(const std::string& output, const GraphView& view) {
  Surroundings around;
  const onnx::NodeProto* consumer = view.SoleConsumer(output);
  if (consumer != nullptr && IsOp(*consumer, "Add") && consumer->input_size() == 2) {
    const std::string& other = consumer->input(consumer->input(0) == output ? 1 : 0);
    if (view.Producer(other) == nullptr || view.Constant(other) != nullptr) return around;
    around.skip = other;
    consumer = view.SoleConsumer(consumer->output(0));
  }
  if (consumer != nullptr) around.activation = ReadActivation(*consumer, view);
  return around;
}

}  // namespace cnnopt
