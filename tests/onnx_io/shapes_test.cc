#include "onnx_io/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelFromText;
using ::testing::Pair;
using Shapes = std::map<std::string, Shape>;

onnx::ModelProto TwoInputs(const std::string& images, const std::string& mask) {
  return ModelFromText("<ir_version: 8, opset_import: [\"\" : 17]> g (float" + images + " images, float" + mask +
                       " mask, float[4] w) => (float[4] y) <float[4] w = {1, 2, 3, 4}> { y = Op(images, mask, w) }");
}

TEST(InputShapes, AnUnknownFirstDimensionIsBatchOne) {
  const auto shapes = InputShapes(TwoInputs("[N,3,8,8]", "[2,5]"), {});
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_THAT(*shapes, ElementsAre(Pair("images", Shape{1, 3, 8, 8}), Pair("mask", Shape{2, 5})));
}

// Some exporters write 0 for a size that is open.
TEST(InputShapes, SizesOfZeroAreOpen) {
  EXPECT_EQ(InputShapes(TwoInputs("[0,3,8,8]", "[2,5]"), {})->at("images"), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(InputShapes(TwoInputs("[0,3,0,8]", "[2,5]"), {{"images", {4, 3, 16, 8}}})->at("images"),
            (Shape{4, 3, 16, 8}));
  EXPECT_THAT(std::string(InputShapes(TwoInputs("[0,3,0,8]", "[2,5]"), {}).status().message()),
              HasSubstr("give --input-shape=images:1,3,224,8"));
}

TEST(InputShapes, GivenShapesAndTheirNamedDimensions) {
  const auto shapes = InputShapes(TwoInputs("[N,3,H,W]", "[N,H]"), {{"images", {4, 3, 16, 32}}});
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_EQ(shapes->at("images"), (Shape{4, 3, 16, 32}));
  EXPECT_EQ(shapes->at("mask"), (Shape{4, 16}));
}

TEST(InputShapes, SaysWhatToGive) {
  const auto message = [](const std::string& images, const Shapes& given) {
    const auto shapes = InputShapes(TwoInputs(images, "[2]"), given);
    EXPECT_EQ(shapes.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(shapes.status().message());
  };
  EXPECT_THAT(message("[N,3,H,W]", {}), HasSubstr("give --input-shape=images:1,3,224,224"));
  EXPECT_THAT(message("[2,1,H,64]", {}), HasSubstr("give --input-shape=images:2,1,224,64"));
  EXPECT_THAT(message("[]", {}), HasSubstr("give --input-shape=images:1,3,224,224"));
  EXPECT_THAT(message("[N,3,H,W]", {{"image", {1, 3, 8, 8}}}), HasSubstr("no input 'image'; its inputs are: images"));
  EXPECT_THAT(message("[N,3,H,W]", {{"w", {4}}}), HasSubstr("no input 'w'"));
  EXPECT_THAT(message("[N,3,H,W]", {{"images", {1, 3, 8}}}), HasSubstr("4 dimensions, the shape given 3"));
  EXPECT_THAT(message("[N,3,H,W]", {{"images", {1, 4, 8, 8}}}), HasSubstr("dimension 1 is 3, the shape given has 4"));
  EXPECT_THAT(message("[N,3,H,W]", {{"images", {1, 3, 0, 8}}}), HasSubstr("below 1"));
}

constexpr char kNet[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,H,W] x) => (float[N,7] y)
    <float[4,3,3,3] w, float[1,9,9,9] c, int64[2] s = {0, -1}> {
      c = Conv <strides = [2,2]> (x, w)
      r = Relu(c)
      f = Reshape(r, s)
      y = Identity(f)
    })";

onnx::ModelProto Net() {
  onnx::ModelProto model = ModelFromText(kNet);
  onnx::TensorProto& w = *model.mutable_graph()->add_initializer();
  w.set_name("w");
  w.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {4, 3, 3, 3}) {
    w.add_dims(dim);
  }
  w.set_raw_data(std::string(4 * 108, '\0'));
  return model;
}

