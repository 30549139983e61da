#include "runtime/session.h"

#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelFromText;
using testing::TestRuntime;

Tensor Floats(Shape shape, const std::vector<float>& values) {
  return {onnx::TensorProto::FLOAT, std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
}

std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
  return values;
}

// Deterministic values in [-0.5, 0.5).
std::vector<float> Pattern(size_t count) {
  std::vector<float> values(count);
  uint32_t state = 12345;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
  }
  return values;
}

// Adds an initializer in raw_data, which is lent to the session from 1 KiB on, or in float_data, which never is.
void AddWeight(onnx::ModelProto& model, const std::string& name, const Shape& shape, bool raw) {
  onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  size_t count = 1;
  for (const int64_t dimension : shape) {
    tensor.add_dims(dimension);
    count *= static_cast<size_t>(dimension);
  }
  for (const float value : Pattern(count)) {
    if (raw) {
      tensor.mutable_raw_data()->append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      tensor.add_float_data(value);
    }
  }
}

onnx::ModelProto ConvModel(bool raw) {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[n,16,9,9] x) => (float[n,32,7,7] y)
    <float[32] scale = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8},
     float[32] zero = {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0},
     float[32] one = {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}>
    { c = Conv(x, w)  b = BatchNormalization(c, scale, zero, zero, one)  y = Relu(b) })");
  AddWeight(model, "w", {32, 16, 3, 3}, raw);
  return model;
}

const char kTiny[] =
    "<ir_version: 8, opset_import: [\"\" : 17]> g (float[2] x) => (float[2] y) "
    "{ a = Abs(x)  y = Neg(a) }";

Session MakeSession(const onnx::ModelProto& model, const SessionOptions& options = {}) {
  absl::StatusOr<Session> session = Session::Create(TestRuntime(), model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

std::vector<Tensor> RunOk(const Session& session, const Sample& sample) {
  absl::StatusOr<std::vector<Tensor>> outputs = session.Run(sample);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return *std::move(outputs);
}

void ExpectInvalid(const absl::Status& status, const std::string& part) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
}

TEST(SessionTest, RunsAModel) {
  const onnx::ModelProto model = ModelFromText(kTiny);
  const Session session = MakeSession(model);
  EXPECT_THAT(session.output_names(), ElementsAre("y"));
  const std::vector<Tensor> outputs = RunOk(session, {{"x", Floats({2}, {3, -4})}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].data_type, onnx::TensorProto::FLOAT);
  EXPECT_THAT(outputs[0].shape, ElementsAre(2));
  EXPECT_THAT(Floats(outputs[0]), ElementsAre(-3, -4));
}

TEST(SessionTest, LentWeightsGiveTheSameResultsAsOwnedOnes) {
  const Sample sample = {{"x", Floats({2, 16, 9, 9}, Pattern(2 * 16 * 81))}};
  const onnx::ModelProto lent = ConvModel(true);
  const onnx::ModelProto owned = ConvModel(false);
  const std::string before = lent.SerializeAsString();
  const std::vector<float> plain =
      Floats(RunOk(MakeSession(owned, {.threads = 1, .optimize = false, .extra_outputs = {}}), sample)[0]);
  for (const bool optimize : {false, true}) {
    for (const int threads : {1, 2}) {
      const SessionOptions options{threads, optimize, {}};
      const Tensor with = RunOk(MakeSession(lent, options), sample)[0];
      const Tensor without = RunOk(MakeSession(owned, options), sample)[0];
      EXPECT_THAT(with.shape, ElementsAre(2, 32, 7, 7));
      EXPECT_EQ(with.bytes, without.bytes);
      EXPECT_THAT(Floats(with), ::testing::Pointwise(::testing::FloatNear(1e-4f), plain));
    }
  }
  EXPECT_EQ(lent.SerializeAsString(), before);
}

// ONNX Runtime transposes w under its own name here, to save both Transpose nodes.
TEST(SessionTest, LentWeightsThatOptimisationRewrites) {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]> g (float[1,30,20,1] x) => (float[1,30,20,1] y)
    { t = Transpose<perm = [0,2,3,1]>(x)  a = Add(t, w)  y = Transpose<perm = [0,3,1,2]>(a) })");
  AddWeight(model, "w", {1, 20, 1, 30}, true);
  const Sample zeros = {{"x", Floats({1, 30, 20, 1}, std::vector<float>(600, 0))}};
  std::vector<float> transposed(600);
  for (size_t i = 0; i < 600; ++i) {
    transposed[i] = Pattern(600)[i % 20 * 30 + i / 20];
  }
  EXPECT_EQ(Floats(RunOk(MakeSession(model), zeros)[0]), transposed);
}

