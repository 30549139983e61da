#include "onnx_io/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/graph_view.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::ModelFromText;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kTooMuch = absl::StatusCode::kResourceExhausted;

// A convolution, a call of a function and a choice between two nested graphs that read outer values.
onnx::ModelProto Model() {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[1,2,4,4] x, bool c) => (float[1,3,2,2] y) <float[3] b = {1, 2, 3}> {
      z = Conv(x, w, b)
      v = local.Twice(z)
      y = If(c) <
        then_branch = then_graph () => (float[1,3,2,2] t) { t = Relu(v) },
        else_branch = else_graph () => (float[1,3,2,2] e) { d = Neg(v) e = Relu(d) }>
    }
    <domain: "local", opset_import: ["" : 17]> Twice (a) => (s) { s = Add(a, a) })");
  onnx::TensorProto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {3, 2, 3, 3}) {
    weight.add_dims(dim);
  }
  weight.set_raw_data(std::string(54 * 4, '\0'));
  return model;
}

onnx::NodeProto& Node(onnx::ModelProto& model, int i) { return *model.mutable_graph()->mutable_node(i); }

onnx::NodeProto& AddNode(onnx::GraphProto& graph, const std::string& op, const std::string& input,
                         const std::string& output) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  if (!input.empty()) {
    node.add_input(input);
  }
  node.add_output(output);
  return node;
}

onnx::TensorProto Scalar(const std::string& name) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_float_data(1);
  return tensor;
}

void AddGraphAttribute(onnx::NodeProto& node, const std::string& name, const onnx::GraphProto& graph) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = graph;
}

// A model of If nodes nested `depth` deep.
onnx::ModelProto NestedIfs(int depth) {
  onnx::GraphProto graph;
  AddNode(graph, "Identity", "c", "innermost");
  for (int i = 0; i < depth; ++i) {
    onnx::GraphProto outer;
    onnx::NodeProto& node = AddNode(outer, "If", "c", absl::StrCat("out", i));
    graph.add_output()->set_name(graph.node(0).output(0));
    AddGraphAttribute(node, "then_branch", graph);
    graph = outer;
  }
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  *model.mutable_graph() = graph;
  model.mutable_graph()->add_input()->set_name("c");
  return model;
}

struct Change {
  const char* name;
  std::function<void(onnx::ModelProto&)> apply;
  const char* message = "";  // of the refusal
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }
template <typename Param>
std::string ParamName(const ::testing::TestParamInfo<Param>& info) {
  return info.param.name;
}

TEST(Validate, AcceptsAnOrdinaryModel) { EXPECT_THAT(ValidateModel(Model()), IsOk()); }

// Odd things real files hold.
class Accepted : public ::testing::TestWithParam<Change> {};

TEST_P(Accepted, Passes) {
  onnx::ModelProto model = Model();
  GetParam().apply(model);
  EXPECT_THAT(ValidateModel(model), IsOk());
  EXPECT_THAT(CheckWithOnnx(model), IsOk());
}

