#include "job/score.h"

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "job/child.h"
#include "job/sweep.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;

TEST(LastNumberOf, TextsAsPeoplePrintThem) {
  EXPECT_EQ(LastNumber("top-1: 71.4 %\n"), 71.4);
  EXPECT_EQ(LastNumber("epoch 3 loss=1.5e-3."), 1.5e-3);
  EXPECT_EQ(LastNumber("a -2"), -2);
  EXPECT_EQ(LastNumber("+3.5"), 3.5);
  EXPECT_EQ(LastNumber("0.75\nCIFAR10"), 10);
  EXPECT_EQ(LastNumber("1 e . - nan inf"), 1);
  EXPECT_EQ(LastNumber(""), std::nullopt);
  EXPECT_EQ(LastNumber("done."), std::nullopt);
}

TEST(Child, GivesWhatTheShellPrintsAndSaysWhyItFailed) {
  EXPECT_EQ(*RunShell("echo a; echo b 1>&2; cat", 10), "a\n");
  EXPECT_THAT(std::string(RunShell("echo a; exit 3", 10).status().message()), HasSubstr("exit code 3"));
  EXPECT_THAT(std::string(RunShell("kill -9 $$", 10).status().message()), HasSubstr("signal 9"));
  EXPECT_EQ(*RunShell("echo " + ShellQuoted("it's $HOME \"x\""), 10), "it's $HOME \"x\"\n");
  EXPECT_EQ(RunShell("yes | head -c 5000000", 60)->size() / 1'000'000, 1u);
}

TEST(Child, EndsWithAllItStartedWhenItTakesTooLong) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(std::string(RunShell("sleep 60 & sleep 60", 0.2).status().message()), HasSubstr("longer than 0.2 s"));
  EXPECT_THAT(std::string(RunShell("exec >&-; exec sleep 60", 0.2).status().message()), HasSubstr("longer than 0.2 s"));
  EXPECT_EQ(*RunShell("echo a; exec >&-; sleep 0.1", 30), "a\n");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST(Sweep, PointsAreNamedAfterTheirTarget) {
  EXPECT_EQ(PointPath("a/b.onnx", 0.5), "a/b-0.5.onnx");
  EXPECT_EQ(PointPath("b.onnx", 0.12345678), "b-0.12345678.onnx");  // two points never share a file
  EXPECT_EQ(PointPath("a.b/c", 0.25), "a.b/c-0.25");
  EXPECT_EQ(PointPath("a/.onnx", 0.5), "a/.onnx-0.5");
  EXPECT_EQ(PointPath("", 0.5), "");
}

}  // namespace
}  // namespace cnnopt
