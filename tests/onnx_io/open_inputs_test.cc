#include "onnx_io/open_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "onnx_io/shapes.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using testing::ModelFromText;

void AddWeight(const char* name, const Shape& dims, onnx::ModelProto& model) {
  onnx::TensorProto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name(name);
  for (const int64_t dim : dims) weight.add_dims(dim);
}

std::string Message(const std::string& inputs, const std::string& body = "y = Op(x)",
                    const std::map<std::string, Shape>& given = {}) {
  onnx::ModelProto model = ModelFromText(
      absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (", inputs, ") => (float[4] y) { ", body, " }"));
  AddWeight("w", {8, 2, 3, 3}, model);
  AddWeight("v", {8, 5, 3}, model);
  const auto shapes = InputShapes(model, given);
  EXPECT_EQ(shapes.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(shapes.status().message());
}

TEST(OpenInputs, KnownSizesStayAndGuessesAreNamed) {
  EXPECT_EQ(Message("float[N,3,H,W] x"),
            "model has dynamic inputs: give --input-shape=x:1,3,224,224, where H and W are guesses");
  EXPECT_EQ(Message("float[2,1,H,64] x"),
            "model has dynamic inputs: give --input-shape=x:2,1,224,64, where H is a guess");
  EXPECT_EQ(Message("float[N,?,?,64] x"),
            "model has dynamic inputs: give --input-shape=x:1,3,224,64, where axis 1 of 'x' and axis 2 of 'x' are "
            "guesses");
  EXPECT_EQ(Message("float[] x"),
            "model has dynamic inputs: give --input-shape=x:1,3,224,224, where the shape of 'x' is a guess");
}

TEST(OpenInputs, ChannelsLastAndVolumes) {
  EXPECT_EQ(ShapeFlag("x", {-1, -1, -1, 3}), "--input-shape=x:1,224,224,3");
  EXPECT_EQ(ShapeFlag("x", {-1, -1, -1, 5}), "--input-shape=x:1,3,224,5");
  EXPECT_EQ(ShapeFlag("x", {0, -1, 16, -1, -1}), "--input-shape=x:1,3,16,32,32");
  EXPECT_EQ(ShapeFlag("x", {-1, -1}), "--input-shape=x:1,224");
  EXPECT_EQ(ShapeFlag("x", {}), "--input-shape=x:1,3,224,224");
}

TEST(OpenInputs, AConvTellsTheChannels) {
  EXPECT_EQ(Message("float[N,C,H,32] x", "y = Conv <group = 2> (x, w)"),
            "model has dynamic inputs: give --input-shape=x:1,4,224,32, where H is a guess");
  EXPECT_EQ(Message("float[N,C,T] x", "y = Conv(x, v)"),
            "model has dynamic inputs: give --input-shape=x:1,5,224, where T is a guess");
  EXPECT_THAT(Message("float[N,C,H,32] x", "z = Relu(x) y = Conv(z, w)"), ::testing::HasSubstr("C and H are guesses"));
}

TEST(OpenInputs, EveryOpenInputGetsAFlagAndANameOneSize) {
  EXPECT_EQ(Message("float[N,3,H,8] x, float[N,4] fixed, float[N,H,2] z"),
            "model has dynamic inputs: give --input-shape=x:1,3,224,8 --input-shape=z:1,224,2, where H is a guess");
  EXPECT_EQ(Message("float[N,3,H,8] x, float[N,H,K] z", "y = Op(x)", {{"x", {4, 3, 16, 8}}}),
            "model has dynamic inputs: give --input-shape=z:4,16,224, where K is a guess");
}

}  // namespace
}  // namespace cnnopt
