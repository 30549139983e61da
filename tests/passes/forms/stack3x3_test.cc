#include <algorithm>
#include <cmath>
#include <random>

#include "Eigen/Cholesky"
#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/forms.h"
#include "tests/testing/convolution.h"
#include "tests/testing/form_checks.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Geometry;
using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RandomMoments;
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RelativeError;

const Form& form() { return *Stack3x3Form(); }

const Geometry kStem = {{7, 7}, {2, 2}, {1, 1}, {3, 2}, {2, 3}};

TEST(Stack3x3Test, FourTimesTheFewerChannelsAreExact) {
  std::mt19937 random(61);
  testing::ExpectExact(form(), RandomConv(random, {{5, 5}, {1, 1}, {2, 1}, {3, 0}, {1, 2}}, 4, 8), 16, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({5, 5}), 8, 4), 16, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({5, 5}), 8, 8, 2), 16, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({5}), 8, 6), 12, random);
  testing::ExpectExact(form(), RandomConv(random, kStem, 3, 8), 27, random);
}

TEST(Stack3x3Test, CandidatesAreHonest) {
  std::mt19937 random(62);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({5, 5}), 24, 32), 4, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({5, 5}), 48, 48, 2), 3, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({7, 7}), 12, 16), 2, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, kStem, 8, 32), 3, random);
}

// Small kernels that are stacks of 3x3: the fit must find them again.
TEST(Stack3x3Test, FindsAPlantedStack) {
  std::mt19937 random(63);
  for (const Geometry& geometry : {Plain({5, 5}), kStem, Plain({7, 7})}) {
    Conv conv = RandomConv(random, geometry, 8, 12);
    Replacement planted = form().Outline(conv, 8);
    for (Conv& stage : planted.branches[0]) {
      stage.weight = RandomMatrix(random, stage.out_channels, stage.in_channels * stage.taps());
      stage.bias.resize(0);
    }
    conv.weight = Compose(planted).weight;
    EXPECT_LT(RelativeError(conv, form().Fit(conv, {}, 8), {}), 0.2);
    const Moments seen = RandomMoments(random, conv.weight.cols(), 100, 0.1);
    EXPECT_LT(RelativeError(conv, form().Fit(conv, std::vector<Moments>{seen}, 8), seen), 0.2);
  }
}

// The problem has local optima, most of all when it is small. Brute force on such a case, the exact solution for either
// stage in turn written out with dense matrices and from random starts: the fit is no worse than most of what it finds.
TEST(Stack3x3Test, IsAsGoodAsMostRandomStarts) {
  std::mt19937 random(64);
  const Conv conv = RandomConv(random, Plain({5}), 2, 3, 1, false);
  const Replacement fit = form().Fit(conv, {}, 2);
  const double error = RelativeError(conv, fit, {});
  ASSERT_GT(error, 0.01);
  std::vector<double> errors;
  for (int start = 0; start < 20; ++start) {
    Replacement other = fit;
    for (Conv& stage : other.branches[0]) stage.weight = RandomMatrix(random, stage.weight.rows(), stage.weight.cols());
    for (int sweep = 0; sweep < 400; ++sweep) {
      Matrix& weight = other.branches[0][static_cast<size_t>(sweep % 2)].weight;
      // The composed kernel is linear in either stage: its columns are the images of the unit weights.
      Matrix images(conv.weight.size(), weight.size());
      for (Eigen::Index j = 0; j < weight.size(); ++j) {
        weight.setZero();
        weight.data()[j] = 1;
        const Matrix image = Compose(other).weight;
        images.col(j) = Eigen::Map<const Vector>(image.data(), image.size());
      }
      const Eigen::Map<const Vector> target(conv.weight.data(), conv.weight.size());
      const Vector solution = (images.transpose() * images + 1e-10 * Matrix::Identity(weight.size(), weight.size()))
                                  .ldlt()
                                  .solve(images.transpose() * target);
      weight = Eigen::Map<const Matrix>(solution.data(), weight.rows(), weight.cols());
    }
    errors.push_back(RelativeError(conv, other, {}));
  }
  std::sort(errors.begin(), errors.end());
  EXPECT_LT(error, 1.05 * errors[errors.size() / 2]);
}

TEST(Stack3x3Test, LastStageIsOptimalUnderMoments) {
  std::mt19937 random(65);
  const Conv conv = RandomConv(random, Plain({5}), 6, 5, 1, false);
  const Moments seen = RandomMoments(random, 30, 10, 0.1);
  const Replacement best = form().Fit(conv, std::vector<Moments>{seen}, 3);
  const double error = RelativeError(conv, best, seen);
  ASSERT_GT(error, 1e-3);
  for (int trial = 0; trial < 200; ++trial) {
    Replacement other = best;
    Matrix& weight = other.branches[0][1].weight;
    weight += std::pow(10.0, -(trial % 6)) * RandomMatrix(random, weight.rows(), weight.cols());
    EXPECT_GE(RelativeError(conv, other, seen), error - 1e-7);
  }
}

TEST(Stack3x3Test, MomentsHelp) {
  std::mt19937 random(66);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({5, 5}), 16, 24), 16, 0.8, random);
}

TEST(Stack3x3Test, BadChannelsDoNoHarm) {
  std::mt19937 random(67);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({5, 5}), 12, 16), {8, 16}, random);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({7}), 12, 16), {8}, random);
}

TEST(Stack3x3Test, AllPaddingAndStrideIsOnTheFirstStage) {
  std::mt19937 random(68);
  const std::vector<Conv> stem = form().Outline(RandomConv(random, kStem, 8, 16), 8).branches[0];
  ASSERT_EQ(stem.size(), 2);
  EXPECT_EQ(stem[0].stride, kStem.stride);
  EXPECT_EQ(stem[0].pad_begin, kStem.pad_begin);
  EXPECT_EQ(stem[1].stride, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(stem[1].pad_begin, (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(form().Outline(RandomConv(random, Plain({7, 7}), 8, 16), 8).branches[0].size(), 3);
  EXPECT_EQ(form().Outline(RandomConv(random, Plain({11, 11}), 8, 16), 8).branches[0].size(), 5);
}

TEST(Stack3x3Test, IsDeterministic) {
  std::mt19937 random(69);
  const Conv conv = RandomConv(random, Plain({5, 5}), 16, 16);
  EXPECT_EQ(RelativeDistance(Compose(form().Fit(conv, {}, 16)).weight, Compose(form().Fit(conv, {}, 16)).weight), 0);
}

TEST(Stack3x3Test, SaysWhyNot) {
  std::mt19937 random(70);
  const std::vector<Geometry> others = {Plain({3, 3}),
                                        Plain({4, 4}),
                                        Plain({5, 7}),
                                        Plain({5, 3}),
                                        {{5, 5}, {2, 2}, {1, 1}, {2, 2}, {2, 2}},
                                        {{11, 11}, {4, 4}, {1, 1}, {0, 0}, {0, 0}}};
  for (const Geometry& geometry : others) {
    EXPECT_EQ(std::string(form().Applies(RandomConv(random, geometry, 8, 8)).message()),
              "no stack of 3x3 makes this kernel and stride");
  }
}

}  // namespace
}  // namespace cnnopt
