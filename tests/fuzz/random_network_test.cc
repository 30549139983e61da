// The properties that the fuzz targets check, on a few seeds of each.
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/properties.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::Choices;
using testing::IsOk;
using testing::Outcome;
using testing::WeightKind;

// How often each outcome came up, so that a generator that makes nothing of interest fails.
class Tally {
 public:
  void Add(const absl::StatusOr<Outcome>& outcome, uint32_t seed) {
    EXPECT_THAT(outcome, IsOk()) << "seed " << seed;
    if (outcome.ok()) ++counts_[*outcome];
  }
  int operator[](Outcome outcome) { return counts_[outcome]; }

 private:
  std::map<Outcome, int> counts_;
};

TEST(Properties, OfRandomNetworks) {
  int slimmed = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const absl::StatusOr<int> jobs = testing::CheckRandomNetwork(Choices::FromSeed(seed));
    EXPECT_THAT(jobs, IsOk()) << "seed " << seed;
    slimmed += jobs.value_or(0);
  }
  EXPECT_GE(slimmed, 100);
}

// Networks with a few fields changed, most of them invalid.
TEST(Properties, OfTheWholeJob) {
  Tally tally;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Choices choices = Choices::FromSeed(seed);
    onnx::ModelProto model = testing::RandomNetwork(choices, WeightKind::kAny);
    for (int64_t edits = choices.Below(5); edits > 0; --edits) testing::MutateModel(model, choices);
    tally.Add(testing::CheckWholeJob(model.SerializeAsString(), choices.Below(256)), seed);
  }
  EXPECT_GE(tally[Outcome::kSlimmed], 50);
  EXPECT_GE(tally[Outcome::kUnchanged], 10);
  EXPECT_GE(tally[Outcome::kRefused], 50);
}

TEST(Properties, OfReading) {
  Tally tally;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Choices choices = Choices::FromSeed(seed);
    onnx::ModelProto model = testing::RandomNetwork(choices, WeightKind::kAny);
    for (int64_t edits = choices.Below(4); edits > 0; --edits) testing::MutateModel(model, choices);
    std::string bytes = model.SerializeAsString();
    for (int64_t flips = choices.Below(4); flips > 0; --flips) {
      bytes[static_cast<size_t>(choices.Below(static_cast<int64_t>(bytes.size())))] ^=
          static_cast<char>(1 << choices.Below(8));
    }
    tally.Add(testing::CheckReading(bytes), seed);
  }
  EXPECT_GE(tally[Outcome::kUnchanged], 50);
  EXPECT_GE(tally[Outcome::kRefused], 50);
}

}  // namespace
}  // namespace cnnopt
