#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/testing/expect_rewrite.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {
namespace {

constexpr char kPass[] = "fold-batch-norm";

// epsilon = 1 and v = 3, 0: the scales are g/2 = 2, -1 and g/1 = 3.
constexpr char kVectors[] = "float[2] g = {4, 3}, float[2] t = {1, 2}, float[2] m = {1, -2}, float[2] v = {3, 0}";

std::string Model(const std::string& weights, const std::string& nodes, const std::string& opset = "17",
                  const std::string& ir = "8", const std::string& outputs = "float[1,2,2,2] y") {
  return absl::StrCat("<ir_version: ", ir, ", opset_import: [\"\" : ", opset, "]> net (float[1,1,3,3] x) => (", outputs,
                      ") <", weights, "> {", nodes, "}");
}

const std::string& Weight() {
  static const auto* const text = new std::string("float[2,1,2,2] w = {1, 2, 3, 4, -1, 0.5, 0, 2}");
  return *text;
}
constexpr char kFolded[] = "float[2,1,2,2] w_1 = {2, 4, 6, 8, -3, 1.5, 0, 6}";
constexpr char kConvNorm[] = "c = Conv(x, w) y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v)";

TEST(FoldBatchNorm, IntoAConvWithoutBias) {
  ExpectRewrite(kPass, Model(absl::StrCat(Weight(), ",", kVectors), kConvNorm),
                Model(absl::StrCat(kFolded, ", float[2] w_bias = {-1, 8}"), "y = Conv(x, w_1, w_bias)"));
}

TEST(FoldBatchNorm, IntoAConvWithBiasAndAttributes) {
  const std::string attributes = "Conv <pads = [1, 0, 1, 0], strides = [2, 1], dilations = [1, 2]>";
  const std::string output = "float[1,2,2,1] y";
  ExpectRewrite(
      kPass,
      Model(absl::StrCat(Weight(), ", float[2] b = {10, 20},", kVectors),
            absl::StrCat("c = ", attributes, "(x, w, b) y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v)"), "17",
            "8", output),
      Model(absl::StrCat(kFolded, ", float[2] b_1 = {19, 68}"), absl::StrCat("y = ", attributes, "(x, w_1, b_1)"), "17",
            "8", output));
}

TEST(FoldBatchNorm, ChainOfThree) {
  ExpectRewrite(kPass,
                Model(absl::StrCat(Weight(), ",", kVectors),
                      "c = Conv(x, w) d = BatchNormalization <epsilon = 1.0> (c, g, t, m, v)"
                      "e = BatchNormalization <epsilon = 1.0> (d, g, t, m, v)"
                      "y = BatchNormalization <epsilon = 1.0> (e, g, t, m, v)"),
                Model("float[2,1,2,2] w_1 = {8, 16, 24, 32, -27, 13.5, 0, 54}, float[2] w_bias = {-7, 104}",
                      "y = Conv(x, w_1, w_bias)"));
}

TEST(FoldBatchNorm, SharedWeightAndVectorsStayForTheOthers) {
  const std::string outputs = "float[1,2,2,2] y, float[1,2,2,2] z";
  ExpectRewrite(
      kPass,
      Model(absl::StrCat(Weight(), ",", kVectors),
            absl::StrCat(kConvNorm, " d = Conv(x, w) z = InstanceNormalization(d, g, t)"), "17", "8", outputs),
      Model(
          absl::StrCat(Weight(), ",", kFolded, ", float[2] w_bias = {-1, 8}, float[2] g = {4, 3}, float[2] t = {1, 2}"),
          "y = Conv(x, w_1, w_bias) d = Conv(x, w) z = InstanceNormalization(d, g, t)", "17", "8", outputs));
}

TEST(FoldBatchNorm, VectorsAndWeightBehindIdentityAndConstantNodes) {
  ExpectRewrite(kPass,
                Model("float[2] g = {4, 3}, float[2] m = {1, -2}",
                      "w = Constant <value = float[2,1,2,2] {1, 2, 3, 4, -1, 0.5, 0, 2}> ()"
                      "w1 = Identity(w) g1 = Identity(g) g2 = Identity(g1)"
                      "t = Constant <value = float[2] {1, 2}> () v = Constant <value = float[2] {3, 0}> ()"
                      "c = Conv(x, w1) y = BatchNormalization <epsilon = 1.0> (c, g2, t, m, v)"),
                Model("float[2,1,2,2] value = {2, 4, 6, 8, -3, 1.5, 0, 6}, float[2] w1_bias = {-1, 8}",
                      "y = Conv(x, value, w1_bias)"));
}

TEST(FoldBatchNorm, GroupsAndDepthwise) {
  const std::string text = R"(<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,2,3,3] x) => (float[1,4,3,3] y) <%s> { %s })";
  const auto model = [&](const std::string& weights, const std::string& nodes) {
    return ModelFromText(absl::StrReplaceAll(text, {{"<%s>", "<" + weights + ">"}, {"%s", nodes}}));
  };
  ExpectRewrite(kPass,
                model("float[4,1,1,1] w = {1, 2, 3, 4}, float[4] g = {1, 2, 3, 4}, float[4] t = {1, 1, 1, 1}, "
                      "float[4] m = {0, 0, 0, 1}, float[4] v = {0, 0, 0, 0}",
                      "c = Conv <group = 2> (x, w) y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v)"),
                model("float[4,1,1,1] w_1 = {1, 4, 9, 16}, float[4] w_bias = {1, 1, 1, -3}",
                      "y = Conv <group = 2> (x, w_1, w_bias)"));
}

TEST(FoldBatchNorm, GroupedConvTranspose) {
  // Weight [C, M/g, k, k]: rows 0 and 1 make channels 0 and 1, rows 2 and 3 make channels 2 and 3.
  const std::string head = R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,4,2,2] x) => (float[1,4,2,2] y) <)";
  ExpectRewrite(kPass,
                head +
                    "float[4,2,1,1] w = {1, 1, 1, 1, 1, 1, 1, 1}, float[4] g = {1, 2, 3, 4}, "
                    "float[4] t = {0, 0, 0, 5}, float[4] m = {0, 0, 0, 0}, float[4] v = {0, 0, 0, 0}> {"
                    "c = ConvTranspose <group = 2> (x, w) y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v) }",
                head +
                    "float[4,2,1,1] w_1 = {1, 2, 1, 2, 3, 4, 3, 4}, float[4] w_bias = {0, 0, 0, 5}> {"
                    "y = ConvTranspose <group = 2> (x, w_1, w_bias) }");
}

