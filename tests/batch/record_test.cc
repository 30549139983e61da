#include "batch/record.h"

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::FailsWith;

Record Sample(Fate fate) {
  Record record;
  record.path = "a/net.onnx";
  record.key = "key";
  record.fate = fate;
  record.verdict = "slimmed";
  record.reason = "why \"not\"\n";
  record.code = -9;
  record.input_sha256 = "in";
  record.output_sha256 = "out";
  record.macs_before = 100;
  record.macs_after = 50;
  record.relative_error = 0.125;
  record.seconds = 1.5;
  record.peak_bytes = 1 << 20;
  record.attempt = "1-a";
  record.shard = 3;
  if (fate == Fate::kCrashed) record.crashes = {"1-a.1"};
  if (fate == Fate::kOk) record.outputs = {"out"};
  return record;
}

TEST(Record, ComesBackAsItWas) {
  for (const Fate fate : {Fate::kOk, Fate::kRejected, Fate::kCrashed}) {
    Record record = Sample(fate);
    record.skipped = fate == Fate::kOk;
    record.path = fate == Fate::kRejected ? "caf\xe9.onnx" : record.path;
    const std::string line = RenderRecord(record);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const absl::StatusOr<Record> read = ParseRecord(line);
    ASSERT_THAT(read, testing::IsOk());
    EXPECT_EQ(RenderRecord(*read), line);
    EXPECT_EQ(read->path, record.path);
  }
}

TEST(Record, WhatIsNoRecordIsRefused) {
  const std::string line = RenderRecord(Sample(Fate::kOk));
  EXPECT_THAT(ParseRecord("[]"), FailsWith(absl::StatusCode::kInvalidArgument, "JSON object"));
  EXPECT_THAT(ParseRecord("{}"), FailsWith(absl::StatusCode::kInvalidArgument, "'path'"));
  EXPECT_THAT(ParseRecord(line.substr(0, line.size() - 1)), FailsWith(absl::StatusCode::kInvalidArgument, ""));
  std::mt19937 random(3);
  for (int trial = 0; trial < 500; ++trial) {  // any bytes end in a record or an error
    std::string changed = line;
    changed[random() % line.size()] = static_cast<char>(random());
    static_cast<void>(ParseRecord(changed).ok());
  }
}

TEST(Record, OkGoesBeforeRejectedBeforeCrashed) {
  const Record ok = Sample(Fate::kOk), rejected = Sample(Fate::kRejected), crashed = Sample(Fate::kCrashed);
  EXPECT_EQ(Fold(rejected, ok).fate, Fate::kOk);
  EXPECT_EQ(Fold(ok, crashed).fate, Fate::kOk);
  EXPECT_EQ(Fold(crashed, rejected).fate, Fate::kRejected);
  EXPECT_EQ(Fold(crashed, ok).crashes.size(), 1u);
}

TEST(Record, ASkippedLineStandsForWhatItRepeats) {
  const Record ok = Sample(Fate::kOk);
  Record skipped = ok;
  skipped.skipped = true;
  EXPECT_EQ(RenderRecord(Fold(skipped, skipped)), RenderRecord(ok));
  EXPECT_EQ(RenderRecord(Fold(skipped, ok)), RenderRecord(ok));
  EXPECT_EQ(RenderRecord(Fold(ok, skipped)), RenderRecord(ok));
  EXPECT_EQ(Fold(skipped, Sample(Fate::kCrashed)).fate, Fate::kOk);
}

TEST(Record, TwoCrashesOfOneTryCountOnce) {
  const Record first = Sample(Fate::kCrashed);
  Record second = first;
  second.attempt = "2-b";
  second.crashes = {"2-b.1"};
  EXPECT_FALSE(IsTerminal(Fold(first, first), 2));
  EXPECT_TRUE(IsTerminal(Fold(first, second), 2));
  EXPECT_TRUE(IsTerminal(Sample(Fate::kRejected), 2));
}

TEST(Record, DifferentOutputsStayVisible) {
  const Record one = Sample(Fate::kOk);
  Record other = one;
  other.output_sha256 = "different";
  other.outputs = {"different"};
  EXPECT_EQ(Fold(one, other).outputs.size(), 2u);
  EXPECT_EQ(Fold(one, one).outputs.size(), 1u);
}

// Any order, any grouping, any repetition of any lines comes to the same.
TEST(Record, FoldingIsCommutativeAssociativeAndIdempotent) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<Record> records;
    const size_t count = 1 + random() % 6;
    for (size_t r = 0; r < count; ++r) {
      Record record = Sample(static_cast<Fate>(random() % 3));
      record.skipped = random() % 3 == 0;
      record.seconds = static_cast<double>(random() % 3);
      record.attempt = absl::StrCat(random() % 4);
      if (record.fate == Fate::kCrashed) record.crashes = {absl::StrCat(record.attempt, ".", random() % 2)};
      if (record.fate == Fate::kOk) record.outputs = {absl::StrCat("out", random() % 2)};
      records.push_back(record);
    }
    const auto all = [](const std::vector<Record>& list) {
      Record folded = Fold(list[0], list[0]);
      for (const Record& record : list) folded = Fold(folded, record);
      return RenderRecord(folded);
    };
    const std::string expected = all(records);
    std::vector<Record> shuffled = records;
    for (size_t r = 0; r < count; ++r) shuffled.push_back(records[random() % count]);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    EXPECT_EQ(all(shuffled), expected);
    const size_t cut = random() % count;  // fold two parts, then those
    Record left = Fold(records[0], records[0]), right = Fold(records[cut], records[cut]);
    for (size_t r = 0; r < cut; ++r) left = Fold(left, records[r]);
    for (size_t r = cut; r < count; ++r) right = Fold(right, records[r]);
    EXPECT_EQ(RenderRecord(Fold(cut == 0 ? right : left, right)), expected);
  }
}

}  // namespace
}  // namespace cnnopt
