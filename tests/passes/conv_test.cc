#include "passes/conv.h"

#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/rewrite.h"
#include "passes/form.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Geometry;
using ::cnnopt::testing::ModelFromText;
using ::cnnopt::testing::ModelOf;
using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RunModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Largest difference between two runs, relative to the largest value.
double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size() || a.empty()) return 1e300;
  double most = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]));
    scale = std::max(scale, std::abs(b[i]));
  }
  return most / scale;
}

struct EmissionCase {
  const char* name;
  Geometry geometry;
  int64_t in, out, groups;
  Shape spatial;
  std::vector<std::string> forms;  // that have candidates for it
};

std::ostream& operator<<(std::ostream& stream, const EmissionCase& test) { return stream << test.name; }

class EmissionTest : public ::testing::TestWithParam<EmissionCase> {};

// What is emitted must equal Compose at every output, borders included, and Compose must equal ONNX Runtime's own idea
// of the composed convolution: two independent engines. Of every form, the two smallest ranks that pay.
TEST_P(EmissionTest, EqualsComposeInOnnxRuntime) {
  const EmissionCase& param = GetParam();
  std::mt19937 random(3);
  const Conv conv = RandomConv(random, param.geometry, param.in, param.out, param.groups);
  Shape input = {1, param.in};
  input.insert(input.end(), param.spatial.begin(), param.spatial.end());
  std::vector<std::string> covered;
  for (const Form* form : AllForms()) {
    if (!form->Applies(conv).ok()) continue;
    std::vector<RankError> ranks = form->Candidates(conv, {});
    if (ranks.size() > 2) ranks.resize(2);
    for (const RankError& choice : ranks) {
      const Replacement replacement = form->Fit(conv, {}, choice.rank);
      onnx::ModelProto emitted = ModelOf(conv, param.spatial);
      const absl::StatusOr<Rewrite> rewrite =
          EmitReplacement(replacement, emitted.graph().node(0), emitted.graph().initializer(0), "test");
      ASSERT_TRUE(rewrite.ok()) << rewrite.status();
      ASSERT_TRUE(ApplyRewrite(*rewrite, emitted).ok());
      EXPECT_GT(emitted.graph().node_size(), 1);
      const std::vector<double> got = RunModel(emitted, input);
      EXPECT_LT(Difference(got, RunModel(ModelOf(Compose(replacement), param.spatial), input)), 2e-6)
          << form->Label(choice.rank);
    }
    if (!ranks.empty() && (covered.empty() || covered.back() != form->name())) covered.emplace_back(form->name());
  }
  EXPECT_EQ(covered, param.forms);
}

const std::vector<std::string> kKernels = {"dsc", "cp", "bottleneck", "spatial"};
const std::vector<std::string> kOneAxis = {"dsc", "cp", "bottleneck"};
const std::vector<std::string> kLarge = {"dsc", "cp", "bottleneck", "spatial", "stack3x3"};
const std::vector<std::string> kLargeOneAxis = {"dsc", "cp", "bottleneck", "stack3x3"};

