// Small random networks, samples for them, and what must hold for every slimmed one.
#ifndef CNNOPT_TESTS_TESTING_SLIM_CHECKS_H_
#define CNNOPT_TESTS_TESTING_SLIM_CHECKS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "onnx/onnx_pb.h"
#include "passes/slim.h"

namespace cnnopt::testing {

// Name and shape of each.
using Weights = std::vector<std::pair<std::string, Shape>>;

// A float graph of these nodes (ONNX text) with input x and output y of unknown shape. The weights are random; those of
// two axes and more are scaled so that values neither grow nor vanish from layer to layer.
onnx::ModelProto RandomModel(const std::string& nodes, const Shape& input, const Weights& weights);

// Samples of x that vary in few directions around a mean, as activations of trained networks do.
std::vector<Sample> FewDirections(const Shape& shape, int64_t directions, int count);

// Options for a budget, one thread, no timing. Without samples they are made up.
SlimOptions BudgetOf(double target_macs, const Shape& input, std::vector<Sample> samples);

// The report's costs are those of the slim model counted afresh.
void ExpectCostsAreThoseOf(const onnx::ModelProto& slim, const Shape& input, const SlimReport& report);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_SLIM_CHECKS_H_
