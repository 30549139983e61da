#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/forms.h"
#include "passes/least_squares.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RandomMoments;
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RelativeError;

class DscTest : public ::testing::TestWithParam<const Form*> {
 protected:
  const Form& form() const { return *GetParam(); }
};

TEST_P(DscTest, FullRankIsExact) {
  std::mt19937 random(11);
  for (const int64_t groups : {1, 2}) {
    const Conv conv = RandomConv(random, Plain({3, 3}), 24, 20, groups);
    const std::vector<Moments> moments(static_cast<size_t>(groups), RandomMoments(random, 24 / groups * 9, 40, 0.1));
    for (const std::vector<Moments>& seen : {std::vector<Moments>(), moments}) {
      const Replacement full = form().Fit(conv, seen, 9);
      EXPECT_LT(RelativeDistance(Compose(full).weight, Ungroup(conv).weight), 1e-10);
      EXPECT_LT(RelativeDistance(Compose(full).bias, conv.bias), 1e-10);
    }
  }
}

TEST_P(DscTest, ErrorFallsWithRankAndIsWhatWasPredicted) {
  std::mt19937 random(12);
  const Conv conv = RandomConv(random, Plain({3, 3}), 24, 32);
  const Moments seen = RandomMoments(random, 24 * 9, 60, 0.05);
  for (const bool weights_only : {true, false}) {
    const std::vector<Moments> moments = weights_only ? std::vector<Moments>() : std::vector<Moments>{seen};
    const std::vector<RankError> candidates = form().Candidates(conv, moments);
    ASSERT_GE(candidates.size(), 3);
    double last = 1;
    for (const RankError& candidate : candidates) {
      EXPECT_LT(candidate.error, last);
      last = candidate.error;
      const double measured =
          RelativeError(conv, form().Fit(conv, moments, candidate.rank), weights_only ? Moments{} : seen);
      EXPECT_NEAR(measured, candidate.error, 1e-4 * candidate.error + 1e-9) << form().Label(candidate.rank);
    }
  }
}

TEST_P(DscTest, OnlyRanksThatPayAreCandidates) {
  std::mt19937 random(13);
  const Conv conv = RandomConv(random, Plain({3, 3}), 32, 64, 1, false);
  const std::vector<RankError> candidates = form().Candidates(conv, {});
  ASSERT_FALSE(candidates.empty());
  for (const RankError& candidate : candidates) {
    EXPECT_LT(ParameterCount(form().Outline(conv, candidate.rank)), ParameterCount(conv));
  }
  // Depthwise first 32 x (9 + 64) multiplications, pointwise first 64 x (9 + 32), and 64 elements of a map, each worth
  // 32, against 18,432.
  EXPECT_EQ(candidates.back().rank, GetParam() == DscDepthwiseFirst() ? 4 : 3);
  // Few inputs and many taps: the maps would take longer than the multiplications they save.
  EXPECT_LE(form().Candidates(RandomConv(random, Plain({7, 7}), 3, 64, 1, false), {}).size(), 3);
  // A layer with one input and one output channel has nothing to gain at any rank.
  EXPECT_TRUE(form().Candidates(RandomConv(random, Plain({3, 3}), 1, 1, 1, false), {}).empty());
}

TEST_P(DscTest, DataHelpWhereItLies) {
  // Patches in a subspace: fitting to them must beat the weights-only fit on them by far.
  std::mt19937 random(14);
  const Conv conv = RandomConv(random, Plain({3, 3}), 16, 24);
  const Moments seen = RandomMoments(random, 16 * 9, 30, 1e-3);
  const double blind = RelativeError(conv, form().Fit(conv, {}, 2), seen);
  const double fitted = RelativeError(conv, form().Fit(conv, std::vector<Moments>{seen}, 2), seen);
  EXPECT_LT(fitted, 0.8 * blind);
}

TEST_P(DscTest, BiasKeepsTheMean) {
  std::mt19937 random(15);
  const Conv conv = RandomConv(random, Plain({3, 3}), 16, 24);
  const Moments seen = RandomMoments(random, 16 * 9, 30, 1e-2);
  const Conv slim = Compose(form().Fit(conv, std::vector<Moments>{seen}, 1));
  const Vector before = conv.weight * seen.mean + conv.bias;
  const Vector after = slim.weight * seen.mean + slim.bias;
  EXPECT_LT((before - after).norm() / before.norm(), 1e-12);
}

