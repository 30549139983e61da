#include "passes/activation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A graph x -> y of these nodes with some constants to clip to, and its index.
struct Graph {
  explicit Graph(const std::string& nodes, int opset = 17)
      : model(testing::ModelFromText("<ir_version: 8, opset_import: [\"\" : " + std::to_string(opset) +
                                     "]> g (float[2] x, float[2] x2, float limit) => (float[2] y)"
                                     "<float zero = {0}, float six = {6}, float[1] six1 = {6}, float one = {1},"
                                     " float[2] pair = {6, 6}, float[2] bias = {1, 2}> {" +
                                     nodes + "}")) {}
  std::optional<Activation> Read() const { return ReadActivation(model.graph().node(0), view); }
  Surroundings Around(const std::string& value) const { return SurroundingsOf(value, view); }

  onnx::ModelProto model;
  GraphView view = *GraphView::Create(model);
};

void ExpectActivation(const std::optional<Activation>& activation, float slope, float high) {
  ASSERT_TRUE(activation.has_value());
  EXPECT_EQ(activation->slope, slope);
  EXPECT_EQ(activation->high, high);
}

TEST(Activation, ValuesAndDerivatives) {
  const Activation leaky{0.25F};
  EXPECT_EQ(leaky(-8), -2);
  EXPECT_EQ(leaky(3), 3);
  EXPECT_EQ(leaky.Derivative(-8), 0.25F);
  EXPECT_EQ(leaky.Derivative(3), 1);
  const Activation clipped{0, 6};
  EXPECT_EQ(clipped(-8), 0);
  EXPECT_EQ(clipped(5), 5);
  EXPECT_EQ(clipped(7), 6);
  EXPECT_EQ(clipped.Derivative(-1), 0);
  EXPECT_EQ(clipped.Derivative(5), 1);
  EXPECT_EQ(clipped.Derivative(7), 0);
}

TEST(ReadActivation, KnowsReluAndItsRelatives) {
  ExpectActivation(Graph("y = Relu(x)").Read(), 0, kInfinity);
  ExpectActivation(Graph("y = LeakyRelu(x)").Read(), 0.01F, kInfinity);
  ExpectActivation(Graph("y = LeakyRelu<alpha = 0.25>(x)").Read(), 0.25F, kInfinity);
  ExpectActivation(Graph("y = Clip(x, zero, six)").Read(), 0, 6);
  ExpectActivation(Graph("y = Clip(x, zero, six1)").Read(), 0, 6);
  ExpectActivation(Graph("y = Clip(x, zero)").Read(), 0, kInfinity);
  ExpectActivation(Graph("y = Clip<min = 0.0, max = 6.0>(x)", 6).Read(), 0, 6);
  ExpectActivation(Graph("y = Clip<min = 0.0>(x)", 6).Read(), 0, kInfinity);
}

TEST(ReadActivation, DeclinesAllOthers) {
  for (const char* node :
       {"y = PRelu(x, bias)", "y = Sigmoid(x)", "y = Elu(x)", "y = Neg(x)", "y = LeakyRelu<alpha = 1.5>(x)",
        "y = LeakyRelu<alpha = -0.5>(x)", "y = Clip(x)", "y = Clip(x, one, six)", "y = Clip(x, \"\", six)",
        "y = Clip(x, limit, six)", "y = Clip(x, zero, limit)", "y = Clip(x, zero, zero)", "y = Clip(x, zero, pair)"}) {
    EXPECT_FALSE(Graph(node).Read().has_value()) << node;
  }
  for (const char* node : {"y = Clip<max = 6.0>(x)", "y = Clip<min = 1.0, max = 6.0>(x)", "y = Clip<min = -1.0>(x)"}) {
    EXPECT_FALSE(Graph(node, 6).Read().has_value()) << node;
  }
}

TEST(SurroundingsOf, AnActivationOfTheOutputItself) {
  const Graph graph("c = Neg(x) y = LeakyRelu<alpha = 0.5>(c)");
  const Surroundings around = graph.Around("c");
  EXPECT_EQ(around.skip, "");
  ExpectActivation(around.activation, 0.5F, kInfinity);
}

TEST(SurroundingsOf, AnAddWithAComputedSkipAndWhatFollowsIt) {
  for (const char* add : {"s = Add(c, d)", "s = Add(d, c)"}) {
    const Graph graph(std::string("c = Neg(x) d = Abs(x) ") + add + " y = Clip(s, zero, six)");
    EXPECT_EQ(graph.Around("c").skip, "d");
    ExpectActivation(graph.Around("c").activation, 0, 6);
    EXPECT_EQ(graph.Around("d").skip, "c");
    ExpectActivation(graph.Around("d").activation, 0, 6);
  }
  // The skip may be read elsewhere as well.
  const Graph shared("d = Abs(x) c = Neg(d) s = Add(c, d) y = Relu(s)");
  EXPECT_EQ(shared.Around("c").skip, "d");
  ExpectActivation(shared.Around("c").activation, 0, kInfinity);
  EXPECT_EQ(shared.Around("d").skip, "");  // not so the output
  EXPECT_FALSE(shared.Around("d").activation.has_value());
}

TEST(SurroundingsOf, ASumThatNoActivationFollows) {
  for (const char* rest :
       {"y = Add(c, d)", "s = Add(c, d) y = Sigmoid(s)", "s = Add(c, d) r = Relu(s) y = Mul(r, s)"}) {
    const Surroundings around = Graph(std::string("c = Neg(x) d = Abs(x) ") + rest).Around("c");
    EXPECT_EQ(around.skip, "d") << rest;
    EXPECT_FALSE(around.activation.has_value()) << rest;
  }
}

TEST(SurroundingsOf, NothingBehindOtherSums) {
  // A constant, a graph input, twice the output itself, another operator.
  for (const char* sum : {"s = Add(c, bias)", "s = Add(c, x2)", "s = Add(c, c)", "s = Sub(c, d)"}) {
    const Surroundings around = Graph(std::string("c = Neg(x) d = Abs(x) ") + sum + " y = Relu(s)").Around("c");
    EXPECT_EQ(around.skip, "") << sum;
    EXPECT_FALSE(around.activation.has_value()) << sum;
  }
}

TEST(SurroundingsOf, NothingWhenOthersReadTheOutput) {
  for (const char* nodes : {"c = Neg(x) r = Relu(c) y = Mul(r, c)",  // read twice
                            "y = Neg(x) r = Relu(y)",                // a graph output
                            "y = Neg(x) d = Abs(x) s = Add(y, d) r = Relu(s)"}) {
    const Graph graph(nodes);
    const Surroundings around = graph.Around(graph.model.graph().node(0).output(0));
    EXPECT_EQ(around.skip, "") << nodes;
    EXPECT_FALSE(around.activation.has_value()) << nodes;
  }
}

}  // namespace
}  // namespace cnnopt
