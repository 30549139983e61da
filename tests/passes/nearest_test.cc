#include "passes/nearest.h"

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

const std::vector<std::string> kWords = {"target-macs", "max-error", "threads", "ort"};

TEST(Nearest, FindsMisspeltWords) {
  EXPECT_EQ(Nearest("target-mac", kWords), "target-macs");
  EXPECT_EQ(Nearest("traget-macs", kWords), "target-macs");  // neighbours swapped
  EXPECT_EQ(Nearest("max_error", kWords), "max-error");
  EXPECT_EQ(Nearest("thread", kWords), "threads");
}

TEST(Nearest, TakesABeginning) { EXPECT_EQ(Nearest("tar", kWords), "target-macs"); }

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(Nearest("frobnicate", kWords), "");
  EXPECT_EQ(Nearest("x", kWords), "");
  EXPECT_EQ(Nearest("", kWords), "");
  EXPECT_EQ(Nearest(std::string(1'000'000, 'a'), kWords), "");
}

}  // namespace
}  // namespace cnnopt
