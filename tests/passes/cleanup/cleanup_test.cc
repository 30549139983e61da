#include "passes/cleanup/cleanup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/testing/expect_rewrite.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModelFromText;

CleanupResult RunAll(onnx::ModelProto& model) {
  absl::StatusOr<CleanupResult> result = RunCleanup(model, CleanupPasses(), InputConstants::kOverridable);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(CleanupResult());
}

constexpr char kAlternating[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,1,3,3] x) => (float[1,2,2,2] y)
    <float[2] g = {1, 2}, float[2] t = {1, 2}, float[2] m = {0, 1}, float[2] v = {1, 4}> {
      w = Constant <value = float[2,1,2,2] {1, 2, 3, 4, -1, 0.5, 0, 2}> ()
      k = Constant <value = float[1,2,1,1] {2, 4}> ()
      g1 = Identity(g)
      c = Conv(x, w)
      s = Mul(c, k)
      n = BatchNormalization(s, g1, t, m, v)
      a = Add(n, k)
      y = BatchNormalization(a, g1, t, m, v)
    })";

TEST(CleanupPasses, HaveNamesAndSummaries) {
  std::set<std::string> names;
  for (const CleanupPass& pass : CleanupPasses()) {
    EXPECT_TRUE(names.insert(pass.name).second) << pass.name;
    EXPECT_FALSE(pass.summary.empty());
    EXPECT_NE(pass.summary.back(), '.');
  }
  EXPECT_EQ(names.size(), 3u);
}

TEST(RunCleanup, PassesTakeTurnsUntilNothingIsLeft) {
  const onnx::ModelProto before = ModelFromText(kAlternating);
  onnx::ModelProto model = before;
  const CleanupResult result = RunAll(model);
  ASSERT_EQ(model.graph().node_size(), 1);
  EXPECT_EQ(model.graph().node(0).op_type(), "Conv");
  EXPECT_EQ(model.graph().initializer_size(), 2);
  EXPECT_THAT(result.declined, IsEmpty());
  EXPECT_THAT(result.applied, ::testing::Contains(HasSubstr("fold Mul 's' into Conv 'c'")));
  testing::ExpectSameFunction(before, model);
}

TEST(RunCleanup, OnlyThePassesItIsGiven) {
  onnx::ModelProto model = ModelFromText(kAlternating);
  const auto result = RunCleanup(model, {CleanupPasses()[2]}, InputConstants::kOverridable);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->applied, ElementsAre("fold Mul 's' into Conv 'c'"));
  EXPECT_EQ(model.graph().node_size(), 6) << "the Constant node that held w went with its reader";
}

TEST(RunCleanup, AnErrorLeavesTheModelAsItWas) {
  onnx::ModelProto model = ModelFromText(kAlternating);
  const std::string before = model.SerializeAsString();
  const CleanupPass broken = {"broken", "makes an inconsistent rewrite",
                              [](const GraphView&, PassContext&) -> absl::StatusOr<std::vector<Rewrite>> {
                                return std::vector<Rewrite>{{"nonsense", {"y"}, {}, {}}};
                              }};
  const auto result = RunCleanup(model, {CleanupPasses()[0], CleanupPasses()[1], broken}, InputConstants::kOverridable);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(RunCleanup, AssumedConstantInputsGo) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,1,3,3] x, float[1,1,2,2] w) => (float[1,1,2,2] y)
    <float[1,1,2,2] w = {1, 2, 3, 4}, float k = {2}> { c = Conv(x, w) y = Mul(c, k) })");
  onnx::ModelProto kept = model;
  EXPECT_THAT(RunAll(kept).applied, IsEmpty());
  ASSERT_TRUE(RunCleanup(model, CleanupPasses(), InputConstants::kConstant).ok());
  EXPECT_EQ(model.graph().node_size(), 1);
  EXPECT_EQ(model.graph().input_size(), 1);
}

TEST(RunCleanup, KeepsEverythingElseOfTheModel) {
  onnx::ModelProto model = ModelFromText(kAlternating);
  model.set_producer_name("somebody");
  model.set_doc_string("words");
  model.add_metadata_props()->set_key("k");
  model.add_functions()->set_name("f");
  model.mutable_graph()->set_doc_string("more words");
  model.mutable_graph()->mutable_node(3)->set_name("the conv");
  model.mutable_graph()->mutable_node(3)->set_doc_string("first layer");
  model.mutable_graph()->mutable_node(3)->add_metadata_props()->set_key("layer");
  RunAll(model);
  EXPECT_EQ(model.producer_name(), "somebody");
  EXPECT_EQ(model.doc_string(), "words");
  EXPECT_EQ(model.metadata_props_size(), 1);
  EXPECT_EQ(model.functions_size(), 1);
  EXPECT_EQ(model.graph().doc_string(), "more words");
  ASSERT_EQ(model.graph().node_size(), 1);
  EXPECT_EQ(model.graph().node(0).name(), "the conv");
  EXPECT_EQ(model.graph().node(0).doc_string(), "first layer");
  EXPECT_EQ(model.graph().node(0).metadata_props_size(), 1);
}

onnx::NodeProto Node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
  onnx::NodeProto node;
  node.set_op_type(op);
  node.mutable_input()->Add(inputs.begin(), inputs.end());
  node.add_output(output);
  return node;
}

// A Conv, then `count` nodes in a row that `add` appends, each reading the value before.
template <typename F>
onnx::ModelProto LongChain(int count, F add) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,1,3,3] x) => (float[1,1,2,2] y) <float[1,1,2,2] w = {1, 2, 3, 4}, float k = {1.0000001},
    int64[4] s = {1, 1, 2, 2}> { v0 = Conv(x, w) })");
  for (int i = 0; i < count; ++i) {
    *model.mutable_graph()->add_node() = add(absl::StrCat("v", i), absl::StrCat("v", i + 1), i);
  }
  return model;
}

TEST(RunCleanup, AHundredThousandScalesInARow) {
  onnx::ModelProto model = LongChain(100'000, [](const std::string& in, const std::string& out, int i) {
    return Node(i % 2 == 0 ? "Mul" : "Div", {in, "k"}, out);
  });
  *model.mutable_graph()->add_node() = Node("Relu", {"v100000"}, "y");
  EXPECT_EQ(RunAll(model).applied.size(), 1u);
  EXPECT_EQ(model.graph().node_size(), 2);
}

TEST(RunCleanup, AHundredThousandIdentitiesAndReshapesOfAConstantInARow) {
  onnx::ModelProto model = LongChain(100'000, [](const std::string& in, const std::string& out, int i) {
    const std::string from = i == 0 ? "w" : in;
    return i % 2 == 0 ? Node("Identity", {from}, out) : Node("Reshape", {from, "s"}, out);
  });
  *model.mutable_graph()->add_node() = Node("Add", {"v0", "v100000"}, "y");
  EXPECT_EQ(RunAll(model).applied.size(), 100'000u);
  EXPECT_EQ(model.graph().node_size(), 2);
}

}  // namespace
}  // namespace cnnopt