TEST(SessionTest, BigPayloadsAreReadWhereTheyAre) {
  onnx::ModelProto model = ModelFromText(
      "<ir_version: 8, opset_import: [\"\" : 17]> g (int64[1] i) => (float[1,300] y) { y = Gather(w, i) }");
  AddWeight(model, "w", {2, 300}, true);
  const Session session = MakeSession(model, {1, /*optimize=*/false, {}});
  const Sample second = {{"i", {onnx::TensorProto::INT64, {1}, std::string("\1\0\0\0\0\0\0\0", 8)}}};
  EXPECT_EQ(RunOk(session, second)[0].bytes, model.graph().initializer(0).raw_data().substr(1200));
  // No copy was made: a change behind the session's back is seen.
  (*model.mutable_graph()->mutable_initializer(0)->mutable_raw_data())[1200] ^= 1;
  EXPECT_EQ(RunOk(session, second)[0].bytes, model.graph().initializer(0).raw_data().substr(1200));
}

TEST(SessionTest, InitializersThatAreInputsToo) {
  for (const int64_t ir_version : {3, 8}) {
    SCOPED_TRACE(ir_version);
    onnx::ModelProto model = ModelFromText(
        "<ir_version: 8, opset_import: [\"\" : 17]> g (float[300] x, float[300] w) => (float[300] y) "
        "{ y = Add(x, w) }");
    AddWeight(model, "w", {300}, true);
    model.set_ir_version(ir_version);
    const Session session = MakeSession(model);
    const Tensor zeros = Floats({300}, std::vector<float>(300, 0));
    EXPECT_EQ(Floats(RunOk(session, {{"x", zeros}})[0]), Pattern(300));
    if (ir_version >= 4) {
      EXPECT_EQ(RunOk(session, {{"x", zeros}, {"w", zeros}})[0].bytes, zeros.bytes);
    }
  }
}

TEST(SessionTest, ExtraOutputsFollowTheModelsOwn) {
  const onnx::ModelProto model = ModelFromText(kTiny);
  const Session session = MakeSession(model, {1, true, {"a", "y"}});
  EXPECT_THAT(session.output_names(), ElementsAre("y", "a", "y"));
  const std::vector<Tensor> outputs = RunOk(session, {{"x", Floats({2}, {3, -4})}});
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_THAT(Floats(outputs[1]), ElementsAre(3, 4));
  EXPECT_THAT(Floats(outputs[2]), ElementsAre(-3, -4));
  ExpectInvalid(Session::Create(TestRuntime(), model, {1, true, {"nowhere"}}).status(), "nowhere");
}

TEST(SessionTest, ModelsOnnxRuntimeRejects) {
  ExpectInvalid(Session::Create(TestRuntime(), ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> g "
                                                             "(float[2] x) => (float[2] y) { y = Frobnicate(x) }"))
                    .status(),
                "Frobnicate");
  ExpectInvalid(Session::Create(TestRuntime(), ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> g "
                                                             "(int64[2] x) => (int64[2] y) { y = Conv(x, x) }"))
                    .status(),
                "Conv");
  ExpectInvalid(Session::Create(TestRuntime(), onnx::ModelProto()).status(), "ONNX Runtime rejects the model");
}

TEST(SessionTest, InputsThatDoNotFit) {
  const onnx::ModelProto model =
      ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> g (float[n,2] x) => (float[n,2] y) { y = Neg(x) }");
  const Session session = MakeSession(model);
  const auto status = [&session](const Sample& sample) { return session.Run(sample).status(); };
  ExpectInvalid(status({}), "input 'x' is missing");
  ExpectInvalid(status({{"z", Floats({1, 2}, {0, 0})}}), "the model has no input 'z': expected 'x'");
  ExpectInvalid(status({{"x", {onnx::TensorProto::DOUBLE, {1, 2}, std::string(16, '\0')}}}),
                "input 'x': expected FLOAT, found DOUBLE");
  ExpectInvalid(status({{"x", Floats({1, 3}, {0, 0, 0})}}), "input 'x': expected [?,2], found [1,3]");
  ExpectInvalid(status({{"x", Floats({2}, {0, 0})}}), "input 'x': expected [?,2], found [2]");
  ExpectInvalid(status({{"x", Floats({2, 2}, {0, 0})}}), "input 'x': expected 16 bytes for shape [2,2], found 8");
  ExpectInvalid(status({{"x", Floats({-1, 2}, {0, 0})}}), "input 'x': expected");
  EXPECT_EQ(RunOk(session, {{"x", Floats({0, 2}, {})}})[0].bytes, "");
}

