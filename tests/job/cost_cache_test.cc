#include "job/cost_cache.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::FileBytes;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Pair;
using testing::TempFolder;

TEST(CostCache, HoldsTimesByMachine) {
  const TempFolder folder;
  const std::string path = folder.path() + "/times.json";
  EXPECT_THAT(*ReadCostCache(path, "a"), IsEmpty());  // there is no such file yet
  ASSERT_THAT(AddToCostCache(path, "a", {{"conv", 1234.5}}), IsOk());
  ASSERT_THAT(AddToCostCache(path, "b", {{"conv", 7}}), IsOk());
  ASSERT_THAT(AddToCostCache(path, "a", {{"gemm", 0.25}}), IsOk());
  EXPECT_THAT(*ReadCostCache(path, "a"), ElementsAre(Pair("conv", 1234.5), Pair("gemm", 0.25)));
  EXPECT_THAT(*ReadCostCache(path, "b"), ElementsAre(Pair("conv", 7)));
  EXPECT_THAT(*ReadCostCache(path, "c"), IsEmpty());
}

TEST(CostCache, NothingNewChangesNoByte) {
  const TempFolder folder;
  const std::string path = folder.path() + "/times.json";
  ASSERT_THAT(AddToCostCache(path, "a", {{"conv", 1.0 / 3}}), IsOk());
  const std::string bytes = FileBytes(path);
  ASSERT_THAT(AddToCostCache(path, "a", *ReadCostCache(path, "a")), IsOk());
  EXPECT_EQ(FileBytes(path), bytes);
}

TEST(CostCache, RefusesOtherFilesAndLeavesThemAlone) {
  const TempFolder folder;
  for (const char* text :
       {"", "text", "[]", "{}", R"({"schema": "cnnopt-plan/1"})", R"({"schema": "cnnopt-cost-cache/1"})",
        R"({"schema": "cnnopt-cost-cache/1", "nanoseconds": []})",
        R"({"schema": "cnnopt-cost-cache/1", "nanoseconds": {"a": 3}})",
        R"({"schema": "cnnopt-cost-cache/1", "nanoseconds": {"a": {"conv": "fast"}}})",
        R"({"schema": "cnnopt-cost-cache/1", "nanoseconds": {"a": {"conv": 0}}})",
        R"({"schema": "cnnopt-cost-cache/1", "nanoseconds": {"b": {"conv": -1}}})"}) {
    const std::string path = folder.Write("times.json", text);
    EXPECT_THAT(ReadCostCache(path, "a").status(), FailsWith(absl::StatusCode::kInvalidArgument, path)) << text;
    EXPECT_THAT(AddToCostCache(path, "a", {{"conv", 1}}), FailsWith(absl::StatusCode::kInvalidArgument, path)) << text;
    EXPECT_EQ(FileBytes(path), text);
  }
}

}  // namespace
}  // namespace cnnopt
