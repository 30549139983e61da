#include "onnx_io/validate.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "onnx_io/call_graph.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"
#include "onnx_io/validate_conv.h"
#include "onnx_io/validate_tensor.h"

namespace cnnopt {
namespace {

using Dims = google::protobuf::RepeatedField<int64_t>;
using Names = absl::flat_hash_set<absl::string_view>;
using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

// A value that is read, and by whom; reader null: it is a graph output.
struct Read {
  absl::string_view name;
  const onnx::NodeProto* reader;
};

// What one graph or one function body defines and reads.
struct Scope {
  Names defined;
  std::vector<Read> reads;                              // of nested graphs, only what those do not define
  absl::flat_hash_map<absl::string_view, Dims> inputs;  // shapes of graph inputs; -1 where not fixed
  absl::flat_hash_map<absl::string_view, const Dims*> constants;
};

absl::Status Invalid(absl::string_view message) { return absl::InvalidArgumentError(message); }

std::string Tensor(absl::string_view name) { return absl::StrCat("tensor ", Quote(name)); }

std::string Attribute(const onnx::NodeProto& node, const onnx::AttributeProto& attribute) {
  return absl::StrCat(Describe(node), ": attribute ", Quote(attribute.name()));
}

// The first of `reads` that `defined` does not hold; null: none.
const Read* FirstMissing(const std::vector<Read>& reads, const Names& defined) {
  for (const Read& read : reads) {
    if (!defined.contains(read.name)) {
      return &read;
    }
  }
  return nullptr;
}

absl::Status Missing(const Read& read) {
  return Invalid(read.reader == nullptr
                     ? absl::StrCat("output ", Quote(read.name), " is not defined by any node, input or initializer")
                     : absl::StrCat(Describe(*read.reader), " reads ", Quote(read.name), ", which nothing defines"));
}

// The field an attribute's value is in and the type that goes with it.
struct UsedField {
  onnx::AttributeProto::AttributeType type;
  bool used;
};

// An attribute has one value at most, in the field its type says.
absl::Status CheckValueField(const onnx::AttributeProto& attribute) {
  using A = onnx::AttributeProto;
  const UsedField fields[] = {{A::FLOAT, attribute.has_f()},
                              {A::INT, attribute.has_i()},
                              {A::STRING, attribute.has_s()},
                              {A::TENSOR, attribute.has_t()},
                              {A::GRAPH, attribute.has_g()},
                              {A::TYPE_PROTO, attribute.has_tp()},
                              {A::SPARSE_TENSOR, attribute.has_sparse_tensor()},
                              {A::FLOATS, attribute.floats_size() > 0},
                              {A::INTS, attribute.ints_size() > 0},
                              {A::STRINGS, attribute.strings_size() > 0},
                              {A::TENSORS, attribute.tensors_size() > 0},
                              {A::GRAPHS, attribute.graphs_size() > 0},
                              {A::TYPE_PROTOS, attribute.type_protos_size() > 0},
                              {A::SPARSE_TENSORS, attribute.sparse_tensors_size() > 0}};
  int used = 0;
  for (const UsedField& field : fields) {
    if (!field.used) {
      continue;
    }
    if (++used > 1) {
      return Invalid("has more than one value");
    }
    // The first version of the format had no types.
    if (attribute.type() != A::UNDEFINED && attribute.type() != field.type) {
      return Invalid(absl::StrCat("has type ", A::AttributeType_Name(attribute.type()), " and a value of type ",
                                  A::AttributeType_Name(field.type)));
    }
  }
  return absl::OkStatus();
}

class Validator {
 public:
  Validator(const onnx::ModelProto& model, const Limits& limits)
      : model_(model),
        limits_(limits),
        unknown_types_(model.ir_version() > onnx::IR_VERSION ? UnknownTypes::kAccept : UnknownTypes::kRefuse) {}

  absl::Status Run() {
    if (!model_.has_graph()) {
      return Invalid("the model has no graph");
    }
    CNNOPT_RETURN_IF_ERROR(CheckVersions());
    Scope main;
    CNNOPT_RETURN_IF_ERROR(CheckGraph(model_.graph(), 0, main));
    if (const Read* missing = FirstMissing(main.reads, main.defined)) {
      return Missing(*missing);
    }
    for (const onnx::TrainingInfoProto& training : model_.training_info()) {
      CNNOPT_RETURN_IF_ERROR(CheckTrainingGraph(training.initialization(), main));
      CNNOPT_RETURN_IF_ERROR(CheckTrainingGraph(training.algorithm(), main));
    }
    for (const onnx::FunctionProto& function : model_.functions()) {
      CNNOPT_RETURN_IF_ERROR(Annotate(CheckFunction(function), absl::StrCat("function ", Quote(function.name()))));
    }
    return ValidateCalls(model_, limits_);
  }

