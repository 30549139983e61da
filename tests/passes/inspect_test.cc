#include "passes/inspect.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/model_file.h"
#include "passes/form.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

ModelFacts Inspected(const onnx::ModelProto& model, const InspectOptions& options = {}) {
  const absl::StatusOr<ModelFacts> facts = Inspect(model, options);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.ok() ? *facts : ModelFacts();
}

onnx::ModelProto Lenet() { return ReadModel(testing::TestData("lenet.onnx"))->proto; }

TEST(Inspect, TellsSizeAndCostOfEachLayer) {
  const ModelFacts facts = Inspected(Lenet());
  ASSERT_EQ(facts.layers.size(), 5u);
  const LayerFacts& second = facts.layers[1];
  EXPECT_EQ(second.op, "Conv");
  EXPECT_THAT(second.kernel, ElementsAre(5, 5));
  EXPECT_THAT(second.stride, ElementsAre(1, 1));
  EXPECT_EQ(second.groups, 1);
  ASSERT_TRUE(second.output.has_value());
  EXPECT_EQ((*second.output)[1], second.out_channels);
  EXPECT_EQ(second.macs, (*second.output)[2] * (*second.output)[3] * second.out_channels * second.in_channels * 25);
  int64_t macs = 0;
  for (const LayerFacts& layer : facts.layers) macs += layer.macs.value_or(0);
  EXPECT_EQ(facts.totals.macs, macs);
  EXPECT_GT(facts.totals.params, 0);
  EXPECT_EQ(facts.inputs.size(), 1u);
  EXPECT_EQ(facts.inputs[0].type, "float32");
  EXPECT_EQ(facts.ops.at("Conv"), 2);
}

TEST(Inspect, ListsTheRanksThatPayWithFallingErrors) {
  const ModelFacts facts = Inspected(Lenet());
  const LayerFacts& layer = facts.layers[1];
  EXPECT_TRUE(layer.slimmable());
  EXPECT_EQ(layer.forms.size(), AllForms().size());
  const FormFacts& dsc = layer.forms[0];
  EXPECT_EQ(dsc.form, "dsc");
  ASSERT_GT(dsc.ranks.size(), 1u);
  for (size_t r = 0; r < dsc.ranks.size(); ++r) {
    EXPECT_LT(*dsc.ranks[r].macs, *layer.macs);
    EXPECT_LT(dsc.ranks[r].params, layer.params);
    if (r > 0) {
      EXPECT_LE(dsc.ranks[r].weight_error, dsc.ranks[r - 1].weight_error);
    }
  }
  const RankFacts* best = BestWithin(layer, 0.2);
  ASSERT_NE(best, nullptr);
  EXPECT_LE(best->weight_error, 0.2);
  for (const FormFacts& form : layer.forms) {
    for (const RankFacts& rank : form.ranks) EXPECT_TRUE(rank.weight_error > 0.2 || *rank.macs >= *best->macs);
  }
  EXPECT_EQ(BestWithin(layer, 0), nullptr);
}

TEST(Inspect, WithoutFactorisationNoRanksButTheSameReasons) {
  InspectOptions options;
  options.factorise = false;
  const ModelFacts facts = Inspected(Lenet(), options);
  EXPECT_TRUE(facts.layers[1].slimmable());
  for (const FormFacts& form : facts.layers[1].forms) EXPECT_THAT(form.ranks, IsEmpty());
}

constexpr char kOpenSizes[] =
    R"(<ir_version: 8, opset_import: ["" : 17, "com.acme" : 2], producer_name: "acme", producer_version: "1.2">
g (float[N, 4, H, W] x, float[4, 4, 3, 3] w) => (float[N, 4, H, W] y)
<float[4, 1, 3, 3] d = {0,0,0,0,1,0,0,0,0, 0,0,0,0,1,0,0,0,0, 0,0,0,0,1,0,0,0,0, 0,0,0,0,1,0,0,0,0}>
{
  [free] z = Conv <pads = [1,1,1,1]> (x, w)
  [deep] y = Conv <pads = [1,1,1,1], group = 4> (z, d)
})";

TEST(Inspect, SaysWhyALayerCannotBeTouchedAndWhatIsOpen) {
  const onnx::ModelProto model = testing::ModelFromText(kOpenSizes);
  const ModelFacts facts = Inspected(model);
  EXPECT_EQ(facts.producer, "acme 1.2");
  EXPECT_THAT(facts.other_opsets, ElementsAre(Pair("com.acme", 2)));
  EXPECT_EQ(facts.inputs[0].shape, "Nx4xHxW");
  ASSERT_EQ(facts.layers.size(), 2u);
  EXPECT_FALSE(facts.layers[0].slimmable());
  EXPECT_THAT(facts.layers[0].reason, HasSubstr("constant"));
  EXPECT_FALSE(facts.layers[1].slimmable());
  EXPECT_FALSE(facts.layers[1].forms.empty());
  EXPECT_EQ(facts.layers[1].groups, 4);
  EXPECT_EQ(facts.totals.macs, std::nullopt);
  EXPECT_EQ(facts.slimmable_layers, 0);
  EXPECT_THAT(facts.hint, HasSubstr("--input-shape=x:"));

  InspectOptions options;
  options.input_shapes = {{"x", {1, 4, 8, 8}}};
  const ModelFacts settled = Inspected(model, options);
  EXPECT_EQ(settled.layers[1].macs, 4 * 64 * 9);
  EXPECT_EQ(settled.inputs[0].shape, "1x4x8x8");
  EXPECT_EQ(settled.hint, "");
}

TEST(Inspect, RefusesShapesThatDoNotFit) {
  InspectOptions options;
  options.input_shapes = {{"nobody", {1}}};
  EXPECT_EQ(Inspect(Lenet(), options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cnnopt
