#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/expect_rewrite.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {
namespace {

constexpr char kPass[] = "fold-scale";

std::string Model(const std::string& weights, const std::string& nodes, const std::string& opset = "17",
                  const std::string& outputs = "float[1,2,2,2] y") {
  return absl::StrCat("<ir_version: 8, opset_import: [\"\" : ", opset, "]> net (float[1,1,3,3] x) => (", outputs, ") <",
                      weights, "> {", nodes, "}");
}

constexpr char kWeight[] = "float[2,1,2,2] w = {1, 2, 3, 4, -1, 0.5, 0, 2}";
constexpr char kBias[] = "float[2] b = {10, 20}";
// The weight times 2 and 4.
constexpr char kScaled[] = "float[2,1,2,2] w_1 = {2, 4, 6, 8, -4, 2, 0, 8}";

// Conv with a bias, then `node`, which reads constant k = `constant`: gives bias `bias` and, unless null, `weight`.
void ExpectFolded(const std::string& constant, const std::string& node, const std::string& bias,
                  const char* weight = nullptr) {
  SCOPED_TRACE(absl::StrCat(node, ", ", constant));
  const std::string after_weight = weight == nullptr ? "w" : "w_1";
  const std::string after_bias = bias.empty() ? "b" : "b_1";
  ExpectRewrite(kPass,
                Model(absl::StrCat(kWeight, ",", kBias, ",", constant), absl::StrCat("c = Conv(x, w, b) y = ", node)),
                Model(absl::StrCat(weight == nullptr ? kWeight : weight, ", ",
                                   bias.empty() ? kBias : absl::StrCat("float[2] b_1 = ", bias)),
                      absl::StrCat("y = Conv(x, ", after_weight, ", ", after_bias, ")")));
}

TEST(FoldScale, EveryOperatorAndOperandOrder) {
  const std::string k = "float[2,1,1] k = {2, 4}";
  ExpectFolded(k, "Mul(c, k)", "{20, 80}", kScaled);
  ExpectFolded(k, "Mul(k, c)", "{20, 80}", kScaled);
  ExpectFolded("float[2,1,1] k = {0.5, 0.25}", "Div(c, k)", "{20, 80}", kScaled);
  ExpectFolded(k, "Add(c, k)", "{12, 24}");
  ExpectFolded(k, "Add(k, c)", "{12, 24}");
  ExpectFolded(k, "Sub(c, k)", "{8, 16}");
  ExpectFolded(k, "Sub(k, c)", "{-8, -16}", "float[2,1,2,2] w_1 = {-1, -2, -3, -4, 1, -0.5, 0, -2}");
}

TEST(FoldScale, EveryShapeThatIsPerChannel) {
  for (const char* shape : {"float[2,1,1]", "float[1,2,1,1]"}) {
    ExpectFolded(absl::StrCat(shape, " k = {2, 4}"), "Mul(c, k)", "{20, 80}", kScaled);
  }
  for (const char* shape : {"float", "float[1]", "float[1,1,1,1]"}) {
    ExpectFolded(absl::StrCat(shape, " k = {2}"), "Add(c, k)", "{12, 22}");
  }
}

TEST(FoldScale, ChainInOneGo) {
  ExpectRewrite(kPass,
                Model(absl::StrCat(kWeight, ", float[2,1,1] k = {2, 4}, float s = {3}, float[2,1,1] t = {1, 2}"),
                      "c = Conv(x, w) d = Add(c, t) e = Mul(d, k) f = Div(e, k) g = Sub(s, f) y = Mul(g, k)"),
                Model("float[2,1,2,2] w_1 = {-2, -4, -6, -8, 4, -2, 0, -8}, float[2] w_bias = {4, 4}",
                      "y = Conv(x, w_1, w_bias)"));
}

TEST(FoldScale, ASharedWeightIsCopiedOnlyWhenItChanges) {
  const std::string outputs = "float[1,2,2,2] y, float[1,2,2,2] z";
  ExpectRewrite(kPass,
                Model(absl::StrCat(kWeight, ", float[2,1,1] k = {2, 4}"),
                      "c = Conv(x, w) y = Add(c, k) d = Conv(x, w) z = Mul(d, k)", "17", outputs),
                Model(absl::StrCat(kWeight, ", float[2] w_bias = {2, 4}, ", kScaled),
                      "y = Conv(x, w, w_bias) z = Conv(x, w_1)", "17", outputs));
}

TEST(FoldScale, ConvTransposeAndGemm) {
  ExpectRewrite(kPass,
                R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,1,2,2] x) => (float[1,2,2,2] y)
                   <float[1,2,1,1] w = {1, 3}, float[2,1,1] k = {2, 4}> { c = ConvTranspose(x, w) y = Mul(c, k) })",
                R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,1,2,2] x) => (float[1,2,2,2] y)
                   <float[1,2,1,1] w_1 = {2, 12}> { y = ConvTranspose(x, w_1) })");
  const std::string gemm = R"(<ir_version: 8, opset_import: ["" : 17]> net (float[3,2] x) => (float[3,2] y) <)";
  for (const char* shape : {"float[2]", "float[1,2]"}) {
    ExpectRewrite(kPass,
                  absl::StrCat(gemm, "float[2,2] w = {1, 2, 3, 4}, ", shape, " k = {2, 4}> {",
                               "c = Gemm(x, w) d = Mul(c, k) y = Add(d, k) }"),
                  gemm + "float[2,2] w_1 = {2, 8, 6, 16}, float[2] w_bias = {2, 4}> { y = Gemm(x, w_1, w_bias) }");
  }
}