INSTANTIATE_TEST_SUITE_P(
    Geometries, EmissionTest,
    ::testing::Values(
        EmissionCase{"plain", Plain({3, 3}), 12, 14, 1, {9, 8}, kKernels},
        EmissionCase{"padded", {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 14, 12, 1, {7, 7}, kKernels},
        EmissionCase{"asymmetric", {{3, 3}, {1, 1}, {1, 1}, {0, 2}, {1, 0}}, 14, 12, 1, {6, 7}, kKernels},
        EmissionCase{"strided", {{3, 3}, {2, 2}, {1, 1}, {1, 1}, {0, 1}}, 14, 12, 1, {9, 8}, kKernels},
        EmissionCase{"strides_differ", {{3, 3}, {1, 3}, {1, 1}, {2, 1}, {0, 1}}, 14, 12, 1, {9, 13}, kKernels},
        EmissionCase{"dilated", {{3, 3}, {1, 2}, {2, 3}, {2, 3}, {2, 1}}, 14, 12, 1, {11, 12}, kKernels},
        EmissionCase{"grouped", {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 28, 24, 2, {6, 6}, kKernels},
        EmissionCase{"even", {{2, 4}, {1, 1}, {1, 1}, {0, 2}, {1, 1}}, 24, 24, 1, {6, 7}, kKernels},
        EmissionCase{"rectangular", {{1, 5}, {1, 1}, {1, 1}, {0, 2}, {0, 2}}, 14, 16, 1, {5, 9}, kLargeOneAxis},
        EmissionCase{"five", {{5, 5}, {1, 1}, {1, 1}, {2, 0}, {1, 3}}, 14, 12, 1, {7, 9}, kLarge},
        EmissionCase{"seven", {{7, 7}, {1, 1}, {2, 1}, {5, 3}, {6, 1}}, 12, 14, 1, {8, 8}, kLarge},
        EmissionCase{"stem", {{7, 7}, {2, 2}, {1, 1}, {3, 3}, {3, 2}}, 12, 16, 1, {13, 12}, kLarge},
        EmissionCase{"stem_eleven", {{11, 11}, {2, 2}, {1, 1}, {2, 3}, {4, 2}}, 9, 16, 1, {17, 16}, kLarge},
        EmissionCase{"five_grouped", {{5, 5}, {1, 1}, {2, 2}, {4, 3}, {4, 4}}, 24, 28, 2, {7, 9}, kLarge},
        EmissionCase{
            "five_cubed", {{5, 5, 5}, {1, 1, 1}, {1, 1, 1}, {2, 1, 0}, {2, 0, 1}}, 12, 12, 1, {5, 6, 6}, kLarge},
        EmissionCase{"one_axis", {{5}, {2}, {2}, {3}, {4}}, 16, 14, 1, {31}, kOneAxis},
        EmissionCase{"seven_one_axis", {{7}, {2}, {2}, {3}, {4}}, 24, 20, 1, {31}, kLargeOneAxis},
        EmissionCase{
            "three_axes", {{2, 3, 2}, {1, 2, 1}, {1, 1, 2}, {1, 0, 1}, {0, 1, 1}}, 14, 13, 1, {4, 6, 5}, kKernels},
        EmissionCase{"one_axis_grouped", {{3}, {2}, {3}, {0}, {5}}, 48, 32, 2, {30}, kOneAxis},
        EmissionCase{"three_axes_grouped",
                     {{3, 2, 3}, {2, 1, 1}, {1, 2, 1}, {2, 0, 1}, {0, 1, 2}},
                     32,
                     24,
                     2,
                     {7, 6, 5},
                     kKernels},
        EmissionCase{"two_of_three_axes",
                     {{1, 3, 3}, {2, 2, 1}, {1, 1, 2}, {0, 1, 1}, {0, 0, 2}},
                     16,
                     14,
                     1,
                     {4, 7, 8},
                     kKernels},
        EmissionCase{"pointwise_three_axes",
                     {{1, 1, 1}, {1, 2, 3}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}},
                     80,
                     96,
                     2,
                     {3, 4, 7},
                     {"low-rank"}},
        EmissionCase{"pointwise", Plain({1, 1}), 40, 48, 1, {5, 6}, {"low-rank"}},
        EmissionCase{"pointwise_strided", {{1, 1}, {2, 3}, {1, 1}, {0, 0}, {0, 0}}, 48, 40, 1, {5, 8}, {"low-rank"}},
        EmissionCase{"pointwise_grouped", Plain({1}), 80, 96, 2, {9}, {"low-rank"}}),
    [](const ::testing::TestParamInfo<EmissionCase>& test) { return test.param.name; });

TEST(EmitReplacementTest, KeepsNamesAndPutsTheBiasLast) {
  std::mt19937 random(1);
  const Conv conv = RandomConv(random, Plain({3, 3}), 16, 16);
  onnx::ModelProto model = ModelOf(conv, {8, 8});
  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
  node.set_doc_string("from layer 4");
  node.add_metadata_props()->set_key("owner");
  const Replacement replacement = AllForms().front()->Fit(conv, {}, 2);
  const absl::StatusOr<Rewrite> rewrite = EmitReplacement(replacement, node, model.graph().initializer(0), "dsc");
  ASSERT_TRUE(rewrite.ok()) << rewrite.status();
  ASSERT_EQ(rewrite->insert.size(), 5);  // depthwise, pointwise, depthwise, pointwise, Add
  EXPECT_THAT(rewrite->remove, ElementsAre("y"));
  EXPECT_EQ(rewrite->insert.back().op_type(), "Add");
  EXPECT_THAT(rewrite->insert.back().output(), ElementsAre("y"));
  EXPECT_EQ(rewrite->insert.back().name(), "conv");
  int biased = 0;
  for (const onnx::NodeProto& inserted : rewrite->insert) {
    EXPECT_EQ(inserted.doc_string(), "from layer 4");
    EXPECT_EQ(inserted.metadata_props_size(), 1);
    if (inserted.op_type() == "Conv") biased += inserted.input_size() == 3 ? 1 : 0;
  }
  EXPECT_EQ(biased, 1);
  EXPECT_EQ(rewrite->insert[3].input_size(), 3);  // the last pointwise
}

TEST(ComposeTest, StridesMultiplyAndPadsAdd) {
  std::mt19937 random(5);
  const Conv first = RandomConv(random, {{3, 3}, {2, 2}, {1, 1}, {3, 3}, {2, 2}}, 4, 5, 1, false);
  const Conv second = RandomConv(random, Plain({3, 3}), 5, 6);
  const Conv whole = Compose({{{first, second}}});
  EXPECT_THAT(whole.kernel, ElementsAre(7, 7));  // p + 2 q
  EXPECT_THAT(whole.stride, ElementsAre(2, 2));
  EXPECT_THAT(whole.pad_begin, ElementsAre(3, 3));
  onnx::ModelProto chain = ModelOf(first, {13, 12});
  const absl::StatusOr<Rewrite> rewrite =
      EmitReplacement({{{first, second}}}, chain.graph().node(0), chain.graph().initializer(0), "chain");
  ASSERT_TRUE(rewrite.ok());
  ASSERT_TRUE(ApplyRewrite(*rewrite, chain).ok());
  EXPECT_LT(Difference(RunModel(chain, {1, 4, 13, 12}), RunModel(ModelOf(whole, {13, 12}), {1, 4, 13, 12})), 2e-6);
}

// Against the product of both as plain matrices, tap by tap, with zeros between the groups.
TEST(ComposeTest, GroupedStages) {
  std::mt19937 random(6);
  const Geometry wide = {{3, 2}, {1, 1}, {1, 2}, {1, 0}, {0, 1}};
  struct Stages {
    Conv first, second;
  };
  const std::vector<Stages> cases = {
      {RandomConv(random, Plain({1, 1}), 4, 6, 1, false), RandomConv(random, wide, 6, 6, 6)},   // depthwise
      {RandomConv(random, Plain({1, 1}), 4, 6, 1, false), RandomConv(random, wide, 6, 12, 6)},  // two of each
      {RandomConv(random, Plain({1, 1}), 4, 6, 2, false), RandomConv(random, wide, 6, 9, 3)},
      {RandomConv(random, wide, 4, 8, 4), RandomConv(random, Plain({1, 1}), 8, 6, 2)}};
  for (const auto& [first, second] : cases) {
    const Conv whole = Compose({{{first, second}}});
    const Conv a = Ungroup(first), b = Ungroup(second);
    EXPECT_EQ(whole.groups, 1);
    EXPECT_EQ(whole.kernel, wide.kernel);
    EXPECT_EQ(whole.dilation, wide.dilation);
    const int64_t taps = whole.taps();
    Matrix expected = Matrix::Zero(b.out_channels, a.in_channels * taps);
    for (int64_t o = 0; o < b.out_channels; ++o) {
      for (int64_t i = 0; i < a.in_channels; ++i) {
        for (int64_t t = 0; t < taps; ++t) {
          for (int64_t m = 0; m < a.out_channels; ++m) {
            const int64_t at_a = a.taps() == 1 ? 0 : t, at_b = b.taps() == 1 ? 0 : t;
            expected(o, i * taps + t) += b.weight(o, m * b.taps() + at_b) * a.weight(m, i * a.taps() + at_a);
          }
        }
      }
    }
    EXPECT_LT(RelativeDistance(whole.weight, expected), 1e-12);
    Vector bias = b.bias;
    if (a.bias.size() > 0) bias += b.weight * a.bias;
    EXPECT_LT(RelativeDistance(whole.bias, bias), 1e-12);
  }
}

TEST(GroupsTest, ExtractAndMergeAreInverse) {
  std::mt19937 random(2);
  const Conv conv = RandomConv(random, Plain({3}), 6, 9, 3);
  std::vector<Replacement> parts;
  for (int64_t g = 0; g < 3; ++g) parts.push_back({{{ExtractGroup(conv, g)}}});
  const Replacement merged = MergeGroups(parts);
  EXPECT_EQ(merged.branches[0][0].groups, 3);
  EXPECT_EQ(RelativeDistance(merged.branches[0][0].weight, conv.weight), 0);
  EXPECT_EQ(RelativeDistance(merged.branches[0][0].bias, conv.bias), 0);
  EXPECT_EQ(RelativeDistance(Ungroup(merged.branches[0][0]).weight, Compose({{{conv}}}).weight), 0);
}

// ---- ReadConv ----------------------------------------------------------------------------------------------------

// One Conv node with these attributes and the weight 0, 1, 2, ... of shape [4,2,3,3].
absl::StatusOr<Conv> ReadFrom(const std::string& attributes, const Shape* input_shape = nullptr) {
  std::string text = R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,a,b] y)
    <float[4] bias = {1,2,3,4}> { y = Conv<ATTRIBUTES>(x, w, bias) })";
  text.replace(text.find("ATTRIBUTES"), 10, attributes);
  onnx::ModelProto model = ModelFromText(text);
  onnx::TensorProto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {4, 2, 3, 3}) weight.add_dims(dim);
  for (int i = 0; i < 72; ++i) weight.add_float_data(static_cast<float>(i));
  absl::StatusOr<GraphView> view = GraphView::Create(model);
  if (!view.ok()) return view.status();
  return ReadConv(model.graph().node(0), *view, input_shape);
}

