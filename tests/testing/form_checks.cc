#include "tests/testing/form_checks.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/convolution.h"

namespace cnnopt::testing {
namespace {

int64_t PatchSize(const Conv& conv) { return conv.group_in_channels() * conv.taps(); }

// Moments for every group of `conv`: a subspace of half the directions, and noise.
std::vector<Moments> SomeMoments(const Conv& conv, std::mt19937& random) {
  std::vector<Moments> moments;
  for (int64_t g = 0; g < conv.groups; ++g) {
    moments.push_back(RandomMoments(random, PatchSize(conv), PatchSize(conv) / 2, 0.1));
  }
  return moments;
}

void ExpectSmall(const Form& form, const Conv& conv, const Replacement& slim, int64_t rank) {
  EXPECT_LT(Compose(slim).weight.norm(), 3 * conv.weight.norm()) << form.Label(rank);
  for (const std::vector<Conv>& branch : slim.branches) {
    for (const Conv& stage : branch) EXPECT_TRUE(stage.weight.allFinite()) << form.Label(rank);
  }
}

}  // namespace

void ExpectExact(const Form& form, const Conv& conv, int64_t rank, std::mt19937& random, double tolerance) {
  ASSERT_TRUE(form.Applies(conv).ok()) << form.Applies(conv);
  for (const std::vector<Moments>& moments : {std::vector<Moments>(), SomeMoments(conv, random)}) {
    const Conv slim = Compose(form.Fit(conv, moments, rank));
    EXPECT_LT(RelativeDistance(slim.weight, Ungroup(conv).weight), tolerance) << form.Label(rank);
    EXPECT_LT(RelativeDistance(slim.bias, conv.bias), 10 * tolerance) << form.Label(rank);
    EXPECT_EQ(slim.stride, conv.stride);
    EXPECT_EQ(slim.pad_begin, conv.pad_begin);
    EXPECT_EQ(slim.pad_end, conv.pad_end);
  }
}

void ExpectHonestCandidates(const Form& form, const Conv& conv, size_t count, std::mt19937& random,
                            const CandidateTerms& terms) {
  ASSERT_TRUE(form.Applies(conv).ok()) << form.Applies(conv);
  const std::vector<Moments> seen = SomeMoments(conv, random);
  for (const std::vector<Moments>& moments : {std::vector<Moments>(), seen}) {
    const std::vector<RankError> candidates = form.Candidates(conv, moments);
    ASSERT_GE(candidates.size(), count);
    double last = 1;
    for (const RankError& candidate : candidates) {
      EXPECT_EQ(candidate.rank % terms.step, 0);
      EXPECT_LT(ParameterCount(form.Outline(conv, candidate.rank)), ParameterCount(conv));
      EXPECT_LT(candidate.error, last);
      last = candidate.error;
      const Replacement fit = form.Fit(conv, moments, candidate.rank);
      EXPECT_EQ(ParameterCount(fit), ParameterCount(form.Outline(conv, candidate.rank)));
      if (conv.groups > 1) continue;
      const Moments norm = moments.empty() ? Moments{} : seen.front();
      EXPECT_NEAR(RelativeError(conv, fit, norm), candidate.error, terms.tolerance * candidate.error + 1e-7);
      if (moments.empty()) continue;
      const Conv slim = Compose(fit);
      const Vector mean = conv.weight * norm.mean + conv.bias;
      EXPECT_LT((slim.weight * norm.mean + slim.bias - mean).norm(), 1e-10 * mean.norm());
    }
  }
}

void ExpectMomentsHelp(const Form& form, const Conv& conv, int64_t rank, double factor, std::mt19937& random) {
  const Moments seen = RandomMoments(random, PatchSize(conv), PatchSize(conv) / 5, 1e-3);
  const double blind = RelativeError(conv, form.Fit(conv, {}, rank), seen);
  const double fitted = RelativeError(conv, form.Fit(conv, std::vector<Moments>{seen}, rank), seen);
  EXPECT_LT(fitted, factor * blind);
}

void ExpectNoBlowUp(const Form& form, const Conv& conv, const std::vector<int64_t>& ranks, std::mt19937& random) {
  const int64_t taps = conv.taps();
  Matrix patches = RandomMatrix(random, PatchSize(conv), 4000);
  patches.middleRows(0, taps).setZero();
  patches.middleRows(taps, taps) *= 1e-9;
  patches.middleRows(2 * taps, taps) = patches.middleRows(3 * taps, taps);
  patches.middleRows(4 * taps, taps) *= 1e6;
  Moments bad;
  bad.mean = Vector::Zero(PatchSize(conv));
  bad.covariance = patches * patches.transpose() / 4000.0;
  bad.samples = 4000;
  Moments quiet = bad;  // without the loud channel, which hides all others
  quiet.covariance.middleRows(4 * taps, taps) *= 1e-6;
  quiet.covariance.middleCols(4 * taps, taps) *= 1e-6;
  Moments dead = bad;
  dead.covariance.setZero();
  Conv zero = conv;
  zero.weight.setZero();
  for (const int64_t rank : ranks) {
    for (const Moments& moments : {bad, quiet}) {
      const Replacement slim = form.Fit(conv, std::vector<Moments>{moments}, rank);
      EXPECT_LT(RelativeError(conv, slim, moments), 1.0) << form.Label(rank);
      ExpectSmall(form, conv, slim, rank);
    }
    const Replacement unseen = form.Fit(conv, std::vector<Moments>{dead}, rank);
    EXPECT_LT(RelativeError(conv, unseen, {}), 1.0);
    ExpectSmall(form, conv, unseen, rank);
    for (const std::vector<Moments>& moments : {std::vector<Moments>(), std::vector<Moments>{bad}}) {
      const Conv nothing = Compose(form.Fit(zero, moments, rank));
      EXPECT_EQ(nothing.weight.norm(), 0) << form.Label(rank);
    }
  }
  for (const RankError& candidate : form.Candidates(zero, {})) EXPECT_EQ(candidate.error, 0);
}

void ExpectLocalOptimum(const Form& form, const Conv& conv, int64_t rank, std::mt19937& random) {
  const Replacement best = form.Fit(conv, {}, rank);
  const double error = RelativeError(conv, best, {});
  ASSERT_GT(error, 1e-3);
  for (int trial = 0; trial < 200; ++trial) {
    Replacement other = best;
    const double step = std::pow(10.0, -(trial % 6));
    for (std::vector<Conv>& branch : other.branches) {
      for (Conv& stage : branch) stage.weight += step * RandomMatrix(random, stage.weight.rows(), stage.weight.cols());
    }
    EXPECT_GE(RelativeError(conv, other, {}), error - 1e-12);
  }
}

}  // namespace cnnopt::testing
