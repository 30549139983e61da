#include "tests/fuzz/wrap.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/topology.h"

namespace cnnopt::testing {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

constexpr char kDomain[] = "local";
constexpr int64_t kFunctionsSince = 8, kDefaultsSince = 9;  // versions of the format

// A list of nodes; function null: of the graph or of one nested in it.
struct Place {
  Nodes* nodes;
  onnx::FunctionProto* function;
};

void CollectPlaces(Nodes& nodes, onnx::FunctionProto* function, std::vector<Place>& places) {
  places.push_back({&nodes, function});
  for (onnx::NodeProto& node : nodes) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) CollectPlaces(*attribute.mutable_g()->mutable_node(), function, places);
    }
  }
}

std::vector<Place> Places(onnx::ModelProto& model) {
  std::vector<Place> places;
  CollectPlaces(*model.mutable_graph()->mutable_node(), nullptr, places);
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    CollectPlaces(*function.mutable_node(), &function, places);
  }
  return places;
}

bool HasGraph(const onnx::NodeProto& node) {
  return std::any_of(node.attribute().begin(), node.attribute().end(),
                     [](const onnx::AttributeProto& attribute) { return attribute.has_g(); });
}

template <typename Owner>
void Import(Owner& owner, const std::string& domain, int64_t version) {
  for (const onnx::OperatorSetIdProto& opset : owner.opset_import()) {
    if (opset.domain() == domain) return;
  }
  onnx::OperatorSetIdProto& opset = *owner.add_opset_import();
  opset.set_domain(domain);
  opset.set_version(version);
}

// A number that is in no name yet.
class Numbers {
 public:
  explicit Numbers(const onnx::ModelProto& model) {
    const auto keep = [&](absl::string_view name) { names_.emplace(name); };
    for (const absl::string_view name : AllNames(model.graph())) keep(name);
    for (const onnx::FunctionProto& function : model.functions()) {
      keep(function.name());
      onnx::GraphProto body;
      *body.mutable_node() = function.node();
      for (const absl::string_view name : AllNames(body)) names_.emplace(name);
    }
  }
  std::string Fresh(absl::string_view stem) {
    std::string name;
    do {
      name = absl::StrCat(stem, next_++);
    } while (names_.count(name) > 0);
    return name;
  }

 private:
  std::set<std::string> names_;
  int next_ = 0;
};

// What the attributes of a node become when it goes into a function: some stay, some are passed in by the call, some
// are the function's defaults.
void PassAttributes(int64_t ir_version, Choices& choices, onnx::FunctionProto& function, onnx::NodeProto& call) {
  for (onnx::AttributeProto& attribute : *function.mutable_node(0)->mutable_attribute()) {
    const bool refers = !attribute.ref_attr_name().empty();
    if (attribute.has_g() || (!refers && choices.OneIn(2))) continue;
    const onnx::AttributeProto value = attribute;
    onnx::AttributeProto reference;
    reference.set_name(value.name());
    reference.set_type(value.type());
    reference.set_ref_attr_name(choices.OneIn(2) ? value.name() : absl::StrCat("the_", value.name()));
    const std::string name = reference.ref_attr_name();
    attribute = reference;
    if (!refers && ir_version >= kDefaultsSince && choices.OneIn(2)) {
      *function.add_attribute_proto() = value;
      function.mutable_attribute_proto(function.attribute_proto_size() - 1)->set_name(name);
      continue;
    }
    function.add_attribute(name);
    *call.add_attribute() = value;
    call.mutable_attribute(call.attribute_size() - 1)->set_name(name);
  }
}

// Values keep their names inside: a function has a scope of its own.
bool IntoFunction(onnx::ModelProto& model, const Place& place, onnx::NodeProto& node, Choices& choices) {
  // Attributes that nested graphs take from the function around them would have to be passed on.
  if (model.ir_version() < kFunctionsSince || (place.function != nullptr && HasGraph(node))) return false;
  onnx::FunctionProto function;
  function.set_name(Numbers(model).Fresh("f"));
  function.set_domain(kDomain);
  onnx::NodeProto call;
  call.set_op_type(function.name());
  call.set_domain(kDomain);
  std::set<absl::string_view> known;
  std::vector<absl::string_view> reads(node.input().begin(), node.input().end());
  for (const absl::string_view name : OuterReads(node)) reads.push_back(name);
  for (const absl::string_view name : reads) {
    if (name.empty() || !known.insert(name).second) continue;
    function.add_input(std::string(name));
    call.add_input(std::string(name));
  }
  for (const std::string& output : node.output()) {
    call.add_output(output);
    if (!output.empty()) {
      function.add_output(output);
    } else {
      return false;  // a function makes all of its outputs
    }
  }
  *function.add_node() = node;
  PassAttributes(model.ir_version(), choices, function, call);
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    Import(function, opset.domain(), opset.version());
  }
  Import(function, kDomain, 1);
  Import(model, kDomain, 1);
  if (place.function != nullptr) Import(*place.function, kDomain, 1);
  node = call;
  *model.add_functions() = function;
  return true;
}

