// Files from ten exporters: valid models that are odd in one way each, through the whole job. A layer is slimmed and
// keeps what made it odd, or it is kept byte for byte with a reason.
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/model_file.h"
#include "onnx_io/validate.h"
#include "passes/slim.h"
#include "tests/testing/model.h"
#include "tests/testing/slim_checks.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::ModelFromText;
using testing::RandomModel;
using testing::TempFolder;

const Shape kInput = {1, 16, 6, 6};
constexpr char kConv[] = "y = Conv<pads = [1,1,1,1]>(x, w)";

onnx::ModelProto OneConv() { return RandomModel(kConv, kInput, {{"w", {24, 16, 3, 3}}}); }

// As dsc of rank 1, by weights only, without ONNX Runtime.
SlimOptions RankOne() {
  SlimOptions options;
  options.passes = {{"dsc", 1}};
  options.fit = Fit::kWeights;
  options.verify = Verify::kOff;
  options.measure_latency = false;
  options.threads = 1;
  return options;
}

// Runs the job on `model` after it went through a file, and checks what holds for every outcome.
SlimReport Slimmed(onnx::ModelProto& model, const SlimOptions& options = RankOne()) {
  const TempFolder folder;
  EXPECT_THAT(WriteModel(model, folder.Path("m.onnx")), IsOk());
  absl::StatusOr<ModelFile> file = ReadModel(folder.Path("m.onnx"));
  EXPECT_THAT(file, IsOk());
  if (!file.ok()) return {};
  model = file->proto;
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  EXPECT_THAT(report, IsOk());
  if (!report.ok()) return {};
  EXPECT_THAT(ValidateModel(model), IsOk());
  EXPECT_THAT(CheckWithOnnx(model), IsOk());
  if (report->verdict != Verdict::kSlimmed) {
    EXPECT_EQ(model.SerializeAsString(), file->proto.SerializeAsString());
  }
  return *report;
}

void ExpectSlimmed(onnx::ModelProto model, const std::function<void(const onnx::ModelProto& slim)>& check = {}) {
  const SlimReport report = Slimmed(model);
  EXPECT_EQ(report.verdict, Verdict::kSlimmed) << report.reason;
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_THAT(report.layers[0].now, HasSubstr("dsc rank 1")) << report.layers[0].reason;
  if (check) check(model);
}

// The only layer is kept, for a reason with these words.
void ExpectKept(onnx::ModelProto model, const std::string& reason) {
  const SlimReport report = Slimmed(model);
  EXPECT_NE(report.verdict, Verdict::kSlimmed);
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_EQ(report.layers[0].now, "");
  EXPECT_THAT(report.layers[0].reason, HasSubstr(reason));
}

std::vector<std::string> Ops(const onnx::GraphProto& graph) {
  std::vector<std::string> ops;
  for (const onnx::NodeProto& node : graph.node()) ops.push_back(node.op_type());
  return ops;
}

const onnx::NodeProto* Find(const onnx::GraphProto& graph, const std::string& op) {
  for (const onnx::NodeProto& node : graph.node()) {
    if (node.op_type() == op) return &node;
  }
  return nullptr;
}

onnx::TensorProto TakeWeight(onnx::ModelProto& model) {
  onnx::TensorProto weight = model.graph().initializer(0);
  model.mutable_graph()->clear_initializer();
  return weight;
}

// The same numbers in the field of their type.
onnx::TensorProto TypedField(const onnx::TensorProto& tensor) {
  onnx::TensorProto like;
  like.set_data_type(tensor.data_type());
  like.add_float_data(0);
  like.add_double_data(0);
  like.add_int32_data(0);
  return EncodeFloats(tensor.name(), TensorShape(tensor), DecodeFloats(tensor).value(), like).value();
}

// --- versions

// Newer ones than the library knows pass through.
TEST(OddModels, EveryOperatorSet) {
  for (int64_t opset = 1; opset <= 28; ++opset) {
    SCOPED_TRACE(opset);
    onnx::ModelProto model = OneConv();
    model.mutable_opset_import(0)->set_version(opset);
    ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
      ASSERT_EQ(slim.opset_import_size(), 1);
      EXPECT_EQ(slim.opset_import(0).version(), opset);
    });
  }
}

