#include "onnx_io/graph_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelFromText;

GraphView View(const onnx::ModelProto& model) {
  absl::StatusOr<GraphView> view = GraphView::Create(model);
  EXPECT_TRUE(view.ok()) << view.status();
  return *std::move(view);
}

TEST(GraphView, ProducersConsumersAndReads) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y, float[2] b) {
      a = Relu(x)
      b = Neg(a)
      c = Abs(b)
      y = Add(c, c)
    })");
  const GraphView view = View(model);
  EXPECT_EQ(view.Producer("a"), &model.graph().node(0));
  EXPECT_EQ(view.Producer("x"), nullptr);
  EXPECT_EQ(view.Producer("nothing"), nullptr);
  EXPECT_EQ(view.SoleConsumer("a"), &model.graph().node(1));
  EXPECT_EQ(view.SoleConsumer("b"), nullptr) << "also a graph output";
  EXPECT_EQ(view.SoleConsumer("c"), nullptr) << "read twice by one node";
  EXPECT_EQ(view.SoleConsumer("y"), nullptr);
  EXPECT_EQ(view.ReadCount("b"), 2);
  EXPECT_EQ(view.ReadCount("c"), 2);
  EXPECT_EQ(view.ReadCount("nothing"), 0);
  EXPECT_TRUE(view.IsGraphInput("x"));
  EXPECT_FALSE(view.IsGraphInput("y"));
  EXPECT_TRUE(view.IsGraphOutput("y"));
  EXPECT_TRUE(view.IsGraphOutput("b"));
  EXPECT_FALSE(view.IsGraphOutput("a"));
}

TEST(GraphView, SortsUnorderedNodesAndKeepsTheOrderOfTheRest) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) {
      y = Add(b, c)
      c = Neg(b)
      b = Relu(x)
      d = Abs(x)
    })");
  const GraphView view = View(model);
  std::vector<std::string> order;
  for (const onnx::NodeProto* node : view.nodes()) {
    order.push_back(node->output(0));
  }
  EXPECT_THAT(order, ElementsAre("b", "c", "y", "d"));
}

TEST(GraphView, RefusesCyclesAndDoubleDefinitions) {
  const onnx::ModelProto cycle = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) { a = Add(x, b)  b = Relu(a)  y = Neg(a) })");
  EXPECT_EQ(GraphView::Create(cycle).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(GraphView::Create(cycle).status().message()), HasSubstr("cycle"));
  const onnx::ModelProto twice = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) { y = Neg(x)  y = Relu(x) })");
  EXPECT_THAT(std::string(GraphView::Create(twice).status().message()), HasSubstr("'y'"));
}

constexpr char kBranches[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
      a = Relu(x)
      b = Neg(x)
      y = If (c) <
        then_branch = then_g () => (float[2] t) { s = Add(a, w)  t = Relu(s) },
        else_branch = else_g () => (float[2] e) { a1 = Abs(b)  e = If (c) <
          then_branch = g1 () => (float[2] u) { u = Mul(a1, b) },
          else_branch = g2 () => (float[2] v) { v = Identity(a1) } > }
      >
    })";

TEST(GraphView, CountsReadsOfSubgraphs) {
  const onnx::ModelProto model = ModelFromText(kBranches);
  const GraphView view = View(model);
  EXPECT_EQ(view.ReadCount("a"), 1);
  EXPECT_EQ(view.ReadCount("b"), 2) << "once in the branch, once in a branch inside it";
  EXPECT_EQ(view.ReadCount("w"), 1);
  EXPECT_EQ(view.ReadCount("c"), 2);
  EXPECT_EQ(view.SoleConsumer("a"), nullptr);
  EXPECT_TRUE(view.IsReadBySubgraph("a"));
  EXPECT_FALSE(view.IsReadBySubgraph("x"));
  EXPECT_EQ(view.ReadCount("s"), 0) << "a name of the branch, not of this graph";
}

TEST(GraphView, SubgraphReadsOrderNodes) {
  onnx::ModelProto model = ModelFromText(kBranches);
  model.mutable_graph()->mutable_node()->SwapElements(0, 2);
  const GraphView view = View(model);
  EXPECT_EQ(view.nodes()[2]->op_type(), "If");
}

TEST(GraphView, AnInnerNameMayHideAnOuterOne) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[2] x) => (float[2] y) {
      y = If (c) < then_branch = t () => (float[2] y) { y = Relu(x) },
                   else_branch = e () => (float[2] z) { z = Neg(x) } >
    })");
  const GraphView view = View(model);
  EXPECT_EQ(view.ReadCount("y"), 1) << "the graph output alone; no cycle";
}

