#include "runtime/frontier.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/observe.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsOk;
using testing::ModelFromText;
using testing::TestRuntime;

constexpr int64_t kPlenty = 1 << 20;

Tensor Floats(Shape shape, const std::vector<float>& values) {
  return {onnx::TensorProto::FLOAT, std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
}

onnx::ModelProto Graph(const std::string& graph) {
  return ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> " + graph);
}

// Two samples of different batch, for models of one input x [n, 2].
std::vector<Sample> TwoBatches() {
  return {{{"x", Floats({1, 2}, {1.5F, -2})}}, {{"x", Floats({3, 2}, {0.25F, 3, -1, 0, 7, -0.5F})}}};
}

using Values = std::vector<std::string>;
using Seen = std::vector<std::vector<std::string>>;  // bytes, by sample and value

Seen WalkTo(Frontier& frontier, const onnx::ModelProto& model, const Values& values) {
  Seen seen;
  EXPECT_THAT(frontier.Advance(model, values,
                               [&](size_t s, const std::vector<const Tensor*>& tensors) {
                                 EXPECT_EQ(s, seen.size());
                                 seen.emplace_back();
                                 for (const Tensor* tensor : tensors) seen.back().push_back(tensor->bytes);
                                 return absl::OkStatus();
                               }),
              IsOk());
  return seen;
}

Seen Observed(const onnx::ModelProto& model, const Values& values, const std::vector<Sample>& samples) {
  Seen seen;
  EXPECT_THAT(ObserveValues(TestRuntime(), model, values, samples, 1,
                            [&](size_t, const std::vector<Tensor>& tensors) {
                              seen.emplace_back();
                              for (const Tensor& tensor : tensors) seen.back().push_back(tensor.bytes);
                              return absl::OkStatus();
                            }),
              IsOk());
  return seen;
}

// Walks through `steps` with much memory, little and none, and compares with whole runs at every step.
void ExpectRightValues(const onnx::ModelProto& model, const std::vector<Values>& steps,
                       const std::vector<Sample>& samples) {
  for (const int64_t most_bytes : {kPlenty, int64_t{24}, int64_t{0}}) {
    Frontier frontier(TestRuntime(), samples, 1, most_bytes);
    for (const Values& values : steps) {
      SCOPED_TRACE(::testing::PrintToString(values) + " within " + std::to_string(most_bytes) + " bytes");
      const Seen seen = WalkTo(frontier, model, values);
      EXPECT_EQ(seen.size(), samples.size());
      EXPECT_EQ(seen, Observed(model, values, samples));
      EXPECT_LE(frontier.remembered_bytes(), most_bytes * 4);  // the first sample, of the least batch, speaks for all
    }
  }
}

constexpr char kSkips[] = R"(g (float[n,2] x) => (float[n,2] y) {
    a = Relu(x)  b = Neg(a)  c = Mul(b, x)  d = Add(c, a)  e = Abs(d)  y = Add(e, b) })";

TEST(Frontier, ValuesAreThoseOfWholeRuns) {
  const onnx::ModelProto model = Graph(kSkips);
  ExpectRightValues(model, {{"b"}, {"c"}, {"d"}, {"e"}, {"y"}}, TwoBatches());
  ExpectRightValues(model, {{"b", "x"}, {"x"}, {"d", "d", "x", "b"}, {"d"}, {"y", "e"}}, TwoBatches());
  // Backwards: what is no longer remembered is computed again.
  ExpectRightValues(model, {{"e"}, {"a"}, {"b"}, {"y"}, {"c"}}, TwoBatches());
}

TEST(Frontier, RemembersOnlyWhatIsStillRead) {
  const std::vector<Sample> samples = TwoBatches();  // 8 numbers of each value, 32 bytes
  const onnx::ModelProto model = Graph(kSkips);
  Frontier frontier(TestRuntime(), samples, 1, kPlenty);
  EXPECT_EQ(frontier.remembered_bytes(), 0);
  WalkTo(frontier, model, {"b"});
  EXPECT_EQ(frontier.remembered_bytes(), 64);  // a and b
  WalkTo(frontier, model, {"x"});
  EXPECT_EQ(frontier.remembered_bytes(), 64);
  WalkTo(frontier, model, {"d"});
  EXPECT_EQ(frontier.remembered_bytes(), 64);  // d and b
  WalkTo(frontier, model, {"y"});
  EXPECT_EQ(frontier.remembered_bytes(), 0);
}

// Nodes that ran are replaced by ones that cannot run: nobody may notice.
TEST(Frontier, RunsEveryNodeOnce) {
  const std::vector<Sample> samples = TwoBatches();
  onnx::ModelProto model = Graph(kSkips);
  const Seen expected = Observed(model, {"c", "d", "y"}, samples);
  Frontier frontier(TestRuntime(), samples, 1, kPlenty);
  const auto break_node = [&model](int node) { model.mutable_graph()->mutable_node(node)->set_op_type("Frobnicate"); };
  WalkTo(frontier, model, {"b"});
  break_node(0);
  break_node(1);
  EXPECT_EQ(WalkTo(frontier, model, {"c"})[1][0], expected[1][0]);
  break_node(2);
  EXPECT_EQ(WalkTo(frontier, model, {"d", "c"})[1], (std::vector<std::string>{expected[1][1], expected[1][0]}));
  break_node(3);
  EXPECT_EQ(WalkTo(frontier, model, {"y"})[1][0], expected[1][2]);
  // Without memory it has to run them again.
  Frontier forgetful(TestRuntime(), samples, 1, 0);
  EXPECT_THAT(forgetful.Advance(model, {"y"}, [](size_t, const auto&) { return absl::OkStatus(); }),
              FailsWith(absl::StatusCode::kInvalidArgument, "Frobnicate"));
}