TEST(OddModels, EveryFormatVersion) {
  for (int64_t version = 3; version <= 14; ++version) {
    SCOPED_TRACE(version);
    onnx::ModelProto model = OneConv();
    model.set_ir_version(version);
    if (version < 4) {  // which wants weights among the inputs
      onnx::ValueInfoProto& input = *model.mutable_graph()->add_input();
      input.set_name("w");
      input.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
      for (const int64_t dim : {24, 16, 3, 3}) {
        input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
      }
    }
    ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
      EXPECT_EQ(slim.ir_version(), version);
      // Every weight is listed, and none that is gone.
      EXPECT_EQ(slim.graph().input_size(), version < 4 ? 1 + slim.graph().initializer_size() : 1);
    });
  }
}

// Several operator sets in any order; the standard one by its other name.
TEST(OddModels, DomainsInAnyOrder) {
  onnx::ModelProto model = OneConv();
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  for (const char* domain : {"com.microsoft", "ai.onnx.ml", "my.ops"}) {
    onnx::OperatorSetIdProto& import = *model.add_opset_import();
    import.set_domain(domain);
    import.set_version(1);
  }
  model.mutable_opset_import()->SwapElements(0, 2);
  model.mutable_graph()->mutable_node(0)->set_domain("ai.onnx");
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) { EXPECT_EQ(slim.opset_import_size(), 4); });
}

TEST(OddModels, ForeignOperatorsAreLeftAlone) {
  onnx::ModelProto model = RandomModel("a = Conv(x, w) y = Relu(a)", kInput, {{"w", {24, 16, 3, 3}}});
  onnx::OperatorSetIdProto& import = *model.add_opset_import();
  import.set_domain("com.microsoft");
  import.set_version(1);
  onnx::NodeProto foreign = model.graph().node(0);  // com.microsoft.Conv is no Conv we know
  foreign.set_domain("com.microsoft");
  foreign.set_output(0, "f");
  *model.mutable_graph()->add_node() = foreign;
  model.mutable_graph()->add_output()->set_name("f");
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
    int same = 0;
    for (const onnx::NodeProto& node : slim.graph().node())
      same += node.SerializeAsString() == foreign.SerializeAsString();
    EXPECT_EQ(same, 1);
  });
}

// --- where weights are

TEST(OddModels, WeightInAConstantNode) {
  onnx::ModelProto model = OneConv();
  onnx::NodeProto constant;
  constant.set_op_type("Constant");
  constant.add_output("w");
  onnx::AttributeProto& value = *constant.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  *value.mutable_t() = TakeWeight(model);
  *model.mutable_graph()->add_node() = constant;
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  ExpectSlimmed(model, [](const onnx::ModelProto& slim) { EXPECT_EQ(Find(slim.graph(), "Constant"), nullptr); });
}

TEST(OddModels, BiasAsValueFloats) {
  onnx::ModelProto model = RandomModel(
      "b = Constant<value_floats = [1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0]>() y = Conv(x, w, "
      "b)",
      kInput, {{"w", {16, 16, 3, 3}}});
  ExpectSlimmed(model);
}

TEST(OddModels, WeightBehindIdentityCastTransposeReshape) {
  for (const char* nodes : {"v = Identity(w) y = Conv(x, v)", "v = Cast<to = 1>(w) y = Conv(x, v)",
                            "v = Transpose<perm = [0,1,3,2]>(w) y = Conv(x, v)",
                            "n = Constant<value_ints = [24,16,3,-1]>() v = Reshape(w, n) y = Conv(x, v)"}) {
    SCOPED_TRACE(nodes);
    onnx::ModelProto model = RandomModel(nodes, kInput, {{"w", {24, 16, 3, 3}}});
    SlimOptions options = RankOne();
    options.cleanup = true;
    const SlimReport report = Slimmed(model, options);
    ASSERT_EQ(report.layers.size(), 1u);
    EXPECT_EQ(report.verdict, Verdict::kSlimmed) << report.layers[0].reason;
  }
}