INSTANTIATE_TEST_SUITE_P(
    Validate, Accepted,
    ::testing::Values(
        Change{"InitializerThatIsAlsoAnInput",
               [](onnx::ModelProto& m) { m.mutable_graph()->add_input()->set_name("w"); }},
        Change{"Ir3WithoutTheInitializersAmongTheInputs", [](onnx::ModelProto& m) { m.set_ir_version(3); }},
        Change{"WeightInAConstantNode",
               [](onnx::ModelProto& m) {
                 onnx::GraphProto& graph = *m.mutable_graph();
                 onnx::AttributeProto& value = *AddNode(graph, "Constant", "", "k").add_attribute();
                 value.set_name("value");
                 value.set_type(onnx::AttributeProto::TENSOR);
                 *value.mutable_t() = graph.initializer(1);
                 Node(m, 0).set_input(1, "k");
               }},
        Change{"NodesOutOfOrder", [](onnx::ModelProto& m) { m.mutable_graph()->mutable_node()->SwapElements(0, 2); }},
        Change{"NestedNodesOutOfOrder",
               [](onnx::ModelProto& m) {
                 Node(m, 2).mutable_attribute(1)->mutable_g()->mutable_node()->SwapElements(0, 1);
               }},
        Change{"NestedNameThatHidesAnOuterOne",
               [](onnx::ModelProto& m) {
                 onnx::GraphProto& inner = *Node(m, 2).mutable_attribute(0)->mutable_g();
                 inner.mutable_node(0)->set_output(0, "z");
                 inner.mutable_output(0)->set_name("z");
               }},
        Change{"NestedGraphThatReturnsAnOuterValue",
               [](onnx::ModelProto& m) {
                 Node(m, 2).mutable_attribute(0)->mutable_g()->mutable_output(0)->set_name("v");
               }},
        Change{"DuplicateNodeNames",
               [](onnx::ModelProto& m) {
                 Node(m, 0).set_name("n");
                 Node(m, 1).set_name("n");
               }},
        Change{"StrangeNames",
               [](onnx::ModelProto& m) {
                 for (const std::string& name : {std::string("7"), std::string("a:0/b c"), std::string("\xff\x01\n")}) {
                   AddNode(*m.mutable_graph(), "Relu", "z", name).set_name(name);
                 }
               }},
        Change{"NameOfAMegabyte",
               [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "Relu", "z", std::string(1'000'000, 'n')); }},
        Change{"EmptyBiasName", [](onnx::ModelProto& m) { Node(m, 0).set_input(2, ""); }},
        Change{"OptionalOutputsWithoutNames",
               [](onnx::ModelProto& m) {
                 onnx::NodeProto& node = AddNode(*m.mutable_graph(), "Dropout", "z", "kept");
                 node.add_output("");
               }},
        Change{"BatchNormalizationOfAnOldOpset",
               [](onnx::ModelProto& m) {
                 m.mutable_opset_import(0)->set_version(1);
                 onnx::NodeProto& node = AddNode(*m.mutable_graph(), "BatchNormalization", "z", "n");
                 for (int i = 0; i < 4; ++i) {
                   node.add_input("b");
                 }
                 onnx::AttributeProto& consumed = *node.add_attribute();
                 consumed.set_name("consumed_inputs");
                 consumed.set_type(onnx::AttributeProto::INTS);
                 consumed.mutable_ints()->Resize(5, 0);
               }},
        Change{"CustomDomainWithoutImport",
               [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "Attention", "z", "n").set_domain("com.microsoft"); }},
        Change{"OperatorNobodyKnows",
               [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "EfficientNMS_TRT", "z", "n"); }},
        Change{"WithdrawnOperator",
               [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "Upsample", "z", "n"); }},
        Change{"OperatorThatWasOnceExperimental",
               [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "ImageScaler", "z", "n"); }},
        Change{"AliasOfTheStandardDomain",
               [](onnx::ModelProto& m) {
                 m.mutable_opset_import(0)->set_domain("ai.onnx");
                 Node(m, 0).set_domain("ai.onnx");
               }},
        Change{"ImportsInAnotherOrderAndTwice",
               [](onnx::ModelProto& m) {
                 m.mutable_opset_import()->SwapElements(0, 1);
                 m.add_opset_import()->set_version(17);
               }},
        Change{"OpsetNewerThanTheLibrary",
               [](onnx::ModelProto& m) {
                 m.mutable_opset_import(0)->set_version(1000);
                 AddNode(*m.mutable_graph(), "Relu", "z", "n").add_input("b");
               }},
        Change{"IrNewerThanTheLibraryWithANewType",
               [](onnx::ModelProto& m) {
                 m.set_ir_version(1000);
                 onnx::TensorProto tensor = Scalar("new");
                 tensor.set_data_type(999);
                 *m.mutable_graph()->add_initializer() = tensor;
               }},
        Change{"TensorWithoutElements",
               [](onnx::ModelProto& m) {
                 onnx::TensorProto tensor = Scalar("nothing");
                 tensor.clear_float_data();
                 tensor.add_dims(int64_t{1} << 40);
                 tensor.add_dims(0);
                 *m.mutable_graph()->add_initializer() = tensor;
               }},
        Change{"TrainingGraphThatReadsAnInitializer",
               [](onnx::ModelProto& m) {
                 AddNode(*m.add_training_info()->mutable_algorithm(), "Relu", "w", "n");
               }}),
    ParamName<Change>);

class Refused : public ::testing::TestWithParam<Change> {};