TEST(ReadConvTest, ReadsEveryAttribute) {
  const absl::StatusOr<Conv> conv =
      ReadFrom("group = 2, strides = [2, 1], dilations = [1, 2], pads = [0, 1, 2, 3], kernel_shape = [3, 3]");
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_EQ(conv->in_channels, 4);
  EXPECT_EQ(conv->out_channels, 4);
  EXPECT_EQ(conv->groups, 2);
  EXPECT_THAT(conv->stride, ElementsAre(2, 1));
  EXPECT_THAT(conv->dilation, ElementsAre(1, 2));
  EXPECT_THAT(conv->pad_begin, ElementsAre(0, 1));
  EXPECT_THAT(conv->pad_end, ElementsAre(2, 3));
  EXPECT_EQ(conv->weight(1, 9 + 4), 18 + 9 + 4);
  EXPECT_EQ(conv->bias(3), 4);
}

TEST(ReadConvTest, ResolvesAutoPad) {
  absl::StatusOr<Conv> conv = ReadFrom(R"(group = 2, auto_pad = "SAME_UPPER")");
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_THAT(conv->pad_begin, ElementsAre(1, 1));
  EXPECT_THAT(conv->pad_end, ElementsAre(1, 1));
  const Shape shape = {1, 4, 8, 7};
  conv = ReadFrom(R"(group = 2, strides = [2, 2], auto_pad = "SAME_UPPER")", &shape);
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_THAT(conv->pad_begin, ElementsAre(0, 1));  // 8 -> 4 outputs need 9, the odd pixel at the end
  EXPECT_THAT(conv->pad_end, ElementsAre(1, 1));
  conv = ReadFrom(R"(group = 2, strides = [2, 2], auto_pad = "SAME_LOWER")", &shape);
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_THAT(conv->pad_begin, ElementsAre(1, 1));
  EXPECT_THAT(conv->pad_end, ElementsAre(0, 1));
  conv = ReadFrom(R"(group = 2, strides = [2, 2], auto_pad = "VALID")");
  ASSERT_TRUE(conv.ok()) << conv.status();
  EXPECT_THAT(conv->pad_begin, ElementsAre(0, 0));
}

