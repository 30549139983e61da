#include "onnx_io/shapes.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx/shape_inference/implementation.h"
#include "onnx_io/borrow.h"
#include "onnx_io/call_graph.h"
#include "onnx_io/limits.h"
#include "onnx_io/open_inputs.h"
#include "onnx_io/quote.h"

namespace cnnopt {
namespace {

// Shapes may depend on small integer tensors (Reshape, Slice, Pad, Resize); bigger payloads are only weights.
constexpr int64_t kMaxPayloadBytes = 1024;

const onnx::TensorShapeProto* DeclaredShape(const onnx::ValueInfoProto& info) {
  const bool has_shape = info.type().has_tensor_type() && info.type().tensor_type().has_shape();
  return has_shape ? &info.type().tensor_type().shape() : nullptr;
}

void SetShape(const Shape& shape, onnx::TypeProto::Tensor& type) {
  type.clear_shape();
  type.mutable_shape();
  for (const int64_t dim : shape) {
    type.mutable_shape()->add_dim()->set_dim_value(dim);
  }
}

// The graph inputs a caller must feed.
std::vector<const onnx::ValueInfoProto*> FedInputs(const onnx::GraphProto& graph) {
  absl::flat_hash_set<absl::string_view> initialized;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    initialized.insert(tensor.name());
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    initialized.insert(tensor.values().name());
  }
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (!initialized.contains(input.name())) {
      inputs.push_back(&input);
    }
  }
  return inputs;
}

using Symbols = std::map<std::string, int64_t>;

// `given` for `input`, after comparing it with what the model declares; learns what its named dimensions are.
absl::Status CheckGiven(const onnx::ValueInfoProto& input, const Shape& given, Symbols& symbols) {
  const std::string what = absl::StrCat("input ", Quote(input.name()));
  for (const int64_t dim : given) {
    if (dim < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": shape [", absl::StrJoin(given, ","), "] has a dimension below 1"));
    }
  }
  const onnx::TensorShapeProto* declared = DeclaredShape(input);
  if (declared == nullptr) {
    return absl::OkStatus();
  }
  if (declared->dim_size() != static_cast<int>(given.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", declared->dim_size(), " dimensions, the shape given ", given.size()));
  }
  for (int i = 0; i < declared->dim_size(); ++i) {
    const onnx::TensorShapeProto::Dimension& dim = declared->dim(i);
    const int64_t value = given[static_cast<size_t>(i)];
    if (dim.dim_value() > 0 && dim.dim_value() != value) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": dimension ", i, " is ", dim.dim_value(), ", the shape given has ", value));
    }
    if (dim.has_dim_param() && !dim.dim_param().empty()) {
      symbols.emplace(dim.dim_param(), value);
    }
  }
  return absl::OkStatus();
}

// The shape of an input that none was given for; nullopt when a size stays open.
std::optional<Shape> CompleteShape(const onnx::ValueInfoProto& input, const Symbols& symbols) {
  const onnx::TensorShapeProto* declared = DeclaredShape(input);
  if (declared == nullptr) return std::nullopt;
  Shape shape;
  for (int i = 0; i < declared->dim_size(); ++i) {
    const onnx::TensorShapeProto::Dimension& dim = declared->dim(i);
    const auto symbol = symbols.find(dim.dim_param());
    if (dim.has_dim_value() && dim.dim_value() > 0) {
      shape.push_back(dim.dim_value());
    } else if (symbol != symbols.end()) {
      shape.push_back(symbol->second);
    } else if (i == 0) {
      shape.push_back(1);
    } else {
      return std::nullopt;
    }
  }
  return shape;
}

// What inference would have to do for nested graphs: for each of them onnx copies a table of all values around it.
struct NestedWork {
  int64_t graphs = 0, values = 0;
  bool IsTooMuch() const {
    constexpr int64_t kMostEntries = 20'000'000;  // seconds
    return graphs > 0 && values > kMostEntries / graphs;
  }
};

void Count(const onnx::GraphProto& graph, NestedWork& work) {
  work.values += graph.input_size() + graph.initializer_size();
  for (const onnx::NodeProto& node : graph.node()) {
    work.values += node.output_size();
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (!attribute.has_g()) continue;
      ++work.graphs;
      Count(attribute.g(), work);
    }
  }
}

// Whether inference would meet many more nodes than are written down: it follows every call anew.
bool CallsAreTooMuch(const onnx::ModelProto& model) {
  constexpr int64_t kMostMore = 50'000;
  Limits limits;
  limits.depth = std::numeric_limits<int64_t>::max();
  limits.nodes = model.graph().node_size() + kMostMore;
  return !ValidateCalls(model, limits).ok();
}

