#include <cmath>
#include <random>

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
using ::cnnopt::testing::RelativeDistance;
using ::cnnopt::testing::RelativeError;

class DscTest : public ::testing::TestWithParam<const Form*> {
 protected:
  const Form& form() const { return *GetParam(); }
};

TEST_P(DscTest, FullRankIsExact) {
  std::mt19937 random(11);
  testing::ExpectExact(form(), RandomConv(random, Plain({3, 3}), 24, 20), 9, random, 1e-10);
  testing::ExpectExact(form(), RandomConv(random, Plain({3, 3}), 24, 20, 2), 9, random, 1e-10);
  testing::ExpectExact(form(), RandomConv(random, {{5}, {2}, {3}, {4}, {1}}, 12, 10, 2), 5, random, 1e-10);
  testing::ExpectExact(form(), RandomConv(random, {{2, 1, 3}, {1, 2, 1}, {2, 1, 1}, {1, 0, 1}, {0, 1, 2}}, 8, 12), 6,
                       random, 1e-10);
}

TEST_P(DscTest, CandidatesAreHonest) {
  std::mt19937 random(12);
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 24, 32), 3, random, {.step = 1});
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({5}), 48, 48), 1, random, {.step = 1});
  testing::ExpectHonestCandidates(form(), RandomConv(random, Plain({3, 3}), 48, 64, 2), 2, random, {.step = 1});
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

TEST_P(DscTest, MomentsHelp) {
  std::mt19937 random(14);
  testing::ExpectMomentsHelp(form(), RandomConv(random, Plain({3, 3}), 16, 24), 2, 0.8, random);
}

TEST_P(DscTest, BadChannelsDoNoHarm) {
  std::mt19937 random(16);
  testing::ExpectNoBlowUp(form(), RandomConv(random, Plain({3, 3}), 12, 16), {1, 2, 4}, random);
}

TEST_P(DscTest, WeightsOnlyFitIsTheOptimum) {
  std::mt19937 random(18);
  const Conv conv = RandomConv(random, Plain({2, 2}), 3, 4, 1, false);
  for (const int64_t rank : {1, 2}) testing::ExpectLocalOptimum(form(), conv, rank, random);
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