TEST(ReadConvTest, SaysWhyNot) {
  EXPECT_THAT(std::string(ReadFrom(R"(group = 2, strides = [2, 2], auto_pad = "SAME_UPPER")").status().message()),
              HasSubstr("depends on the input's size"));
  EXPECT_THAT(std::string(ReadFrom("group = 3").status().message()), HasSubstr("does not fit group 3"));
  EXPECT_THAT(std::string(ReadFrom("group = 2, kernel_shape = [3, 5]").status().message()),
              HasSubstr("kernel_shape is [3,5], the weight's is [3,3]"));
  EXPECT_THAT(std::string(ReadFrom("group = 2, strides = [1]").status().message()),
              HasSubstr("do not fit 2 spatial axes"));
}

TEST(ReadConvTest, KeepsWhatIsNotConstantOrNotFinite) {
  onnx::ModelProto model = ModelFromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,1,8,8] x, float[1,1,3,3] w, float[1] b) => (float[1,1,6,6] y, float[1,1,8,8] z, float[1,1,8,8] v)
    <float[1,1,1,1] k = {2}, float[1,1,1,1] odd = {1}> {
      y = Conv(x, w) z = Conv(x, k, b) v = Conv(x, odd) })");
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {
    if (tensor.name() != "odd") continue;
    tensor.clear_raw_data();
    tensor.clear_float_data();
    tensor.add_float_data(std::numeric_limits<float>::quiet_NaN());
  }
  const absl::StatusOr<GraphView> view = GraphView::Create(model);
  ASSERT_TRUE(view.ok());
  const auto reason = [&](int node) {
    return std::string(ReadConv(model.graph().node(node), *view, nullptr).status().message());
  };
  EXPECT_EQ(reason(0), "its weight is not a constant");
  EXPECT_EQ(reason(1), "its bias is not a constant");
  EXPECT_THAT(reason(2), HasSubstr("1 NaN or infinite"));
}

}  // namespace
}  // namespace cnnopt
