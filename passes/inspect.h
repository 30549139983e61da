// What a model is made of and what could be done to it, without running or changing it.
#ifndef CNNOPT_PASSES_INSPECT_H_
#define CNNOPT_PASSES_INSPECT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "passes/slim.h"

namespace cnnopt {

struct InspectOptions {
  std::map<std::string, Shape> input_shapes;  // complete shapes of inputs, see InputShapes
  std::vector<PassChoice> passes;             // as in SlimOptions
  bool cleanup = true;
  bool assume_constant = false;
  bool factorise = true;  // false: `ranks` stay empty
  int threads = 0;        // 0: as many as this process may use
};

// A rank at which a form is cheaper than the layer, its error by the weights alone.
struct RankFacts {
  int64_t rank = 0;
  std::string label;  // "dsc rank 2"
  std::optional<int64_t> macs;
  int64_t params = 0;
  double weight_error = 0;
};

// One form at one layer.
struct FormFacts {
  std::string form;
  std::string reason;            // why it has no meaning here, or does not pay; empty: it can be used
  std::vector<RankFacts> ranks;  // smallest first
};

struct LayerFacts {
  std::string name, op;
  std::string was;                 // "3x3 64->128 /2"
  Shape kernel, stride, dilation;  // empty for Gemm and MatMul, and where the weight's shape is unknown
  int64_t in_channels = 0, out_channels = 0, groups = 1;  // 0: unknown
  std::optional<Shape> output;
  std::optional<int64_t> macs;
  int64_t params = 0;
  std::string reason;  // why it can never be slimmed; empty: some form can be used
  std::vector<FormFacts> forms;

  bool slimmable() const { return reason.empty(); }
};

struct ValueFacts {
  std::string name;
  std::string type;   // "float32"
  std::string shape;  // "1x3x224x224", names or ? where sizes are open
};

struct ModelFacts {
  int64_t ir_version = 0, opset = 0;
  std::map<std::string, int64_t> other_opsets;  // by domain
  std::string producer;                         // "pytorch 2.4.0", empty when the file does not say
  std::vector<ValueFacts> inputs, outputs;      // inputs a caller must feed
  int64_t nodes = 0;
  std::map<std::string, int64_t> ops;  // nodes by operator
  Totals totals;
  std::vector<LayerFacts> layers;     // after the cleanup passes, in the order of the graph
  std::vector<std::string> cleanups;  // what each exact rewrite would do
  int64_t slimmable_layers = 0;
  std::optional<int64_t> slimmable_macs;  // of them
  std::string hint;                       // which flag would settle the MACs that are unknown
};

// Errors: InvalidArgument when an input shape or a pass makes no sense.
absl::StatusOr<ModelFacts> Inspect(const onnx::ModelProto& model, const InspectOptions& options);

// The candidate of a layer that leaves fewest MACs (parameters, where MACs are unknown) with a weight error of at most
// `max_error`; null when there is none.
const RankFacts* BestWithin(const LayerFacts& layer, double max_error);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_INSPECT_H_