TEST(OddModels, WeightsThatAreNoConstants) {
  ExpectKept(RandomModel("v = Relu(w) y = Conv(x, v)", kInput, {{"w", {24, 16, 3, 3}}}),
             "its weight is not a constant");
  ExpectKept(
      RandomModel("b = ReduceMean<axes = [0,2,3], keepdims = 0>(x) y = Conv(x, w, b)", kInput, {{"w", {16, 16, 3, 3}}}),
      "its bias is not a constant");
}

TEST(OddModels, AWeightThatIsAGraphInput) {
  onnx::ModelProto model = RandomModel("y = Conv(x, w)", kInput, {});
  onnx::ValueInfoProto& weight = *model.mutable_graph()->add_input();
  weight = model.graph().input(0);
  weight.set_name("w");
  ASSERT_THAT(ValidateModel(model), IsOk());
  ExpectKept(model, "its weight is not a constant");
  // The same with a value that a caller may replace.
  model = OneConv();
  onnx::ValueInfoProto& replaceable = *model.mutable_graph()->add_input();
  replaceable.set_name("w");
  replaceable.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  ExpectKept(model, "its weight is not a constant");
}

TEST(OddModels, ABiasThatIsTheEmptyString) {
  onnx::ModelProto model = OneConv();
  model.mutable_graph()->mutable_node(0)->add_input("");
  ExpectSlimmed(model);
}

// The other reader still sees the old weight.
TEST(OddModels, ASharedWeight) {
  onnx::ModelProto model = RandomModel("a = Conv<pads = [1,1,1,1]>(x, w) s = ReduceSum<keepdims = 0>(w) y = Mul(a, s)",
                                       kInput, {{"w", {24, 16, 3, 3}}});
  const std::string weight = model.graph().initializer(0).SerializeAsString();
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
    int found = 0;
    for (const onnx::TensorProto& tensor : slim.graph().initializer()) found += tensor.SerializeAsString() == weight;
    EXPECT_EQ(found, 1);
  });
}

// The model is malformed, but only folding shows that: an error that says so and blames nobody else.
TEST(OddModels, ABiasOfTheWrongShapeBehindIdentity) {
  onnx::ModelProto model =
      RandomModel("b = Identity(v) y = Conv(x, w, b)", kInput, {{"w", {24, 16, 3, 3}}, {"v", {12}}});
  ASSERT_THAT(ValidateModel(model), IsOk());
  EXPECT_THAT(Slim(model, RankOne()),
              testing::FailsWith(absl::StatusCode::kInvalidArgument, "bias has dims [12], expected [24]"));
}

// --- quantised models

TEST(OddModels, QuantizedConvsAreKept) {
  const char* dequantized =
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,4,4] x) => (float[1,2,2,2] y)
         <int8[2,2,3,3] q = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9},
          float s = {0.1}, int8 z = {0}> { w = DequantizeLinear(q, s, z) y = Conv(x, w) })";
  ExpectKept(ModelFromText(dequantized), "its weight is not a constant");
  for (const char* nodes : {"y = QLinearConv(x, s, z, q, s, z, s, z)", "y = ConvInteger(x, q)"}) {
    SCOPED_TRACE(nodes);
    const bool integer = absl::string_view(nodes).find("Integer") != absl::string_view::npos;
    onnx::ModelProto model = ModelFromText(absl::StrCat(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (uint8[1,1,4,4] x) => ()", integer ? "int32" : "uint8",
        R"([1,1,2,2] y) <uint8[1,1,3,3] q = {1,2,3,4,5,6,7,8,9}, float s = {0.1}, uint8 z = {0}> {)", nodes, "}"));
    const SlimReport report = Slimmed(model);
    EXPECT_EQ(report.verdict, Verdict::kUnchanged);
  }
}