TEST_P(Refused, NamesTheOffender) {
  onnx::ModelProto model = Model();
  GetParam().apply(model);
  EXPECT_THAT(ValidateModel(model), FailsWith(kInvalid, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Validate, Refused,
    ::testing::Values(
        Change{"NoGraph", [](onnx::ModelProto& m) { m.clear_graph(); }, "the model has no graph"},
        Change{"NoIrVersion", [](onnx::ModelProto& m) { m.clear_ir_version(); }, "IR version 0"},
        Change{"NoOpset", [](onnx::ModelProto& m) { m.clear_opset_import(); }, "imports no operator set"},
        Change{"NoStandardOpset", [](onnx::ModelProto& m) { m.mutable_opset_import(0)->set_domain("mine"); },
               "Conv 'z': the model imports no version of the standard operator set"},
        Change{"OpsetVersionZero", [](onnx::ModelProto& m) { m.mutable_opset_import(0)->set_version(0); },
               "imports version 0 of operator set ''"},
        Change{"TwoOpsetVersions",
               [](onnx::ModelProto& m) {
                 m.add_opset_import()->set_domain("ai.onnx");
                 m.mutable_opset_import(2)->set_version(9);
               },
               "imports version 9 of operator set 'ai.onnx' and version 17"},
        Change{"MissingInput", [](onnx::ModelProto& m) { Node(m, 0).set_input(1, "nowhere"); },
               "Conv 'z' reads 'nowhere', which nothing defines"},
        Change{"MissingInputOfANestedNode",
               [](onnx::ModelProto& m) {
                 Node(m, 2).mutable_attribute(1)->mutable_g()->mutable_node(1)->set_input(0, "nowhere");
               },
               "Relu 'e' reads 'nowhere', which nothing defines"},
        Change{"NestedNodeThatReadsASiblingGraph",
               [](onnx::ModelProto& m) {
                 Node(m, 2).mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "d");
               },
               "Relu 't' reads 'd', which nothing defines"},
        Change{"MissingOutput", [](onnx::ModelProto& m) { m.mutable_graph()->mutable_output(0)->set_name("q"); },
               "output 'q' is not defined"},
        Change{"MissingInputOfAFunction",
               [](onnx::ModelProto& m) { m.mutable_functions(0)->mutable_node(0)->set_input(0, "x"); },
               "function 'Twice': Add 's' reads 'x', which nothing defines"},
        Change{"MissingOutputOfAFunction", [](onnx::ModelProto& m) { m.mutable_functions(0)->set_output(0, "q"); },
               "function 'Twice': output 'q' is not defined"},
        Change{"MissingInputOfATrainingGraph",
               [](onnx::ModelProto& m) {
                 AddNode(*m.add_training_info()->mutable_initialization(), "Relu", "nowhere", "n");
               },
               "training graph: Relu 'n' reads 'nowhere'"},
        Change{"ValueDefinedTwice", [](onnx::ModelProto& m) { Node(m, 1).set_output(0, "z"); },
               "Twice 'z': value 'z' is defined twice"},
        Change{"ValueThatIsAnInput", [](onnx::ModelProto& m) { Node(m, 0).set_output(0, "x"); },
               "value 'x' is defined twice"},
        Change{"InputGivenTwice", [](onnx::ModelProto& m) { m.mutable_graph()->add_input()->set_name("x"); },
               "graph input 'x' is defined twice"},
        Change{"InitializerGivenTwice",
               [](onnx::ModelProto& m) { *m.mutable_graph()->add_initializer() = Scalar("w"); },
               "initializer 'w' is defined twice"},
        Change{"InitializerWithoutName",
               [](onnx::ModelProto& m) { *m.mutable_graph()->add_initializer() = Scalar(""); },
               "an initializer has no name"},
        Change{"InputWithoutName", [](onnx::ModelProto& m) { m.mutable_graph()->add_input(); },
               "a graph input has no name"},
        Change{"OutputWithoutName", [](onnx::ModelProto& m) { m.mutable_graph()->add_output(); },
               "a graph output has no name"},
        Change{"NodeWithoutOperator",
               [](onnx::ModelProto& m) {
                 Node(m, 0).clear_op_type();
                 Node(m, 0).set_name("first");
               },
               "node 'first' has no operator"},
        Change{"Cycle",
               [](onnx::ModelProto& m) {
                 AddNode(*m.mutable_graph(), "Relu", "q", "p");
                 AddNode(*m.mutable_graph(), "Relu", "p", "q");
               },
               "cycle through Relu"},
        Change{"NodeThatReadsItself", [](onnx::ModelProto& m) { AddNode(*m.mutable_graph(), "Relu", "p", "p"); },
               "cycle through Relu 'p'"},
        Change{"NestedGraphThatReadsItsOwnNode",
               [](onnx::ModelProto& m) {
                 Node(m, 2).mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "y");
               },
               "cycle through If 'y'"},
        Change{"CycleInAFunction",
               [](onnx::ModelProto& m) { m.mutable_functions(0)->mutable_node(0)->set_input(0, "s"); },
               "function 'Twice': the graph has a cycle"},
        Change{"AttributeGivenTwice",
               [](onnx::ModelProto& m) { *Node(m, 2).add_attribute() = Node(m, 2).attribute(0); },
               "If 'y': attribute 'then_branch' is given twice"},
        // Whoever ignored the reference would see a default, and a copy without it another Conv.
        Change{"AttributeThatRefersToAFunctionsOutsideOfOne",
               [](onnx::ModelProto& m) { Node(m, 2).mutable_attribute(0)->set_ref_attr_name("g"); },
               "If 'y': attribute 'then_branch' refers to attribute 'g' of a function, but stands in none"},
        Change{"AttributeWithoutName", [](onnx::ModelProto& m) { Node(m, 0).add_attribute(); },
               "Conv 'z': an attribute has no name"},
        Change{"AttributeWithTwoValues",
               [](onnx::ModelProto& m) {
                 onnx::AttributeProto& attribute = *Node(m, 0).add_attribute();
                 attribute.set_name("odd");
                 attribute.set_i(1);
                 attribute.set_f(1);
               },
               "Conv 'z': attribute 'odd': has more than one value"},
        Change{"AttributeOfAnotherType",
               [](onnx::ModelProto& m) {
                 onnx::AttributeProto& attribute = *Node(m, 0).add_attribute();
                 attribute.set_name("odd");
                 attribute.set_i(1);
                 attribute.set_type(onnx::AttributeProto::FLOATS);
               },
               "attribute 'odd': has type FLOATS and a value of type INT"},
        Change{"BadTensorInAnAttribute",
               [](onnx::ModelProto& m) {
                 onnx::AttributeProto& attribute = *Node(m, 0).add_attribute();
                 attribute.set_name("odd");
                 attribute.add_tensors()->set_data_type(onnx::TensorProto::FLOAT);
               },
               "Conv 'z': attribute 'odd': has no payload"},
        Change{"BadTensorInANestedGraph",
               [](onnx::ModelProto& m) {
                 onnx::TensorProto& bad =
                     *Node(m, 2).mutable_attribute(0)->mutable_g()->add_initializer();
                 bad = Scalar("inner");
                 bad.add_float_data(2);
               },
               "tensor 'inner': float_data holds 2 entries"},
        Change{"FunctionDefinedTwice", [](onnx::ModelProto& m) { *m.add_functions() = m.functions(0); },
               "function 'Twice' is defined twice"},
        Change{"FunctionThatCallsItself",
               [](onnx::ModelProto& m) {
                 onnx::NodeProto& node = *m.mutable_functions(0)->mutable_node(0);
                 node.set_op_type("Twice");
                 node.set_domain("local");
               },
               "function 'Twice' calls itself"},
        Change{"FunctionsThatCallEachOther",
               [](onnx::ModelProto& m) {
                 *m.add_functions() = m.functions(0);
                 m.mutable_functions(1)->set_name("Other");
                 for (int i = 0; i < 2; ++i) {
                   m.mutable_functions(i)->mutable_node(0)->set_op_type(i == 0 ? "Other" : "Twice");
                   m.mutable_functions(i)->mutable_node(0)->set_domain("local");
                 }
               },
               "calls itself, directly or through others"},
        Change{"FunctionThatCallsItselfFromANestedGraph",
               [](onnx::ModelProto& m) {
                 onnx::GraphProto inner;
                 AddNode(inner, "Twice", "a", "deep").set_domain("local");
                 AddGraphAttribute(*m.mutable_functions(0)->mutable_node(0), "body", inner);
               },
               "function 'Twice' calls itself"}),
    ParamName<Change>);