TEST(FoldBatchNorm, OneAndThreeSpatialAxes) {
  const std::string norm = "y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v) }";
  const std::string one = R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,1,3] x) => (float[1,2,2] y) <)";
  ExpectRewrite(kPass, one + "float[2,1,2] w = {1, 2, 3, 4}, " + kVectors + "> { c = Conv(x, w) " + norm,
                one + "float[2,1,2] w_1 = {2, 4, 9, 12}, float[2] w_bias = {-1, 8}> { y = Conv(x, w_1, w_bias) }");
  const std::string three =
      R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,1,3,1,1] x) => (float[1,2,2,1,1] y) <)";
  ExpectRewrite(
      kPass, three + "float[2,1,2,1,1] w = {1, 2, 3, 4}, " + kVectors + "> { c = Conv(x, w) " + norm,
      three + "float[2,1,2,1,1] w_1 = {2, 4, 9, 12}, float[2] w_bias = {-1, 8}> { y = Conv(x, w_1, w_bias) }");
}

TEST(FoldBatchNorm, GemmBothWaysRound) {
  const std::string head = R"(<ir_version: 8, opset_import: ["" : 17]> net (float[3,2] x) => (float[3,2] y) <)";
  const std::string norm = " y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v) }";
  ExpectRewrite(
      kPass,
      head + "float[2,2] w = {1, 2, 3, 4}, float[1,2] b = {10, 20}, " + kVectors +
          "> { c = Gemm <alpha = 0.5, beta = 0.5> (x, w, b)" + norm,
      head + "float[2,2] w_1 = {2, 6, 6, 12}, float[2] b_1 = {9, 38}> { y = Gemm <alpha = 0.5> (x, w_1, b_1) }");
  ExpectRewrite(
      kPass,
      head + "float[2,2] w = {1, 2, 3, 4}, float b = {10}, " + kVectors + "> { c = Gemm <transB = 1> (x, w, b)" + norm,
      head + "float[2,2] w_1 = {2, 4, 9, 12}, float[2] b_1 = {19, 38}> { y = Gemm <transB = 1> (x, w_1, b_1) }");
  ExpectRewrite(kPass, head + "float[2,2] w = {1, 2, 3, 4}, " + kVectors + "> { c = Gemm(x, w)" + norm,
                head + "float[2,2] w_1 = {2, 6, 6, 12}, float[2] w_bias = {-1, 8}> { y = Gemm(x, w_1, w_bias) }");
}