// A model that is quantised in part: the rest is slimmed.
TEST(OddModels, BesideAQuantizedConvTheOthersAreSlimmed) {
  onnx::ModelProto model = RandomModel(
      "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) a = Conv<pads = [1,1,1,1]>(d, w) y = Relu(a)", kInput,
      {{"w", {24, 16, 3, 3}}});
  onnx::TensorProto& scale = *model.mutable_graph()->add_initializer();
  scale.set_name("s");
  scale.set_data_type(onnx::TensorProto::FLOAT);
  scale.add_float_data(0.1F);
  onnx::TensorProto& zero = *model.mutable_graph()->add_initializer();
  zero.set_name("z");
  zero.set_data_type(onnx::TensorProto::UINT8);
  zero.add_int32_data(128);
  ExpectSlimmed(model, [](const onnx::ModelProto& slim) {
    EXPECT_NE(Find(slim.graph(), "QuantizeLinear"), nullptr);
    EXPECT_NE(Find(slim.graph(), "DequantizeLinear"), nullptr);
  });
}

TEST(OddModels, ConvTransposeIsKept) {
  ExpectKept(RandomModel("y = ConvTranspose(x, w)", kInput, {{"w", {16, 24, 3, 3}}}), "no form for ConvTranspose");
}

// --- numbers

// With one to three spatial axes.
TEST(OddModels, EveryDtypeStaysWhatItIs) {
  const Shape sizes = {16, 6, 6, 6}, kernel = {24, 16, 5, 3, 3};
  for (const int32_t type :
       {onnx::TensorProto::FLOAT, onnx::TensorProto::FLOAT16, onnx::TensorProto::BFLOAT16, onnx::TensorProto::DOUBLE}) {
    for (int axes = 1; axes <= 3; ++axes) {
      for (const bool raw : {false, true}) {
        SCOPED_TRACE(absl::StrCat(type, raw ? " raw, axes: " : " typed, axes: ", axes));
        Shape input = {1};
        input.insert(input.end(), sizes.begin(), sizes.begin() + axes + 1);
        onnx::ModelProto model = testing::WithFloatType(
            RandomModel("y = Conv(x, w)", input, {{"w", Shape(kernel.begin(), kernel.begin() + axes + 2)}}), type);
        onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
        if (!raw) weight = TypedField(weight);
        ASSERT_EQ(weight.has_raw_data(), raw);
        ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
          EXPECT_GE(slim.graph().initializer_size(), 2);
          for (const onnx::TensorProto& tensor : slim.graph().initializer()) {
            EXPECT_EQ(tensor.data_type(), type);
            EXPECT_EQ(tensor.has_raw_data(), raw);
            EXPECT_EQ(tensor.dims_size(), axes + 2);
          }
        });
      }
    }
  }
}

TEST(OddModels, NumbersThatAreNone) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    onnx::ModelProto model = OneConv();
    onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
    weight = TypedField(weight);
    weight.set_float_data(5, odd);
    weight.set_float_data(7, odd);
    ExpectKept(model, "holds 2 NaN or infinite values");
  }
}

TEST(OddModels, ZerosAndDenormals) {
  for (const float value : {0.0F, 1e-42F, 3e38F}) {
    SCOPED_TRACE(value);
    onnx::ModelProto model = OneConv();
    onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
    weight = TypedField(weight);
    for (float& number : *weight.mutable_float_data()) number = value;
    const SlimReport report = Slimmed(model);
    ASSERT_EQ(report.layers.size(), 1u);
    for (const onnx::TensorProto& tensor : model.graph().initializer()) {
      const std::vector<double> numbers = DecodeFloats(tensor).value();
      for (const double number : numbers) EXPECT_TRUE(std::isfinite(number));
    }
  }
}

// --- names, order, shapes

TEST(OddModels, NamesOfAllKinds) {
  const std::string long_name(1 << 20, 'n');
  for (const std::string& name : {std::string("123"), std::string("a:b/c d"), std::string("\xff\xfe"), long_name}) {
    SCOPED_TRACE(name.substr(0, 10));
    onnx::ModelProto model =
        RandomModel("a = Conv<pads = [1,1,1,1]>(x, w) b = Relu(a) y = Relu(b)", kInput, {{"w", {24, 16, 3, 3}}});
    onnx::GraphProto& graph = *model.mutable_graph();
    for (onnx::NodeProto& node : *graph.mutable_node()) node.set_name("same");
    graph.mutable_node(0)->set_output(0, name);
    graph.mutable_node(1)->set_input(0, name);
    ExpectSlimmed(model);
  }
}

