// The command line as data, and the flags of the main job: one table from which they are parsed, explained and
// recorded.
#ifndef CNNOPT_JOB_OPTIONS_H_
#define CNNOPT_JOB_OPTIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "job/config_file.h"
#include "onnx_io/limits.h"
#include "passes/slim.h"
#include "runtime/image_options.h"
#include "runtime/samples.h"

namespace cnnopt {

// What `cnnopt batch` is told beside the options of the main job.
struct BatchArguments {
  int64_t jobs = 0;       // models at a time; 0: as many as there are processors
  double timeout = 3600;  // seconds for one model; 0: any
  int64_t memory = 0;     // address space of one model in bytes; 0: its share of what there is
  int64_t tries = 2;      // of a model that crashes
  double grace = 20;      // seconds between SIGTERM and the end
  int64_t shards = 0;     // 0: by the estimated time
  int64_t first = 0;      // the number that stands for the first shard
  bool test_data = true;
  bool strict = false;
  bool lines = false;
  bool hash_outputs = false;
  std::string program, shard, reports, zoo, out, html;
};

// A command line as plain data. Of the main job `out` is empty only under dry_run.
struct SlimArguments : Goal {
  enum class Action { kSlim, kHelp, kVersion };
  Action action = Action::kSlim;
  std::vector<std::string> positions;  // what is no flag, in order
  std::vector<std::string> given;      // all flags as "--name=value" or "--name", in the order of the table
  std::string in, out;                 // of the main job

  std::vector<std::string> calibration;  // each PATH or NAME=PATH
  std::vector<ArrayView> arrays;         // in memory, in place of `calibration`: of a library's caller
  ImageOptions images;
  std::optional<int64_t> samples;
  Fit fit = Fit::kSamples;
  uint64_t seed = 1;
  std::map<std::string, Shape> input_shapes;  // the name "" stands for the only input

  std::vector<PassChoice> passes;  // empty: all
  bool cleanup = true;
  bool assume_constant = false;
  LayerRules rules;
  std::string plan, plan_out, config;

  // Of a search or a sweep over budgets.
  std::string evaluate, labels;
  double evaluate_seconds = 3600;
  std::optional<double> max_drop;
  bool lower_is_better = false;
  std::vector<double> sweep;

  std::optional<int64_t> external_threshold;  // bytes
  std::vector<std::string> reports;
  bool provenance = true;
  bool dry_run = false, force = false, fail_if_unchanged = false;

  Verify verify = Verify::kEnforce;
  bool latency = true;
  std::string cost_cache;
  int threads = 0;
  std::string log_file;
  int64_t max_memory = kDefaultMaxMemory;
  Limits limits;  // of what is read
  std::string ort;
  bool quiet = false, verbose = false;

  // Of other commands, see commands.h.
  bool json = false;
  bool forms = true;
  std::optional<double> tolerance;
  BatchArguments batch;
};

bool HasCalibration(const SlimArguments& arguments);

inline constexpr int64_t kDefaultCalibrationSamples = 256;
inline constexpr int64_t kDefaultSyntheticSamples = 16;
inline constexpr int64_t kDefaultExternalThreshold = 1024;

// The store of a switch.
template <bool SlimArguments::* member, bool value>
absl::Status StoreSwitch(const std::string&, SlimArguments& arguments) {
  arguments.*member = value;
  return absl::OkStatus();
}

struct Flag {
  const char* name;        // "--target-macs"
  const char* short_name;  // "-q", or ""
  // What stands for the value: "X"; "": a switch; "[=SIZE]": a switch that may carry a value. Parts between bars in
  // lower case are typed as they are, "enforce|report|off"; FILE and PATH are files. Completions go by this.
  const char* value;
  const char* group;  // the heading in --help
  std::string help;
  bool repeatable;
  // Stores one value ("" for a switch). The message of an error says what was expected.
  absl::Status (*store)(const std::string& text, SlimArguments& arguments);

  bool is(absl::string_view other) const { return other == name; }
};
// All flags, in the order in which --help shows them, groups together.
const std::vector<Flag>& Flags();

// Parses flags of `flags` and positions, without what no flag can tell alone. `help` lists the flags, "cnnopt --help".
// Errors: as ParseSlimArguments.
absl::StatusOr<SlimArguments> ParseFlags(const std::vector<std::string>& arguments, const std::vector<Flag>& flags,
                                         absl::string_view help);

// The flags `entries`, of the main job, without a command line: a switch has the value "true" or "false". IN and OUT
// are the caller's. Errors: as ParseSlimArguments.
absl::StatusOr<SlimArguments> ArgumentsOf(const std::vector<ConfigEntry>& entries);

// Parses what follows the program's name, for the main job. Errors: InvalidArgument, one line that names the flag, what
// was found and what was expected, or the known flag that was probably meant.
absl::StatusOr<SlimArguments> ParseSlimArguments(const std::vector<std::string>& arguments);

// The options that can change the bytes of OUT and are not at their default, as flags in a fixed order. No path
// is among them: calibration data is named by `calibration_sha256`.
std::vector<std::string> CanonicalOptions(const SlimArguments& arguments, absl::string_view calibration_sha256);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_OPTIONS_H_