TEST(SessionTest, SizesOfZeroAreOpen) {
  const Session session = MakeSession(
      ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> g (float[0,2] x) => (float[0,2] y) { y = Neg(x) }"));
  EXPECT_THAT(Floats(RunOk(session, {{"x", Floats({2, 2}, {1, 2, 3, 4})}})[0]), ElementsAre(-1, -2, -3, -4));
  ExpectInvalid(session.Run({{"x", Floats({1, 3}, {1, 2, 3})}}).status(), "input 'x': expected [?,2], found [1,3]");
}

TEST(SessionTest, RunThatFails) {
  const onnx::ModelProto model = ModelFromText(
      "<ir_version: 8, opset_import: [\"\" : 17]> g (int64[1] i) => (float[1] y) <float[2] w = {1, 2}> "
      "{ y = Gather(w, i) }");
  const absl::Status status =
      MakeSession(model).Run({{"i", {onnx::TensorProto::INT64, {1}, std::string("\7\0\0\0\0\0\0\0", 8)}}}).status();
  ExpectInvalid(status, "ONNX Runtime cannot run the model: ");
  EXPECT_THAT(std::string(status.message()), HasSubstr("Gather"));
}

TEST(SessionTest, OutputsThatAreNoTensors) {
  const onnx::ModelProto model = ModelFromText(
      "<ir_version: 8, opset_import: [\"\" : 17]> g (float[2] x) => (seq(float[2]) s, float[2] y) "
      "{ s = SequenceConstruct(x, x)  y = Neg(x) }");
  const std::vector<Tensor> outputs = RunOk(MakeSession(model), {{"x", Floats({2}, {1, 2})}});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].data_type, onnx::TensorProto::UNDEFINED);
  EXPECT_TRUE(outputs[0].bytes.empty());
  EXPECT_THAT(Floats(outputs[1]), ElementsAre(-1, -2));
}

TEST(SessionTest, ManyThreadsShareASession) {
  const onnx::ModelProto model = ConvModel(true);
  const Session session = MakeSession(model);
  const Sample sample = {{"x", Floats({1, 16, 9, 9}, Pattern(16 * 81))}};
  const std::string expected = RunOk(session, sample)[0].bytes;
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        result = session.Run(sample)->at(0).bytes;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(results, ::testing::Each(expected));
}

SessionOptions Given(std::vector<std::string> wanted, std::map<std::string, GivenValue> given) {
  SessionOptions options;
  options.extra_outputs = std::move(wanted);
  options.own_outputs = false;
  options.given = std::move(given);
  return options;
}

TEST(SessionGivenTest, NodesBehindAGivenValueDoNotRun) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[2] x, float[2] z) => (float[2] y) { a = Frobnicate(x)  b = Neg(a)  y = Add(b, z) })");
  const Session session = MakeSession(model, Given({"b", "y"}, {{"a", {onnx::TensorProto::FLOAT, 1}}}));
  EXPECT_THAT(session.input_names(), ElementsAre("a", "z"));
  EXPECT_THAT(session.output_names(), ElementsAre("b", "y"));
  const Sample sample = {{"a", Floats({2}, {3, -4})}, {"z", Floats({2}, {10, 20})}};
  const std::vector<Tensor> outputs = RunOk(session, sample);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_THAT(Floats(outputs[0]), ElementsAre(-3, 4));
  EXPECT_THAT(Floats(outputs[1]), ElementsAre(7, 24));
  // What is fed is checked as any other input.
  ExpectInvalid(session.Run({{"z", sample.at("z")}}).status(), "input 'a' is missing");
  ExpectInvalid(session.Run({{"a", Floats({1, 2}, {0, 0})}, {"z", sample.at("z")}}).status(),
                "input 'a': expected [?], found [1,2]");
  Sample more = sample;
  more["x"] = sample.at("z");
  ExpectInvalid(session.Run(more).status(), "the model has no input 'x': expected 'a', 'z'");
}