TEST(OddModels, NodesOutOfOrder) {
  onnx::ModelProto model = RandomModel("a = Relu(x) b = Conv(a, w) y = Relu(b)", kInput, {{"w", {24, 16, 3, 3}}});
  model.mutable_graph()->mutable_node()->SwapElements(0, 2);
  ExpectSlimmed(model);
}

TEST(OddModels, OpenSizesAndStaleShapes) {
  onnx::ModelProto model = RandomModel("a = Conv(x, w) y = Relu(a)", kInput, {{"w", {24, 16, 3, 3}}});
  auto& dims = *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  dims.mutable_dim(0)->set_dim_param("N");
  dims.mutable_dim(2)->set_dim_param("H");
  dims.mutable_dim(3)->clear_dim_value();
  onnx::ValueInfoProto& stale = *model.mutable_graph()->add_value_info();
  stale.set_name("a");
  stale.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  stale.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(7);
  ExpectSlimmed(model, [](const onnx::ModelProto& slim) {
    for (const onnx::ValueInfoProto& info : slim.graph().value_info()) EXPECT_NE(info.name(), "a");
  });
}

// Sizes that only a declaration can have.
TEST(OddModels, ShapesBeyondAllNumbers) {
  const std::vector<const char*> convs = {kConv, "y = Conv<auto_pad = \"SAME_UPPER\", strides = [2,2]>(x, w)"};
  for (const int64_t size : {int64_t{1} << 31, int64_t{1} << 40, std::numeric_limits<int64_t>::max()}) {
    for (const char* conv : convs) {
      onnx::ModelProto model = RandomModel(conv, kInput, {{"w", {24, 16, 3, 3}}});
      auto& dims = *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
      for (const int i : {0, 2, 3}) dims.mutable_dim(i)->set_dim_value(size);
      const SlimReport report = Slimmed(model);
      ASSERT_EQ(report.layers.size(), 1u);
      EXPECT_EQ(report.layers[0].macs_before, std::nullopt);
    }
  }
}

// --- structure

TEST(OddModels, OutputReadByManyAndByTheCaller) {
  onnx::ModelProto model =
      RandomModel("a = Conv(x, w) b = Relu(a) c = Sigmoid(a) y = Add(b, c)", kInput, {{"w", {24, 16, 3, 3}}});
  model.mutable_graph()->add_output()->set_name("a");
  ExpectSlimmed(model);
}

// Branches read the weight and the Conv's output and hold a Conv of their own; all of that stays.
TEST(OddModels, SubgraphsReadOuterValues) {
  onnx::ModelProto model = RandomModel(
      R"(a = Conv<pads = [1,1,1,1]>(x, w)
         y = If (c) <then_branch = t () => (float[1,24,6,6] p) { p = Relu(a) },
                     else_branch = e () => (float[1,24,6,6] q) { q = Conv<pads = [1,1,1,1]>(x, w) }>)",
      kInput, {{"w", {24, 16, 3, 3}}});
  onnx::ValueInfoProto& condition = *model.mutable_graph()->add_input();
  condition.set_name("c");
  condition.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::BOOL);
  condition.mutable_type()->mutable_tensor_type()->mutable_shape();
  const std::string branches = Find(model.graph(), "If")->SerializeAsString();
  const std::string weight = model.graph().initializer(0).SerializeAsString();
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
    ASSERT_NE(Find(slim.graph(), "If"), nullptr);
    EXPECT_EQ(Find(slim.graph(), "If")->SerializeAsString(), branches);
    EXPECT_EQ(slim.graph().initializer(0).SerializeAsString(), weight);
  });
}

