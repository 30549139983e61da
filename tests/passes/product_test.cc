// Gemm and constant MatMul: read as numbers, slimmed and written again.
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/rewrite.h"
#include "onnx_io/shapes.h"
#include "passes/cost.h"
#include "passes/form.h"
#include "passes/forms/forms.h"
#include "passes/site.h"
#include "passes/slim.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"
#include "tests/testing/slim_checks.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::BudgetOf;
using ::cnnopt::testing::ExpectCostsAreThoseOf;
using ::cnnopt::testing::FailsWith;
using ::cnnopt::testing::FewDirections;
using ::cnnopt::testing::ModelFromText;
using ::cnnopt::testing::RandomModel;
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RunModel;
using ::cnnopt::testing::Weights;
using ::testing::ElementsAre;

absl::StatusOr<Conv> ReadNode(const onnx::ModelProto& model, int node = 0) {
  absl::StatusOr<GraphView> view = GraphView::Create(model);
  if (!view.ok()) return view.status();
  return ReadProduct(model.graph().node(node), *view);
}

// `model` with its node number `node` replaced.
onnx::ModelProto Replaced(const onnx::ModelProto& model, const Replacement& replacement, int node = 0) {
  onnx::ModelProto slim = model;
  const absl::StatusOr<Rewrite> rewrite =
      EmitReplacement(replacement, model.graph().node(node), model.graph().initializer(0), "test");
  EXPECT_TRUE(rewrite.ok()) << rewrite.status();
  EXPECT_TRUE(ApplyRewrite(*rewrite, slim).ok());
  return slim;
}

std::vector<std::string> OpTypes(const onnx::ModelProto& model) {
  std::vector<std::string> types;
  for (const onnx::NodeProto& node : model.graph().node()) types.push_back(node.op_type());
  return types;
}

void ExpectSameOutputs(const onnx::ModelProto& a, const onnx::ModelProto& b, const Shape& input) {
  const std::vector<double> got = RunModel(a, input), expected = RunModel(b, input);
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(got.size(), expected.size());
  const Eigen::Map<const Vector> x(got.data(), static_cast<Eigen::Index>(got.size()));
  const Eigen::Map<const Vector> y(expected.data(), static_cast<Eigen::Index>(expected.size()));
  EXPECT_LT(RelativeDistance(x, y), 2e-6);
}

// ---- reading and writing -----------------------------------------------------------------------------------------

struct Variant {
  const char* name;
  std::string node;
  Shape input;
  Weights weights;                 // the first one is w
  std::vector<std::string> kept;   // op types when the layer itself is emitted
  std::vector<std::string> split;  // when it is split at full rank
};

std::ostream& operator<<(std::ostream& stream, const Variant& variant) { return stream << variant.name; }

class ProductTest : public ::testing::TestWithParam<Variant> {};

// The layer's numbers, written as one node and as two at full rank, are what ONNX Runtime makes of the node.
TEST_P(ProductTest, ComputesTheSame) {
  const Variant& variant = GetParam();
  const onnx::ModelProto model = RandomModel(variant.node, variant.input, variant.weights);
  const absl::StatusOr<Conv> conv = ReadNode(model);
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_EQ(conv->axes(), 0);
  EXPECT_EQ(conv->taps(), 1);
  EXPECT_EQ(conv->in_channels, variant.input.back());
  const onnx::ModelProto kept = Replaced(model, {{{*conv}}});
  EXPECT_EQ(OpTypes(kept), variant.kept);
  ExpectSameOutputs(kept, model, variant.input);
  const int64_t full = std::min(conv->in_channels, conv->out_channels);
  const Replacement exact = LowRankForm()->Fit(*conv, {}, full);
  const onnx::ModelProto split = Replaced(model, exact);
  EXPECT_EQ(OpTypes(split), variant.split);
  ExpectSameOutputs(split, model, variant.input);
  // A smaller rank is the layer that Compose says it is.
  const Replacement thin = LowRankForm()->Fit(*conv, {}, full / 2);
  ExpectSameOutputs(Replaced(model, thin), Replaced(model, {{{Compose(thin)}}}), variant.input);
}