// Takes the nested graphs away from the nodes of `graph`, which nothing is then known about.
void HideNested(onnx::GraphProto& graph) {
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    const bool nests = std::any_of(node.attribute().begin(), node.attribute().end(),
                                   [](const onnx::AttributeProto& attribute) { return attribute.has_g(); });
    if (!nests) continue;
    node.clear_attribute();
    node.set_op_type("NestedGraphs");
  }
}

// A copy of `graph` for inference: no big payload, no declared shape inside that could contradict the inputs.
void CopyLean(const onnx::GraphProto& graph, onnx::GraphProto& lean);

std::string PlainDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

void CopyLean(const onnx::NodeProto& node, onnx::NodeProto& lean) {
  lean.set_name(node.name());
  lean.set_op_type(node.op_type());
  lean.set_domain(PlainDomain(node.domain()));
  lean.set_overload(node.overload());
  *lean.mutable_input() = node.input();
  *lean.mutable_output() = node.output();
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    onnx::AttributeProto& copy = *lean.add_attribute();
    if (attribute.has_g()) {
      copy.set_name(attribute.name());
      copy.set_type(attribute.type());
      CopyLean(attribute.g(), *copy.mutable_g());
    } else if (attribute.has_t() && StoredBytes(attribute.t()) > kMaxPayloadBytes) {
      copy.set_name(attribute.name());
      copy.set_type(attribute.type());
      copy.mutable_t()->set_data_type(attribute.t().data_type());
      *copy.mutable_t()->mutable_dims() = attribute.t().dims();
    } else {
      copy = attribute;
    }
  }
}

void CopyLean(const onnx::GraphProto& graph, onnx::GraphProto& lean) {
  lean.set_name(graph.name());
  *lean.mutable_input() = graph.input();
  for (const onnx::ValueInfoProto& output : graph.output()) {
    onnx::ValueInfoProto& copy = *lean.add_output();
    copy = output;
    if (copy.type().has_tensor_type()) {
      copy.mutable_type()->mutable_tensor_type()->clear_shape();
    }
  }
  absl::flat_hash_set<absl::string_view> inputs;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    inputs.insert(input.name());
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    const bool loaded = tensor.data_location() != onnx::TensorProto::EXTERNAL || Borrows(tensor);
    if (loaded && StoredBytes(tensor) <= kMaxPayloadBytes) {
      onnx::TensorProto& copy = *lean.add_initializer();
      copy = tensor;
      MakeOwn(copy);
    } else if (!inputs.contains(tensor.name())) {
      // As an input it has a shape and a type, and nothing will look for its numbers.
      onnx::ValueInfoProto& input = *lean.add_input();
      input.set_name(tensor.name());
      input.mutable_type()->mutable_tensor_type()->set_elem_type(tensor.data_type());
      SetShape(TensorShape(tensor), *input.mutable_type()->mutable_tensor_type());
    }
  }
  for (const onnx::NodeProto& node : graph.node()) {
    CopyLean(node, *lean.add_node());
  }
}

onnx::ModelProto LeanModel(const onnx::ModelProto& model, const std::map<std::string, Shape>& inputs) {
  onnx::ModelProto lean;
  lean.set_ir_version(model.ir_version());
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    onnx::OperatorSetIdProto& copy = *lean.add_opset_import();
    copy = opset;
    copy.set_domain(PlainDomain(opset.domain()));
  }
  *lean.mutable_functions() = model.functions();
  CopyLean(model.graph(), *lean.mutable_graph());
  for (onnx::ValueInfoProto& input : *lean.mutable_graph()->mutable_input()) {
    if (const auto found = inputs.find(input.name()); found != inputs.end()) {
      SetShape(found->second, *input.mutable_type()->mutable_tensor_type());
    }
  }
  return lean;
}

// Numbers that a shape may depend on at once: a begin and an end for each axis.
constexpr int64_t kMaxShapeNumbers = 32;

// Whether all inputs of a node together have few enough numbers to be followed one by one. onnx does that for every
// vector whose length is known, at many bytes for each number, and a length takes no more than a declaration.
bool HasFewNumbers(const onnx::DataPropagationContext& context) {
  constexpr int64_t kUnknown = 8;
  int64_t numbers = 0;
  for (size_t i = 0; i < context.getNumInputs(); ++i) {
    const onnx::TypeProto* type = context.getInputType(i);
    const bool has_shape = type != nullptr && type->has_tensor_type() && type->tensor_type().has_shape();
    const onnx::TensorShapeProto* shape = has_shape ? &type->tensor_type().shape() : nullptr;
    if (shape == nullptr || (shape->dim_size() == 1 && !shape->dim(0).has_dim_value())) {
      numbers += kUnknown;
    } else if (shape->dim_size() == 1 && shape->dim(0).dim_value() > kMaxShapeNumbers) {
      return false;
    } else {
      numbers += shape->dim_size() == 1 ? std::max<int64_t>(shape->dim(0).dim_value(), 1) : 1;
    }
  }
  return numbers <= kMaxShapeNumbers;
}