TEST(OddModels, LoopsAreLeftAlone) {
  onnx::ModelProto model = RandomModel(
      R"(a = Conv<pads = [1,1,1,1]>(x, w)
         y = Loop (n, "", a) <body = b (int64 i, bool go, float[1,16,6,6] s) => (bool go_on, float[1,16,6,6] t)
             { go_on = Identity(go) u = Conv<pads = [1,1,1,1]>(s, w) t = Relu(u) }>)",
      kInput, {{"w", {16, 16, 3, 3}}});
  onnx::TensorProto& count = *model.mutable_graph()->add_initializer();
  count.set_name("n");
  count.set_data_type(onnx::TensorProto::INT64);
  count.add_int64_data(2);
  const std::string loop = Find(model.graph(), "Loop")->SerializeAsString();
  ExpectSlimmed(
      model, [&](const onnx::ModelProto& slim) { EXPECT_EQ(Find(slim.graph(), "Loop")->SerializeAsString(), loop); });
}

TEST(OddModels, ScansAreLeftAlone) {
  onnx::ModelProto model = RandomModel(
      R"(a = Conv<pads = [1,1,1,1]>(x, w)
         f, y = Scan<num_scan_inputs = 1, body = b (float[1,16,6,6] s, float[16,6,6] i)
                     => (float[1,16,6,6] t, float[1,16,6,6] o)
             { u = Conv<pads = [1,1,1,1]>(s, w) o = Add(u, i) t = Identity(o) }>(a, a))",
      kInput, {{"w", {16, 16, 3, 3}}});
  const std::string scan = Find(model.graph(), "Scan")->SerializeAsString();
  ExpectSlimmed(
      model, [&](const onnx::ModelProto& slim) { EXPECT_EQ(Find(slim.graph(), "Scan")->SerializeAsString(), scan); });
}

TEST(OddModels, FunctionsAreLeftAlone) {
  onnx::ModelProto model = ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
         g (float[1,16,6,6] x) => (float[1,24,4,4] y) { a = Conv(x, w) y = local.block(a, v) }
         <opset_import: ["" : 17], domain: "local">
         block (p, k) => (r) { q = Conv(p, k) r = Relu(q) })");
  const onnx::ModelProto weights = RandomModel("y = Relu(x)", kInput, {{"w", {24, 16, 3, 3}}, {"v", {24, 24, 1, 1}}});
  *model.mutable_graph()->mutable_initializer() = weights.graph().initializer();
  const std::string function = model.functions(0).SerializeAsString();
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
    ASSERT_EQ(slim.functions_size(), 1);
    EXPECT_EQ(slim.functions(0).SerializeAsString(), function);
  });
}

// A Conv with an operator's name may be a function of the model.
TEST(OddModels, AFunctionCalledConvIsNoConv) {
  onnx::ModelProto model = ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
         g (float[1,16,6,6] x) => (float[1,16,6,6] y) { y = local.Conv(x, w) }
         <opset_import: ["" : 17], domain: "local"> Conv (p, k) => (r) { r = Relu(p) })");
  *model.mutable_graph()->mutable_initializer() =
      RandomModel("y = Relu(x)", kInput, {{"w", {24, 16, 3, 3}}}).graph().initializer();
  const SlimReport report = Slimmed(model);
  EXPECT_EQ(report.verdict, Verdict::kUnchanged);
  EXPECT_TRUE(report.layers.empty());
}

// --- what else a file may say

