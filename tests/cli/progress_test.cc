#include "cli/progress.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RenderProgress, ShowsStageCountAndTimeLeft) {
  EXPECT_EQ(RenderProgress("factorise", 10, 40, 4, 80),
            "factorise  [########------------------------]  10/40  0:12 left");
  EXPECT_EQ(RenderProgress("factorise", 0, 40, 4, 80), "factorise  [--------------------------------]  0/40");
  EXPECT_EQ(RenderProgress("factorise", 40, 40, 4, 80), "factorise  [################################]  40/40");
}

TEST(RenderProgress, LongTimes) {
  EXPECT_THAT(RenderProgress("s", 1, 3601, 1, 80), EndsWith("  1:00:00 left"));
  EXPECT_THAT(RenderProgress("s", 1, 1'000'000'000, 1e9, 80), EndsWith("  99:59:59 left"));
}

TEST(RenderProgress, FitsAnyWidth) {
  for (size_t width = 10; width < 100; ++width) {
    EXPECT_LE(RenderProgress("a stage with a long name", 123456, 654321, 9, width).size(), width);
  }
}

TEST(RenderProgress, OddCountsAreHarmless) {
  EXPECT_EQ(RenderProgress("run", 0, 0, 1, 80), "run ...");
  EXPECT_EQ(RenderProgress("run", 0, 1, 1, 80), "run ...");
  EXPECT_EQ(RenderProgress("run", 50, 40, 1, 80), RenderProgress("run", 40, 40, 1, 80));
  EXPECT_EQ(RenderProgress("run", -1, 40, 1, 80), RenderProgress("run", 0, 40, 1, 80));
}

TEST(RenderProgress, NamesCannotSteerTheTerminal) {
  EXPECT_THAT(RenderProgress("\x1b[2J", 1, 2, 1, 80), Not(HasSubstr("\x1b")));
}

TEST(ProgressBar, DrawsEachStageAtOnceAndWipesItsLine) {
  std::ostringstream screen;
  {
    ProgressBar bar(screen, 80);
    bar.Show("first", 0, 1000);
    for (int64_t i = 0; i < 1000; ++i) {
      bar.Show("first", i, 1000);
    }
    bar.Show("second", 0, 2);
  }
  const std::string text = screen.str();
  EXPECT_THAT(text, HasSubstr("first"));
  EXPECT_THAT(text, HasSubstr("second"));
  EXPECT_LT(text.size(), 5000u) << "a thousand steps in no time are not a thousand drawings";
  EXPECT_THAT(text, EndsWith("\r\x1b[K"));
}

TEST(ProgressBar, PrintsNothingWhenNothingHappened) {
  std::ostringstream screen;
  {
    ProgressBar bar(screen, 80);
  }
  EXPECT_EQ(screen.str(), "");
}

}  // namespace
}  // namespace cnnopt