TEST_P(DscTest, DeadDuplicateAndFaintChannelsDoNotBlowUp) {
  std::mt19937 random(16);
  const int64_t channels = 12, taps = 9;
  const Conv conv = RandomConv(random, Plain({3, 3}), channels, 16);
  const Matrix patches = [&] {
    Matrix x = RandomMatrix(random, channels * taps, 4000);
    x.middleRows(0, taps).setZero();                              // dead
    x.middleRows(taps, taps) *= 1e-9;                             // all but dead
    x.middleRows(2 * taps, taps) = x.middleRows(3 * taps, taps);  // duplicate
    x.middleRows(4 * taps, taps) *= 1e6;                          // loud
    return x;
  }();
  Moments seen;
  seen.mean = Vector::Zero(channels * taps);
  seen.covariance = patches * patches.transpose() / 4000.0;
  seen.samples = 4000;
  for (const int64_t rank : {1, 2, 4}) {
    const Replacement slim = form().Fit(conv, std::vector<Moments>{seen}, rank);
    const Conv whole = Compose(slim);
    // On what was seen the fit is good, and on anything else no worse than a few times the layer itself.
    EXPECT_LT(RelativeError(conv, slim, seen), 1.0);
    EXPECT_LT(whole.weight.norm(), 3 * conv.weight.norm()) << form().Label(rank);
    for (const std::vector<Conv>& branch : slim.branches) {
      for (const Conv& stage : branch) EXPECT_TRUE(stage.weight.allFinite());
    }
  }
}

TEST_P(DscTest, AllZeroWeightsAndDeadInputsAreHarmless) {
  std::mt19937 random(17);
  Conv conv = RandomConv(random, Plain({3, 3}), 8, 8);
  Moments dead;
  dead.mean = Vector::Zero(72);
  dead.covariance = Matrix::Zero(72, 72);
  EXPECT_LT(RelativeDistance(Compose(form().Fit(conv, std::vector<Moments>{dead}, 9)).weight, conv.weight), 1e-10);
  conv.weight.setZero();
  for (const RankError& candidate : form().Candidates(conv, {})) EXPECT_EQ(candidate.error, 0);
  EXPECT_EQ(Compose(form().Fit(conv, {}, 1)).weight.norm(), 0);
}

// A gradient-free check of optimality: no small random change of the factors may improve a weights-only fit, and
// alternating exact solves from random starts never find anything better.
TEST_P(DscTest, WeightsOnlyFitIsTheOptimum) {
  std::mt19937 random(18);
  const Conv conv = RandomConv(random, Plain({2, 2}), 3, 4, 1, false);
  for (const int64_t rank : {1, 2}) {
    const Replacement best = form().Fit(conv, {}, rank);
    const double error = RelativeError(conv, best, {});
    for (int trial = 0; trial < 200; ++trial) {
      Replacement other = best;
      const double step = std::pow(10.0, -(trial % 6));
      for (std::vector<Conv>& branch : other.branches) {
        for (Conv& stage : branch)
          stage.weight += step * RandomMatrix(random, stage.weight.rows(), stage.weight.cols());
      }
      EXPECT_GE(RelativeError(conv, other, {}), error - 1e-12);
    }
  }
}

TEST_P(DscTest, SaysWhyNot) {
  std::mt19937 random(19);
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({1, 1}), 8, 8)).message()),
            "1x1 kernel: dsc needs a larger one");
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({3, 3}), 8, 8, 8)).message()), "depthwise already");
  EXPECT_TRUE(form().Applies(RandomConv(random, Plain({3, 3}), 8, 8, 2)).ok());
  EXPECT_TRUE(form().Applies(RandomConv(random, Plain({5}), 8, 8)).ok());
}

INSTANTIATE_TEST_SUITE_P(Orders, DscTest, ::testing::Values(DscDepthwiseFirst(), DscPointwiseFirst()),
                         [](const ::testing::TestParamInfo<const Form*>& test) {
                           return test.index == 0 ? "DepthwiseFirst" : "PointwiseFirst";
                         });

}  // namespace
}  // namespace cnnopt
