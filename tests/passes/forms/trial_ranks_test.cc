#include "passes/forms/trial_ranks.h"

#include <cmath>

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

TEST(TrialRanks, FewRanksAreAllAsked) {
  std::vector<int64_t> asked;
  const std::vector<double> errors = ErrorsFromTrials({8, 16, 24}, 4, [&](int64_t rank) {
    asked.push_back(rank);
    return 1.0 / static_cast<double>(rank);
  });
  EXPECT_EQ(asked, (std::vector<int64_t>{8, 16, 24}));
  EXPECT_EQ(errors, (std::vector<double>{1.0 / 8, 1.0 / 16, 1.0 / 24}));
}

TEST(TrialRanks, APowerLawIsMetExactlyBetweenTrials) {
  std::vector<int64_t> ranks, asked;
  for (int64_t rank = 8; rank <= 160; rank += 8) ranks.push_back(rank);
  const auto law = [](int64_t rank) { return 3 * std::pow(static_cast<double>(rank), -1.5); };
  const std::vector<double> errors = ErrorsFromTrials(ranks, 4, [&](int64_t rank) {
    asked.push_back(rank);
    return law(rank);
  });
  EXPECT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked.front(), 8);
  EXPECT_EQ(asked.back(), 160);
  for (size_t r = 0; r < ranks.size(); ++r) EXPECT_NEAR(errors[r], law(ranks[r]), 1e-12) << ranks[r];
}

TEST(TrialRanks, AnErrorThatRisesIsTakenBack) {
  const std::vector<double> errors =
      ErrorsFromTrials({1, 2, 3}, 3, [](int64_t rank) { return rank == 2 ? 0.1 : 0.5 / static_cast<double>(rank); });
  EXPECT_EQ(errors[2], 0.1);
}

TEST(TrialRanks, AnErrorOfZeroIsReachedOnAStraightLine) {
  std::vector<int64_t> ranks = {1, 2, 3, 4, 5};
  const std::vector<double> errors = ErrorsFromTrials(ranks, 2, [](int64_t rank) { return rank == 5 ? 0.0 : 1.0; });
  EXPECT_NEAR(errors[2], 0.5, 1e-12);
}

}  // namespace
}  // namespace cnnopt
