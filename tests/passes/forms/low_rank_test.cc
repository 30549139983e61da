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

const Form& form() { return *LowRankForm(); }

TEST(LowRankTest, FullRankIsExact) {
  std::mt19937 random(31);
  testing::ExpectExact(form(), RandomConv(random, Plain({1, 1}), 24, 16), 16, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({1, 1}), 16, 40), 16, random);  // more outputs than inputs
  testing::ExpectExact(form(), RandomConv(random, Plain({1}), 32, 24, 2), 12, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({}), 24, 16), 16, random, 1e-10);  // a Gemm
  testing::ExpectExact(form(), RandomConv(random, {{1, 1, 1}, {2, 1, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 9, 8), 8,
                       random);
}

TEST(LowRankTest, CandidatesAreHonest) {
  std::mt19937 random(32);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({1, 1}), 64, 96), 4, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({1, 1}), 96, 64), 4, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({1, 1}), 96, 64, 2), 2, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({}), 96, 64), 4, random);
}

TEST(LowRankTest, IsTheOptimumUnderMoments) {
  // In the coordinates that the covariance whitens, the optimum is the truncated SVD (Eckart and Young).
  std::mt19937 random(33);
  const Conv conv = RandomConv(random, Plain({1, 1}), 24, 20);
  const Moments seen = RandomMoments(random, 24, 10, 0.1);
  const Matrix whitened = conv.weight * SymmetricRoots(seen.covariance, 0).root;
  const Vector singular = Eigen::JacobiSVD<Matrix>(whitened).singularValues();
  for (const int64_t rank : {1, 8, 19}) {
    const double best = singular.tail(singular.size() - rank).norm() / singular.norm();
    EXPECT_NEAR(RelativeError(conv, form().Fit(conv, std::vector<Moments>{seen}, rank), seen), best, 1e-5 * best);
  }
}

TEST(LowRankTest, MomentsHelp) {
  std::mt19937 random(34);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({1, 1}), 48, 32), 8, 0.5, random);
}

TEST(LowRankTest, BadChannelsDoNoHarm) {
  std::mt19937 random(35);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({1, 1}), 24, 32), {1, 8, 16}, random);
}

TEST(LowRankTest, StridesFirst) {
  std::mt19937 random(36);
  const Conv conv = RandomConv(random, {{1, 1}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, 32, 32);
  const Replacement slim = form().Fit(conv, {}, 8);
  ASSERT_EQ(slim.branches.size(), 1);
  ASSERT_EQ(slim.branches[0].size(), 2);
  EXPECT_EQ(slim.branches[0][0].stride, conv.stride);
  EXPECT_EQ(slim.branches[0][0].out_channels, 8);
}

TEST(LowRankTest, SaysWhyNot) {
  std::mt19937 random(37);
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({3, 3}), 8, 8)).message()),
            "low-rank is for 1x1 kernels");
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 1}}, 8, 8)).message()),
            "padded 1x1 kernel");
  EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain({1, 1}), 8, 8, 8)).message()), "depthwise already");
}

}  // namespace
}  // namespace cnnopt