TEST(Frontier, SeesWeightsThatChangedAheadOfIt) {
  const std::vector<Sample> samples = TwoBatches();
  for (const int64_t most_bytes : {kPlenty, int64_t{0}}) {
    onnx::ModelProto model = Graph(R"(g (float[n,2] x) => (float[n,2] y) <float[2] v = {2, 3}, float[2] w = {5, 7}> {
        a = Mul(x, v)  b = Mul(a, w)  c = Relu(b)  y = Add(c, a) })");
    Frontier frontier(TestRuntime(), samples, 1, most_bytes);
    WalkTo(frontier, model, {"a"});
    const Seen before = Observed(model, {"y"}, samples);
    model.mutable_graph()->mutable_initializer(1)->set_float_data(1, -11);
    // And one node becomes two, as replaced layers do.
    onnx::NodeProto* const node = model.mutable_graph()->mutable_node(1);
    node->set_output(0, "inner");
    const onnx::NodeProto relu = model.graph().node(2), add = model.graph().node(3);
    *model.mutable_graph()->mutable_node(2) = model.graph().node(1);
    model.mutable_graph()->mutable_node(2)->set_input(0, "inner");
    model.mutable_graph()->mutable_node(2)->set_output(0, "b");
    *model.mutable_graph()->mutable_node(3) = relu;
    *model.mutable_graph()->add_node() = add;
    const Seen after = WalkTo(frontier, model, {"y"});
    EXPECT_NE(after, before);
    EXPECT_EQ(after, Observed(model, {"y"}, samples));
  }
}

// t is remembered when u is asked for; asking for s then runs Split again, which makes both.
TEST(Frontier, ANodeOfWhichOneOutputIsRemembered) {
  const onnx::ModelProto model = Graph(R"(g (float[n,2] x) => (float[n,1] y) {
      p = Neg(x)  s, t = Split<axis = 1>(p)  u = Abs(s)  v = Add(u, t)  y = Mul(v, u) })");
  ExpectRightValues(model, {{"u"}, {"s"}, {"v"}, {"y"}}, TwoBatches());
  ExpectRightValues(model, {{"u"}, {"v", "s", "t"}, {"s", "y"}}, TwoBatches());
}

TEST(Frontier, RemembersWhatASubgraphReads) {
  const onnx::ModelProto model = Graph(R"(g (float[n,2] x, bool c) => (float[n,2] y) {
      a = Neg(x)  b = Abs(a)
      y = If (c) <then_branch = t () => (float[n,2] p) { p = Add(a, b) },
                  else_branch = e () => (float[n,2] q) { r = Mul(a, b)  q = Sub(r, x) }> })");
  std::vector<Sample> samples = TwoBatches();
  samples[0]["c"] = {onnx::TensorProto::BOOL, {}, std::string(1, '\1')};
  samples[1]["c"] = {onnx::TensorProto::BOOL, {}, std::string(1, '\0')};
  ExpectRightValues(model, {{"b"}, {"y", "c"}}, samples);
  Frontier frontier(TestRuntime(), samples, 1, kPlenty);
  WalkTo(frontier, model, {"b"});
  EXPECT_EQ(frontier.remembered_bytes(), 64);  // a and b
}

// A sequence cannot be fed, so the frontier stays before it.
TEST(Frontier, ValuesThatAreNoTensors) {
  const onnx::ModelProto model = Graph(R"(g (float[n,2] x) => (float[n,2] y)
      <int64 first = {0}, int64 second = {1}> {
      a = Neg(x)  s = SequenceConstruct(x, a)  u = SequenceAt(s, first)  v = SequenceAt(s, second)  y = Sub(u, v) })");
  ExpectRightValues(model, {{"a"}, {"u"}, {"v"}, {"y"}}, TwoBatches());
}

TEST(Frontier, ScalarsAndIntegers) {
  const onnx::ModelProto model = Graph(R"(g (float[n,2] x) => (int64[k] y) <int64[1] one = {1}> {
      sum = ReduceSum<keepdims = 0>(x)  shape = Shape(x)  scaled = Mul(x, sum)  length = Reshape(scaled, shape)
      z = Shape(length)  y = Add(z, one) })");
  ExpectRightValues(model, {{"sum", "shape"}, {"scaled"}, {"length"}, {"z", "y"}}, TwoBatches());
}

TEST(Frontier, StopsWhereTheVisitorOrTheModelFails) {
  const std::vector<Sample> samples = TwoBatches();
  const onnx::ModelProto model = Graph(kSkips);
  Frontier frontier(TestRuntime(), samples, 1, kPlenty);
  int visits = 0;
  EXPECT_THAT(frontier.Advance(model, {"b"},
                               [&](size_t, const auto&) {
                                 ++visits;
                                 return absl::AbortedError("enough");
                               }),
              FailsWith(absl::StatusCode::kAborted, "enough"));
  EXPECT_EQ(visits, 1);
  EXPECT_THAT(frontier.Advance(model, {"nowhere"}, [](size_t, const auto&) { return absl::OkStatus(); }),
              FailsWith(absl::StatusCode::kInvalidArgument, "nowhere"));
  EXPECT_EQ(WalkTo(frontier, model, {"y"}), Observed(model, {"y"}, samples));  // and it still works
  Frontier none(TestRuntime(), {}, 1, kPlenty);
  EXPECT_THAT(WalkTo(none, model, {"y"}), ElementsAre());
}

}  // namespace
}  // namespace cnnopt
