#include "onnx_io/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/text.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModelFromText;

onnx::NodeProto Node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
  onnx::NodeProto node;
  node.set_op_type(op);
  node.mutable_input()->Add(inputs.begin(), inputs.end());
  node.add_output(output);
  return node;
}

onnx::TensorProto Weight(const std::string& name, float value) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(1);
  tensor.add_float_data(value);
  return tensor;
}

std::vector<std::string> Nodes(const onnx::ModelProto& model) {
  std::vector<std::string> nodes;
  for (const onnx::NodeProto& node : model.graph().node()) {
    std::string line = absl::StrCat(node.output(0), "=", node.op_type());
    for (const std::string& input : node.input()) {
      absl::StrAppend(&line, " ", input);
    }
    nodes.push_back(line);
  }
  return nodes;
}

std::vector<std::string> Initializers(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    names.push_back(tensor.name());
  }
  return names;
}

std::vector<std::string> Inputs(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& input : model.graph().input()) {
    names.push_back(input.name());
  }
  return names;
}

// Applying `rewrites` must fail with a message that has `part`, and leave the model as it was.
void ExpectRefused(std::vector<Rewrite> rewrites, const onnx::ModelProto& model, const std::string& part) {
  onnx::ModelProto copy = model;
  const absl::Status status = ApplyRewrites(std::move(rewrites), copy);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  EXPECT_EQ(copy.SerializeAsString(), model.SerializeAsString());
}

constexpr char kChain[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] w = {1}, float[1] v = {2}, float[1] b> {
      a = Relu(x)
      b = Add(a, w)
      y = Mul(b, v)
    })";

TEST(ApplyRewrites, ReplacesNodesAndDropsWhatOnlyTheyRead) {
  onnx::ModelProto model = ModelFromText(kChain);
  ASSERT_EQ(model.graph().value_info_size(), 1);
  const Rewrite rewrite{"add", {"b"}, {Node("Sub", {"a", "w2"}, "b")}, {Weight("w2", -1)}};
  ASSERT_TRUE(ApplyRewrite(rewrite, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Relu x", "b=Sub a w2", "y=Mul b v"));
  EXPECT_THAT(Initializers(model), ElementsAre("v", "w2"));
  EXPECT_EQ(model.graph().node(1).name(), "b") << "a node without a name gets one from its output";
  EXPECT_EQ(model.graph().value_info_size(), 0) << "of a value that changed hands";
}

TEST(ApplyRewrites, NothingToDoChangesNothing) {
  onnx::ModelProto model = ModelFromText(kChain);
  const std::string before = model.SerializeAsString();
  ASSERT_TRUE(ApplyRewrites({}, model).ok());
  EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(ApplyRewrites, TakenNamesGetANumber) {
  onnx::ModelProto model = ModelFromText(kChain);
  // Both want to call their weight "w" and their middle value "x"; both names are taken.
  const Rewrite first{"1", {"b"}, {Node("Neg", {"a"}, "x"), Node("Add", {"x", "w"}, "b")}, {Weight("w", 5)}};
  const Rewrite second{"2", {"y"}, {Node("Neg", {"b"}, "x"), Node("Mul", {"x", "w"}, "y")}, {Weight("w", 6)}};
  ASSERT_TRUE(ApplyRewrites({first, second}, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Relu x", "x_1=Neg a", "b=Add x_1 w_1", "x_2=Neg b", "y=Mul x_2 w_2"));
  EXPECT_THAT(Initializers(model), ElementsAre("w_1", "w_2"));
  EXPECT_EQ(model.graph().initializer(0).float_data(0), 5);
  EXPECT_EQ(model.graph().initializer(1).float_data(0), 6);
}

TEST(ApplyRewrites, ASharedWeightStaysForTheOthers) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] w = {1}> { a = Add(x, w)  y = Mul(a, w) })");
  const Rewrite rewrite{"scale", {"a"}, {Node("Add", {"x", "w"}, "a")}, {Weight("w", 7)}};
  ASSERT_TRUE(ApplyRewrite(rewrite, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Add x w_1", "y=Mul a w"));
  EXPECT_THAT(Initializers(model), ElementsAre("w", "w_1"));
  EXPECT_EQ(model.graph().initializer(0).float_data(0), 1);
}

TEST(ApplyRewrites, NamesInsideSubgraphsAreTakenAndTheirReadsCount) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[1] x) => (float[1] y, float[1] z) <float[1] w = {1}> {
      a = Add(x, w)
      z = Neg(a)
      y = If (c) < then_branch = t () => (float[1] p) { fresh = Add(a, w)  p = Relu(fresh) },
                   else_branch = e () => (float[1] q) { q = Neg(x) } >
    })");
  const Rewrite rewrite{"", {"z"}, {Node("Abs", {"a"}, "fresh"), Node("Neg", {"fresh"}, "z")}, {}};
  ASSERT_TRUE(ApplyRewrite(rewrite, model).ok());
  EXPECT_EQ(Nodes(model)[1], "fresh_1=Abs a");
  const Rewrite drop_w{"", {"a"}, {Node("Neg", {"x"}, "a")}, {}};
  ASSERT_TRUE(ApplyRewrite(drop_w, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("w")) << "a branch reads it";
  ExpectRefused({{"", {"a"}, {}, {}}}, model, "'a' is still read");
}

TEST(ApplyRewrites, UnreadConstantAndIdentityNodesGoWithTheirReader) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] w = {1}> {
      w1 = Identity(w)
      w2 = Identity(w1)
      k = Constant <value = float[1] {3}> ()
      s = Shape(x)
      y = Sum(x, w2, k, s)
    })");
  ASSERT_TRUE(ApplyRewrite({"", {"y"}, {Node("Neg", {"x"}, "y")}, {}}, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("s=Shape x", "y=Neg x")) << "Shape is not the rewrite's to remove";
  EXPECT_THAT(Initializers(model), IsEmpty());
}

