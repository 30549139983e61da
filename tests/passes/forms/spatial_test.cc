#include <cmath>
#include <random>

#include "Eigen/SVD"
#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/forms.h"
#include "passes/least_squares.h"
#include "tests/testing/convolution.h"
#include "tests/testing/form_checks.h"
#include "unsupported/Eigen/KroneckerProduct"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RandomMoments;
using ::cnnopt::testing::RelativeError;

const Form& form() { return *SpatialForm(); }

TEST(SpatialTest, FullRankIsExact) {
  std::mt19937 random(51);
  testing::ExpectExact(form(), RandomConv(random, {{3, 3}, {2, 1}, {1, 2}, {1, 0}, {2, 1}}, 12, 16), 36, random);
  testing::ExpectExact(form(), RandomConv(random, Plain({5, 3}), 20, 12, 2), 18, random);
  testing::ExpectExact(form(), RandomConv(random, {{3, 2, 2}, {1, 2, 1}, {1, 1, 2}, {1, 0, 1}, {0, 1, 1}}, 6, 8), 18,
                       random);
  testing::ExpectExact(form(), RandomConv(random, {{1, 3, 2}, {2, 2, 1}, {1, 1, 2}, {0, 0, 1}, {1, 1, 1}}, 6, 8), 16,
                       random);
}

TEST(SpatialTest, CandidatesAreHonest) {
  std::mt19937 random(52);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 32, 48), 4, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 64, 48, 2), 3, random);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 2, 3}), 12, 16), 3, random);
}

TEST(SpatialTest, IsTheOptimumByWeightsOnly) {
  std::mt19937 random(53);
  const Conv conv = RandomConv(random, Plain({3, 2}), 4, 5, 1, false);
  for (const int64_t rank : {1, 3, 8}) testing::ExpectLocalOptimum(form(), conv, rank, random);
}

TEST(SpatialTest, IsTheOptimumWhenTheMomentsAreAProduct) {
  // Moments that are a Kronecker product exactly: the truncated SVD of the whitened, folded kernel.
  std::mt19937 random(54);
  const Conv conv = RandomConv(random, Plain({3, 3}), 4, 6);
  const Moments rows = RandomMoments(random, 12, 6, 0.1), cols = RandomMoments(random, 3, 2, 0.1);
  Moments seen;
  seen.covariance = Eigen::kroneckerProduct(rows.covariance, cols.covariance);
  const Matrix row_root = SymmetricRoots(rows.covariance, 0).root, col_root = SymmetricRoots(cols.covariance, 0).root;
  Matrix folded(12, 18);
  for (int64_t o = 0; o < 6; ++o) {
    const Vector kernel = conv.weight.row(o);
    folded.middleCols(o * 3, 3) = row_root * Eigen::Map<const Matrix>(kernel.data(), 12, 3) * col_root;
  }
  const Vector singular = Eigen::JacobiSVD<Matrix>(folded).singularValues();
  for (const int64_t rank : {1, 4, 8}) {
    const double best = singular.tail(12 - rank).norm() / singular.norm();
    EXPECT_NEAR(RelativeError(conv, form().Fit(conv, std::vector<Moments>{seen}, rank), seen), best, 1e-4 * best);
  }
}

TEST(SpatialTest, LastStageIsOptimalUnderMoments) {
  std::mt19937 random(55);
  const Conv conv = RandomConv(random, Plain({2, 3}), 6, 5, 1, false);
  const Moments seen = RandomMoments(random, 36, 12, 0.1);
  const Replacement best = form().Fit(conv, std::vector<Moments>{seen}, 4);
  const double error = RelativeError(conv, best, seen);
  ASSERT_GT(error, 1e-3);
  for (int trial = 0; trial < 200; ++trial) {
    Replacement other = best;
    Matrix& weight = other.branches[0][1].weight;
    weight += std::pow(10.0, -(trial % 6)) * RandomMatrix(random, weight.rows(), weight.cols());
    EXPECT_GE(RelativeError(conv, other, seen), error - 1e-7);
  }
}

TEST(SpatialTest, MomentsHelp) {
  std::mt19937 random(56);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({3, 3}), 24, 32), 16, 0.8, random);
}

TEST(SpatialTest, BadChannelsDoNoHarm) {
  std::mt19937 random(57);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({3, 3}), 24, 32), {1, 8, 24}, random);
}

TEST(SpatialTest, EachAxisOnItsOwnStage) {
  std::mt19937 random(58);
  const Conv conv = RandomConv(random, {{3, 5}, {2, 1}, {1, 3}, {1, 2}, {0, 4}}, 16, 16);
  const std::vector<Conv> chain = form().Outline(conv, 8).branches[0];
  ASSERT_EQ(chain.size(), 2);
  EXPECT_EQ(chain[0].kernel, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(chain[0].stride, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(chain[0].pad_begin, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(chain[1].kernel, (std::vector<int64_t>{1, 5}));
  EXPECT_EQ(chain[1].dilation, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(chain[1].pad_end, (std::vector<int64_t>{0, 4}));
}

TEST(SpatialTest, SaysWhyNot) {
  std::mt19937 random(59);
  for (const std::vector<int64_t>& kernel : std::vector<std::vector<int64_t>>{{1, 1}, {5}, {1, 7}, {3, 1, 1}}) {
    EXPECT_EQ(std::string(form().Applies(RandomConv(random, Plain(kernel), 8, 8)).message()),
              "kernel along one axis: spatial needs two");
  }
}

}  // namespace
}  // namespace cnnopt
