#include "batch/manifest.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::TempFolder;

Manifest Sample() {
  Manifest manifest;
  manifest.version = "1.2.3";
  manifest.zoo = "/zoo";
  manifest.options = {"--target-macs=0.5", "--pass=dsc"};
  manifest.options_sha256 = "00";
  manifest.shards = 3;
  for (int m = 0; m < 7; ++m) {
    ZooModel model;
    model.path = absl::StrCat("net", m, ".onnx");
    model.sha256 = absl::StrCat("sha", m);
    model.bytes = 100 * m;
    model.memory = 7;
    model.cost = 1 + 0.25 * m;
    manifest.models.push_back(model);
  }
  manifest.models[2].data_sha256 = "data";
  manifest.models[2].data_bytes = 5;
  manifest.models[3].test_data_sha256 = "test";
  manifest.models[4].problem = "an empty file";
  manifest.models[5].path = "caf\xe9/net.onnx";  // no UTF-8
  AssignShards(manifest);
  return manifest;
}

absl::StatusOr<Manifest> Read(const std::string& text) {
  const TempFolder folder;
  return ReadManifest(folder.Write("m.jsonl", text), [](const ZooModel&) { return true; });
}

TEST(Manifest, ComesBackAsItWas) {
  Manifest manifest = Sample();
  const std::string text = RenderManifest(manifest);
  absl::StatusOr<Manifest> read = Read(text);
  ASSERT_THAT(read, testing::IsOk());
  EXPECT_EQ(read->sha256, manifest.sha256);
  EXPECT_EQ(RenderManifest(*read), text);
  EXPECT_EQ(read->models[5].path, "caf\xe9/net.onnx");
}

TEST(Manifest, KeepsOnlyWhatIsWantedButChecksAll) {
  Manifest manifest = Sample();
  const TempFolder folder;
  const std::string path = folder.Write("m.jsonl", RenderManifest(manifest));
  size_t models = 0;
  for (int64_t shard = 0; shard < 3; ++shard) {
    const auto part = ReadManifest(path, [&](const ZooModel& model) { return model.shard == shard; });
    ASSERT_THAT(part, testing::IsOk());
    EXPECT_EQ(part->sha256, manifest.sha256);
    models += part->models.size();
  }
  EXPECT_EQ(models, 7u);
}

TEST(Manifest, AnyChangeIsSeen) {
  Manifest manifest = Sample();
  const std::string text = RenderManifest(manifest);
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::string changed = text;
    const size_t at = random() % text.size();
    if (trial % 3 == 0) {
      changed.resize(at);
    } else if (trial % 3 == 1) {
      changed.erase(at, 1 + random() % 40);
    } else {
      changed[at] = static_cast<char>(changed[at] ^ 1);
    }
    EXPECT_FALSE(Read(changed).ok()) << trial << " " << at;
  }
  EXPECT_THAT(Read(absl::StrReplaceAll(text, {{"\"bytes\":300", "\"bytes\":301"}})),
              FailsWith(absl::StatusCode::kInvalidArgument, "line 9: its digest"));
  EXPECT_THAT(Read(text.substr(0, text.size() / 2)), FailsWith(absl::StatusCode::kInvalidArgument, "cut short"));
  EXPECT_THAT(Read(absl::StrCat(text, "{}\n")), FailsWith(absl::StatusCode::kInvalidArgument, "behind the last"));
}

TEST(Manifest, PathsThatLeaveTheZooAreRefused) {
  for (const char* path : {"../a.onnx", "a/../../b.onnx", "/etc/a.onnx"}) {
    Manifest manifest = Sample();
    manifest.models[0].path = path;
    EXPECT_THAT(Read(RenderManifest(manifest)), FailsWith(absl::StatusCode::kInvalidArgument, "stays in the zoo"))
        << path;
  }
}

TEST(Manifest, ShardsCostAboutTheSame) {
  std::mt19937 random(7);
  Manifest manifest;
  manifest.shards = 16;
  double total = 0;
  for (int m = 0; m < 2000; ++m) {
    ZooModel& model = manifest.models.emplace_back();
    model.cost = 0.1 + static_cast<double>(random() % 1000) / 100;
    total += model.cost;
  }
  AssignShards(manifest);
  std::vector<double> loads(16);
  for (const ZooModel& model : manifest.models) loads[static_cast<size_t>(model.shard)] += model.cost;
  for (const double load : loads) EXPECT_NEAR(load, total / 16, 0.01 * total / 16);
  Manifest again = manifest;
  AssignShards(again);
  EXPECT_EQ(RenderManifest(again), RenderManifest(manifest));
}

TEST(Manifest, TheKeyIsOfAllThatMakesAResult) {
  const Manifest manifest = Sample();
  const std::string key = ModelKey(manifest, manifest.models[0]);
  std::vector<Manifest> others(5, manifest);
  others[0].version = "1.2.4";
  others[1].options.pop_back();
  others[2].options_sha256 = "01";
  others[3].models[0].sha256 = "other";
  others[4].models[0].data_sha256 = "other";
  for (const Manifest& other : others) EXPECT_NE(ModelKey(other, other.models[0]), key);
  Manifest moved = manifest;
  moved.zoo = "/elsewhere";
  moved.shards = 9;
  moved.models[0].path = "renamed.onnx";
  EXPECT_EQ(ModelKey(moved, moved.models[0]), key);
}

TEST(Manifest, ShardsAreOfTwentyMinutes) {
  std::vector<ZooModel> models(100);
  EXPECT_EQ(ShardsFor(models), 1);
  for (ZooModel& model : models) model.cost = 60;
  EXPECT_EQ(ShardsFor(models), 5);
  for (ZooModel& model : models) model.cost = 1e6;
  EXPECT_EQ(ShardsFor(models), 1000);
}

}  // namespace
}  // namespace cnnopt
