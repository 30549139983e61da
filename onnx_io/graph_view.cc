#include "onnx_io/graph_view.h"

#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"

namespace cnnopt {
namespace {

// The dense tensor a Constant node holds, or null.
const onnx::TensorProto* ConstantValue(const onnx::NodeProto& node) {
  if (!IsOp(node, "Constant")) {
    return nullptr;
  }
  const onnx::AttributeProto* value = FindAttribute(node, "value");
  return value != nullptr && value->has_t() ? &value->t() : nullptr;
}

}  // namespace

absl::StatusOr<GraphView> GraphView::Create(const onnx::GraphProto& graph, InputConstants inputs) {
  GraphView view;
  view.graph_ = &graph;
  std::vector<const onnx::NodeProto*> unordered;
  unordered.reserve(static_cast<size_t>(graph.node_size()));
  for (const onnx::NodeProto& node : graph.node()) {
    unordered.push_back(&node);
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int> order, TopologicalOrder(unordered));
  for (const int i : order) {
    view.nodes_.push_back(unordered[static_cast<size_t>(i)]);
  }
  view.IndexValues(inputs);
  view.IndexNodes();
  return view;
}

absl::StatusOr<GraphView> GraphView::Create(const onnx::ModelProto& model) {
  return Create(model.graph(), model.ir_version() < 4 ? InputConstants::kConstant : InputConstants::kOverridable);
}

void GraphView::IndexValues(InputConstants inputs) {
  for (const onnx::ValueInfoProto& info : graph_->value_info()) {
    values_[info.name()].type = &info.type();
  }
  for (const onnx::ValueInfoProto& output : graph_->output()) {
    Value& value = values_[output.name()];
    value.type = &output.type();
    value.graph_output = true;
    ++value.reads;
  }
  for (const onnx::ValueInfoProto& input : graph_->input()) {
    Value& value = values_[input.name()];
    value.type = &input.type();
    value.graph_input = true;
  }
  for (const onnx::TensorProto& tensor : graph_->initializer()) {
    Value& value = values_[tensor.name()];
    value.initializer = &tensor;
    if (!value.graph_input || inputs == InputConstants::kConstant) {
      value.constant = &tensor;
    }
  }
}

// In topological order, so that a chain of Identity nodes finds its constant link by link.
void GraphView::IndexNodes() {
  for (const onnx::NodeProto* node : nodes_) {
    for (const std::string& input : node->input()) {
      if (!input.empty()) {
        Value& value = values_[input];
        ++value.reads;
        value.consumer = node;
      }
    }
    for (const absl::string_view name : OuterReads(*node)) {
      Value& value = values_[name];
      ++value.reads;
      value.read_by_subgraph = true;
    }
    for (const std::string& output : node->output()) {
      if (!output.empty()) {
        values_[output].producer = node;
      }
    }
    if (node->output_size() == 1 && !node->output(0).empty()) {
      values_[node->output(0)].constant = IsOp(*node, "Identity") ? Constant(Input(*node, 0)) : ConstantValue(*node);
    }
  }
}

const GraphView::Value* GraphView::Find(absl::string_view value) const {
  const auto found = value.empty() ? values_.end() : values_.find(value);
  return found == values_.end() ? nullptr : &found->second;
}

const onnx::NodeProto* GraphView::Producer(absl::string_view value) const {
  const Value* found = Find(value);
  return found == nullptr ? nullptr : found->producer;
}

const onnx::NodeProto* GraphView::SoleConsumer(absl::string_view value) const {
  const Value* found = Find(value);
  const bool sole = found != nullptr && found->reads == 1 && !found->graph_output && !found->read_by_subgraph;
  return sole ? found->consumer : nullptr;
}

int64_t GraphView::ReadCount(absl::string_view value) const {
  const Value* found = Find(value);
  return found == nullptr ? 0 : found->reads;
}

bool GraphView::IsGraphOutput(absl::string_view value) const {
  const Value* found = Find(value);
  return found != nullptr && found->graph_output;
}

bool GraphView::IsGraphInput(absl::string_view value) const {
  const Value* found = Find(value);
  return found != nullptr && found->graph_input;
}

bool GraphView::IsReadBySubgraph(absl::string_view value) const {
  const Value* found = Find(value);
  return found != nullptr && found->read_by_subgraph;
}

const onnx::TensorProto* GraphView::Constant(absl::string_view value) const {
  const Value* found = Find(value);
  return found == nullptr ? nullptr : found->constant;
}

std::optional<Shape> GraphView::StaticShape(absl::string_view value) const {
  const Value* found = Find(value);
  if (found == nullptr) {
    return std::nullopt;
  }
  const onnx::TensorProto* tensor = found->constant != nullptr ? found->constant : found->initializer;
  if (tensor != nullptr) {
    return TensorShape(*tensor);
  }
  if (found->type == nullptr || !found->type->tensor_type().has_shape()) {
    return std::nullopt;
  }
  Shape shape;
  for (const onnx::TensorShapeProto::Dimension& dim : found->type->tensor_type().shape().dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 0) {
      return std::nullopt;
    }
    shape.push_back(dim.dim_value());
  }
  return shape;
}

const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, absl::string_view name) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == name) {
      return &attribute;
    }
  }
  return nullptr;
}

int64_t IntAttribute(const onnx::NodeProto& node, absl::string_view name, int64_t otherwise) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  return attribute != nullptr && attribute->has_i() ? attribute->i() : otherwise;
}

float FloatAttribute(const onnx::NodeProto& node, absl::string_view name, float otherwise) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  return attribute != nullptr && attribute->has_f() ? attribute->f() : otherwise;
}

std::vector<int64_t> IntsAttribute(const onnx::NodeProto& node, absl::string_view name,
                                   std::vector<int64_t> otherwise) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  if (attribute == nullptr) return otherwise;
  return {attribute->ints().begin(), attribute->ints().end()};
}

bool IsOp(const onnx::NodeProto& node, absl::string_view op_type) {
  return node.op_type() == op_type && (node.domain().empty() || node.domain() == "ai.onnx");
}

const std::string& Input(const onnx::NodeProto& node, int i) {
  static const std::string* const absent = new std::string;
  return i < node.input_size() ? node.input(i) : *absent;
}

int64_t OpsetVersion(const onnx::ModelProto& model) {
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") {
      return opset.version();
    }
  }
  return 0;
}

std::string Describe(const onnx::NodeProto& node) {
  absl::string_view name = node.name();
  for (int i = 0; name.empty() && i < node.output_size(); ++i) {
    name = node.output(i);
  }
  return absl::StrCat(OneLine(node.op_type()), " ", Quote(name));
}

}  // namespace cnnopt