const std::vector<std::string> kGemm = {"Gemm"}, kMatMul = {"MatMul"};
const std::vector<std::string> kMatMulGemm = {"MatMul", "Gemm"}, kTwoMatMuls = {"MatMul", "MatMul"};

INSTANTIATE_TEST_SUITE_P(
    Variants, ProductTest,
    ::testing::Values(
        Variant{"gemm", "y = Gemm(x, w)", {3, 6}, {{"w", {6, 5}}}, kMatMul, kTwoMatMuls},
        Variant{"row", "y = Gemm(x, w, c)", {3, 6}, {{"w", {6, 5}}, {"c", {5}}}, kGemm, kMatMulGemm},
        Variant{"matrix_of_one_row",
                "y = Gemm<transB = 1>(x, w, c)",
                {3, 6},
                {{"w", {8, 6}}, {"c", {1, 8}}},
                kGemm,
                kMatMulGemm},
        Variant{"scalar", "y = Gemm(x, w, c)", {3, 6}, {{"w", {6, 5}}, {"c", {}}}, kGemm, kMatMulGemm},
        Variant{"one_number", "y = Gemm(x, w, c)", {3, 6}, {{"w", {6, 5}}, {"c", {1}}}, kGemm, kMatMulGemm},
        Variant{"one_by_one", "y = Gemm(x, w, c)", {3, 6}, {{"w", {6, 5}}, {"c", {1, 1}}}, kGemm, kMatMulGemm},
        Variant{"alpha_beta",
                "y = Gemm<alpha = 0.5, beta = -2.0, transA = 0, transB = 1>(x, w, c)",
                {4, 7},
                {{"w", {9, 7}}, {"c", {9}}},
                kGemm,
                kMatMulGemm},
        Variant{"no_beta", "y = Gemm<beta = 0.0>(x, w, c)", {4, 7}, {{"w", {7, 9}}, {"c", {9}}}, kGemm, kMatMulGemm},
        Variant{"matmul_2d", "y = MatMul(x, w)", {3, 6}, {{"w", {6, 5}}}, kMatMul, kTwoMatMuls},
        Variant{"matmul_3d", "y = MatMul(x, w)", {2, 3, 6}, {{"w", {6, 8}}}, kMatMul, kTwoMatMuls},
        Variant{"matmul_4d", "y = MatMul(x, w)", {2, 3, 4, 6}, {{"w", {6, 5}}}, kMatMul, kTwoMatMuls},
        Variant{"matmul_1d", "y = MatMul(x, w)", {6}, {{"w", {6, 5}}}, kMatMul, kTwoMatMuls}),
    [](const ::testing::TestParamInfo<Variant>& test) { return test.param.name; });

TEST(ReadProductTest, FoldsAlphaBetaAndTransB) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,2] x) => (float[1,3] y)
    <float[3,2] w = {1,2,3,4,5,6}, float[3] c = {1,2,3}> { y = Gemm<alpha = 2.0, beta = 3.0, transB = 1>(x, w, c) })");
  const absl::StatusOr<Conv> conv = ReadNode(model);
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_EQ(conv->in_channels, 2);
  EXPECT_EQ(conv->out_channels, 3);
  EXPECT_EQ(conv->weight(2, 0), 10);
  EXPECT_EQ(conv->bias(1), 6);
}