onnx::NodeProto BoolConstant(const std::string& name, bool value) {
  onnx::NodeProto node;
  node.set_op_type("Constant");
  node.add_output(name);
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.set_type(onnx::AttributeProto::TENSOR);
  attribute.mutable_t()->set_data_type(onnx::TensorProto::BOOL);
  attribute.mutable_t()->add_int32_data(value ? 1 : 0);
  return node;
}

onnx::GraphProto& AddGraph(onnx::NodeProto& node, const char* name) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->set_name(name);
  return *attribute.mutable_g();
}

// Adds `node` to `graph` under other names of its outputs, which become those of the graph.
void AddRenamed(const onnx::NodeProto& node, Numbers& numbers, onnx::GraphProto& graph) {
  onnx::NodeProto& inner = *graph.add_node();
  inner = node;
  inner.clear_output();
  for (const std::string& output : node.output()) {
    const std::string name = numbers.Fresh(absl::StrCat(output, "_"));
    inner.add_output(name);
    graph.add_output()->set_name(name);
  }
}

// Nested names must be unique over all of them, so what holds nested graphs itself is not put there twice.
bool IntoBranches(onnx::ModelProto& model, const Place& place, int index, Choices& choices) {
  onnx::NodeProto& node = *place.nodes->Mutable(index);
  if (HasGraph(node) || std::count(node.output().begin(), node.output().end(), "") > 0) return false;
  Numbers numbers(model);
  const std::string condition = numbers.Fresh("condition");
  onnx::NodeProto branches;
  branches.set_op_type("If");
  branches.add_input(condition);
  *branches.mutable_output() = node.output();
  AddRenamed(node, numbers, AddGraph(branches, "then_branch"));
  AddRenamed(node, numbers, AddGraph(branches, "else_branch"));
  node = branches;
  *place.nodes->Add() = BoolConstant(condition, choices.OneIn(2));
  for (int i = place.nodes->size() - 1; i > index; --i) place.nodes->SwapElements(i, i - 1);
  return true;
}

void AddTyped(google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& list, const std::string& name, int type) {
  onnx::ValueInfoProto& info = *list.Add();
  info.set_name(name);
  info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
  info.mutable_type()->mutable_tensor_type()->mutable_shape();  // a scalar
}

// A loop that is run once and hands its one value out; what goes in is not used.
bool IntoLoop(onnx::ModelProto& model, const Place& place, int index) {
  onnx::NodeProto& node = *place.nodes->Mutable(index);
  const bool fits = !HasGraph(node) && node.input_size() > 0 && !node.input(0).empty() && node.output_size() == 1;
  if (!fits) return false;
  Numbers numbers(model);
  const std::string times = numbers.Fresh("times"), more = numbers.Fresh("more");
  onnx::NodeProto loop;
  loop.set_op_type("Loop");
  for (const std::string& input : {times, std::string(), node.input(0)}) loop.add_input(input);
  loop.add_output(node.output(0));
  onnx::GraphProto& body = AddGraph(loop, "body");
  AddTyped(*body.mutable_input(), numbers.Fresh("turn"), onnx::TensorProto::INT64);
  AddTyped(*body.mutable_input(), numbers.Fresh("go"), onnx::TensorProto::BOOL);
  body.add_input()->set_name(numbers.Fresh("carried"));
  *body.add_node() = BoolConstant(more, true);
  AddTyped(*body.mutable_output(), more, onnx::TensorProto::BOOL);
  AddRenamed(node, numbers, body);
  node = loop;
  onnx::NodeProto once = BoolConstant(times, true);
  once.mutable_attribute(0)->mutable_t()->clear_int32_data();
  once.mutable_attribute(0)->mutable_t()->set_data_type(onnx::TensorProto::INT64);
  once.mutable_attribute(0)->mutable_t()->add_int64_data(1);
  *place.nodes->Add() = once;
  for (int i = place.nodes->size() - 1; i > index; --i) place.nodes->SwapElements(i, i - 1);
  return true;
}

}  // namespace

bool WrapNode(onnx::ModelProto& model, Choices& choices) {
  const std::vector<Place> places = Places(model);
  // Mostly in the graph itself, where most nodes are.
  const Place place = choices.OneIn(3) ? choices.Of(places) : places[0];
  if (place.nodes->empty()) return false;
  const auto index = static_cast<int>(choices.Below(place.nodes->size()));
  switch (choices.Below(4)) {
    case 0:
      return IntoBranches(model, place, index, choices);
    case 1:
      return IntoLoop(model, place, index);
    default:
      return IntoFunction(model, place, *place.nodes->Mutable(index), choices);
  }
}

}  // namespace cnnopt::testing
