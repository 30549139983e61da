#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "passes/form.h"
#include "passes/forms/cp_factors.h"
#include "passes/forms/forms.h"
#include "tests/testing/convolution.h"
#include "tests/testing/form_checks.h"
#include "unsupported/Eigen/KroneckerProduct"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RandomMoments;
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RelativeError;

const Form& form() { return *CpForm(); }

TEST(CpTest, FullRankIsExact) {
  std::mt19937 random(21);
  testing::ExpectExact(form(), RandomConv(random, Plain({3, 3}), 8, 12), 72, random, 1e-9);
  testing::ExpectExact(form(), RandomConv(random, Plain({3, 3}), 8, 12, 2), 36, random, 1e-9);
  testing::ExpectExact(form(), RandomConv(random, {{5}, {2}, {3}, {4}, {1}}, 6, 8), 30, random, 1e-9);
  testing::ExpectExact(form(), RandomConv(random, {{2, 1, 3}, {1, 2, 1}, {2, 1, 1}, {1, 0, 1}, {0, 1, 2}}, 8, 6, 2), 24,
                       random, 1e-9);
}

TEST(CpTest, FindsAPlantedDecomposition) {
  // A kernel that is a sum of 8 rank-1 terms must be found again, with and without moments.
  std::mt19937 random(22);
  Conv conv = RandomConv(random, Plain({3, 3}), 16, 24);
  const Matrix p = RandomMatrix(random, 24, 8), d = RandomMatrix(random, 9, 8), q = RandomMatrix(random, 16, 8);
  conv.weight.setZero();
  for (int64_t r = 0; r < 8; ++r) {
    for (int64_t i = 0; i < 16; ++i) {
      conv.weight.middleCols(i * 9, 9) += q(i, r) * p.col(r) * d.col(r).transpose();
    }
  }
  const Moments seen = RandomMoments(random, 16 * 9, 200, 0.1);
  EXPECT_LT(RelativeError(conv, form().Fit(conv, {}, 8), {}), 0.05);
  EXPECT_LT(RelativeError(conv, form().Fit(conv, std::vector<Moments>{seen}, 8), seen), 0.25);
}

TEST(CpTest, CandidatesAreHonest) {
  std::mt19937 random(23);
  const testing::CandidateTerms terms = {.tolerance =
                                             0.15};  // between the ranks that are tried, errors are interpolated
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 24, 32), 5, random, terms);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({5}), 32, 32), 2, random, terms);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 48, 48, 2), 3, random, terms);
}

// Of wide layers the descent's own value is the error.
TEST(CpTest, WideLayersKnowTheirErrors) {
  std::mt19937 random(29);
  const Conv conv = RandomConv(random, Plain({3, 3}), 120, 16);
  const Moments seen = Shrink(RandomMoments(random, 120 * 9, 300, 0.001), 0.01);
  for (const Moments& moments : {Moments{}, seen}) {
    const std::vector<Moments> group = {moments};
    const std::vector<RankError> candidates = form().Candidates(conv, group);
    for (const RankError& candidate : {candidates.front(), candidates.back()}) {
      const double error = RelativeError(conv, form().Fit(conv, group, candidate.rank), moments);
      EXPECT_GT(candidate.error, 0.95 * error) << candidate.rank;
      EXPECT_LT(candidate.error, 1.3 * error) << candidate.rank;
    }
  }
}

TEST(CpTest, MomentsHelp) {
  std::mt19937 random(28);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({3, 3}), 16, 24), 24, 0.8, random);
}

TEST(CpTest, PolishingBeatsAlternatingLeastSquaresAlone) {
  std::mt19937 random(27);
  const Conv conv = RandomConv(random, Plain({3, 3}), 16, 24);
  const Moments seen = RandomMoments(random, 16 * 9, 30, 0.02);
  const Matrix cross = conv.weight * seen.covariance;
  CpFactors start = DecomposeKernel(conv.weight, 16, 24, 60);
  start.outputs = BestOutputs({seen.covariance, cross}, start);
  const auto error = [&](const CpFactors& factors) {
    return WeightedSquaredNorm(conv.weight - factors.outputs * CpFeatures(factors), seen);
  };
  const CpFactors polished = PolishFactors({seen.covariance, cross}, start, 50);
  EXPECT_LT(error(polished), 0.7 * error(start));
  // Outputs are at their optimum: no change of them helps.
  for (int trial = 0; trial < 50; ++trial) {
    CpFactors other = polished;
    other.outputs += std::pow(10.0, -trial % 6) * RandomMatrix(random, 24, 24);
    EXPECT_GE(error(other), error(polished) - 1e-12);
  }
}

TEST(CpTest, BeatsDscAtEqualCost) {
  // dsc of rank T is a cp of rank T Ci, so at equal weights the freer form fits better.
  std::mt19937 random(24);
  const Conv conv = RandomConv(random, Plain({3, 3}), 32, 32, 1, false);
  // Patches like those of natural images: channels correlate, neighbouring taps too, and the two hardly interact.
  const Moments channels = RandomMoments(random, 32, 12, 0.05), taps = RandomMoments(random, 9, 4, 0.05);
  Moments seen;
  seen.mean = Vector::Zero(32 * 9);
  seen.covariance = Eigen::kroneckerProduct(channels.covariance, taps.covariance);
  const std::vector<Moments> moments = {seen};
  const Replacement dsc = DscDepthwiseFirst()->Fit(conv, moments, 3);
  const int64_t rank = ParameterCount(dsc) / (32 + 9 + 32) / 8 * 8;
  const Replacement cp = form().Fit(conv, moments, rank);
  EXPECT_LE(ParameterCount(cp), ParameterCount(dsc));
  EXPECT_LT(RelativeError(conv, cp, seen), RelativeError(conv, dsc, seen));
}

TEST(CpTest, BadChannelsDoNoHarm) {
  std::mt19937 random(25);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({3, 3}), 12, 16), {8, 24, 48}, random);
}

TEST(CpTest, IsDeterministic) {
  std::mt19937 random(26);
  const Conv conv = RandomConv(random, Plain({3, 3}), 16, 16);
  EXPECT_EQ(RelativeDistance(Compose(form().Fit(conv, {}, 24)).weight, Compose(form().Fit(conv, {}, 24)).weight), 0);
}

}  // namespace
}  // namespace cnnopt