TEST(Validate, NestingHasALimit) {
  EXPECT_THAT(ValidateModel(NestedIfs(30)), IsOk());
  EXPECT_THAT(ValidateModel(NestedIfs(31)),
              FailsWith(kTooMuch, "the nesting of subgraphs is 31, the limit is 30 (--max-depth)"));
}

TEST(Validate, NestingOfTypesHasALimit) {
  for (const int depth : {30, 31}) {
    onnx::ModelProto model = Model();
    onnx::TypeProto* type = model.mutable_graph()->add_value_info()->mutable_type();
    for (int i = 0; i < depth; ++i) {
      type = type->mutable_sequence_type()->mutable_elem_type();
    }
    type->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    EXPECT_EQ(ValidateModel(model).ok(), depth == 30);
  }
}

TEST(Validate, ChainsOfCallsHaveALimit) {
  for (const int length : {30, 31}) {
    onnx::ModelProto model = Model();
    while (model.functions_size() < length) {
      onnx::FunctionProto function = model.functions(0);
      function.set_name(absl::StrCat("f", model.functions_size()));
      function.mutable_node(0)->set_domain("local");
      function.mutable_node(0)->set_op_type(model.functions(model.functions_size() - 1).name());
      *model.add_functions() = function;
    }
    const absl::Status status = ValidateModel(model);
    if (length == 30) {
      EXPECT_THAT(status, IsOk());
    } else {
      EXPECT_THAT(status, FailsWith(kTooMuch,
                                    "function 'f30': the longest chain of calls is 31, the limit is 30 (--max-depth)"));
    }
  }
}