TEST(ApplyRewrites, WeightsThatNobodyReadBeforeStay) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] unread = {1}> { y = Relu(x) })");
  ASSERT_TRUE(ApplyRewrite({"", {"y"}, {Node("Neg", {"x"}, "y")}, {}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("unread"));
}

TEST(ApplyRewrites, OldFormatListsWeightsAmongTheInputsToo) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 3, opset_import: ["" : 8]>
    g (float[1] x, float[1] w) => (float[1] y) <float[1] w = {1}> { y = Add(x, w) })");
  ASSERT_TRUE(ApplyRewrite({"", {"y"}, {Node("Mul", {"x", "v"}, "y")}, {Weight("v", 2)}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("v"));
  EXPECT_THAT(Inputs(model), ElementsAre("x", "v"));
  EXPECT_EQ(model.graph().input(1).type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(model.graph().input(1).type().tensor_type().shape().dim(0).dim_value(), 1);
}

TEST(ApplyRewrites, NewFormatDoesNot) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 4, opset_import: ["" : 8]>
    g (float[1] x, float[1] w) => (float[1] y) <float[1] w = {1}> { y = Add(x, w) })");
  ASSERT_TRUE(ApplyRewrite({"", {"y"}, {Node("Mul", {"x", "v"}, "y")}, {Weight("v", 2)}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("v"));
  EXPECT_THAT(Inputs(model), ElementsAre("x"));
}

TEST(ApplyRewrites, AWeightMayTakeTheNameOfARemovedValue) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) { k = Constant <value_float = 3.0> ()  y = Add(x, k) })");
  ASSERT_TRUE(ApplyRewrite({"", {"k"}, {}, {Weight("k", 3)}}, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("y=Add x k"));
  EXPECT_THAT(Initializers(model), ElementsAre("k"));
}