TEST(InferShapes, OverridesStaleShapesAndReadsSmallConstants) {
  const onnx::ModelProto model = Net();
  const std::string before = model.SerializeAsString();
  const Shapes shapes = InferShapes(model, {{"x", {2, 3, 9, 11}}});
  EXPECT_EQ(shapes.at("x"), (Shape{2, 3, 9, 11}));
  EXPECT_EQ(shapes.at("w"), (Shape{4, 3, 3, 3}));
  EXPECT_EQ(shapes.at("c"), (Shape{2, 4, 4, 5})) << "value_info says otherwise";
  EXPECT_EQ(shapes.at("r"), (Shape{2, 4, 4, 5}));
  EXPECT_EQ(shapes.at("f"), (Shape{2, 80}));
  EXPECT_EQ(shapes.at("y"), (Shape{2, 80})) << "the declared output says otherwise";
  EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(InferShapes, BigPayloadsAreNotNeeded) {
  onnx::ModelProto model = Net();
  onnx::TensorProto& w = *model.mutable_graph()->mutable_initializer(1);
  w.set_dims(0, 64);
  w.set_raw_data(std::string(4 * 64 * 27, '\0'));
  const Shapes shapes = InferShapes(model, {{"x", {1, 3, 9, 9}}});
  EXPECT_EQ(shapes.at("c"), (Shape{1, 64, 4, 4}));
  EXPECT_EQ(shapes.at("w"), (Shape{64, 3, 3, 3}));
}

TEST(InferShapes, BigWeightsInConstantNodes) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,3,8,8] x) => (float[1,64,6,6] y) { w = Constant <value = float[1] {0}> ()  y = Conv(x, w) })");
  onnx::TensorProto& w = *model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_t();
  w.clear_dims();
  w.clear_float_data();
  for (const int64_t dim : {64, 3, 3, 3}) {
    w.add_dims(dim);
  }
  w.set_raw_data(std::string(4 * 64 * 27, '\0'));
  const Shapes shapes = InferShapes(model, {{"x", {1, 3, 8, 8}}});
  EXPECT_EQ(shapes.at("w"), (Shape{64, 3, 3, 3}));
  EXPECT_EQ(shapes.at("y"), (Shape{1, 64, 6, 6}));
}

TEST(InferShapes, PropagatesShapeArithmetic) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,H,W] x) => (float[A,B] y) <int64[1] zero = {0}, int64[1] rest = {-1}> {
      s = Shape(x)
      n = Gather <axis = 0> (s, zero)
      t = Concat <axis = 0> (n, rest)
      y = Reshape(x, t)
    })");
  EXPECT_EQ(InferShapes(model, {{"x", {2, 3, 4, 5}}}).at("y"), (Shape{2, 60}));
}

// onnx follows vectors number by number; a length that is only declared must not take memory and time.
TEST(InferShapes, LongVectorsAreNotFollowed) {
  for (const char* nodes :
       {"y = Gather(n, i)", "y = Add(n, i)", "y = Cast<to = 7>(n)", "y = Concat<axis = 0>(n, n)", "y = Squeeze(n)",
        "y = Unsqueeze(n, i)", "y = Slice(n, i, i)", "y = Size(n)", "e = Shape(n) z = Expand(i, e) y = Add(z, i)"}) {
    SCOPED_TRACE(nodes);
    const auto start = std::chrono::steady_clock::now();
    InferShapes(ModelFromText(absl::StrCat(
                    R"(<ir_version: 8, opset_import: ["" : 17]> g (int64[1000000000000] n) => (int64[A] y)
                       <int64[1] i = {0}> {)",
                    nodes, "}")),
                {});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  }
}

// Nor do many short ones become a long one.
TEST(InferShapes, DoubledVectorsAreNotFollowed) {
  std::string nodes = "v0 = Concat<axis = 0>(i, i)";
  for (int k = 1; k < 40; ++k) absl::StrAppend(&nodes, " v", k, " = Concat<axis = 0>(v", k - 1, ", v", k - 1, ")");
  const Shapes shapes = InferShapes(ModelFromText(absl::StrCat(
                                        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (int64[A] v39)
                                           <int64[1] i = {0}> {)",
                                        nodes, "}")),
                                    {});
  EXPECT_EQ(shapes.at("v39"), (Shape{int64_t{1} << 40}));
}

