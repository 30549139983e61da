#include "api/entries.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsOk;

// Every field away from its default.
Options AllOptions() {
  Options options;
  options.target_macs = 0.1;
  options.target_params = 0.2;
  options.target_size = "800KB";
  options.target_latency = "12ms";
  options.cost_cache = "times.json";
  options.max_error = 1e-05;
  options.min_agreement = 0.99;
  options.evaluate = "score {model}";
  options.evaluate_timeout = 10;
  options.labels = "labels.npy";
  options.max_drop = 0.5;
  options.lower_is_better = true;
  options.calibration = {"a=1.npy", "b=2.npy"};
  options.scale = {1};
  options.mean = {0.485, 0.456, 0.406};
  options.deviation = {0.229, 0.224, 0.225};
  options.resize = "fit";
  options.crop = "center";
  options.channel_order = "bgr";
  options.layout = "nhwc";
  options.samples = 7;
  options.fit = Options::Fit::kWeights;
  options.seed = 3;
  options.input_shapes = {{"a:0", {1, 3, 8, 8}}};
  options.passes = {"dsc", "low-rank"};
  options.cleanup = false;
  options.assume_constant = true;
  options.keep = {"stem"};
  options.only = {"body", "head"};
  options.layers = {"x=dsc:rank=2"};
  options.keep_first_last = true;
  options.plan = "plan.json";
  options.reports = {"a.json", "b.md"};
  options.plan_out = "out.json";
  options.force = true;
  options.fail_if_unchanged = true;
  options.external_data = 4096;
  options.provenance = false;
  options.max_file_bytes = 1000;
  options.max_model_memory = 1001;
  options.max_nodes = 1002;
  options.max_initializers = 1003;
  options.max_depth = 10;
  options.max_rank = 11;
  options.max_name_bytes = 1004;
  options.max_identifier_bytes = 1006;
  options.max_memory = 1005;
  options.verify = Options::Verify::kReport;
  options.latency = false;
  options.threads = 4;
  options.ort = "libonnxruntime.so.1";
  return options;
}

// So that no flag of the command is forgotten here.
TEST(Entries, EveryFlagHasItsField) {
  const std::vector<ConfigEntry> entries = EntriesOf(AllOptions());
  for (const Flag& flag : Flags()) {
    const auto has = [&](const ConfigEntry& entry) { return flag.is(entry.flag); };
    EXPECT_EQ(std::any_of(entries.begin(), entries.end(), has), IsLibraryFlag(flag.name)) << flag.name;
  }
  EXPECT_TRUE(EntriesOf(Options()).empty());
}

// What each value becomes, through the flags' own functions.
TEST(Entries, ValuesArrive) {
  SlimArguments arguments;
  for (const ConfigEntry& entry : EntriesOf(AllOptions())) {
    const auto flag = std::find_if(Flags().begin(), Flags().end(), [&](const Flag& f) { return f.is(entry.flag); });
    for (const std::string& value : entry.values) EXPECT_THAT(flag->store(value, arguments), IsOk()) << entry.flag;
  }
  EXPECT_EQ(arguments.target_macs, 0.1);
  EXPECT_EQ(arguments.target_size->bytes, 800'000);
  EXPECT_EQ(arguments.target_latency->milliseconds, 12);
  EXPECT_EQ(arguments.bounds.max_error, 1e-05);
  EXPECT_THAT(arguments.calibration, ElementsAre("a=1.npy", "b=2.npy"));
  EXPECT_EQ(arguments.input_shapes.at("a:0"), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(arguments.passes.size(), 2u);
  EXPECT_EQ(arguments.rules.layers[0].rank, 2);
  EXPECT_TRUE(arguments.rules.keep_first_last);
  EXPECT_EQ(arguments.external_threshold, 4096);
  EXPECT_EQ(arguments.limits.memory_bytes, 1001);
  EXPECT_EQ(arguments.max_memory, 1005);
  EXPECT_FALSE(arguments.latency);
  EXPECT_FALSE(arguments.cleanup);
  EXPECT_FALSE(arguments.provenance);
}

std::vector<std::string> FlagsOf(const char* json) {
  const absl::StatusOr<std::vector<ConfigEntry>> entries = EntriesOfJson(json);
  EXPECT_THAT(entries, IsOk());
  std::vector<std::string> flags;
  for (const ConfigEntry& entry : *entries) {
    for (const std::string& value : entry.values) flags.push_back(absl::StrCat(entry.flag, "=", value));
  }
  return flags;
}

TEST(Entries, Json) {
  EXPECT_THAT(FlagsOf(R"({})"), ElementsAre());
  EXPECT_THAT(FlagsOf(R"({"target_macs": 0.5, "samples": 12, "max_error": null, "target_size": "1MB"})"),
              ElementsAre("--target-macs=0.5", "--samples=12", "--target-size=1MB"));
  EXPECT_THAT(FlagsOf(R"({"pass": ["dsc", "fold-batch-norm"], "keep": "stem", "no_latency": true})"),
              ElementsAre("--pass=dsc", "--pass=fold-batch-norm", "--keep=stem", "--no-latency=true"));
  EXPECT_THAT(FlagsOf(R"({"mean": [0.485, 0.456, 0.406], "input_shape": [1, 3, 8, 8]})"),
              ElementsAre("--mean=0.485,0.456,0.406", "--input-shape=1,3,8,8"));
  EXPECT_THAT(FlagsOf(R"({"input_shape": {"a:0": [1, 3]}, "calibration": {"a:0": "x.npy"}, "layer": {"c": "keep"}})"),
              ElementsAre("--input-shape=a:0:1,3", "--calibration=a:0=x.npy", "--layer=c=keep"));
}

TEST(Entries, JsonThatMakesNoSense) {
  const auto fails = [](const char* json, const char* text) {
    EXPECT_THAT(EntriesOfJson(json), FailsWith(absl::StatusCode::kInvalidArgument, text)) << json;
  };
  fails("", "expected a JSON object");
  fails("[1]", "expected a JSON object");
  fails(R"({"target_mac": 0.5})", "unknown option 'target_mac', did you mean 'target_macs'?");
  fails(R"({"target-macs": 0.5})", "unknown option 'target-macs', did you mean 'target_macs'?");
  fails(R"({"sweep": [0.5]})", "option 'sweep' is for the command only");
  fails(R"({"target_macs": true})", "option 'target_macs': expected X, found true");
  fails(R"({"no_latency": 1})", "option 'no_latency': expected true or false, found 1");
  fails(R"({"keep": [["a"], {}]})", "option 'keep': expected REGEX, or a list");
  fails(R"({"target_macs": {"a": 1}})", "option 'target_macs': expected X");
}

}  // namespace
}  // namespace cnnopt
