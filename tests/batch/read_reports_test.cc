#include "batch/read_reports.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "batch/report_files.h"
#include "batch/standing.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::TempFolder;

Record RandomRecord(std::mt19937& random) {
  Record record;
  record.path = absl::StrCat("m", random() % 12, ".onnx");
  record.fate = static_cast<Fate>(random() % 3);
  record.attempt = absl::StrCat(random() % 100);
  record.seconds = static_cast<double>(random() % 100);
  if (record.fate == Fate::kCrashed) record.crashes = {absl::StrCat(record.attempt, ".1")};
  if (record.fate == Fate::kOk) record.outputs = {"same"};
  record.skipped = record.fate == Fate::kOk && random() % 2 == 0;
  return record;
}

std::string Merged(const std::vector<std::string>& files) {
  Reports reports;
  for (const std::string& file : files) EXPECT_THAT(AddReport(file, reports), testing::IsOk()) << file;
  return RenderReports(reports);
}

TEST(ReadReports, OrderGroupingAndRepetitionDoNotMatter) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 30; ++trial) {
    const TempFolder folder;
    std::vector<std::string> files;
    for (int f = 0; f < 5; ++f) {
      std::vector<Record> records;
      for (size_t r = random() % 8; r > 0; --r) records.push_back(RandomRecord(random));
      files.push_back(
          folder.Write(absl::StrCat(f, ".jsonl"), RenderReportLines({"hash", {absl::StrCat("/out", f % 2)}}, records)));
    }
    const std::string expected = Merged(files);
    std::vector<std::string> shuffled = files;
    shuffled.insert(shuffled.end(), files.begin(), files.begin() + 3);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    EXPECT_EQ(Merged(shuffled), expected);
    const std::string part = folder.Write("part", Merged({files[3], files[1]}));
    EXPECT_EQ(Merged({files[4], part, files[0], files[2]}), expected);
    EXPECT_EQ(Merged({folder.Write("all", expected)}), expected);
  }
}

TEST(ReadReports, ALineThatWasNotCompletedDoesNotCount) {
  const TempFolder folder;
  std::mt19937 random(5);
  const std::string text = RenderReportLines({"hash", {}}, {RandomRecord(random), RandomRecord(random)});
  for (size_t size = 0; size <= text.size(); ++size) {
    Reports reports;
    ASSERT_THAT(AddReport(folder.Write("r.jsonl", text.substr(0, size)), reports), testing::IsOk()) << size;
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<int64_t>(size), '\n'));
    EXPECT_LE(reports.records.size(), lines == 0 ? 0 : lines - 1);
  }
}

TEST(ReadReports, WhatIsNoReportOfThisManifestIsNamed) {
  const TempFolder folder;
  Reports reports;
  ASSERT_THAT(AddReport(folder.Write("a", RenderReportLines({"one", {}}, {})), reports), testing::IsOk());
  EXPECT_THAT(AddReport(folder.Write("b", RenderReportLines({"two", {}}, {})), reports),
              FailsWith(absl::StatusCode::kInvalidArgument, "of manifest two, expected one"));
  EXPECT_THAT(AddReport(folder.Write("c", "text\n"), reports), FailsWith(absl::StatusCode::kInvalidArgument, "line 1"));
  EXPECT_THAT(AddReport(folder.Write("d", RenderReportLines({"one", {}}, {}) + "{\"path\":1}\n"), reports),
              FailsWith(absl::StatusCode::kInvalidArgument, "line 2: field 'path'"));
}

TEST(Standing, OnlyWhatIsDoneIsDone) {
  Manifest manifest;
  Reports reports;
  const auto add = [&](const char* path, int64_t shard, std::optional<Fate> fate, std::set<std::string> crashes = {}) {
    ZooModel model;
    model.path = path;
    model.shard = shard;
    manifest.models.push_back(model);
    if (!fate.has_value()) return;
    Record record;
    record.path = path;
    record.fate = *fate;
    record.crashes = std::move(crashes);
    AddRecord(record, reports);
  };
  add("fine", 0, Fate::kOk);
  add("refused", 1, Fate::kRejected);
  add("poison", 2, Fate::kCrashed, {"a.1", "b.1"});
  add("once", 3, Fate::kCrashed, {"a.1"});
  add("never", 4, std::nullopt);
  add("gone", 5, Fate::kOk);
  Standing standing;
  for (const ZooModel& model : manifest.models) {
    AddStanding(model, reports, 2, [](const Record& record) { return record.path != "gone"; }, standing);
  }
  EXPECT_EQ(standing.shards, (std::set<int64_t>{3, 4, 5}));
  EXPECT_EQ(StandingText(standing),
            "3 of 6 models done: 1 slimmed or unchanged, 1 rejected, 1 given up after crashes; left: 1 never run, 1 "
            "crashed, 1 whose output is not there");
  EXPECT_EQ(standing.lost, std::vector<std::string>{"gone"});
}

}  // namespace
}  // namespace cnnopt