TEST(GraphView, ConstantsSeeThroughIdentityAndConstantNodes) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
      w1 = Identity(w)
      w2 = Identity(w1)
      k = Constant <value = float[2] {3, 4}> ()
      k1 = Identity(k)
      v = Constant <value_float = 2.0> ()
      i = Identity(x)
      y = Sum(w2, k1, i, v)
    })");
  const GraphView view = View(model);
  const onnx::TensorProto* w = &model.graph().initializer(0);
  EXPECT_EQ(view.Constant("w"), w);
  EXPECT_EQ(view.Constant("w2"), w);
  EXPECT_EQ(view.StaticShape("w2"), (Shape{2}));
  ASSERT_NE(view.Constant("k1"), nullptr);
  EXPECT_EQ(view.Constant("k1")->float_data(1), 4);
  EXPECT_EQ(view.Constant("v"), nullptr) << "no dense tensor";
  EXPECT_EQ(view.Constant("i"), nullptr);
  EXPECT_EQ(view.Constant("x"), nullptr);
  EXPECT_EQ(view.Constant(""), nullptr);
}

TEST(GraphView, AnInitializerThatIsAnInputIsConstantOnlyWhereTheFormatSaysSo) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x, float[2] w) => (float[2] y) <float[2] w = {1, 2}> { w1 = Identity(w)  y = Add(x, w1) })");
  EXPECT_EQ(View(model).Constant("w"), nullptr);
  EXPECT_EQ(View(model).Constant("w1"), nullptr);
  EXPECT_EQ(View(model).StaticShape("w"), (Shape{2}));
  EXPECT_NE(GraphView::Create(model.graph(), InputConstants::kConstant)->Constant("w1"), nullptr);
  model.set_ir_version(3);
  EXPECT_NE(View(model).Constant("w1"), nullptr);
}

TEST(GraphView, StaticShapes) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2,3] x, float[N,3] d, float[] s) => (float[3,2] y) <float[2,3] v> { v = Neg(x)  y = Transpose(v) })");
  const GraphView view = View(model);
  EXPECT_EQ(view.StaticShape("x"), (Shape{2, 3}));
  EXPECT_EQ(view.StaticShape("v"), (Shape{2, 3})) << "from value_info";
  EXPECT_EQ(view.StaticShape("y"), (Shape{3, 2}));
  EXPECT_EQ(view.StaticShape("d"), std::nullopt);
  EXPECT_EQ(view.StaticShape("s"), std::nullopt);
  EXPECT_EQ(view.StaticShape("nothing"), std::nullopt);
}

TEST(GraphView, ASparseInitializerIsNoConstant) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) <float[1] w = {1}> { y = Add(x, s) })");
  onnx::SparseTensorProto& sparse = *model.mutable_graph()->add_sparse_initializer();
  *sparse.mutable_values() = model.graph().initializer(0);
  sparse.mutable_values()->set_name("s");
  const GraphView view = View(model);
  EXPECT_EQ(view.Constant("s"), nullptr);
  EXPECT_EQ(view.ReadCount("s"), 1);
}

TEST(Attributes, GiveTheDefaultWhenAbsentOrOfAnotherType) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) { y = Op <i = 3, f = 0.5, l = [1, 2]> (x, , x) })");
  const onnx::NodeProto& node = model.graph().node(0);
  EXPECT_EQ(IntAttribute(node, "i", 7), 3);
  EXPECT_EQ(IntAttribute(node, "none", 7), 7);
  EXPECT_EQ(IntAttribute(node, "f", 7), 7);
  EXPECT_EQ(FloatAttribute(node, "f", 7), 0.5f);
  EXPECT_EQ(FloatAttribute(node, "none", 7), 7);
  EXPECT_THAT(IntsAttribute(node, "l"), ElementsAre(1, 2));
  EXPECT_THAT(IntsAttribute(node, "none", {9}), ElementsAre(9));
  EXPECT_EQ(FindAttribute(node, "none"), nullptr);
  EXPECT_EQ(Input(node, 0), "x");
  EXPECT_EQ(Input(node, 1), "");
  EXPECT_EQ(Input(node, 5), "");
}

TEST(Operators, BothSpellingsOfTheStandardDomain) {
  onnx::NodeProto node;
  node.set_op_type("Conv");
  EXPECT_TRUE(IsOp(node, "Conv"));
  EXPECT_FALSE(IsOp(node, "Relu"));
  node.set_domain("ai.onnx");
  EXPECT_TRUE(IsOp(node, "Conv"));
  node.set_domain("com.microsoft");
  EXPECT_FALSE(IsOp(node, "Conv"));

  onnx::ModelProto model;
  EXPECT_EQ(OpsetVersion(model), 0);
  onnx::OperatorSetIdProto* custom = model.add_opset_import();
  custom->set_domain("com.microsoft");
  custom->set_version(1);
  EXPECT_EQ(OpsetVersion(model), 0);
  onnx::OperatorSetIdProto* standard = model.add_opset_import();
  standard->set_domain("ai.onnx");
  standard->set_version(13);
  EXPECT_EQ(OpsetVersion(model), 13);
}

TEST(Describe, NameElseOutput) {
  onnx::NodeProto node;
  node.set_op_type("Conv");
  node.add_output("");
  node.add_output("out");
  EXPECT_EQ(Describe(node), "Conv 'out'");
  node.set_name("conv1");
  EXPECT_EQ(Describe(node), "Conv 'conv1'");
}

}  // namespace
}  // namespace cnnopt
