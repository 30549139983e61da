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

}  // namespace
}  // namespace cnnopt
