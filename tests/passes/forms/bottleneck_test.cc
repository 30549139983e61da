#include <cmath>
#include <random>

#include "Eigen/SVD"
#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/forms.h"
#include "passes/least_squares.h"
#include "tests/testing/convolution.h"
#include "tests/testing/form_checks.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RandomMoments;
using ::cnnopt::testing::RelativeError;

class BottleneckTest : public ::testing::TestWithParam<const Form*> {
 protected:
  const Form& form() const { return *GetParam(); }
};

TEST_P(BottleneckTest, FullRankIsExact) {
  std::mt19937 random(41);
  testing::ExpectExact(form(), RandomConv(random, {{3, 3}, {2, 1}, {1, 2}, {1, 0}, {2, 1}}, 12, 16), 16, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({3}), 40, 24, 2), 12, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({2, 1, 3}), 10, 9), 9, random);
}

TEST_P(BottleneckTest, CandidatesAreHonest) {
  std::mt19937 random(42);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 32, 48), 4, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({5}), 48, 32), 3, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 48, 64, 2), 2, random);
}

TEST_P(BottleneckTest, MomentsHelp) {
  std::mt19937 random(43);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({3, 3}), 24, 32), 16, 0.8, random);
}

TEST_P(BottleneckTest, BadChannelsDoNoHarm) {
  std::mt19937 random(44);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({3, 3}), 24, 32), {8, 16, 24}, random);
}

TEST_P(BottleneckTest, SaysWhyNot) {
  std::mt19937 random(45);
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({1, 1}), 16, 8)).message()),
            "1x1 kernel: bottleneck needs a larger one");
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({3, 3}), 16, 16, 16)).message()), "depthwise already");
}

INSTANTIATE_TEST_SUITE_P(Sides, BottleneckTest, ::testing::Values(BottleneckOneSided(), BottleneckTucker()),
                         [](const ::testing::TestParamInfo<const Form*>& test) {
                           return test.index == 0 ? "OneSided" : "Tucker";
                         });

TEST(OneSidedBottleneckTest, IsTheOptimumUnderMoments) {
  // In the coordinates that the covariance whitens, the optimum is the truncated SVD (Eckart and Young).
  std::mt19937 random(46);
  const Conv conv = RandomConv(random, Plain({3, 3}), 6, 20);
  const Moments seen = RandomMoments(random, 54, 20, 0.1);
  const Matrix whitened = conv.weight * SymmetricRoots(seen.covariance, 0).root;
  const Vector singular = Eigen::JacobiSVD<Matrix>(whitened).singularValues();
  for (const int64_t rank : {1, 8, 19}) {
    const double best = singular.tail(singular.size() - rank).norm() / singular.norm();
    const Replacement fit = BottleneckOneSided()->Fit(conv, std::vector<Moments>{seen}, rank);
    EXPECT_NEAR(RelativeError(conv, fit, seen), best, 1e-5 * best);
  }
}

TEST(TuckerTest, TiesTheInputRankToTheRank) {
  std::mt19937 random(47);
  const Conv conv = RandomConv(random, {{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}, 64, 128);
  const std::vector<Conv> chain = BottleneckTucker()->Outline(conv, 48).branches[0];
  ASSERT_EQ(chain.size(), 3);
  EXPECT_EQ(chain[0].out_channels, 24);
  EXPECT_EQ(chain[1].out_channels, 48);
  EXPECT_EQ(chain[1].stride, conv.stride);
  EXPECT_TRUE(chain[0].pointwise());
  for (const RankError& candidate : BottleneckTucker()->Candidates(conv, {})) {
    EXPECT_EQ(BottleneckTucker()->Outline(conv, candidate.rank).branches[0][0].out_channels % 8, 0);
  }
  EXPECT_EQ(std::string(BottleneckTucker()->Applies(RandomConv(random, Plain({3, 3}), 8, 16)).message()),
            "at most 8 input channels: none to save");
}

TEST(TuckerTest, FindsAPlantedDecomposition) {
  std::mt19937 random(48);
  Conv conv = RandomConv(random, Plain({3, 3}), 32, 32);
  const Matrix p = RandomMatrix(random, 32, 8), core = RandomMatrix(random, 8, 8 * 9), q = RandomMatrix(random, 8, 32);
  Replacement planted = BottleneckTucker()->Outline(conv, 8);
  planted.branches[0][0].weight = q;
  planted.branches[0][1].weight = core;
  planted.branches[0][2].weight = p;
  conv.weight = Compose(planted).weight;
  const Moments seen = RandomMoments(random, 32 * 9, 200, 0.1);
  EXPECT_LT(RelativeError(conv, BottleneckTucker()->Fit(conv, {}, 8), {}), 1e-6);
  EXPECT_LT(RelativeError(conv, BottleneckTucker()->Fit(conv, std::vector<Moments>{seen}, 8), seen), 1e-6);
}

// Given Q, the other stages are the exact optimum under the moments: no change of them helps.
TEST(TuckerTest, LastStagesAreOptimal) {
  std::mt19937 random(49);
  const Conv conv = RandomConv(random, Plain({2, 2}), 9, 12, 1, false);
  const Moments seen = RandomMoments(random, 36, 12, 0.1);
  const Replacement best = BottleneckTucker()->Fit(conv, std::vector<Moments>{seen}, 8);
  const double error = RelativeError(conv, best, seen);
  ASSERT_GT(error, 1e-3);
  for (int trial = 0; trial < 200; ++trial) {
    Replacement other = best;
    for (size_t s = 1; s < 3; ++s) {
      Matrix& weight = other.branches[0][s].weight;
      weight += std::pow(10.0, -(trial % 6)) * RandomMatrix(random, weight.rows(), weight.cols());
    }
    EXPECT_GE(RelativeError(conv, other, seen), error - 1e-7);
  }
}

}  // namespace
}  // namespace cnnopt