 private:
  absl::Status CheckVersions() {
    if (model_.ir_version() < 1) {
      return Invalid(absl::StrCat("the model has IR version ", model_.ir_version()));
    }
    absl::flat_hash_map<absl::string_view, int64_t> versions;
    for (const onnx::OperatorSetIdProto& opset : model_.opset_import()) {
      CNNOPT_RETURN_IF_ERROR(CheckIdentifier(opset.domain()));
      const absl::string_view domain = opset.domain() == "ai.onnx" ? "" : absl::string_view(opset.domain());
      const int64_t known = versions.emplace(domain, opset.version()).first->second;
      if (opset.version() < 1 || known != opset.version()) {
        return Invalid(absl::StrCat("the model imports version ", opset.version(), " of operator set ",
                                    Quote(opset.domain()),
                                    known != opset.version() ? absl::StrCat(" and version ", known) : ""));
      }
    }
    // Before IR 3 there was one operator set and nothing to import.
    imports_standard_ = model_.ir_version() < 3 || versions.contains("");
    return imports_standard_ || !versions.empty() ? absl::OkStatus() : Invalid("the model imports no operator set");
  }

  absl::Status CheckLength(absl::string_view name, int64_t Limits::* limit) const {
    const auto bytes = static_cast<int64_t>(name.size());
    return bytes <= limits_.*limit
               ? absl::OkStatus()
               : Annotate(LimitExceeded(limit, limits_, "the length of a name", bytes), Quote(name));
  }
  absl::Status CheckName(absl::string_view name) const { return CheckLength(name, &Limits::name_bytes); }
  // What people name, not exporters: operators, attributes, functions and domains.
  absl::Status CheckIdentifier(absl::string_view name) const { return CheckLength(name, &Limits::identifier_bytes); }

  absl::Status Count(int64_t Limits::* limit, absl::string_view what, int64_t more, int64_t& count) const {
    count += more;
    return count <= limits_.*limit ? absl::OkStatus() : LimitExceeded(limit, limits_, what, count);
  }

  // Checks `graph` and all in it and fills in `scope`, whose reads may still lack a definition: in a nested graph
  // they may be the outer graph's.
  absl::Status CheckGraph(const onnx::GraphProto& graph, int64_t depth, Scope& scope) {
    if (depth > limits_.depth) {
      return Annotate(LimitExceeded(&Limits::depth, limits_, "the nesting of subgraphs", depth),
                      absl::StrCat("graph ", Quote(graph.name())));
    }
    CNNOPT_RETURN_IF_ERROR(CheckName(graph.name()));
    CNNOPT_RETURN_IF_ERROR(CheckInputs(graph, scope));
    CNNOPT_RETURN_IF_ERROR(CheckInitializers(graph, scope));
    CNNOPT_RETURN_IF_ERROR(CheckNodes(graph.node(), depth, scope));
    for (const onnx::ValueInfoProto& output : graph.output()) {
      CNNOPT_RETURN_IF_ERROR(CheckValueInfo(output));
      if (output.name().empty()) {
        return Invalid("a graph output has no name");
      }
      scope.reads.push_back({output.name(), nullptr});
    }
    for (const onnx::ValueInfoProto& info : graph.value_info()) {
      CNNOPT_RETURN_IF_ERROR(CheckValueInfo(info));
    }
    return absl::OkStatus();
  }

  // A graph that is a message of its own, not an attribute; it may read what the main graph defines.
  absl::Status CheckTrainingGraph(const onnx::GraphProto& graph, const Scope& main) {
    Scope scope;
    CNNOPT_RETURN_IF_ERROR(CheckGraph(graph, 0, scope));
    scope.defined.insert(main.defined.begin(), main.defined.end());
    const Read* missing = FirstMissing(scope.reads, scope.defined);
    return missing == nullptr ? absl::OkStatus() : Annotate(Missing(*missing), "training graph");
  }

