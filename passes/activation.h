// The activation behind a layer: which errors of the layer it lets through.
#ifndef CNNOPT_PASSES_ACTIVATION_H_
#define CNNOPT_PASSES_ACTIVATION_H_

#include <limits>
#include <optional>
#include <string>

#include "onnx_io/graph_view.h"

namespace cnnopt {

// f(x) = min(x, high) for x >= 0 and slope * x below: Relu, Relu6 (Clip from 0) and LeakyRelu.
struct Activation {
  float slope = 0;
  float high = std::numeric_limits<float>::infinity();

  float operator()(float x) const { return x < 0 ? slope * x : (x < high ? x : high); }
  float Derivative(float x) const { return x < 0 ? slope : (x < high ? 1.0F : 0.0F); }
};

// The activation that `node` is; nullopt when it is none of these or its limits are not constant.
std::optional<Activation> ReadActivation(const onnx::NodeProto& node, const GraphView& view);

// What becomes of a layer's output: it may be one operand of an Add, and an activation may follow. Each only if nobody
// else reads the value.
struct Surroundings {
  std::string skip;                      // the Add's other operand, a computed value; empty: none
  std::optional<Activation> activation;  // of the output, or of the sum
};
Surroundings SurroundingsOf(const std::string& output, const GraphView& view);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_ACTIVATION_H_