TEST(ReadProductTest, SaysWhyNot) {
  const auto reason = [](const std::string& node, const Weights& weights) {
    return std::string(ReadNode(RandomModel(node, {4, 4}, weights)).status().message());
  };
  EXPECT_EQ(reason("y = Gemm<transA = 1>(x, w)", {{"w", {4, 4}}}), "its left operand is transposed (transA)");
  EXPECT_EQ(reason("y = Gemm(x, w, x)", {{"w", {4, 4}}}), "its bias is not a constant");
  EXPECT_EQ(reason("y = Gemm(x, w, c)", {{"w", {4, 4}}, {"c", {4, 1}}}),
            "its bias is [4,1], not one number for each of 4 outputs");
  EXPECT_EQ(reason("y = Gemm(x, w, c)", {{"w", {4, 4}}, {"c", {4, 4}}}),
            "its bias is [4,4], not one number for each of 4 outputs");
  EXPECT_EQ(reason("y = Gemm(w, x)", {{"w", {4, 4}}}), "its constant is the left operand");
  EXPECT_EQ(reason("y = MatMul(w, x)", {{"w", {4, 4}}}), "its constant is the left operand");
  EXPECT_EQ(reason("y = MatMul(w, w)", {{"w", {4, 4}}}), "both its operands are constants");
  EXPECT_EQ(reason("y = MatMul(x, x)", {}), "its weight is not a constant");
  EXPECT_EQ(reason("y = MatMul(x, w)", {{"w", {4}}}), "its weight 'w' has 1 dimensions, expected 2");
  EXPECT_EQ(reason("y = MatMul(x, w)", {{"w", {2, 4, 4}}}), "its weight 'w' has 3 dimensions, expected 2");
  EXPECT_EQ(reason("y = MatMul(x, w)", {{"w", {4, 0}}}), "its weight is [4,0]");
}

TEST(ReadProductTest, KeepsWhatIsNoFiniteFloat) {
  const onnx::ModelProto odd = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (int32[1,2] x) => (int32[1,1] y) <int32[2,1] w = {1,2}> { y = MatMul(x, w) })");
  EXPECT_THAT(ReadNode(odd), FailsWith(absl::StatusCode::kUnimplemented, "its weight is not a floating-point tensor"));
  onnx::ModelProto model = RandomModel("y = MatMul(x, w)", {1, 1}, {{"w", {1, 1}}});
  onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
  weight.clear_raw_data();
  weight.clear_float_data();
  weight.add_float_data(std::numeric_limits<float>::infinity());
  EXPECT_THAT(ReadNode(model), FailsWith(absl::StatusCode::kInvalidArgument, "1 NaN or infinite"));
}

TEST(ReadNumbersTest, SaysWhyForEverySite) {
  onnx::ModelProto model = RandomModel("h = MatMul(x, w) y = MatMul(h, h)", {4, 4}, {{"w", {4, 4}}});
  for (const int64_t opset : {6, 7}) {
    const absl::StatusOr<GraphView> view = GraphView::Create(model);
    ASSERT_TRUE(view.ok()) << view.status();
    std::vector<Site> sites = FindSites(*view, InferShapes(model, {{"x", {4, 4}}}));
    ASSERT_EQ(sites.size(), 2);
    EXPECT_FALSE(sites[0].conv.has_value());
    EXPECT_EQ(sites[0].macs, 64);
    ReadNumbers(*view, opset, {}, sites);
    EXPECT_EQ(sites[0].conv.has_value(), opset == 7);
    EXPECT_EQ(sites[0].reason, opset == 7 ? "" : "no form for MatMul of opset 6 and earlier");
    EXPECT_EQ(sites[1].reason, opset == 7 ? "its weight is not a constant" : sites[0].reason);
  }
}

// Shapes that a file declares may contradict its weights.
TEST(ReadNumbersTest, KeepsALayerWhoseInputHasOtherAxes) {
  const onnx::ModelProto model =
      RandomModel("c = Conv(x, k) y = MatMul(c, w)", {1, 4}, {{"k", {4, 4, 3, 3}}, {"w", {4, 4}}});
  const absl::StatusOr<GraphView> view = GraphView::Create(model);
  ASSERT_TRUE(view.ok()) << view.status();
  std::vector<Site> sites = FindSites(*view, {{"x", {1, 4}}, {"c", {}}});
  ReadNumbers(*view, 17, {}, sites);
  ASSERT_EQ(sites.size(), 2);
  EXPECT_EQ(sites[0].reason, "its input has 2 dimensions, expected 4");
  EXPECT_EQ(sites[1].reason, "its input is a scalar");
}