  absl::Status CheckFunction(const onnx::FunctionProto& function) {
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(function.name()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(function.domain()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(function.overload()));
    in_function_ = true;  // functions import their own operator sets
    Scope scope;
    for (const std::string& input : function.input()) {
      CNNOPT_RETURN_IF_ERROR(Define(input, "function input", scope));
    }
    onnx::NodeProto defaults;  // stands for the function in messages
    defaults.set_op_type(function.name());
    for (const onnx::AttributeProto& attribute : function.attribute_proto()) {
      CNNOPT_RETURN_IF_ERROR(CheckAttribute(defaults, attribute, 0, scope));
    }
    CNNOPT_RETURN_IF_ERROR(CheckNodes(function.node(), 0, scope));
    for (const std::string& output : function.output()) {
      scope.reads.push_back({output, nullptr});
    }
    for (const onnx::ValueInfoProto& info : function.value_info()) {
      CNNOPT_RETURN_IF_ERROR(CheckValueInfo(info));
    }
    const Read* missing = FirstMissing(scope.reads, scope.defined);
    return missing == nullptr ? absl::OkStatus() : Missing(*missing);
  }

  absl::Status CheckValueInfo(const onnx::ValueInfoProto& info) const {
    CNNOPT_RETURN_IF_ERROR(CheckName(info.name()));
    return Annotate(ValidateType(info.type(), limits_), absl::StrCat("value ", Quote(info.name())));
  }

  // Enters `name` as defined by a `what`.
  absl::Status Define(absl::string_view name, absl::string_view what, Scope& scope) const {
    CNNOPT_RETURN_IF_ERROR(CheckName(name));
    if (name.empty()) {
      return Invalid(absl::StrCat("a ", what, " has no name"));
    }
    return scope.defined.insert(name).second ? absl::OkStatus()
                                             : Invalid(absl::StrCat(what, " ", Quote(name), " is defined twice"));
  }

  absl::Status CheckInputs(const onnx::GraphProto& graph, Scope& scope) const {
    for (const onnx::ValueInfoProto& input : graph.input()) {
      CNNOPT_RETURN_IF_ERROR(Define(input.name(), "graph input", scope));
      CNNOPT_RETURN_IF_ERROR(CheckValueInfo(input));
      if (!input.type().has_tensor_type() || !input.type().tensor_type().has_shape()) {
        continue;
      }
      Dims& dims = scope.inputs[input.name()];
      for (const onnx::TensorShapeProto::Dimension& dim : input.type().tensor_type().shape().dim()) {
        dims.Add(dim.has_dim_value() ? dim.dim_value() : -1);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckInitializers(const onnx::GraphProto& graph, Scope& scope) {
    CNNOPT_RETURN_IF_ERROR(Count(&Limits::initializers, "the number of initializers",
                                 int64_t{graph.initializer_size()} + graph.sparse_initializer_size(), initializers_));
    // An input may have an initializer, as its default: so these names may be defined already.
    const auto define = [&](absl::string_view name, const Dims& dims) {
      CNNOPT_RETURN_IF_ERROR(CheckName(name));
      if (name.empty()) {
        return Invalid("an initializer has no name");
      }
      if (!scope.constants.emplace(name, &dims).second) {
        return Invalid(absl::StrCat("initializer ", Quote(name), " is defined twice"));
      }
      scope.defined.insert(name);
      return absl::OkStatus();
    };
    for (const onnx::TensorProto& tensor : graph.initializer()) {
      CNNOPT_RETURN_IF_ERROR(define(tensor.name(), tensor.dims()));
      CNNOPT_RETURN_IF_ERROR(Annotate(ValidateTensor(tensor, limits_, unknown_types_), Tensor(tensor.name())));
    }
    for (const onnx::SparseTensorProto& sparse : graph.sparse_initializer()) {
      const std::string& name = sparse.values().name();
      CNNOPT_RETURN_IF_ERROR(define(name, sparse.dims()));
      CNNOPT_RETURN_IF_ERROR(Annotate(ValidateSparseTensor(sparse, limits_, unknown_types_), Tensor(name)));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNodes(const Nodes& nodes, int64_t depth, Scope& scope) {
    CNNOPT_RETURN_IF_ERROR(Count(&Limits::nodes, "the number of nodes", nodes.size(), nodes_));
    for (const onnx::NodeProto& node : nodes) {
      CNNOPT_RETURN_IF_ERROR(CheckNode(node, depth, scope));
    }
    for (const onnx::NodeProto& node : nodes) {
      CNNOPT_RETURN_IF_ERROR(CheckWindow(node, scope));
    }
    const std::vector<const onnx::NodeProto*> pointers(nodes.pointer_begin(), nodes.pointer_end());
    return TopologicalOrder(pointers).status();
  }

  absl::Status CheckNode(const onnx::NodeProto& node, int64_t depth, Scope& scope) {
    CNNOPT_RETURN_IF_ERROR(CheckName(node.name()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(node.op_type()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(node.domain()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(node.overload()));
    if (node.op_type().empty()) {
      return Invalid(absl::StrCat("node ", Quote(node.name()), " has no operator"));
    }
    if (!imports_standard_ && !in_function_ && IsOp(node, node.op_type())) {
      return Invalid(absl::StrCat(Describe(node), ": the model imports no version of the standard operator set"));
    }
    for (const std::string& input : node.input()) {
      CNNOPT_RETURN_IF_ERROR(CheckName(input));
      if (!input.empty()) {
        scope.reads.push_back({input, &node});
      }
    }
    for (const std::string& output : node.output()) {
      if (!output.empty()) {  // empty: an optional output that nobody wants
        CNNOPT_RETURN_IF_ERROR(AnnotateWith(Define(output, "value", scope), [&] { return Describe(node); }));
      }
    }
    Names attributes;
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (!attributes.insert(attribute.name()).second) {
        return Invalid(absl::StrCat(Attribute(node, attribute), " is given twice"));
      }
      CNNOPT_RETURN_IF_ERROR(CheckAttribute(node, attribute, depth, scope));
    }
    return absl::OkStatus();
  }

  absl::Status CheckAttribute(const onnx::NodeProto& node, const onnx::AttributeProto& attribute, int64_t depth,
                              Scope& scope) {
    if (attribute.name().empty()) {
      return Invalid(absl::StrCat(Describe(node), ": an attribute has no name"));
    }
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(attribute.name()));
    CNNOPT_RETURN_IF_ERROR(CheckIdentifier(attribute.ref_attr_name()));
    if (!in_function_ && !attribute.ref_attr_name().empty()) {
      return Invalid(absl::StrCat(Attribute(node, attribute), " refers to attribute ", Quote(attribute.ref_attr_name()),
                                  " of a function, but stands in none"));
    }
    CNNOPT_RETURN_IF_ERROR(AnnotateWith(CheckAttributeTensors(attribute), [&] { return Attribute(node, attribute); }));
    if (attribute.has_g()) {
      CNNOPT_RETURN_IF_ERROR(CheckNestedGraph(attribute.g(), depth + 1, scope));
    }
    for (const onnx::GraphProto& graph : attribute.graphs()) {
      CNNOPT_RETURN_IF_ERROR(CheckNestedGraph(graph, depth + 1, scope));
    }
    // A Constant's value is known like an initializer.
    if (IsOp(node, "Constant") && node.output_size() == 1 && attribute.name() == "value" && attribute.has_t()) {
      scope.constants.emplace(node.output(0), &attribute.t().dims());
    }
    return absl::OkStatus();
  }

  absl::Status CheckAttributeTensors(const onnx::AttributeProto& attribute) const {
    CNNOPT_RETURN_IF_ERROR(CheckValueField(attribute));
    if (attribute.has_t()) {
      CNNOPT_RETURN_IF_ERROR(ValidateTensor(attribute.t(), limits_, unknown_types_));
    }
    for (const onnx::TensorProto& tensor : attribute.tensors()) {
      CNNOPT_RETURN_IF_ERROR(ValidateTensor(tensor, limits_, unknown_types_));
    }
    if (attribute.has_sparse_tensor()) {
      CNNOPT_RETURN_IF_ERROR(ValidateSparseTensor(attribute.sparse_tensor(), limits_, unknown_types_));
    }
    for (const onnx::SparseTensorProto& sparse : attribute.sparse_tensors()) {
      CNNOPT_RETURN_IF_ERROR(ValidateSparseTensor(sparse, limits_, unknown_types_));
    }
    CNNOPT_RETURN_IF_ERROR(ValidateType(attribute.tp(), limits_));
    for (const onnx::TypeProto& type : attribute.type_protos()) {
      CNNOPT_RETURN_IF_ERROR(ValidateType(type, limits_));
    }
    return absl::OkStatus();
  }

  // What the nested graph does not define itself, it reads from `outer`.
  absl::Status CheckNestedGraph(const onnx::GraphProto& graph, int64_t depth, Scope& outer) {
    Scope inner;
    CNNOPT_RETURN_IF_ERROR(CheckGraph(graph, depth, inner));
    for (const Read& read : inner.reads) {
      if (!inner.defined.contains(read.name)) {
        outer.reads.push_back(read);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckWindow(const onnx::NodeProto& node, const Scope& scope) const {
    const auto constant = [&](absl::string_view name) -> const Dims* {
      const auto found = scope.constants.find(name);
      return found == scope.constants.end() ? nullptr : found->second;
    };
    const auto input = [&](absl::string_view name) -> const Dims* {
      const auto found = scope.inputs.find(name);
      return found == scope.inputs.end() ? nullptr : &found->second;
    };
    return AnnotateWith(ValidateWindow(node, constant, input), [&] { return Describe(node); });
  }

  const onnx::ModelProto& model_;
  const Limits& limits_;
  const UnknownTypes unknown_types_;
  bool imports_standard_ = false;
  bool in_function_ = false;  // functions come last
  int64_t nodes_ = 0;
  int64_t initializers_ = 0;
};

}  // namespace

absl::Status ValidateModel(const onnx::ModelProto& model, const Limits& limits) {
  return Validator(model, limits).Run();
}

}  // namespace cnnopt