TEST(FoldScale, OldOpsetsAlignByAttribute) {
  // Not run: ONNX Runtime starts at opset 7.
  for (const char* node : {"k = {2, 4}> { c = Conv(x, w) y = Mul <broadcast = 1, axis = 1> (c, k) }",
                           "k = {2, 4}> { c = Conv(x, w) y = Mul <broadcast = 1, axis = -3> (c, k) }"}) {
    const std::string head = "<ir_version: 4, opset_import: [\"\" : 6]> net (float[1,1,3,3] x) => (float[1,2,2,2] y) <";
    ExpectRewrite(kPass, absl::StrCat(head, kWeight, ", float[2] ", node),
                  absl::StrCat(head, kScaled, "> { y = Conv(x, w_1) }"), Run::kNo);
  }
}

TEST(FoldScale, Float16) {
  const onnx::ModelProto before = ModelFromText(
      Model(absl::StrCat(kWeight, ", float[2,1,1] k = {2, 4}"), "c = Conv(x, w) d = Mul(c, k) y = Add(d, k)"));
  const onnx::ModelProto after =
      ModelFromText(Model(absl::StrCat(kScaled, ", float[2] w_bias = {2, 4}"), "y = Conv(x, w_1, w_bias)"));
  ExpectRewrite(kPass, WithFloatType(before, onnx::TensorProto::FLOAT16),
                WithFloatType(after, onnx::TensorProto::FLOAT16));
}

// ---- One test per precondition.

TEST(FoldScaleDeclines, ConstantsThatAreNotPerChannel) {
  const auto reason = "is not one number per channel of 2";
  // Along the width; along height and width; another shape altogether; more axes than the output.
  ExpectDeclined(kPass, Model(absl::StrCat(kWeight, ", float[2] k = {2, 4}"), "c = Conv(x, w) y = Mul(c, k)"), reason);
  ExpectDeclined(kPass, Model(absl::StrCat(kWeight, ", float[2,2] k = {2, 4, 1, 1}"), "c = Conv(x, w) y = Add(c, k)"),
                 reason);
  ExpectDeclined(kPass,
                 Model(absl::StrCat(kWeight, ", float[2,1,1,1] k = {2, 4}"), "c = Conv(x, w) y = Add(c, k)", "17",
                       "float[2,2,2,2] y"),
                 reason);
  ExpectDeclined(kPass,
                 Model(absl::StrCat(kWeight, ", float[1,1,2,1,1] k = {2, 4}"), "c = Conv(x, w) y = Add(c, k)", "17",
                       "float[1,1,2,2,2] y"),
                 reason);
}

TEST(FoldScaleDeclines, AConstantThatWidensTheOutput) {
  ExpectDeclined(kPass,
                 R"(<ir_version: 8, opset_import: ["" : 17]> net (float[1,1,3,3] x) => (float[1,2,2,2] y)
                    <float[1,1,2,2] w = {1, 2, 3, 4}, float[2,1,1] k = {2, 4}> { c = Conv(x, w) y = Mul(c, k) })",
                 "is not one number per channel of 1");
}

