// `cnnopt batch plan`, `status` and `merge`, and `run` of a manifest, as their users run them.
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunCnnopt;
using testing::RunOptions;
using testing::TempFolder;
using testing::TestData;

constexpr int kModels = 7;

// Seven models, one of them broken, planned in three shards.
class BatchPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int m = 0; m < kModels; ++m) zoo_.Write(absl::StrCat("m", m, ".onnx"), FileBytes(TestData("lenet.onnx")));
    zoo_.Write("m3.onnx", "broken");
    const Finished plan = RunCnnopt({"batch", "plan", zoo_.path(), "--shards=3", "--fit=weights", "--verify=off",
                                     "--target-macs=0.9", "--pass=dsc"});
    ASSERT_EQ(plan.code, 0) << plan.err;
    manifest_ = work_.Write("manifest.jsonl", plan.out);
  }
  Finished RunShard(const std::string& shard, const std::vector<std::string>& more = {},
                    const RunOptions& options = {}) {
    std::vector<std::string> words = {"batch", "run", manifest_, out(), absl::StrCat("--shard=", shard), "--threads=1"};
    words.insert(words.end(), more.begin(), more.end());
    return RunCnnopt(words, options);
  }
  Finished Status(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"batch", "status", manifest_, reports()};
    words.insert(words.end(), more.begin(), more.end());
    return RunCnnopt(words);
  }
  std::string out() { return work_.Path("out"); }
  std::string reports() { return work_.Path("out/cnnopt-reports"); }

  const TempFolder zoo_, work_;
  std::string manifest_;
};

TEST_F(BatchPlan, ShardsCoverEveryModelOnceAndGiveTheBytesOfARunOnTheFolder) {
  for (const char* shard : {"0", "1/3"}) EXPECT_EQ(RunShard(shard).code, 0);
  EXPECT_EQ(Status().out, "2\n");
  EXPECT_EQ(Status().code, 75);
  RunOptions slurm;
  slurm.environment = {{"SLURM_ARRAY_TASK_ID", "2"}, {"SLURM_CPUS_PER_TASK", "1"}, {"SLURM_MEM_PER_NODE", "2000"}};
  EXPECT_EQ(RunShard("auto", {}, slurm).code, 0);
  const Finished status = Status();
  EXPECT_EQ(status.code, 0);
  EXPECT_EQ(status.out, "");
  EXPECT_THAT(status.err, HasSubstr("7 of 7 models done: 6 slimmed or unchanged, 1 rejected"));

  const TempFolder alone;
  const Finished run = RunCnnopt(
      {"batch", "run", zoo_.path(), alone.path(), "--fit=weights", "--verify=off", "--target-macs=0.9", "--pass=dsc"});
  EXPECT_EQ(run.code, 6);
  for (int m = 0; m < kModels; ++m) {
    const std::string name = absl::StrCat("m", m, ".onnx");
    EXPECT_EQ(FileBytes(absl::StrCat(out(), "/", name)), FileBytes(alone.Path(name))) << name;
  }
}

TEST_F(BatchPlan, BeforeAnythingRanAllShardsAreLeft) {
  const Finished status = Status();
  EXPECT_EQ(status.out, "0-2\n");
  EXPECT_THAT(status.err, HasSubstr("no shard has begun"));
  EXPECT_EQ(Status({"--first=1"}).out, "1-3\n");
  EXPECT_EQ(Status({"--lines", "-q"}).out, "0\n1\n2\n");
}

