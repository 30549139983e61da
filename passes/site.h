// The layers of a network that cost something: every Conv, ConvTranspose, Gemm and MatMul with its numbers.
#ifndef CNNOPT_PASSES_SITE_H_
#define CNNOPT_PASSES_SITE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onnx_io/graph_view.h"
#include "onnx_io/tensor.h"
#include "passes/conv.h"

namespace cnnopt {

struct Site {
  std::string output;          // of its node: the node's identity
  std::string name;            // the node's name, else (or where nodes share it) its output's
  std::string op;              // "Conv"
  std::string was;             // "3x3 64->128 /2"
  std::optional<Conv> conv;    // the layer as numbers; absent when it cannot be slimmed
  std::string reason;          // why not
  std::optional<Shape> input;  // shapes of its data input and output, when known
  std::optional<Shape> result;
  std::optional<int64_t> macs;  // of one run; unknown without shapes
  int64_t params = 0;           // elements of its constant weight and bias
};

// The sites of the main graph in topological order with what they cost, but without numbers. `shapes` holds every
// value's shape for the run whose cost counts.
std::vector<Site> FindSites(const GraphView& view, const std::map<std::string, Shape>& shapes);

// Reads the numbers of `sites`, or the reason why there are none. `opset` is the model's; `fixed_shapes` holds the
// shapes that are the same in every run (see ReadConv): only those of a Conv's input matter when it has auto_pad=SAME.
void ReadNumbers(const GraphView& view, int64_t opset, const std::map<std::string, Shape>& fixed_shapes,
                 std::vector<Site>& sites);

// The sum of all sites' MACs; nullopt when one is unknown.
std::optional<int64_t> TotalMacs(const std::vector<Site>& sites);

// Elements of all floating-point constants of the main graph (initializers, and tensors in Constant nodes).
int64_t TotalParameters(const onnx::GraphProto& graph);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_SITE_H_