TEST(ApplyRewrites, RepairsTheOrder) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) { a = Relu(x)  b = Neg(a)  c = Abs(a)  y = Add(b, c) })");
  // Stands where c stood, but makes a, which b needs.
  const Rewrite rewrite{"", {"a", "c"}, {Node("Elu", {"x"}, "a"), Node("Exp", {"a"}, "c")}, {}};
  ASSERT_TRUE(ApplyRewrite(rewrite, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Elu x", "b=Neg a", "c=Exp a", "y=Add b c"));
}

TEST(ApplyRewrites, NodeNamesNeverMatter) {
  onnx::ModelProto model = ModelFromText(kChain);
  for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node()) {
    node.set_name("same");
  }
  ASSERT_TRUE(ApplyRewrite({"", {"b"}, {Node("Neg", {"a"}, "b")}, {}}, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Relu x", "b=Neg a", "y=Mul b v"));
}

TEST(ApplyRewrites, ANodeIsKnownByItsFirstOutputThatHasAName) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[1] y) { "", q = Split(x)  y = Neg(q) })");
  model.mutable_graph()->mutable_node(0)->set_output(0, "");
  ASSERT_TRUE(ApplyRewrite({"", {"q"}, {Node("Abs", {"x"}, "q")}, {}}, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("q=Abs x", "y=Neg q"));
}

TEST(ApplyRewrites, VeryLongNamesDoNotGrow) {
  onnx::ModelProto model = ModelFromText(kChain);
  const std::string name(4096, 'n');
  model.mutable_graph()->mutable_initializer(0)->set_name(name);
  model.mutable_graph()->mutable_node(1)->set_input(1, name);
  ASSERT_TRUE(ApplyRewrite({"", {"b"}, {Node("Sub", {"a", name}, "b")}, {Weight(name, 2)}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("v", "value"));
  EXPECT_EQ(model.graph().node(1).input(1), "value");
}

TEST(ApplyRewrites, WhatTrainingNamesStays) {
  onnx::ModelProto model = ModelFromText(kChain);
  onnx::StringStringEntryProto& binding = *model.add_training_info()->add_update_binding();
  binding.set_key("w");
  binding.set_value("w_new");
  ASSERT_TRUE(ApplyRewrite({"", {"b"}, {Node("Neg", {"a"}, "b")}, {}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("w", "v"));
}

TEST(ApplyRewrites, AnnotationsOfVanishedTensorsGo) {
  onnx::ModelProto model = ModelFromText(kChain);
  for (const char* name : {"w", "v"}) {
    model.mutable_graph()->add_quantization_annotation()->set_tensor_name(name);
  }
  ASSERT_TRUE(ApplyRewrite({"", {"b"}, {Node("Neg", {"a"}, "b")}, {}}, model).ok());
  ASSERT_EQ(model.graph().quantization_annotation_size(), 1);
  EXPECT_EQ(model.graph().quantization_annotation(0).tensor_name(), "v");
}

TEST(ApplyRewrites, RedirectsReadsOfNodes) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] w = {1}> {
      w1 = Identity(w)
      w2 = Identity(w1)
      a = Add(x, w2)
      b = Identity(a)
      y = Sum(a, b, w1)
    })");
  const std::vector<Rewrite> rewrites = {{"", {"w1"}, {}, {}, {{"w1", "w"}}},
                                         {"", {"w2"}, {}, {}, {{"w2", "w1"}}},
                                         {"", {"b"}, {Node("Neg", {"a"}, "n")}, {}, {{"b", "n"}}}};
  ASSERT_TRUE(ApplyRewrites(rewrites, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Add x w", "n=Neg a", "y=Sum a n w"));
  EXPECT_THAT(Initializers(model), ElementsAre("w"));
}

TEST(ApplyRewrites, ARedirectMayPointAtAValueWithAFreshNameFurtherDown) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y, float[1] z) { a = Neg(x)  y = Abs(a)  z = Relu(x) })");
  const Rewrite rewrite{"", {"z"}, {Node("Relu", {"x"}, "z"), Node("Exp", {"z"}, "a")}, {}, {{"a", "a"}}};
  // Its own "a" is taken, so it makes a_1, and y reads that: z and a_1 move before y.
  ASSERT_TRUE(ApplyRewrite(rewrite, model).ok());
  EXPECT_THAT(Nodes(model), ElementsAre("a=Neg x", "z=Relu x", "a_1=Exp z", "y=Abs a_1"));
}

