#include "onnx_io/sort_nodes.h"

#include <cstddef>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"

namespace cnnopt {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

void Permute(const std::vector<int>& order, Nodes& nodes) {
  bool sorted = true;
  for (size_t i = 0; i < order.size(); ++i) {
    sorted = sorted && order[i] == static_cast<int>(i);
  }
  if (sorted) {
    return;
  }
  std::vector<onnx::NodeProto*> old(order.size());
  nodes.ExtractSubrange(0, nodes.size(), old.data());
  for (const int from : order) {
    nodes.AddAllocated(old[static_cast<size_t>(from)]);
  }
}

// Nested graphs first: what they read from outside is clear only once they are in order.
absl::Status Sort(Nodes& nodes) {
  for (onnx::NodeProto& node : nodes) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) {
        CNNOPT_RETURN_IF_ERROR(Sort(*attribute.mutable_g()->mutable_node()));
      }
      for (onnx::GraphProto& graph : *attribute.mutable_graphs()) {
        CNNOPT_RETURN_IF_ERROR(Sort(*graph.mutable_node()));
      }
    }
  }
  const std::vector<const onnx::NodeProto*> pointers(nodes.pointer_begin(), nodes.pointer_end());
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int> order, TopologicalOrder(pointers));
  Permute(order, nodes);
  return absl::OkStatus();
}

}  // namespace

absl::Status SortNodes(onnx::ModelProto& model) {
  CNNOPT_RETURN_IF_ERROR(Sort(*model.mutable_graph()->mutable_node()));
  for (onnx::TrainingInfoProto& training : *model.mutable_training_info()) {
    if (training.has_initialization()) {
      CNNOPT_RETURN_IF_ERROR(Sort(*training.mutable_initialization()->mutable_node()));
    }
    if (training.has_algorithm()) {
      CNNOPT_RETURN_IF_ERROR(Sort(*training.mutable_algorithm()->mutable_node()));
    }
  }
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    CNNOPT_RETURN_IF_ERROR(Sort(*function.mutable_node()));
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
