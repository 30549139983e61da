#include "cli/batch_flags.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "job/parse_number.h"

namespace cnnopt {
namespace {

constexpr const char* kModels = "Models of a zoo";
constexpr const char* kResults = "Results";
constexpr const char* kCluster = "On a cluster: docs/batch.md";

// Flags of the main job that make no sense for many models, or that the batch itself gives.
constexpr absl::string_view kNotForMany[] = {"--report",   "--plan",  "--plan-out",
                                             "--dry-run",  "--force", "--fail-if-unchanged",
                                             "--log-file", "--sweep", "--version"};
// Of the batch itself, too.
constexpr absl::string_view kOfTheBatch[] = {"--quiet", "--verbose", "--help", "--config"};
constexpr absl::string_view kRunning[] = {"--threads", "--ort"};

template <size_t count>
bool IsOneOf(absl::string_view name, const absl::string_view (&names)[count]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

absl::Status Expected(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("expected ", what)); }

template <int64_t BatchArguments::* field, int64_t least, int64_t most>
absl::Status StoreCount(const std::string& text, SlimArguments& arguments) {
  const std::optional<int64_t> count = ParseNumber<int64_t>(text);
  if (!count.has_value() || *count < least || *count > most) {
    return Expected(absl::StrCat("a whole number from ", least, " to ", most));
  }
  arguments.batch.*field = *count;
  return absl::OkStatus();
}

template <double BatchArguments::* field>
absl::Status StoreSeconds(const std::string& text, SlimArguments& arguments) {
  const std::optional<double> seconds = ParseNumber<double>(text);
  // Written so that not-a-number fails too.
  if (!seconds.has_value() || !(*seconds >= 0 && *seconds <= 1e9)) return Expected("seconds, from 0 on");
  arguments.batch.*field = *seconds;
  return absl::OkStatus();
}

template <std::string BatchArguments::* field>
absl::Status StoreText(const std::string& text, SlimArguments& arguments) {
  if (text.empty()) return Expected("a text");
  arguments.batch.*field = text;
  return absl::OkStatus();
}

template <bool BatchArguments::* field, bool value>
absl::Status StoreSwitch(const std::string&, SlimArguments& arguments) {
  arguments.batch.*field = value;
  return absl::OkStatus();
}

absl::Status StoreMemory(const std::string& text, SlimArguments& arguments) {
  const std::optional<int64_t> bytes = ParseBytes(text);
  if (!bytes.has_value()) return Expected("bytes like 500MB or 2GiB");
  arguments.batch.memory = *bytes;
  return absl::OkStatus();
}

Flag NoTestDataFlag() {
  return {"--no-test-data",
          "",
          "",
          kModels,
          "do not take test_data_set_* beside a model as its --calibration; neither is it taken when --calibration is "
          "given",
          false,
          StoreSwitch<&BatchArguments::test_data, false>};
}

Flag ProgramFlag() {
  return {"--program",
          "",
          "PATH",
          kModels,
          "the cnnopt to run for each model, another version for instance; default: this one",
          false,
          StoreText<&BatchArguments::program>};
}

Flag TriesFlag() {
  return {"--tries",
          "",
          "N",
          kModels,
          "how often a model that crashes is tried, by all runs together; default 2",
          false,
          StoreCount<&BatchArguments::tries, 1, 1000>};
}

// Of the main job, for commands that take few of them.
std::vector<Flag> WithFlags(std::vector<Flag> own, std::initializer_list<absl::string_view> names) {
  for (const Flag& flag : Flags()) {
    if (std::find(names.begin(), names.end(), flag.name) != names.end()) own.push_back(flag);
  }
  return own;
}

// `own`, then all flags of the main job that suit many models.
std::vector<Flag> WithMainFlags(std::vector<Flag> own) {
  for (const Flag& flag : Flags()) {
    if (!IsOneOf(flag.name, kNotForMany)) own.push_back(flag);
  }
  return own;
}

std::vector<std::string> Select(const std::vector<std::string>& given, bool running) {
  // Of a time, the threads that it is measured with are part of the result.
  const bool timed = std::any_of(given.begin(), given.end(), [](const std::string& option) {
    return absl::StartsWith(option, "--target-latency=");
  });
  std::vector<std::string> selected;
  for (const std::string& option : given) {
    const absl::string_view name = absl::string_view(option).substr(0, option.find('='));
    const bool main = std::any_of(Flags().begin(), Flags().end(), [&](const Flag& flag) { return flag.is(name); });
    const bool is_running = IsOneOf(name, kRunning) && !(timed && name == "--threads");
    if (main && !IsOneOf(name, kOfTheBatch) && is_running == running) selected.push_back(option);
  }
  return selected;
}

}  // namespace

std::vector<Flag> BatchRunFlags() {
  return WithMainFlags({
      {"--jobs", "", "N", kModels, "how many models at a time; default 0: as many as there are processors", false,
       StoreCount<&BatchArguments::jobs, 0, 4096>},
      {"--timeout", "", "SECONDS", kModels,
       "end a model that takes longer, which counts as a crash; default 3600, 0: never", false,
       StoreSeconds<&BatchArguments::timeout>},
      {"--memory", "", "SIZE", kModels,
       "address space of one model, 500MB or 2GiB: one that needs more ends, which counts as a crash; as many run at a "
       "time as fit into the machine's or the job's memory together. Default: its share of that",
       false, StoreMemory},
      TriesFlag(),
      NoTestDataFlag(),
      ProgramFlag(),
      {"--shard", "", "I[/N]|auto", kCluster,
       "of a manifest: run this shard, from 0 on, only; auto: the index of a Slurm, Kubernetes, AWS Batch, Grid "
       "Engine, "
       "PBS or LSF array",
       false, StoreText<&BatchArguments::shard>},
      {"--reports", "", "FOLDER", kCluster,
       "of a manifest: where each run writes a report of its own; default OUT/cnnopt-reports", false,
       StoreText<&BatchArguments::reports>},
      {"--zoo", "", "FOLDER", kCluster, "of a manifest: where its models are, when not where they were planned", false,
       StoreText<&BatchArguments::zoo>},
      {"--grace", "", "SECONDS", kCluster,
       "after SIGTERM, how long running models may take to end before they are ended; then the exit code is 75. "
       "Default 20",
       false, StoreSeconds<&BatchArguments::grace>},
      {"--strict", "", "", kCluster, "of a manifest: exit with 6 when a model failed, as a run on a folder does", false,
       StoreSwitch<&BatchArguments::strict, true>},
  });
}

std::vector<Flag> BatchPlanFlags() {
  return WithMainFlags({
      {"--shards", "", "N", kCluster, "how many; default: by the estimated time, about 20 minutes each, at most 1000",
       false, StoreCount<&BatchArguments::shards, 1, 1'000'000>},
      NoTestDataFlag(),
      ProgramFlag(),
  });
}

std::vector<Flag> BatchStatusFlags() {
  return WithFlags(
      {
          {"--lines", "", "", kResults, "one number a line in place of a list like 3,7-9", false,
           StoreSwitch<&BatchArguments::lines, true>},
          {"--first", "", "N", kResults, "the number of the first shard; default 0, 1 for Grid Engine and LSF", false,
           StoreCount<&BatchArguments::first, 0, 1>},
          {"--out", "", "FOLDER", kResults, "where the outputs are, when not where the reports say", false,
           StoreText<&BatchArguments::out>},
          {"--hash-outputs", "", "", kResults, "read every output and compare its SHA-256; default: it is there", false,
           StoreSwitch<&BatchArguments::hash_outputs, true>},
          TriesFlag(),
      },
      {"--quiet", "--help"});
}

std::vector<Flag> BatchMergeFlags() {
  return WithFlags({{"--html", "", "FILE", kResults, "write the report as one HTML page, too", false,
                     StoreText<&BatchArguments::html>}},
                   {"--quiet", "--help"});
}

std::vector<std::string> ResultOptions(const std::vector<std::string>& given) { return Select(given, false); }
std::vector<std::string> RunningOptions(const std::vector<std::string>& given) { return Select(given, true); }

}  // namespace cnnopt
