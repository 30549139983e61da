#include "passes/cost.h"

#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/conv.h"
#include "passes/form.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::RandomConv;
using ::testing::ElementsAre;

TEST(CostTest, TheMobileNetBlock) {
  // The textbook example: 3x3, 32 -> 64 channels. 18,432 weights become 2,336, about one eighth to one ninth.
  std::mt19937 random(1);
  const Conv conv = RandomConv(random, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 32, 64, 1, false);
  EXPECT_EQ(ParameterCount(conv), 18432);
  const Replacement block = AllForms().front()->Fit(conv, {}, 1);
  EXPECT_EQ(ParameterCount(block), 2336);
  EXPECT_EQ(ParameterCount(AllForms().front()->Outline(conv, 1)), 2336);
  EXPECT_EQ(Macs(conv, {56, 56}, 1), int64_t{18432} * 56 * 56);
  EXPECT_EQ(Macs(block, {56, 56}, 1), int64_t{2336} * 56 * 56);
  ASSERT_EQ(block.branches.size(), 1);
  EXPECT_TRUE(block.branches[0][0].depthwise());
  EXPECT_TRUE(block.branches[0][1].pointwise());
}

TEST(CostTest, OutputSizeFollowsOnnx) {
  Conv conv = PointwiseOutline(2, 1, 1);
  conv.kernel = {3, 5};
  conv.stride = {2, 3};
  conv.dilation = {2, 1};
  conv.pad_begin = {1, 0};
  conv.pad_end = {0, 2};
  EXPECT_THAT(OutputSize(conv, {10, 11}), ElementsAre(4, 3));
  EXPECT_THAT(OutputSize(conv, {2, 11}), ElementsAre(0, 3));
}

TEST(CostTest, EffortCountsWhatTakesTimeBesidesMacs) {
  const Conv conv = PointwiseOutline(2, 64, 32);  // 64 -> 32
  const int64_t positions = 100;
  EXPECT_EQ(Effort(conv, {10, 10}, 1),
            positions * 64 * 32 + 8 * positions * 32 + positions * 64 + 10 * 64 * 32 + 100'000);
  EXPECT_EQ(Effort(conv, {10, 10}, 3) - 10 * 64 * 32 - 100'000,
            3 * (Effort(conv, {10, 10}, 1) - 10 * 64 * 32 - 100'000));
  const int64_t large = 150 * 150;  // maps beyond a core's cache
  EXPECT_EQ(Effort(conv, {150, 150}, 1), large * 64 * 32 + 8 * large * 32 + 5 * (large * 32 - 500'000) + large * 64 +
                                             13 * (large * 64 - 500'000) + 10 * 64 * 32 + 100'000);
  const Replacement two = {{{conv, PointwiseOutline(2, 32, 16)}}};
  EXPECT_EQ(Effort(two, {10, 10}, 1), Effort(conv, {10, 10}, 1) + Effort(two.branches[0][1], {10, 10}, 1));
}

// The part of the effort on a map of 200 x 200 that is for moving it from and to memory.
int64_t ForMoving(const Conv& conv) {
  const int64_t positions = ElementCount(OutputSize(conv, {200, 200}));
  const int64_t weights = conv.out_channels * conv.group_in_channels() * conv.taps();
  const int64_t written = positions * conv.out_channels, read = 200 * 200 * conv.in_channels;
  return Effort(conv, {200, 200}, 1) - positions * weights - 8 * written - 5 * (written - 500'000) - read -
         13 * (read - 500'000) - 10 * weights - 100'000;
}

TEST(CostTest, EffortCountsHowOftenLargeMapsAreMoved) {
  const int64_t read = 200 * 200 * 160 - 1'500'000, written = 200 * 200 * 80 - 1'500'000;
  Conv conv = PointwiseOutline(2, 160, 80);
  EXPECT_EQ(ForMoving(conv), 10 * (2 * read + 2 * 2 * written));  // two times 64, two times 128 channels
  EXPECT_EQ(ForMoving(PointwiseOutline(2, 128, 64)),
            10 * (200 * 200 * 128 - 1'500'000 + 2 * (200 * 200 * 64 - 1'500'000)));
  Conv depthwise = PointwiseOutline(2, 80, 80);
  depthwise.groups = 80;
  depthwise.kernel = {3, 3};
  depthwise.pad_begin = depthwise.pad_end = {1, 1};
  EXPECT_EQ(ForMoving(depthwise), 10 * 3 * written);
  Conv strided = conv;
  strided.stride = {2, 2};
  EXPECT_EQ(ForMoving(strided), 0);
  conv.kernel = {3, 1};  // multiplies three times as often with what it moves
  conv.pad_begin = conv.pad_end = {1, 0};
  EXPECT_EQ(ForMoving(conv), 0);
}

TEST(CostTest, EffortCountsChannelsInWholeVectors) {
  const auto effort = [](int64_t in, int64_t out) { return Effort(PointwiseOutline(2, in, out), {10, 10}, 1); };
  EXPECT_EQ(effort(64, 24), effort(64, 32));
  EXPECT_EQ(effort(24, 64), effort(32, 64));
  EXPECT_LT(effort(64, 16), effort(64, 24));
  EXPECT_LT(effort(3, 64), effort(16, 64));  // images are read as they are
  Conv depthwise = PointwiseOutline(2, 24, 24);
  depthwise.groups = 24;
  EXPECT_EQ(Effort(depthwise, {10, 10}, 1), 100 * 32 + 8 * 100 * 32 + 100 * 32 + 10 * 32 + 100'000);
}

// Declared shapes can be of any size.
TEST(CostTest, NeverOverflows) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SaturatedProduct({3, 4, 5}), 60);
  EXPECT_EQ(SaturatedProduct({int64_t{1} << 32, int64_t{1} << 32}), kMost);
  EXPECT_EQ(SaturatedProduct({kMost, kMost, 0}), 0);
  EXPECT_EQ(CostProduct({int64_t{1} << 26, int64_t{1} << 26}), int64_t{1} << 52);
  EXPECT_EQ(CostProduct({int64_t{1} << 26, int64_t{1} << 26, 2}), std::nullopt);
  EXPECT_EQ(CostProduct({5, -1}), std::nullopt);
  const Conv conv = PointwiseOutline(2, 64, 64);
  EXPECT_EQ(Macs(conv, {int64_t{1} << 40, int64_t{1} << 40}, 1), kMost);
  EXPECT_EQ(Macs(Replacement{{{conv, conv}, {conv}}}, {int64_t{1} << 30, int64_t{1} << 20}, 1), kMost);
  EXPECT_EQ(Effort(conv, {int64_t{1} << 40, int64_t{1} << 40}, 1), kMost);
  EXPECT_EQ(Effort(Replacement{{{conv, conv}, {conv}}}, {int64_t{1} << 30, int64_t{1} << 20}, 1), kMost);
}

}  // namespace
}  // namespace cnnopt
