#include "onnx_io/tensor_walk.h"

namespace cnnopt {
namespace {

class Walk {
 public:
  explicit Walk(absl::FunctionRef<void(onnx::TensorProto&, TensorPlace)> visit) : visit_(visit) {}

  void Graph(onnx::GraphProto& graph) {
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
      Tensor(tensor, TensorPlace::kInitializer);
    }
    for (onnx::SparseTensorProto& tensor : *graph.mutable_sparse_initializer()) {
      Sparse(tensor);
    }
    for (onnx::NodeProto& node : *graph.mutable_node()) {
      for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        Attribute(attribute);
      }
    }
  }

  void Function(onnx::FunctionProto& function) {
    in_function_ = true;
    for (onnx::AttributeProto& attribute : *function.mutable_attribute_proto()) {
      Attribute(attribute);
    }
    for (onnx::NodeProto& node : *function.mutable_node()) {
      for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        Attribute(attribute);
      }
    }
    in_function_ = false;
  }

 private:
  void Attribute(onnx::AttributeProto& attribute) {
    if (attribute.has_t()) {
      Tensor(*attribute.mutable_t(), TensorPlace::kAttribute);
    }
    for (onnx::TensorProto& tensor : *attribute.mutable_tensors()) {
      Tensor(tensor, TensorPlace::kAttribute);
    }
    if (attribute.has_sparse_tensor()) {
      Sparse(*attribute.mutable_sparse_tensor());
    }
    for (onnx::SparseTensorProto& tensor : *attribute.mutable_sparse_tensors()) {
      Sparse(tensor);
    }
    if (attribute.has_g()) {
      Graph(*attribute.mutable_g());
    }
    for (onnx::GraphProto& graph : *attribute.mutable_graphs()) {
      Graph(graph);
    }
  }

  void Sparse(onnx::SparseTensorProto& tensor) {
    if (tensor.has_values()) {
      Tensor(*tensor.mutable_values(), TensorPlace::kSparse);
    }
    if (tensor.has_indices()) {
      Tensor(*tensor.mutable_indices(), TensorPlace::kSparse);
    }
  }

  void Tensor(onnx::TensorProto& tensor, TensorPlace place) {
    visit_(tensor, in_function_ ? TensorPlace::kFunction : place);
  }

  absl::FunctionRef<void(onnx::TensorProto&, TensorPlace)> visit_;
  bool in_function_ = false;
};

}  // namespace

void ForEachTensor(onnx::ModelProto& model, absl::FunctionRef<void(onnx::TensorProto&, TensorPlace)> visit) {
  Walk walk(visit);
  if (model.has_graph()) {
    walk.Graph(*model.mutable_graph());
  }
  for (onnx::TrainingInfoProto& training : *model.mutable_training_info()) {
    if (training.has_initialization()) {
      walk.Graph(*training.mutable_initialization());
    }
    if (training.has_algorithm()) {
      walk.Graph(*training.mutable_algorithm());
    }
  }
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    walk.Function(function);
  }
}

}  // namespace cnnopt
