#include "onnx_io/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::ModelFromText;
using ::testing::UnorderedElementsAre;

constexpr char kNested[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
      y = If (c) <
        then_branch = t () => (float[2] p) <float[2] inner = {1, 2}> { s = Add(x, inner)  p = Mul(s, w) },
        else_branch = e () => (float[2] x) { q = Neg(x)  x = If (c) <
          then_branch = t2 () => (float[2] r) { r = Add(q, w) },
          else_branch = e2 () => (float[2] x) { x = Relu(q) } > } >
    })";

TEST(OuterReads, NamesMadeInsideAreNotOuterOnes) {
  const onnx::ModelProto model = ModelFromText(kNested);
  // c: read by the inner If. x: by Add, and by Neg before the branch makes an x of its own.
  EXPECT_THAT(OuterReads(model.graph().node(0)), UnorderedElementsAre("x", "w", "x", "c", "w"));
  EXPECT_THAT(OuterReads(model.graph()), ElementsAre());
}

TEST(AllNames, ReachIntoBranches) {
  const onnx::ModelProto model = ModelFromText(kNested);
  const std::vector<absl::string_view> names = AllNames(model.graph());
  for (const char* name : {"c", "x", "y", "w", "p", "inner", "s", "q", "r"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
}

TEST(TopologicalOrder, AMillionNodesBackToFront) {
  constexpr int kNodes = 1'000'000;
  std::vector<onnx::NodeProto> nodes(kNodes);
  std::vector<const onnx::NodeProto*> pointers;
  for (int i = 0; i < kNodes; ++i) {
    nodes[static_cast<size_t>(i)].add_input(std::to_string(i + 1));
    nodes[static_cast<size_t>(i)].add_output(std::to_string(i));
    pointers.push_back(&nodes[static_cast<size_t>(i)]);
  }
  const auto order = TopologicalOrder(pointers);
  ASSERT_TRUE(order.ok()) << order.status();
  for (int i = 0; i < kNodes; ++i) {
    ASSERT_EQ((*order)[static_cast<size_t>(i)], kNodes - 1 - i);
  }
}

TEST(TopologicalOrder, FollowsRedirects) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) { y = Neg(a)  b = Relu(x)  a = Abs(x) })");
  std::vector<const onnx::NodeProto*> nodes;
  for (const onnx::NodeProto& node : model.graph().node()) {
    nodes.push_back(&node);
  }
  EXPECT_THAT(*TopologicalOrder(nodes), ElementsAre(2, 0, 1));
  EXPECT_THAT(*TopologicalOrder(nodes, {{"a", "b"}}), ElementsAre(1, 0, 2));
}

constexpr char kDiamond[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool cond, float[2] x) => (float[2] y) <float[2] w = {1, 2}> {
      a = Neg(x)
      b, c = Split(a)
      d = Abs(b)
      e = Mul(d, w)
      f = If (cond) <
        then_branch = t () => (float[1] p) { p = Add(c, e) },
        else_branch = o () => (float[1] q) { d = Relu(e)  q = Neg(d) } >
      y = Concat<axis = 0>(f, f)
      unread = Exp(x)
    })";  // 0 a, 1 b c, 2 d, 3 e, 4 f, 5 y, 6 unread

TEST(Ancestors, AreEverythingAValueComesFrom) {
  const onnx::ModelProto model = ModelFromText(kDiamond);
  const onnx::GraphProto& graph = model.graph();
  EXPECT_THAT(Ancestors(graph, {"y"}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Ancestors(graph, {"c"}), ElementsAre(0, 1));
  EXPECT_THAT(Ancestors(graph, {"unread", "a", "a"}), ElementsAre(0, 6));
  EXPECT_THAT(Ancestors(graph, {"x", "w", "nowhere"}), ElementsAre());
  EXPECT_THAT(Ancestors(graph, {}), ElementsAre());
}

TEST(Ancestors, StopAtGivenValues) {
  const onnx::ModelProto model = ModelFromText(kDiamond);
  const onnx::GraphProto& graph = model.graph();
  EXPECT_THAT(Ancestors(graph, {"y"}, {"f"}), ElementsAre(5));
  EXPECT_THAT(Ancestors(graph, {"y"}, {"y", "a"}), ElementsAre());
  EXPECT_THAT(Ancestors(graph, {"e", "b"}, {"b"}), ElementsAre(2, 3));
  // The branches read c and e, and a d of their own: c is needed though b is known.
  EXPECT_THAT(Ancestors(graph, {"f"}, {"e"}), ElementsAre(0, 1, 4));
  EXPECT_THAT(Ancestors(graph, {"f"}, {"e", "b"}), ElementsAre(0, 1, 4));
  EXPECT_THAT(Ancestors(graph, {"f"}, {"e", "c"}), ElementsAre(4));
  EXPECT_THAT(Ancestors(graph, {"f"}, {"e", "c", "x", "nowhere"}), ElementsAre(4));
}

TEST(Ancestors, OutputsAndInputsThatAreLeftOutHaveNothingToDoWithEachOther) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2,3] x, int64[1] k, float m) => (float[2,3] y) { "", i = TopK(x, k)  y = Clip(x, "", m) })");
  ASSERT_EQ(model.graph().node(0).output(0), "");
  EXPECT_THAT(Ancestors(model.graph(), {"y"}), ElementsAre(1));
}

}  // namespace
}  // namespace cnnopt