// Before version 4 of the format every weight is a graph input, too.
TEST(SessionGivenTest, WeightsThatAreNoLongerReadAreNotAskedFor) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 3, opset_import: ["" : 9]>
      g (float[2] x, float[2] w, float[2] v) => (float[2] y) <float[2] w = {1, 2}, float[2] v = {3, 4}>
      { a = Mul(x, v)  y = Mul(a, w) })");
  const Session session = MakeSession(model, Given({"a"}, {}));
  EXPECT_THAT(session.input_names(), ElementsAre("x"));
  EXPECT_THAT(Floats(RunOk(session, {{"x", Floats({2}, {1, 10})}})[0]), ElementsAre(3, 40));
}

TEST(SessionGivenTest, GraphInputsThatAreNoLongerReadAreNotAskedFor) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[2] x, float[2] z) => (float[2] y) { a = Abs(x)  b = Neg(a)  c = Relu(z)  y = Add(b, c) })");
  EXPECT_THAT(MakeSession(model).input_names(), ElementsAre("x", "z"));
  const GivenValue vector{onnx::TensorProto::FLOAT, 1};
  EXPECT_THAT(MakeSession(model, Given({"b"}, {{"a", vector}})).input_names(), ElementsAre("a"));
  EXPECT_THAT(MakeSession(model, Given({"y"}, {{"b", vector}, {"c", vector}})).input_names(), ElementsAre("b", "c"));
  // Graph inputs may be among the given values; those that nobody reads are left out, inner ones as well.
  const std::map<std::string, GivenValue> all = {{"a", vector}, {"c", vector}, {"x", vector}, {"z", vector}};
  const Session session = MakeSession(model, Given({"b"}, all));
  EXPECT_THAT(session.input_names(), ElementsAre("a"));
  EXPECT_THAT(Floats(RunOk(session, {{"a", Floats({2}, {1, 2})}})[0]), ElementsAre(-1, -2));
}

TEST(SessionGivenTest, ScalarsIntegersAndOtherSizesThanDeclared) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[2,2] x) => (float[2,2] y) <float[2] w = {1, 2}> {
        s = ReduceSum<keepdims = 0>(x)  n = Shape(x)  f = Cast<to = 1>(n)  p = Mul(f, s)  y = Add(p, w) })");
  // Declared shapes of values that are fed do not bind.
  onnx::ValueInfoProto& declared = *model.mutable_graph()->add_value_info();
  declared.set_name("n");
  declared.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::INT64);
  declared.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(7);
  const Session session =
      MakeSession(model, Given({"y"}, {{"s", {onnx::TensorProto::FLOAT, 0}}, {"n", {onnx::TensorProto::INT64, 1}}}));
  EXPECT_THAT(session.input_names(), ElementsAre("n", "s"));
  const Tensor sizes = {onnx::TensorProto::INT64, {2}, std::string("\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 16)};
  EXPECT_THAT(Floats(RunOk(session, {{"s", Floats({}, {10})}, {"n", sizes}})[0]), ElementsAre(31, 42));
  ExpectInvalid(session.Run({{"s", Floats({1}, {10})}, {"n", sizes}}).status(), "input 's': expected [], found [1]");
}

TEST(SessionGivenTest, LentWeightsBehindAGivenValueAreLeftOut) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[300] x) => (float[300] y) { a = Mul(x, v)  y = Add(a, w) })");
  AddWeight(model, "v", {300}, true);
  AddWeight(model, "w", {300}, true);
  for (const bool optimize : {false, true}) {
    SessionOptions options = Given({"y"}, {{"a", {onnx::TensorProto::FLOAT, 1}}});
    options.optimize = optimize;
    const Session session = MakeSession(model, options);
    EXPECT_THAT(session.input_names(), ElementsAre("a"));
    EXPECT_EQ(Floats(RunOk(session, {{"a", Floats({300}, std::vector<float>(300, 0))}})[0]), Pattern(300));
  }
}

}  // namespace
}  // namespace cnnopt