// Each limit at what the model has, and one below.
struct LimitCase {
  const char* name;
  int64_t Limits::* field;
  int64_t needed;
  const char* message;
};
void PrintTo(const LimitCase& limit, std::ostream* out) { *out << limit.name; }
class EachLimit : public ::testing::TestWithParam<LimitCase> {};

TEST_P(EachLimit, HoldsExactly) {
  Limits limits;
  limits.*GetParam().field = GetParam().needed;
  EXPECT_THAT(ValidateModel(Model(), limits), IsOk());
  limits.*GetParam().field = GetParam().needed - 1;
  EXPECT_THAT(ValidateModel(Model(), limits), FailsWith(kTooMuch, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Validate, EachLimit,
    ::testing::Values(LimitCase{"Nodes", &Limits::nodes, 7, "the number of nodes is 7, the limit is 6 (--max-nodes)"},
                      LimitCase{"Initializers", &Limits::initializers, 2, "is 2, the limit is 1 (--max-initializers)"},
                      LimitCase{"Rank", &Limits::rank, 4, "the number of dims is 4, the limit is 3 (--max-rank)"},
                      LimitCase{"IdentifierBytes", &Limits::identifier_bytes, 11,
                                "is 11, the limit is 10 (--max-identifier-bytes)"},
                      LimitCase{"NameBytes", &Limits::name_bytes, 10, "is 10, the limit is 9 (--max-name-bytes)"},
                      LimitCase{"Depth", &Limits::depth, 1, "is 1, the limit is 0 (--max-depth)"}),
    ParamName<LimitCase>);

// The defaults: exporters join names of values and nodes; nobody does so with what people name.
TEST(Validate, LongNamesAreReadAndLongIdentifiersAreNot) {
  const auto length = [](size_t bytes) { return std::string(bytes, 'n'); };
  constexpr size_t kName = 1 << 20, kIdentifier = 4096;
  for (const size_t more : {size_t{0}, size_t{1}}) {
    const auto expect = [&](const onnx::ModelProto& model, const char* flag) {
      if (more == 0) {
        EXPECT_THAT(ValidateModel(model), IsOk());
      } else {
        EXPECT_THAT(ValidateModel(model), FailsWith(kTooMuch, flag));
      }
    };
    const auto after = [&](auto edit, const char* flag) {
      onnx::ModelProto model = Model();
      edit(model);
      expect(model, flag);
    };
    const std::string name = length(kName + more), identifier = length(kIdentifier + more);
    after([&](auto& m) { m.mutable_graph()->set_name(name); }, "(--max-name-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->set_name(name); }, "(--max-name-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->add_output(name); }, "(--max-name-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->set_op_type(identifier); }, "(--max-identifier-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->set_domain(identifier); }, "(--max-identifier-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->set_overload(identifier); }, "(--max-identifier-bytes)");
    after([&](auto& m) { m.mutable_graph()->mutable_node(0)->add_attribute()->set_name(identifier); },
          "(--max-identifier-bytes)");
    after([&](auto& m) { m.mutable_functions(0)->set_name(identifier); }, "(--max-identifier-bytes)");
    after(
        [&](auto& m) {
          m.add_opset_import()->set_domain(identifier);
          m.mutable_opset_import(m.opset_import_size() - 1)->set_version(1);
        },
        "(--max-identifier-bytes)");
  }
}

TEST(Validate, EveryLimitHasANameADefaultAndADescription) {
  for (const LimitInfo& info : AllLimits()) {
    EXPECT_NE(absl::string_view(info.flag), "");
    EXPECT_NE(absl::string_view(info.description), "");
    EXPECT_GE(Limits().*info.field, 0);
  }
  EXPECT_EQ(AllLimits().size() * sizeof(int64_t), sizeof(Limits));
}

// A quadratic or recursive check would take minutes, or the stack.
TEST(Validate, TakesALongChainInItsStride) {
  for (const bool backwards : {false, true}) {
    onnx::ModelProto model;
    model.set_ir_version(8);
    model.add_opset_import()->set_version(17);
    model.mutable_graph()->add_input()->set_name("v0");
    constexpr int kNodes = 100'000;
    for (int i = 0; i < kNodes; ++i) {
      const int k = backwards ? kNodes - 1 - i : i;
      AddNode(*model.mutable_graph(), "Relu", absl::StrCat("v", k), absl::StrCat("v", k + 1));
    }
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(ValidateModel(model), IsOk());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  }
}

TEST(CheckWithOnnx, RefusesWhatTheSchemaForbids) {
  onnx::ModelProto inputs = Model();
  AddNode(*inputs.mutable_graph(), "Relu", "z", "n").add_input("z");
  EXPECT_THAT(CheckWithOnnx(inputs), FailsWith(kInvalid, "Relu 'n'"));

  onnx::ModelProto attribute = Model();
  onnx::AttributeProto& alpha = *AddNode(*attribute.mutable_graph(), "Relu", "z", "n").add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_f(1);
  EXPECT_THAT(CheckWithOnnx(attribute), FailsWith(kInvalid, "alpha"));

  onnx::ModelProto nested = Model();
  Node(nested, 2).mutable_attribute(0)->mutable_g()->mutable_node(0)->add_input("v");
  EXPECT_THAT(CheckWithOnnx(nested), FailsWith(kInvalid, "Relu 't'"));

  onnx::ModelProto function = Model();
  function.mutable_functions(0)->mutable_node(0)->add_input("a");
  EXPECT_THAT(CheckWithOnnx(function), FailsWith(kInvalid, "Add 's'"));
}

TEST(CheckWithOnnx, JudgesByTheVersionTheModelImports) {
  onnx::ModelProto model = Model();
  onnx::NodeProto& node = AddNode(*model.mutable_graph(), "Squeeze", "z", "n");
  onnx::AttributeProto& axes = *node.add_attribute();
  axes.set_name("axes");
  axes.set_type(onnx::AttributeProto::INTS);
  axes.add_ints(0);
  EXPECT_THAT(CheckWithOnnx(model), FailsWith(kInvalid, "axes"));
  model.mutable_opset_import(0)->set_version(11);  // where axes was an attribute
  EXPECT_THAT(CheckWithOnnx(model), IsOk());
}

TEST(CheckWithOnnx, LeavesFunctionsOfTheModelAlone) {
  onnx::ModelProto model = Model();
  onnx::FunctionProto& function = *model.mutable_functions(0);
  function.set_domain("");
  function.set_name("Relu");
  AddNode(*model.mutable_graph(), "Relu", "z", "n").add_input("z");
  EXPECT_THAT(CheckWithOnnx(model), IsOk());
}

}  // namespace
}  // namespace cnnopt