TEST(EmitProductTest, AMatMulThatGetsABiasAddsIt) {
  const onnx::ModelProto model = RandomModel("y = MatMul(x, w)", {2, 3, 6}, {{"w", {6, 4}}});
  absl::StatusOr<Conv> conv = ReadNode(model);
  ASSERT_TRUE(conv.ok()) << conv.status();
  conv->bias = Vector::LinSpaced(4, 1, 4);
  const onnx::ModelProto slim = Replaced(model, {{{*conv}}});
  EXPECT_THAT(OpTypes(slim), ElementsAre("MatMul", "Add"));
  const std::vector<double> plain = RunModel(model, {2, 3, 6}), biased = RunModel(slim, {2, 3, 6});
  ASSERT_EQ(plain.size(), biased.size());
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(biased[i] - plain[i], 1 + static_cast<double>(i % 4), 1e-5);
}

TEST(EmitProductTest, KeepsNamesAndDtype) {
  onnx::ModelProto model = RandomModel("y = Gemm(x, w, c)", {2, 6}, {{"w", {6, 4}}, {"c", {4}}});
  model.mutable_graph()->mutable_node(0)->set_name("fc");
  model.mutable_graph()->mutable_node(0)->set_doc_string("classifier");
  model = testing::WithFloatType(std::move(model), onnx::TensorProto::FLOAT16);
  const absl::StatusOr<Conv> conv = ReadNode(model);
  ASSERT_TRUE(conv.ok()) << conv.status();
  const onnx::ModelProto slim = Replaced(model, LowRankForm()->Fit(*conv, {}, 2));
  ASSERT_EQ(slim.graph().node_size(), 2);
  EXPECT_EQ(slim.graph().node(0).name(), "fc_test_0");
  EXPECT_EQ(slim.graph().node(1).name(), "fc");
  EXPECT_EQ(slim.graph().node(1).output(0), "y");
  ASSERT_EQ(slim.graph().initializer_size(), 3);  // the old ones are gone
  for (const onnx::NodeProto& node : slim.graph().node()) EXPECT_EQ(node.doc_string(), "classifier");
  for (const onnx::TensorProto& weight : slim.graph().initializer()) {
    EXPECT_EQ(weight.data_type(), onnx::TensorProto::FLOAT16);
  }
}

// Two nodes read one weight: replacing one leaves the other and its weight alone.
TEST(EmitProductTest, ASharedWeightStays) {
  const onnx::ModelProto model =
      RandomModel("h = MatMul(x, w) r = Relu(h) y = Gemm<transB = 1>(r, w)", {3, 6}, {{"w", {6, 6}}});
  for (const int node : {0, 2}) {
    const absl::StatusOr<Conv> conv = ReadNode(model, node);
    ASSERT_TRUE(conv.ok()) << conv.status();
    const onnx::ModelProto slim = Replaced(model, LowRankForm()->Fit(*conv, {}, 6), node);
    EXPECT_EQ(slim.graph().initializer(0).SerializeAsString(), model.graph().initializer(0).SerializeAsString());
    EXPECT_EQ(slim.graph().node_size(), 4);
    ExpectSameOutputs(slim, model, {3, 6});
  }
}

// ---- cost and forms ----------------------------------------------------------------------------------------------

TEST(ProductCostTest, ShapesOfALayerWithoutAxes) {
  const Conv product = PointwiseOutline(0, 6, 5), conv = PointwiseOutline(2, 6, 5);
  EXPECT_THAT(LayerShape(product, {2, 3, 6}), ElementsAre(6, 6));
  EXPECT_THAT(LayerShape(product, {6}), ElementsAre(1, 6));
  EXPECT_THAT(LayerShape(conv, {2, 6, 7, 8}), ElementsAre(2, 6, 7, 8));
  EXPECT_THAT(OutputShape(product, {2, 3, 6}), ElementsAre(2, 3, 5));
  EXPECT_THAT(OutputShape(conv, {2, 6, 7, 8}), ElementsAre(2, 5, 7, 8));
  EXPECT_EQ(Macs(product, {}, 6), 6 * 6 * 5);
}

TEST(ProductFormsTest, OnlyLowRankAppliesAndTheOthersSayWhyNot) {
  const Conv product = PointwiseOutline(0, 64, 64);
  for (const Form* form : AllForms()) {
    if (form->name() == "low-rank") {
      EXPECT_TRUE(form->Applies(product).ok());
    } else {
      EXPECT_EQ(std::string(form->Applies(product).message()),
                absl::StrCat("no kernel: ", std::string(form->name()), " needs one"));
    }
  }
}