TEST(FoldBatchNorm, HalfDoubleAndBfloat16KeepTheirDtype) {
  const onnx::ModelProto before = ModelFromText(Model(absl::StrCat(Weight(), ",", kVectors), kConvNorm));
  const onnx::ModelProto after =
      ModelFromText(Model(absl::StrCat(kFolded, ", float[2] w_bias = {-1, 8}"), "y = Conv(x, w_1, w_bias)"));
  for (const int32_t dtype : {onnx::TensorProto::FLOAT16, onnx::TensorProto::DOUBLE, onnx::TensorProto::BFLOAT16}) {
    ExpectRewrite(kPass, WithFloatType(before, dtype), WithFloatType(after, dtype),
                  dtype == onnx::TensorProto::FLOAT16 ? Run::kYes : Run::kNo);
  }
}

TEST(FoldBatchNorm, OldFormatKeepsInputsInStep) {
  const std::string vectors = "float[2] g = {4, 3}, float[2] t = {1, 2}, float[2] m = {1, -2}, float[2] v = {3, 0}";
  ExpectRewrite(kPass,
                absl::StrCat("<ir_version: 3, opset_import: [\"\" : 7]> net (float[1,1,3,3] x, float[2,1,2,2] w,"
                             "float[2] g, float[2] t, float[2] m, float[2] v) => (float[1,2,2,2] y) <",
                             Weight(), ",", vectors,
                             "> { c = Conv(x, w) y = BatchNormalization <epsilon = 1.0> (c, g, t, m, v) }"),
                absl::StrCat("<ir_version: 3, opset_import: [\"\" : 7]> net (float[1,1,3,3] x, float[2,1,2,2] w_1,"
                             "float[2] w_bias) => (float[1,2,2,2] y) <",
                             kFolded, ", float[2] w_bias = {-1, 8}> { y = Conv(x, w_1, w_bias) }"));
}

TEST(FoldBatchNorm, EveryOpset) {
  // The attribute that says "inference" differs.
  const std::string after = absl::StrCat(kFolded, ", float[2] w_bias = {-1, 8}");
  for (const auto& [opset, mode] : std::map<std::string, std::string>{{"6", ", is_test = 1"},
                                                                      {"7", ""},
                                                                      {"8", ", spatial = 1"},
                                                                      {"9", ", momentum = 0.5"},
                                                                      {"14", ""},
                                                                      {"15", ", training_mode = 0"}}) {
    SCOPED_TRACE(opset);
    ExpectRewrite(
        kPass,
        Model(absl::StrCat(Weight(), ",", kVectors),
              absl::StrCat("c = Conv(x, w) y = BatchNormalization <epsilon = 1.0", mode, "> (c, g, t, m, v)"), opset),
        Model(after, "y = Conv(x, w_1, w_bias)", opset), opset == "6" ? Run::kNo : Run::kYes);
  }
}

