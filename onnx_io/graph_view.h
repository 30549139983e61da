// A read-only index of one graph: who makes a value, who reads it, what is constant, which shapes are known.
#ifndef CNNOPT_ONNX_IO_GRAPH_VIEW_H_
#define CNNOPT_ONNX_IO_GRAPH_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// Whether a graph input that also has an initializer counts as a constant. Up to IR 3 the format demands the
// double listing, so it does; from IR 4 on a caller may feed another value, so it does not, unless assumed.
enum class InputConstants { kOverridable, kConstant };

// Borrows the graph; rebuilt after every applied rewrite. All look-ups are O(1), Create is linear.
// Create fails with InvalidArgument when a value is made twice or the nodes form a cycle.
class GraphView {
 public:
  static absl::StatusOr<GraphView> Create(const onnx::GraphProto& graph, InputConstants inputs);
  // The usual choice for a whole model: kConstant for IR < 4, else kOverridable.
  static absl::StatusOr<GraphView> Create(const onnx::ModelProto& model);

  const onnx::GraphProto& graph() const { return *graph_; }
  absl::Span<const onnx::NodeProto* const> nodes() const { return nodes_; }  // topological order

  const onnx::NodeProto* Producer(absl::string_view value) const;  // null: an input, an initializer, unknown
  // The node that alone reads `value`, once; null: none, several, twice by one, a graph output, read by a subgraph.
  const onnx::NodeProto* SoleConsumer(absl::string_view value) const;
  // Reads of `value` by this graph's nodes, by subgraphs (each read counts) and as a graph output.
  int64_t ReadCount(absl::string_view value) const;
  bool IsGraphOutput(absl::string_view value) const;
  bool IsGraphInput(absl::string_view value) const;
  bool IsReadBySubgraph(absl::string_view value) const;

  // The tensor `value` always holds: an initializer that no caller can override, or the dense `value` of a Constant
  // node. Null otherwise. Identity nodes are seen through, so this also finds weights that an exporter shares; the
  // tensor's own name may therefore differ from `value`, or be empty.
  const onnx::TensorProto* Constant(absl::string_view value) const;
  // From initializers, value_info, graph inputs and outputs; nullopt unless every dimension is a known number.
  std::optional<Shape> StaticShape(absl::string_view value) const;

 private:
  struct Value {
    const onnx::NodeProto* producer = nullptr;
    const onnx::NodeProto* consumer = nullptr;  // the last one seen
    int64_t reads = 0;
    bool read_by_subgraph = false;
    bool graph_input = false;
    bool graph_output = false;
    const onnx::TensorProto* initializer = nullptr;
    const onnx::TensorProto* constant = nullptr;
    const onnx::TypeProto* type = nullptr;
  };
  void IndexValues(InputConstants inputs);
  void IndexNodes();
  const Value* Find(absl::string_view value) const;

  const onnx::GraphProto* graph_ = nullptr;
  std::vector<const onnx::NodeProto*> nodes_;
  absl::flat_hash_map<absl::string_view, Value> values_;
};

// Attribute look-ups that a pass needs again and again. A missing attribute gives `otherwise`.
const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, absl::string_view name);
int64_t IntAttribute(const onnx::NodeProto& node, absl::string_view name, int64_t otherwise);
float FloatAttribute(const onnx::NodeProto& node, absl::string_view name, float otherwise);
std::vector<int64_t> IntsAttribute(const onnx::NodeProto& node, absl::string_view name,
                                   std::vector<int64_t> otherwise = {});

// Whether `node` is the standard operator `op_type` (domain "" or "ai.onnx").
bool IsOp(const onnx::NodeProto& node, absl::string_view op_type);
// Input i, or "" when it is absent or there are fewer.
const std::string& Input(const onnx::NodeProto& node, int i);
// The version of the standard operator set the model imports; 0 when it imports none.
int64_t OpsetVersion(const onnx::ModelProto& model);
// How a message names a node: its name if it has one, else the value it makes, and its operator: "Conv 'conv1'".
std::string Describe(const onnx::NodeProto& node);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_GRAPH_VIEW_H_