TEST(OddModels, EverythingElseSurvives) {
  onnx::ModelProto model = RandomModel("a = Conv<pads = [1,1,1,1]>(x, w) y = Relu(a)", kInput, {{"w", {24, 16, 3, 3}}});
  model.set_doc_string("about the model");
  model.set_producer_name("someone");
  onnx::StringStringEntryProto& property = *model.add_metadata_props();
  property.set_key("k");
  property.set_value("v");
  onnx::TrainingInfoProto& training = *model.add_training_info();
  training.mutable_algorithm()->set_name("sgd");
  onnx::TensorAnnotation& annotation = *model.mutable_graph()->add_quantization_annotation();
  annotation.set_tensor_name("y");
  onnx::NodeProto& conv = *model.mutable_graph()->mutable_node(0);
  conv.set_doc_string("about the layer");
  onnx::StringStringEntryProto& note = *conv.add_metadata_props();
  note.set_key("layer");
  note.set_value("first");
  model.GetReflection()->MutableUnknownFields(&model)->AddLengthDelimited(9999, "of the future");
  ExpectSlimmed(model, [&](const onnx::ModelProto& slim) {
    EXPECT_EQ(slim.doc_string(), "about the model");
    EXPECT_EQ(slim.producer_name(), "someone");
    ASSERT_EQ(slim.metadata_props_size(), 1);
    EXPECT_EQ(slim.metadata_props(0).SerializeAsString(), property.SerializeAsString());
    ASSERT_EQ(slim.training_info_size(), 1);
    EXPECT_EQ(slim.training_info(0).algorithm().name(), "sgd");
    ASSERT_EQ(slim.graph().quantization_annotation_size(), 1);
    EXPECT_EQ(slim.GetReflection()->GetUnknownFields(slim).field_count(), 1);
    int inherited = 0;
    for (const onnx::NodeProto& node : slim.graph().node()) {
      if (node.op_type() != "Conv") continue;
      EXPECT_EQ(node.doc_string(), "about the layer");
      ASSERT_EQ(node.metadata_props_size(), 1);
      EXPECT_EQ(node.metadata_props(0).value(), "first");
      ++inherited;
    }
    EXPECT_EQ(inherited, 2);
  });
}

// Attributes that a Conv need not have, and those that automatic padding sets.
TEST(OddModels, AttributesInEveryArrangement) {
  for (const char* nodes :
       {"y = Conv(x, w)",
        "y = Conv<kernel_shape = [3,3], dilations = [1,1], group = 1, strides = [1,1], pads = [0,0,0,0]>(x, w)",
        "y = Conv<auto_pad = \"SAME_UPPER\", strides = [2,2]>(x, w)", "y = Conv<auto_pad = \"SAME_LOWER\">(x, w)",
        "y = Conv<auto_pad = \"VALID\">(x, w)", "y = Conv<auto_pad = \"NOTSET\", pads = [0,1,2,1]>(x, w)",
        "y = Conv<dilations = [2,1]>(x, w)"}) {
    SCOPED_TRACE(nodes);
    ExpectSlimmed(RandomModel(nodes, kInput, {{"w", {24, 16, 3, 3}}}));
  }
  ExpectSlimmed(RandomModel("y = Conv<group = 2>(x, w)", kInput, {{"w", {24, 8, 3, 3}}}));
  onnx::ModelProto open =
      RandomModel("y = Conv<auto_pad = \"SAME_UPPER\", strides = [2,2]>(x, w)", kInput, {{"w", {24, 16, 3, 3}}});
  open.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->clear_dim_value();
  ExpectKept(open, "depends on the input's size");
}

// Per group, or kept. One channel in and out is no depthwise layer, which have no channels to mix.
TEST(OddModels, GroupsOfAllKinds) {
  const auto grouped = [](int64_t group, int64_t in, int64_t out, int64_t kernel) {
    return RandomModel(absl::StrCat("y = Conv<group = ", group, ">(x, w)"), {1, in, 12, 12},
                       {{"w", {out, in / group, kernel, kernel}}});
  };
  ExpectSlimmed(grouped(4, 64, 96, 3));
  ExpectKept(grouped(16, 16, 16, 3), "depthwise already");
  ExpectKept(grouped(16, 16, 32, 3), "depthwise already");  // with a multiplier
  ExpectKept(grouped(1, 1, 1, 3), "rank 1 is not cheaper than the layer");
}

TEST(OddModels, APadNodeStaysWhereItIs) {
  onnx::ModelProto model = RandomModel("p = Pad(x, n) y = Conv(p, w)", kInput, {{"w", {24, 16, 3, 3}}});
  onnx::TensorProto& pads = *model.mutable_graph()->add_initializer();
  pads.set_name("n");
  pads.set_data_type(onnx::TensorProto::INT64);
  pads.add_dims(8);
  for (const int64_t pad : {0, 0, 1, 2, 0, 0, 0, 1}) pads.add_int64_data(pad);
  ExpectSlimmed(model, [](const onnx::ModelProto& slim) { EXPECT_EQ(Ops(slim.graph()).front(), "Pad"); });
}

}  // namespace
}  // namespace cnnopt
