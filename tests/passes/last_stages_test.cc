#include "passes/last_stages.h"

#include <random>

#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/cp_factors.h"
#include "passes/forms/forms.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using testing::Plain;
using testing::RandomConv;
using testing::RandomMatrix;
using testing::RelativeDistance;

struct Case {
  const char* name;
  Conv conv;
  Replacement replacement;
};

// Everything whose last stages are dense, at ranks that approximate the layer only.
std::vector<Case> Cases() {
  std::mt19937 random(1);
  const Conv square = RandomConv(random, {{3, 3}, {2, 1}, {1, 2}, {1, 0}, {0, 1}}, 6, 5);
  const Conv plain = RandomConv(random, Plain({3, 3}), 6, 8);
  const Conv volume = RandomConv(random, Plain({2, 3, 2}), 4, 7, 1, false);
  const Conv pointwise = RandomConv(random, Plain({1, 1}), 9, 8);
  const Conv first = RandomConv(random, Plain({2, 2}), 6, 4, 2, false);
  const Conv second = RandomConv(random, Plain({2, 2}), 4, 8);
  return {{"the layer itself", square, {{{square}}}},
          {"dsc", square, DscDepthwiseFirst()->Fit(square, {}, 2)},
          {"dsc 3-D", volume, DscDepthwiseFirst()->Fit(volume, {}, 1)},
          {"cp", square, CpForm()->Fit(square, {}, 7)},
          {"cp 3-D", volume, CpForm()->Fit(volume, {}, 3)},
          {"low-rank", pointwise, LowRankForm()->Fit(pointwise, {}, 3)},
          {"bottleneck", plain, BottleneckOneSided()->Fit(plain, {}, 3)},
          {"spatial", plain, SpatialForm()->Fit(plain, {}, 4)},
          {"a last stage of several taps", plain, {{{first, second}}}},
          {"two branches", plain, {{{first, second}, DscDepthwiseFirst()->Fit(plain, {}, 1).branches.front()}}}};
}

// F itself.
Matrix FeaturesOf(const LastStages& stages, const Conv& conv) {
  const Eigen::Index columns = conv.in_channels * conv.taps();
  return stages.TimesFeatures(Matrix::Identity(columns, columns)).transpose();
}

TEST(LastStages, TimesTheirFeaturesAreTheWholeWeight) {
  for (const Case& test : Cases()) {
    SCOPED_TRACE(test.name);
    ASSERT_TRUE(LastStagesAreDense(test.replacement));
    const LastStages stages(test.replacement);
    const Matrix features = FeaturesOf(stages, test.conv);
    const Matrix whole = Compose(test.replacement).weight;
    ASSERT_EQ(stages.weight().cols(), features.rows());
    ASSERT_EQ(features.cols(), whole.cols());
    EXPECT_GT(whole.norm(), 0.1);
    EXPECT_LT(RelativeDistance(stages.weight() * features, whole), 1e-12);
  }
}

TEST(LastStages, WithOtherWeightsOnlyTheyChange) {
  std::mt19937 random(2);
  for (const Case& test : Cases()) {
    SCOPED_TRACE(test.name);
    const LastStages stages(test.replacement);
    const Matrix other = RandomMatrix(random, stages.weight().rows(), stages.weight().cols());
    const Replacement changed = stages.With(other);
    EXPECT_LT(RelativeDistance(Compose(changed).weight, other * FeaturesOf(stages, test.conv)), 1e-12);
    EXPECT_EQ(RelativeDistance(LastStages(changed).weight(), other), 0);
    EXPECT_EQ(RelativeDistance(Compose(changed).bias, Compose(test.replacement).bias), 0);
    for (size_t b = 0; b < changed.branches.size(); ++b) {
      for (size_t s = 0; s + 1 < changed.branches[b].size(); ++s) {
        EXPECT_EQ(RelativeDistance(changed.branches[b][s].weight, test.replacement.branches[b][s].weight), 0);
      }
    }
  }
}

TEST(LastStages, FeaturesOfPatchesAndTheirCovariance) {
  std::mt19937 random(3);
  for (const Case& test : Cases()) {
    SCOPED_TRACE(test.name);
    const LastStages stages(test.replacement);
    const Matrix features = FeaturesOf(stages, test.conv);
    const Matrix patches = RandomMatrix(random, 20, features.cols());
    EXPECT_LT(RelativeDistance(stages.TimesFeatures(patches), patches * features.transpose()), 1e-12);
    const Matrix in_float = stages.Features(patches.cast<float>()).cast<double>();
    EXPECT_LT(RelativeDistance(in_float, patches * features.transpose()), 1e-5);
    const Matrix covariance = patches.transpose() * patches;
    EXPECT_LT(RelativeDistance(stages.Gram(covariance), features * covariance * features.transpose()), 1e-12);
  }
}

TEST(LastStages, AreNotDenseWhenOneBranchEndsInGroups) {
  std::mt19937 random(4);
  const Conv conv = RandomConv(random, Plain({3, 3}), 6, 6);
  EXPECT_FALSE(LastStagesAreDense(DscPointwiseFirst()->Fit(conv, {}, 1)));
  EXPECT_FALSE(LastStagesAreDense({{{conv}, DscPointwiseFirst()->Fit(conv, {}, 1).branches.front()}}));
  EXPECT_TRUE(LastStagesAreDense({{{conv}, {conv}}}));
}

TEST(IsCpChain, PointwiseDepthwisePointwiseAndNothingElse) {
  std::mt19937 random(5);
  const Conv conv = RandomConv(random, Plain({3, 3}), 6, 5);
  const std::vector<Conv> chain = CpForm()->Fit(conv, {}, 7).branches.front();
  EXPECT_TRUE(IsCpChain(chain));
  EXPECT_FALSE(IsCpChain({conv}));
  EXPECT_FALSE(IsCpChain({chain[0], chain[1]}));
  EXPECT_FALSE(IsCpChain({chain[1], chain[2]}));
  EXPECT_FALSE(IsCpChain({chain[0], RandomConv(random, Plain({3, 3}), 7, 7), chain[2]}));
  EXPECT_FALSE(IsCpChain(DscDepthwiseFirst()->Fit(conv, {}, 1).branches.front()));
}

}  // namespace
}  // namespace cnnopt
