#include "batch/shard.h"

#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::FailsWith;

absl::StatusOr<int64_t> Parse(const std::string& text, int64_t shards,
                              const std::map<std::string, std::string>& variables = {}) {
  return ParseShard(text, shards, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Shard, NumbersAreThoseOfThePlan) {
  EXPECT_EQ(*Parse("0", 4), 0);
  EXPECT_EQ(*Parse("3/4", 4), 3);
  EXPECT_THAT(Parse("4", 4), FailsWith(absl::StatusCode::kInvalidArgument, "expected a number from 0 to 3"));
  EXPECT_THAT(Parse("1/5", 4), FailsWith(absl::StatusCode::kInvalidArgument, "the plan has 4 shards"));
  for (const char* wrong : {"", "-1", "x", "1/", "/4", " 1", "auto1"}) EXPECT_FALSE(Parse(wrong, 4).ok()) << wrong;
}

TEST(Shard, EverySchedulerCountsItsOwnWay) {
  const struct {
    const char* variable;
    const char* value;
    int64_t shard;
  } cases[] = {{"SLURM_ARRAY_TASK_ID", "2", 2}, {"JOB_COMPLETION_INDEX", "2", 2}, {"AWS_BATCH_JOB_ARRAY_INDEX", "2", 2},
               {"SGE_TASK_ID", "1", 0},         {"PBS_ARRAY_INDEX", "0", 0},      {"LSB_JOBINDEX", "3", 2}};
  for (const auto& c : cases) EXPECT_EQ(*Parse("auto", 3, {{c.variable, c.value}}), c.shard) << c.variable;
}

TEST(Shard, AnArraySubmittedAgainForSomeTasksMeansTheSameShards) {
  EXPECT_EQ(
      *Parse("auto", 9, {{"SLURM_ARRAY_TASK_ID", "7"}, {"SLURM_ARRAY_TASK_COUNT", "2"}, {"SLURM_ARRAY_TASK_MIN", "3"}}),
      7);
}

TEST(Shard, AutoNeedsOneScheduler) {
  EXPECT_THAT(Parse("auto", 3), FailsWith(absl::StatusCode::kInvalidArgument, "SLURM_ARRAY_TASK_ID"));
  EXPECT_THAT(Parse("auto", 3, {{"SLURM_ARRAY_TASK_ID", "1"}, {"JOB_COMPLETION_INDEX", "1"}}),
              FailsWith(absl::StatusCode::kInvalidArgument, "both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX"));
  // Grid Engine and LSF set theirs outside of arrays too.
  EXPECT_EQ(*Parse("auto", 3, {{"SGE_TASK_ID", "undefined"}, {"LSB_JOBINDEX", "0"}, {"PBS_ARRAY_INDEX", "1"}}), 1);
  EXPECT_THAT(Parse("auto", 3, {{"SGE_TASK_ID", "4"}}),
              FailsWith(absl::StatusCode::kInvalidArgument, "expected a number from 1 to 3"));
}

TEST(Shard, ListsAreThoseOfSbatch) {
  EXPECT_EQ(ArrayList({}, 0), "");
  EXPECT_EQ(ArrayList({3, 7, 8, 9}, 0), "3,7-9");
  EXPECT_EQ(ArrayList({0, 1, 2}, 1), "1-3");
  EXPECT_EQ(ArrayList({0, 2, 4}, 0), "0,2,4");
}

}  // namespace
}  // namespace cnnopt