TEST(ApplyRewrites, WeightsThatNothingReadsAreLeftOut) {
  onnx::ModelProto model = ModelFromText(kChain);
  ASSERT_TRUE(ApplyRewrite({"", {"b"}, {Node("Neg", {"a"}, "b")}, {Weight("new", 1)}}, model).ok());
  EXPECT_THAT(Initializers(model), ElementsAre("v"));
}

TEST(ApplyRewrites, RefusesBadRedirects) {
  const onnx::ModelProto model = ModelFromText(kChain);
  ExpectRefused({{"", {}, {}, {}, {{"a", "x"}}}, {"", {}, {}, {}, {{"a", "b"}}}}, model, "redirected already");
  ExpectRefused({{"", {}, {}, {}, {{"a", "b"}, {"b", "a"}}}}, model, "leads back to itself");
  ExpectRefused({{"", {}, {}, {}, {{"a", "missing"}}}}, model, "reads 'missing'");
  onnx::ModelProto unread = model;
  EXPECT_TRUE(ApplyRewrite({"", {}, {}, {}, {{"not read", "missing"}}}, unread).ok());
  ExpectRefused({{"", {}, {}, {}, {{"a", "b"}}}}, model, "cycle");
  ExpectRefused({{"", {"y"}, {Node("Neg", {"b"}, "other")}, {}, {{"y", "other"}}}}, model, "'y' is still read");
}

TEST(ApplyRewrites, RefusesInconsistentRewrites) {
  const onnx::ModelProto model = ModelFromText(kChain);
  const Rewrite good{"good", {"a"}, {Node("Neg", {"x"}, "a")}, {}};
  ExpectRefused({good, {"bad", {"none"}, {}, {}}}, model, "removes 'none'");
  ExpectRefused({good, {"bad", {""}, {}, {}}}, model, "removes ''");
  ExpectRefused({good, good}, model, "another rewrite or itself");
  ExpectRefused({good, {"bad", {"b"}, {}, {}}}, model, "'b' is still read");
  ExpectRefused({good, {"bad", {"y"}, {}, {}}}, model, "'y' is still read");
  ExpectRefused({good, {"bad", {"b"}, {Node("Neg", {"missing"}, "b")}, {}}}, model, "reads 'missing'");
  ExpectRefused({good, {"bad", {"b"}, {Node("Neg", {"a"}, "b"), Node("Abs", {"a"}, "b")}, {}}}, model, "'b' twice");
  ExpectRefused({good, {"bad", {"b"}, {Node("Neg", {"y"}, "b")}, {}}}, model, "cycle");
}

TEST(ApplyRewrites, AThousandRewritesAtOnceAreFast) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x) => (float[1] y) <float[1] w = {1}> { y = Neg(v100000) })");
  onnx::GraphProto& graph = *model.mutable_graph();
  std::vector<Rewrite> rewrites;
  for (int i = 1; i <= 100'000; ++i) {
    const std::string from = i == 1 ? "x" : absl::StrCat("v", i - 1);
    const std::string to = absl::StrCat("v", i);
    *graph.add_node() = Node("Add", {from, "w"}, to);
    if (i % 2 == 0) {
      rewrites.push_back({"", {to}, {Node("Mul", {from, "w"}, to)}, {Weight("w", 2)}});
    }
  }
  ASSERT_TRUE(ApplyRewrites(std::move(rewrites), model).ok());
  EXPECT_EQ(model.graph().node_size(), 100'001);
  EXPECT_EQ(model.graph().node(99'999).op_type(), "Mul");
  EXPECT_EQ(model.graph().node(99'999).input(1), "w_50000");
  EXPECT_EQ(model.graph().node(100'000).op_type(), "Neg") << "moved behind what it reads";
}

}  // namespace
}  // namespace cnnopt