// For each nested graph onnx copies a table of all values around it: thousands of them would take minutes.
TEST(InferShapes, ManyNestedGraphsAreNotFollowed) {
  for (const int count : {10, 20'000}) {
    onnx::ModelProto model = ModelFromText(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[2,3] x, bool c) => (float[A,B] y) {
          z0 = If(c) <then_branch = t () => (float[A,B] t0) { t0 = Relu(x) },
                      else_branch = e () => (float[A,B] e0) { e0 = Neg(x) }>
          y = Transpose(x)
        })");
    const onnx::NodeProto first = model.graph().node(0);
    for (int i = 1; i < count; ++i) {
      onnx::NodeProto& node = *model.mutable_graph()->add_node();
      node = first;
      node.set_output(0, absl::StrCat("z", i));
    }
    const auto start = std::chrono::steady_clock::now();
    const Shapes shapes = InferShapes(model, {{"x", {2, 3}}});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_EQ(shapes.at("y"), (Shape{3, 2}));
    EXPECT_EQ(shapes.contains("z0"), count == 10);
  }
}

// A few functions that call each other three times each are half a million nodes, followed one by one.
TEST(InferShapes, ManyCallsAreNotFollowed) {
  for (const int functions : {3, 12}) {
    std::string text = R"(<ir_version: 8, opset_import: ["" : 17, "d" : 1]> g (float[2,3] x) => (float[A,B] y) {
        z = d.f0(x)
        y = Transpose(x)
      })";
    for (int f = 0; f < functions; ++f) {
      const std::string op = f + 1 < functions ? absl::StrCat("d.f", f + 1) : "Relu";
      absl::StrAppend(&text, R"( <domain: "d", opset_import: ["" : 17, "d" : 1]> f)", f, " (a) => (b) { m = ", op,
                      "(a) n = ", op, "(m) b = ", op, "(n) }");
    }
    const auto start = std::chrono::steady_clock::now();
    const Shapes shapes = InferShapes(ModelFromText(text), {{"x", {2, 3}}});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_EQ(shapes.at("y"), (Shape{3, 2}));
    EXPECT_EQ(shapes.contains("z"), functions == 3);
  }
}

TEST(InferShapes, SkipsWhatItDoesNotKnow) {
  const onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17, "my.domain" : 1]>
    g (float[1,3,8,8] x) => (float[1] y) {
      a = Relu(x)
      b = my.domain.Strange(a)
      c = Relu(b)
      d = Sigmoid(a)
      y = Add(c, d)
    })");
  const Shapes shapes = InferShapes(model, {{"x", {1, 3, 8, 8}}});
  EXPECT_EQ(shapes.at("a"), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(shapes.at("d"), (Shape{1, 3, 8, 8}));
  EXPECT_FALSE(shapes.contains("b"));
  EXPECT_FALSE(shapes.contains("y"));
}

TEST(InferShapes, AnImpossibleNodeDoesNotHideTheRest) {
  // The weight expects 3 channels, x has 5.
  const onnx::ModelProto model = Net();
  const Shapes shapes = InferShapes(model, {{"x", {2, 5, 9, 11}}});
  EXPECT_EQ(shapes.at("x"), (Shape{2, 5, 9, 11}));
  EXPECT_EQ(shapes.at("w"), (Shape{4, 3, 3, 3}));
  const onnx::ModelProto unknown_opset = [] {
    onnx::ModelProto m = Net();
    m.mutable_opset_import(0)->set_domain("ai.onnx");
    return m;
  }();
  EXPECT_EQ(InferShapes(unknown_opset, {{"x", {2, 3, 9, 11}}}).at("f"), (Shape{2, 80})) << "the other spelling";
}

}  // namespace
}  // namespace cnnopt