// onnx's operators, which follow short vectors only.
class BoundedSchemas final : public onnx::ISchemaRegistry {
 public:
  const onnx::OpSchema* GetSchema(const std::string& op, int version, const std::string& domain) const override {
    const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Instance()->GetSchema(op, version, domain);
    if (schema == nullptr || op == "Shape") return schema;  // whose result is short whatever its input is
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& bounded = bounded_[schema];
    if (bounded == nullptr) {
      bounded = std::make_unique<onnx::OpSchema>(*schema);
      bounded->PartialDataPropagationFunction(
          [follow = schema->GetDataPropagationFunction()](onnx::DataPropagationContext& context) {
            if (HasFewNumbers(context)) follow(context);
          });
    }
    return bounded.get();
  }

 private:
  mutable std::mutex mutex_;
  mutable absl::flat_hash_map<const onnx::OpSchema*, std::unique_ptr<onnx::OpSchema>> bounded_;
};

void AddIfKnown(const onnx::ValueInfoProto& info, std::map<std::string, Shape>& shapes) {
  const onnx::TensorShapeProto* declared = DeclaredShape(info);
  if (declared == nullptr) {
    return;
  }
  Shape shape;
  for (const onnx::TensorShapeProto::Dimension& dim : declared->dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 0) {
      return;
    }
    shape.push_back(dim.dim_value());
  }
  shapes.emplace(info.name(), std::move(shape));
}

}  // namespace

absl::StatusOr<std::map<std::string, Shape>> InputShapes(const onnx::ModelProto& model,
                                                         const std::map<std::string, Shape>& given) {
  const std::vector<const onnx::ValueInfoProto*> inputs = FedInputs(model.graph());
  std::map<std::string, Shape> shapes;
  Symbols symbols;
  for (const onnx::ValueInfoProto* input : inputs) {
    if (const auto found = given.find(input->name()); found != given.end()) {
      if (absl::Status status = CheckGiven(*input, found->second, symbols); !status.ok()) {
        return status;
      }
      shapes.insert(*found);
    }
  }
  for (const auto& [name, shape] : given) {
    if (!shapes.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the model has no input ", Quote(name), "; its inputs are: ",
          absl::StrJoin(inputs, ", ", [](std::string* out, const auto* input) { out->append(input->name()); })));
    }
  }
  std::vector<const onnx::ValueInfoProto*> open;
  for (const onnx::ValueInfoProto* input : inputs) {
    if (shapes.contains(input->name()) || !input->type().has_tensor_type()) {
      continue;
    }
    std::optional<Shape> shape = CompleteShape(*input, symbols);
    if (shape.has_value()) {
      shapes.emplace(input->name(), *std::move(shape));
    } else {
      open.push_back(input);
    }
  }
  if (!open.empty()) return absl::InvalidArgumentError(OpenInputsMessage(open, model.graph(), symbols));
  return shapes;
}

std::map<std::string, Shape> InferShapes(const onnx::ModelProto& model, const std::map<std::string, Shape>& inputs) {
  static const BoundedSchemas& schemas = *new BoundedSchemas;
  onnx::ModelProto lean = LeanModel(model, inputs);
  NestedWork work;
  Count(lean.graph(), work);
  if (work.IsTooMuch()) HideNested(*lean.mutable_graph());
  if (CallsAreTooMuch(lean)) lean.clear_functions();  // what they give is then unknown
  try {
    const onnx::ShapeInferenceOptions options(/*check_type_val=*/false, /*strict_mode_val=*/0, /*data_prop_val=*/true);
    onnx::shape_inference::InferShapes(lean, &schemas, options);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // What was inferred up to here stands in `lean`.
  }
  std::map<std::string, Shape> shapes;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    shapes.emplace(tensor.name(), TensorShape(tensor));
  }
  for (const auto* infos : {&lean.graph().input(), &lean.graph().value_info(), &lean.graph().output()}) {
    for (const onnx::ValueInfoProto& info : *infos) {
      AddIfKnown(info, shapes);
    }
  }
  return shapes;
}

}  // namespace cnnopt