TEST_F(BatchPlan, ALostOutputAndALostReportAreFoundAndRedone) {
  for (const char* shard : {"0", "1", "2"}) ASSERT_EQ(RunShard(shard).code, 0);
  const std::string merged = RunCnnopt({"batch", "merge", reports()}).out;
  const std::string whole = FileBytes(out() + "/m5.onnx");
  unlink((out() + "/m5.onnx").c_str());
  const Finished lost = Status();
  EXPECT_EQ(lost.code, 75);
  EXPECT_THAT(lost.err, HasSubstr("m5.onnx: its output is not there any more"));
  EXPECT_EQ(RunShard(lost.out.substr(0, 1)).code, 0);
  EXPECT_EQ(FileBytes(out() + "/m5.onnx"), whole);
  EXPECT_EQ(Status().code, 0);

  work_.Write("out/m5.onnx", "other bytes");
  EXPECT_EQ(Status().code, 0);
  EXPECT_EQ(Status({"--hash-outputs"}).code, 75);
  EXPECT_EQ(RunShard(lost.out.substr(0, 1)).code, 0);
  EXPECT_EQ(Status({"--hash-outputs"}).code, 0);

  std::filesystem::remove_all(reports());
  EXPECT_EQ(Status().out, "0-2\n");
  for (const char* shard : {"0", "1", "2"}) {
    const Finished again = RunShard(shard);
    ASSERT_EQ(again.code, 0);
    EXPECT_THAT(again.out, HasSubstr("of them before"));
  }
  EXPECT_EQ(Status().code, 0);
  EXPECT_THAT(merged, HasSubstr("m6.onnx"));
}

TEST_F(BatchPlan, MergingGivesTheSameBytesInAnyOrder) {
  for (const char* shard : {"0", "1", "2", "1"}) ASSERT_EQ(RunShard(shard).code, 0);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(reports())) files.push_back(entry.path().string());
  ASSERT_EQ(files.size(), 4u);
  const Finished once = RunCnnopt({"batch", "merge", reports(), absl::StrCat("--html=", work_.Path("r.html"))});
  ASSERT_EQ(once.code, 0) << once.err;
  EXPECT_EQ(std::count(once.out.begin(), once.out.end(), '\n'), 1 + kModels);
  EXPECT_THAT(FileBytes(work_.Path("r.html")), HasSubstr("6 slimmed"));
  for (const std::vector<int>& order : std::vector<std::vector<int>>{{3, 2, 1, 0}, {1, 1, 3, 0, 2, 2}, {2, 0, 3, 1}}) {
    std::vector<std::string> words = {"batch", "merge", "-q"};
    for (const int f : order) words.push_back(files[static_cast<size_t>(f)]);
    EXPECT_EQ(RunCnnopt(words).out, once.out);
  }
  // A run that gave other bytes for a model is an alarm.
  work_.Write("other.jsonl", absl::StrReplaceAll(once.out, {{"\"outputs\":[\"", "\"outputs\":[\"f"}}));
  const Finished alarm = RunCnnopt({"batch", "merge", reports(), work_.Path("other.jsonl")});
  EXPECT_EQ(alarm.code, 6);
  EXPECT_THAT(alarm.err, HasSubstr("two runs gave different outputs"));
}

TEST_F(BatchPlan, AManifestHoldsTheOptionsAndIsNotChanged) {
  EXPECT_THAT(RunShard("0", {"--target-macs=0.5"}).err, HasSubstr("the manifest holds the options"));
  EXPECT_THAT(RunShard("3").err, HasSubstr("expected a number from 0 to 2"));
  EXPECT_THAT(RunShard("auto").err, HasSubstr("no index of an array"));
  const std::string text = FileBytes(manifest_);
  work_.Write("manifest.jsonl", absl::StrReplaceAll(text, {{"target-macs=0.9", "target-macs=0.8"}}));
  const Finished changed = RunShard("0");
  EXPECT_EQ(changed.code, 3);
  EXPECT_THAT(changed.err, HasSubstr("the file was changed"));
  EXPECT_FALSE(std::filesystem::exists(out()));
  // A model that is another one now is refused, not mistaken for the one that was planned.
  work_.Write("manifest.jsonl", text);
  for (int m = 0; m < kModels; ++m) zoo_.Write(absl::StrCat("m", m, ".onnx"), FileBytes(TestData("mobilenet.onnx")));
  const Finished moved = RunShard("0", {"--strict"});
  EXPECT_EQ(moved.code, 6);
  EXPECT_THAT(moved.err, HasSubstr("not the model that was planned"));
  EXPECT_THAT(moved.out, HasSubstr("0 slimmed"));
  EXPECT_FALSE(std::filesystem::exists(out() + "/m0.onnx"));
}

}  // namespace
}  // namespace cnnopt