TEST(FoldBatchNorm, TheDefaultEpsilonCounts) {
  ExpectRewrite(kPass,
                Model("float[2,1,2,2] w = {1, 0, 0, 0, 1, 0, 0, 0}, float[2] g = {1, 1}, float[2] t = {0, 0}, "
                      "float[2] m = {0, 0}, float[2] v = {0, 0.00003}",
                      "c = Conv(x, w) y = BatchNormalization(c, g, t, m, v)"),
                Model("float[2,1,2,2] w_1 = {316.22778, 0, 0, 0, 158.11389, 0, 0, 0}", "y = Conv(x, w_1)"));
}

// ---- One test per precondition.

TEST(FoldBatchNormDeclines, OutputAlsoReadElsewhere) {
  ExpectDeclined(kPass,
                 Model(absl::StrCat(Weight(), ",", kVectors), absl::StrCat(kConvNorm, " z = Relu(c)"), "17", "8",
                       "float[1,2,2,2] y, float[1,2,2,2] z"),
                 "BatchNormalization 'y': 'c' is also read elsewhere");
}

TEST(FoldBatchNormDeclines, OutputIsAGraphOutput) {
  ExpectDeclined(
      kPass, Model(absl::StrCat(Weight(), ",", kVectors), kConvNorm, "17", "8", "float[1,2,2,2] y, float[1,2,2,2] c"),
      "'c' is also a graph output");
}

TEST(FoldBatchNormDeclines, OutputReadBySubgraph) {
  ExpectDeclined(kPass,
                 Model(absl::StrCat(Weight(), ", bool k = {1},", kVectors),
                       absl::StrCat(kConvNorm,
                                    " z = If (k) <then_branch = a () => (float[1,2,2,2] p) { p = Relu(c) },"
                                    "else_branch = b () => (float[1,2,2,2] q) { q = Neg(c) }>"),
                       "17", "8", "float[1,2,2,2] y, float[1,2,2,2] z"),
                 "'c' is also read by a subgraph");
}

TEST(FoldBatchNormDeclines, WeightOrVectorIsAGraphInput) {
  const std::string text = absl::StrCat(
      "<ir_version: 8, opset_import: [\"\" : 17]> net (float[1,1,3,3] x, float[2,1,2,2] w) => (float[1,2,2,2] y) <",
      Weight(), ",", kVectors, "> {", kConvNorm, "}");
  ExpectDeclined(kPass, text, "Conv 'c': its weight 'w' is not constant");
  ExpectDeclined(kPass, absl::StrReplaceAll(text, {{"float[2,1,2,2] w)", "float[2] m)"}}),
                 "its mean 'm' is not constant");
  ExpectDeclined(kPass,
                 absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> net (float[1,1,3,3] x, float[2] b) => "
                              "(float[1,2,2,2] y) <",
                              Weight(), ",", kVectors, "> { c = Conv(x, w, b) y = BatchNormalization(c, g, t, m, v) }"),
                 "its bias 'b' is not constant");
}

TEST(FoldBatchNormDeclines, TrainingMode) {
  const std::string weights = absl::StrCat(Weight(), ",", kVectors);
  ExpectDeclined(kPass,
                 Model(weights, "c = Conv(x, w) y, mo, vo = BatchNormalization <training_mode = 1> (c, g, t, m, v)"),
                 "training mode");
  ExpectDeclined(kPass, Model(weights, "c = Conv(x, w) y = BatchNormalization <training_mode = 1> (c, g, t, m, v)"),
                 "training mode");
  ExpectDeclined(kPass, Model(weights, "c = Conv(x, w) y = BatchNormalization(c, g, t, m, v)", "6"), "training mode");
  ExpectDeclined(kPass, Model(weights, "c = Conv(x, w) y, mo, vo, ms, vs = BatchNormalization(c, g, t, m, v)", "9"),
                 "several outputs");
}

TEST(FoldBatchNormDeclines, NotPerChannel) {
  ExpectDeclined(kPass,
                 Model(absl::StrCat(Weight(), ",", kVectors),
                       "c = Conv(x, w) y = BatchNormalization <spatial = 0> (c, g, t, m, v)", "7"),
                 "spatial = 0");
}

