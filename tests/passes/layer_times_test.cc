#include "passes/layer_times.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/target.h"
#include "tests/passes/small_network.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::SmallNetwork;
using ::cnnopt::testing::TwoBranches;

class LayerTimes : public ::testing::Test {
 protected:
  Costs Times() {
    const ProgressSink progress;
    absl::StatusOr<Costs> costs = TimeCandidates(
        {network_.options.runtime, network_.model, network_.view, network_.sites, network_.proposals, 1, progress},
        cache_);
    EXPECT_TRUE(costs.ok()) << costs.status();
    return *std::move(costs);
  }

  SmallNetwork network_{TwoBranches()};
  TimeCache cache_;
};

TEST_F(LayerTimes, EveryCandidateHasOneAndEqualLayersShareThem) {
  const Costs costs = Times();
  ASSERT_EQ(costs.size(), 2u);
  ASSERT_EQ(costs[0].size(), network_.proposals[0].candidates.size());
  EXPECT_EQ(costs[0], costs[1]);  // two measurements would never agree to the nanosecond
  for (const int64_t time : costs[0]) EXPECT_GT(time, 0);
  EXPECT_GT(cache_.size(), 3u);
  EXPECT_LT(cache_.size(), costs[0].size());  // between the ranks that were timed, times are interpolated
}

TEST_F(LayerTimes, WhatIsNotFasterThanTheLayerCostsMore) {
  Times();
  // The layer's key has one branch of one stage.
  for (auto& [key, time] : cache_) time = key.find_first_of(",+", key.find(']')) == std::string::npos ? 1000 : 4000;
  const Costs slow = Times();
  EXPECT_EQ(slow[0][0], 1000);
  for (size_t c = 1; c < slow[0].size(); ++c) EXPECT_EQ(slow[0][c], 1001);
  for (auto& [key, time] : cache_) time = time == 1000 ? 1000 : 400;
  const Costs fast = Times();
  for (size_t c = 1; c < fast[0].size(); ++c) EXPECT_EQ(fast[0][c], 400);
}

TEST_F(LayerTimes, AJobTakesKnownTimesAndAddsItsOwn) {
  network_.options.target_latency = RunTime{0.5, 0};
  network_.options.layer_times = std::make_shared<TimeCache>();
  TimeCache& known = *network_.options.layer_times;
  ASSERT_TRUE(ListTargets(network_.Context().model).ok());
  EXPECT_GT(known.size(), 3u);
  const size_t measured = known.size();
  for (auto& [key, time] : known) time = 1e12;
  const absl::StatusOr<std::vector<Target>> targets = ListTargets(network_.Context().model);
  ASSERT_TRUE(targets.ok()) << targets.status();
  EXPECT_EQ(targets->front().costs[0][0], 1'000'000'000'000);
  EXPECT_EQ(known.size(), measured);
}

TEST_F(LayerTimes, ABudgetOfTimeIsMeasuredOnTheWholeModel) {
  network_.options.target_latency = RunTime{0.5, 0};
  const ChooseContext context = network_.Context();
  const absl::StatusOr<std::vector<Target>> targets = ListTargets(context.model);
  ASSERT_TRUE(targets.ok()) << targets.status();
  ASSERT_EQ(targets->size(), 1u);
  const Target& target = targets->front();
  EXPECT_EQ(Describe(target), "target-latency 0.5");
  EXPECT_NEAR(static_cast<double>(target.limit), 0.5 * static_cast<double>(target.whole), 1);
  const absl::StatusOr<int64_t> taken = target.measure(network_.model);  // the original against itself
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_NEAR(static_cast<double>(*taken) / static_cast<double>(target.whole), 1, 0.3);
  EXPECT_TRUE(Holds(target, target.limit + target.limit / 25));
  EXPECT_FALSE(Holds(target, target.limit + target.limit / 10));
  network_.options.target_latency = RunTime{0, 12};
  const std::vector<Target> absolute = *ListTargets(network_.Context().model);
  EXPECT_EQ(absolute.front().limit, 12'000'000);
  EXPECT_EQ(Describe(absolute.front()), "target-latency 12 ms");
}

}  // namespace
}  // namespace cnnopt
