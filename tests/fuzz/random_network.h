// Small random convolutional networks: every operator and attribute the passes touch, in every arrangement.
#ifndef CNNOPT_TESTS_FUZZ_RANDOM_NETWORK_H_
#define CNNOPT_TESTS_FUZZ_RANDOM_NETWORK_H_

#include "onnx/onnx_pb.h"
#include "tests/fuzz/choices.h"

namespace cnnopt::testing {

// What the weights of Convs are like, so that replacements of a certain rank are exact.
enum class WeightKind {
  kAny,
  kSeparable,  // depthwise times pointwise: dsc of rank 1 is exact, depthwise first and often pointwise first
  kLowRank,    // of rank 4: low-rank of rank 8 is exact
};

// A valid model of one input "x": Convs with 1 to 3 axes, strides, dilations, groups, asymmetric or automatic pads;
// BatchNormalization, activations, skips, concatenations, scales, pooling; a classifier or not; weights as initializers
// or in Constant nodes, behind Identity, shared; intermediate outputs. `data_type` is FLOAT or FLOAT16.
onnx::ModelProto RandomNetwork(Choices& choices, WeightKind kind, int32_t data_type = onnx::TensorProto::FLOAT);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_RANDOM_NETWORK_H_