TEST(FoldScaleDeclines, OldOpsetsWithoutBroadcast) {
  ExpectDeclined(kPass,
                 Model(absl::StrCat(kWeight, ", float[1,2,2,2] k = {1, 2, 3, 4, 5, 6, 7, 8}"),
                       "c = Conv(x, w) y = Mul(c, k)", "6"),
                 "without broadcasting");
  ExpectDeclined(
      kPass,
      Model(absl::StrCat(kWeight, ", float[2] k = {1, 2}"), "c = Conv(x, w) y = Mul <broadcast = 1> (c, k)", "6"),
      "is not one number per channel");
}

TEST(FoldScaleDeclines, OtherReaders) {
  const std::string weights = absl::StrCat(kWeight, ", float[2,1,1] k = {2, 4}");
  const std::string nodes = "c = Conv(x, w) y = Mul(c, k)";
  ExpectDeclined(kPass, Model(weights, nodes + " z = Relu(c)", "17", "float[1,2,2,2] y, float[1,2,2,2] z"),
                 "Mul 'y': 'c' is also read elsewhere");
  ExpectDeclined(kPass, Model(weights, nodes, "17", "float[1,2,2,2] y, float[1,2,2,2] c"),
                 "'c' is also a graph output");
  ExpectDeclined(kPass,
                 Model(weights + ", bool t = {1}",
                       nodes + " z = If (t) <then_branch = a () => (float[1,2,2,2] p) { p = Relu(c) },"
                               "else_branch = b () => (float[1,2,2,2] q) { q = Neg(c) }>",
                       "17", "float[1,2,2,2] y, float[1,2,2,2] z"),
                 "'c' is also read by a subgraph");
}

TEST(FoldScaleDeclines, WeightIsAGraphInput) {
  ExpectDeclined(kPass,
                 absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> net (float[1,1,3,3] x, float[2,1,2,2] w) => "
                              "(float[1,2,2,2] y) <",
                              kWeight, ", float[2,1,1] k = {2, 4}> { c = Conv(x, w) y = Mul(c, k) }"),
                 "Conv 'c': its weight 'w' is not constant");
}

TEST(FoldScaleDeclines, ZeroDivisorAndNonFiniteNumbers) {
  ExpectDeclined(kPass, Model(absl::StrCat(kWeight, ", float[2,1,1] k = {1, 0}"), "c = Conv(x, w) y = Div(c, k)"),
                 "it divides by zero");
  onnx::ModelProto model =
      ModelFromText(Model(absl::StrCat(kWeight, ", float[2,1,1] k = {1, 0}"), "c = Conv(x, w) y = Mul(c, k)"));
  model.mutable_graph()->mutable_initializer(1)->set_float_data(0, INFINITY);
  ExpectDeclined(kPass, model, "'k' is not finite");
  model.mutable_graph()->mutable_initializer(1)->set_float_data(0, 1);
  model.mutable_graph()->mutable_initializer(0)->set_float_data(0, NAN);
  ExpectDeclined(kPass, model, "a weight is not finite");
}

TEST(FoldScaleDeclines, OverflowInTheOwnDtype) {
  ExpectDeclined(kPass, Model(absl::StrCat(kWeight, ", float k = {3e38}"), "c = Conv(x, w) y = Mul(c, k)"),
                 "does not fit into FLOAT");
  ExpectDeclined(kPass, Model(absl::StrCat(kWeight, ", float k = {1e-44}"), "c = Conv(x, w) y = Mul(c, k)"),
                 "would underflow");
}

TEST(FoldScaleDeclines, UnsupportedDtype) {
  ExpectDeclined(kPass,
                 R"(<ir_version: 8, opset_import: ["" : 17]> net (int32[2,2] x) => (int32[2,2] y)
                    <int32[2,2] w = {1, 2, 3, 4}, int32[2] k = {2, 4}> { c = Gemm(x, w) y = Mul(c, k) })",
                 "its weight is not a float");
}

TEST(FoldScaleDeclines, QuietlyWhereNothingIsConstantOrNoConvIsBefore) {
  ExpectLeftAlone(kPass, Model(kWeight, "c = Conv(x, w) s = Sigmoid(c) y = Mul(c, s)"));
  ExpectLeftAlone(kPass, Model(absl::StrCat(kWeight, ", float k = {1}"), "c = Conv(x, w) y = Div(k, c)"));
  ExpectLeftAlone(kPass, Model("float k = {3}", "y = Mul(x, k)", "17", "float[1,1,3,3] y"));
}

}  // namespace
}  // namespace cnnopt::testing