// ---- the whole job -----------------------------------------------------------------------------------------------

int64_t Slimmed(const SlimReport& report, const std::string& op) {
  int64_t count = 0;
  for (const LayerReport& layer : report.layers) {
    const bool low_rank = layer.now.rfind("low-rank rank ", 0) == 0;
    count += layer.op == op && (op == "Conv" ? !layer.now.empty() : low_rank) ? 1 : 0;
  }
  return count;
}

TEST(SlimProducts, APerceptronMeetsItsBudget) {
  const Shape input = {1, 64};
  onnx::ModelProto model = RandomModel(
      R"(a = Gemm<transB = 0>(x, w1, b1) ra = Relu(a) b = MatMul(ra, w2) c = Add(b, b2)
                                      rc = Relu(c) d = Gemm(rc, w3) rd = Relu(d) y = MatMul(rd, w4))",
      input, {{"w1", {64, 96}}, {"b1", {96}}, {"w2", {96, 96}}, {"b2", {96}}, {"w3", {96, 64}}, {"w4", {64, 10}}});
  const absl::StatusOr<SlimReport> report = Slim(model, BudgetOf(0.5, input, FewDirections(input, 6, 200)));
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
  EXPECT_LE(*report->after.macs, *report->before.macs / 2);
  EXPECT_LT(report->comparison->relative_error, 0.2);
  EXPECT_GE(Slimmed(*report, "Gemm"), 1);
  EXPECT_GE(Slimmed(*report, "MatMul"), 1);
  ExpectCostsAreThoseOf(model, input, *report);
}

TEST(SlimProducts, MatMulOfSequences) {
  const Shape input = {2, 12, 48};
  onnx::ModelProto model = RandomModel("a = MatMul(x, w1) r = Relu(a) b = MatMul(r, w2) y = Add(b, x)", input,
                                       {{"w1", {48, 96}}, {"w2", {96, 48}}});
  const absl::StatusOr<SlimReport> report = Slim(model, BudgetOf(0.6, input, FewDirections({2, 12, 48}, 4, 40)));
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
  EXPECT_EQ(report->before.macs, 2 * 12 * 48 * 96 * 2);
  EXPECT_GE(Slimmed(*report, "MatMul"), 1);
  ExpectCostsAreThoseOf(model, input, *report);
}

TEST(SlimProducts, ConvolutionsAndProductsShareABudget) {
  const Shape input = {1, 3, 8, 8};
  onnx::ModelProto model = RandomModel(
      R"(a = Conv<pads = [1, 1, 1, 1]>(x, k1) ra = Relu(a) b = Conv(ra, k2) rb = Relu(b)
                                      f = Flatten(rb) c = Gemm<transB = 1>(f, w1, b1) rc = Relu(c) y = Gemm(rc, w2))",
      input, {{"k1", {16, 3, 3, 3}}, {"k2", {24, 16, 3, 3}}, {"w1", {64, 864}}, {"b1", {64}}, {"w2", {64, 10}}});
  const absl::StatusOr<SlimReport> report = Slim(model, BudgetOf(0.4, input, FewDirections(input, 6, 60)));
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
  EXPECT_LE(*report->after.macs, *report->before.macs * 4 / 10);
  EXPECT_GE(Slimmed(*report, "Conv"), 1);
  EXPECT_GE(Slimmed(*report, "Gemm"), 1);
  ExpectCostsAreThoseOf(model, input, *report);
}

TEST(SlimProducts, ASmallClassifierHasNothingToGain) {
  onnx::ModelProto model = RandomModel("y = Gemm(x, w)", {1, 24}, {{"w", {24, 10}}});
  const absl::StatusOr<SlimReport> report = Slim(model, BudgetOf(0.5, {1, 24}, {}));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kRefused);
  ASSERT_EQ(report->layers.size(), 1);
  EXPECT_EQ(report->layers[0].reason, "no rank is cheaper than the layer");
}

}  // namespace
}  // namespace cnnopt