TEST(FoldBatchNormDeclines, VarianceNotPositive) {
  const auto model = [](const std::string& variance) {
    return Model(absl::StrCat(Weight(), ", float[2] g = {1, 1}, float[2] t = {1, 2}, float[2] m = {1, -2}, ",
                              "float[2] v = ", variance),
                 kConvNorm);
  };
  ExpectDeclined(kPass, model("{1, -1}"), "variance + epsilon of channel 1 is not positive");
  ExpectDeclined(kPass, model("{-5, 1}"), "variance + epsilon of channel 0 is not positive");
}

TEST(FoldBatchNormDeclines, NotFinite) {
  for (const char* name : {"w", "g", "t", "m", "v"}) {
    onnx::ModelProto model = ModelFromText(Model(absl::StrCat(Weight(), ",", kVectors), kConvNorm));
    for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {
      if (tensor.name() == name) {
        tensor.set_float_data(1, NAN);
      }
    }
    ExpectDeclined(kPass, model, "not finite");
  }
}

TEST(FoldBatchNormDeclines, MixedDtypes) {
  onnx::ModelProto model = ModelFromText(Model(absl::StrCat(Weight(), ",", kVectors), kConvNorm));
  const onnx::ModelProto half = WithFloatType(model, onnx::TensorProto::FLOAT16);
  for (int i = 1; i < model.graph().initializer_size(); ++i) {
    onnx::ModelProto mixed = model;
    *mixed.mutable_graph()->mutable_initializer(i) = half.graph().initializer(i);
    ExpectDeclined(kPass, mixed, "another data type");
  }
}

TEST(FoldBatchNormDeclines, Float16OverflowAndUnderflow) {
  const auto half = [](const std::string& scale) {
    return WithFloatType(
        ModelFromText(Model(absl::StrCat(Weight(), ", float[2] g = ", scale,
                                         ", float[2] t = {1, 2}, float[2] m = {0, 0}, float[2] v = {0, 0}"),
                            kConvNorm)),
        onnx::TensorProto::FLOAT16);
  };
  ExpectDeclined(kPass, half("{60000, 1}"), "does not fit into FLOAT16");
  ExpectDeclined(kPass, half("{1, 0.0000003}"), "the weights of channel 1 would underflow");
}

TEST(FoldBatchNormDeclines, WrongLengths) {
  ExpectDeclined(kPass,
                 Model(absl::StrCat(Weight(), ", float[3] g = {4, 3, 1}, float[2] t = {1, 2}, float[2] m = {1, -2}, ",
                                    "float[2] v = {3, 0}"),
                       kConvNorm),
                 "its scale has 3 elements for 2 channels");
}

TEST(FoldBatchNormDeclines, UnusualWeights) {
  ExpectDeclined(kPass,
                 "<ir_version: 8, opset_import: [\"\" : 17]> net (float[1,0,3,3] x) => (float[1,2,2,2] y) <"
                 "float[2,0,2,2] w = {}, " +
                     std::string(kVectors) + "> {" + kConvNorm + "}",
                 "0 elements");
  ExpectDeclined(kPass,
                 "<ir_version: 8, opset_import: [\"\" : 17]> net (float[2,2] x) => (float[2,2] y) <"
                 "float[2,2] w = {1, 2, 3, 4}, float[2,1] b = {1, 2}, " +
                     std::string(kVectors) + "> { c = Gemm(x, w, b) y = BatchNormalization(c, g, t, m, v) }",
                 "its bias differs from row to row");
}

TEST(FoldBatchNormDeclines, QuietlyWhereNoConvIsBefore) {
  ExpectLeftAlone(kPass, absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> net (float[1,2,3,3] x) => "
                                      "(float[1,2,3,3] y) <",
                                      kVectors, "> { c = Relu(x) y = BatchNormalization(c, g, t, m, v) }"));
  ExpectLeftAlone(
      kPass, absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17, \"other\" : 1]> net "
                          "(float[1,1,3,3] x) => (float[1,2,2,2] y) <",
                          Weight(), ",", kVectors, "> { c = Conv(x, w) y = other.BatchNormalization(c, g, t, m, v) }"));
}

}  // namespace
}  // namespace cnnopt::testing
