#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "batch/machine.h"
#include "batch/plan.h"
#include "batch/pool.h"
#include "batch/report_files.h"
#include "batch/shard.h"
#include "batch/stop_signals.h"
#include "batch/tally.h"
#include "batch/zoo.h"
#include "cli/batch_commands.h"
#include "cli/batch_flags.h"
#include "cli/batch_setup.h"
#include "cli/progress.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"
#include "runtime/session.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;

// Whom a report is by: schedulers give the numbers of their jobs to others later.
std::string NewAttempt() {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::random_device random;
  return absl::StrFormat("%013d-%08x", now.count(), random());
}

// A folder of this process's own, removed with all in it.
class ScratchFolder {
 public:
  static absl::StatusOr<ScratchFolder> Make() {
    std::error_code error;
    std::string path = (fs::temp_directory_path(error) / "cnnopt-batch-XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat(
          "no folder can be made in ", Quote(fs::path(path).parent_path().string()), ", which TMPDIR may change"));
    }
    return ScratchFolder(std::move(path));
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

struct Batch {
  const SlimArguments& arguments;
  const Console& console;
  StopSignals& signals;
  std::string out;
  bool planned = false;  // by a manifest
  Manifest manifest;
  std::optional<int64_t> shard;
};

// A missing runtime would have every model refused, as if each was wrong itself.
absl::Status CheckRuntime(const Batch& batch) {
  if (!batch.arguments.batch.program.empty()) return absl::OkStatus();
  std::vector<std::string> words = batch.manifest.options;
  for (const std::string& option : RunningOptions(batch.arguments.given)) words.push_back(option);
  for (const char* const position : {"--", "in.onnx", "out.onnx"}) words.emplace_back(position);
  CNNOPT_ASSIGN_OR_RETURN(const SlimArguments main, From(Origin::kUsage, ParseSlimArguments(words)));
  if (main.verify == Verify::kOff) return absl::OkStatus();
  return From(Origin::kUsage, OnnxRuntime::Open(main.ort).status());
}

absl::Status ReadPlan(Batch& batch) {
  const SlimArguments& arguments = batch.arguments;
  const std::vector<std::string> options = ResultOptions(arguments.given);
  if (!options.empty()) {
    return From(Origin::kUsage, absl::InvalidArgumentError(absl::StrCat(
                                    options[0], " is for 'cnnopt batch plan': the manifest holds the options")));
  }
  if (!arguments.batch.test_data) {
    return From(Origin::kUsage, absl::InvalidArgumentError("--no-test-data is for 'cnnopt batch plan'"));
  }
  const std::string& path = arguments.positions[0];
  if (!arguments.batch.shard.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(const Manifest head,
                            From(Origin::kInput, ReadManifest(path, [](const ZooModel&) { return false; })));
    CNNOPT_ASSIGN_OR_RETURN(batch.shard,
                            From(Origin::kUsage, ParseShard(arguments.batch.shard, head.shards, std::getenv)));
  }
  CNNOPT_ASSIGN_OR_RETURN(batch.manifest, From(Origin::kInput, ReadManifest(path, [&](const ZooModel& model) {
                                                 return !batch.shard.has_value() || model.shard == *batch.shard;
                                               })));
  CNNOPT_ASSIGN_OR_RETURN(const std::string version, From(Origin::kUsage, VersionOf(arguments.batch.program)));
  if (batch.manifest.version != version) {
    return From(Origin::kUsage,
                absl::InvalidArgumentError(absl::StrCat("the manifest is of cnnopt ", ForScreen(batch.manifest.version),
                                                        ", this is ", version, ": plan again")));
  }
  if (!arguments.batch.zoo.empty()) batch.manifest.zoo = arguments.batch.zoo;
  return absl::OkStatus();
}

// Gives the signal that ended it, 0 when none did.
absl::StatusOr<int> MakePlan(Batch& batch) {
  const SlimArguments& arguments = batch.arguments;
  for (const std::string* flag : {&arguments.batch.shard, &arguments.batch.reports, &arguments.batch.zoo}) {
    if (flag->empty()) continue;
    return From(Origin::kUsage, absl::InvalidArgumentError(
                                    "--shard, --reports and --zoo are for a manifest, 'cnnopt batch plan' makes one"));
  }
  PlanRequest request;
  request.zoo = arguments.positions[0];
  request.out = batch.out;
  std::error_code error;
  if (fs::equivalent(request.zoo, batch.out, error)) {
    return From(Origin::kUsage, absl::InvalidArgumentError("ZOO and OUT are the same folder"));
  }
  CNNOPT_ASSIGN_OR_RETURN(request.version, From(Origin::kUsage, VersionOf(arguments.batch.program)));
  request.options = ResultOptions(arguments.given);
  request.test_data = arguments.batch.test_data && arguments.calibration.empty();
  request.shards = 1;
  std::optional<ProgressBar> bar;
  if (!arguments.quiet && batch.console.progress_width > 0)
    bar.emplace(batch.console.err, batch.console.progress_width);
  int signal = 0;
  absl::StatusOr<Manifest> manifest = PlanZoo(request, [&](int64_t done, int64_t total) {
    if (bar.has_value()) bar->Show("looking at models", done, total);
    const std::vector<int> signals = batch.signals.Take();
    if (!signals.empty()) signal = signals[0];
    return signals.empty();
  });
  if (signal != 0) return signal;
  CNNOPT_ASSIGN_OR_RETURN(batch.manifest, From(Origin::kInput, std::move(manifest)));
  RenderManifest(batch.manifest);  // for its digest
  return 0;
}

PoolOptions OptionsOfPool(const Batch& batch, const std::string& program, const std::string& scratch) {
  const BatchArguments& given = batch.arguments.batch;
  const int64_t processors = Processors(std::getenv);
  PoolOptions options;
  options.program = program;
  options.zoo = batch.manifest.zoo;
  options.out = batch.out;
  options.options = batch.manifest.options;
  const std::vector<std::string> running = RunningOptions(batch.arguments.given);
  options.options.insert(options.options.end(), running.begin(), running.end());
  options.jobs = given.jobs > 0 ? given.jobs : processors;
  if (batch.arguments.threads == 0) {
    // Under --target-latency threads are part of the result.
    const bool timed = std::any_of(options.options.begin(), options.options.end(), [](const std::string& option) {
      return absl::StartsWith(option, "--target-latency=");
    });
    if (!timed) options.options.push_back(absl::StrCat("--threads=", std::max<int64_t>(processors / options.jobs, 1)));
  }
  options.check_inputs = batch.planned;
  options.scratch = scratch;
  options.attempt = NewAttempt();
  options.memory_budget = MemoryBudget(std::getenv, processors);
  options.memory_cap = given.memory;
  options.timeout = given.timeout;
  options.grace = given.grace;
  options.tries = given.tries;
  return options;
}

ExitCode StoppedCode(int signal) { return signal == SIGTERM ? kExitTemporary : static_cast<ExitCode>(128 + signal); }

// A line for each failure as it happens, and for every model under -v.
void Tell(const SlimArguments& arguments, const Record& record, std::ostream& err) {
  const bool failed = record.fate != Fate::kOk;
  if (arguments.quiet || (!failed && !arguments.verbose) || (record.skipped && !arguments.verbose)) return;
  err << "cnnopt: " << ForScreen(record.path) << ": " << EndWord(record) << (record.skipped ? " before" : "")
      << (record.reason.empty() ? "" : ": ") << ForScreen(record.reason) << "\n";
}

absl::StatusOr<ExitCode> RunModels(Batch& batch) {
  const SlimArguments& arguments = batch.arguments;
  CNNOPT_ASSIGN_OR_RETURN(const std::string program, From(Origin::kUsage, ProgramPath(arguments.batch.program)));
  CNNOPT_ASSIGN_OR_RETURN(const ScratchFolder scratch, From(Origin::kOutput, ScratchFolder::Make()));
  const PoolOptions options = OptionsOfPool(batch, program, scratch.path());
  const ReportHeader header{batch.manifest.sha256, {fs::absolute(batch.out).lexically_normal().string()}};
  std::optional<AttemptReport> attempt;
  if (batch.planned) {
    const std::string folder =
        arguments.batch.reports.empty() ? Below(batch.out, kReportsFolder) : arguments.batch.reports;
    const std::string shard = batch.shard.has_value() ? absl::StrCat(*batch.shard) : std::string("all");
    CNNOPT_ASSIGN_OR_RETURN(
        attempt,
        From(Origin::kOutput, AttemptReport::Create(folder, absl::StrCat(shard, ".", options.attempt), header)));
  }
  std::vector<Record> records;
  std::optional<ProgressBar> bar;
  const auto total = static_cast<int64_t>(batch.manifest.models.size());
  const auto show = [&] {
    if (arguments.quiet || batch.console.progress_width == 0) return;
    if (!bar.has_value()) bar.emplace(batch.console.err, batch.console.progress_width);
    bar->Show("models", static_cast<int64_t>(records.size()), total);
  };
  show();
  CNNOPT_ASSIGN_OR_RETURN(const int signal, RunPool(options, batch.manifest, batch.signals, [&](const Record& record) {
                            records.push_back(record);
                            if (record.fate != Fate::kOk) bar.reset();
                            Tell(arguments, record, batch.console.err);
                            show();
                            return attempt.has_value() ? From(Origin::kOutput, attempt->Add(record)) : absl::OkStatus();
                          }));
  bar.reset();
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.path < b.path; });
  if (!batch.planned) CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, WriteBatchReports(batch.out, header, records)));
  const int64_t left = total - static_cast<int64_t>(records.size());
  if (!arguments.quiet) batch.console.out << BatchTable(records, left, batch.console.width, arguments.verbose);
  if (signal != 0) {
    batch.console.err << "cnnopt: ended by signal " << signal << ", the same command goes on where it was\n";
    return StoppedCode(signal);
  }
  Tally tally;
  for (const Record& record : records) Add(record, tally);
  const bool counts = !batch.planned || arguments.batch.strict;
  return counts && tally.failed() > 0 ? kExitBatchFailures : kExitDone;
}

}  // namespace

absl::StatusOr<ExitCode> RunBatchRun(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(CheckMainOptions(arguments));
  CNNOPT_ASSIGN_OR_RETURN(StopSignals signals, From(Origin::kUsage, StopSignals::Catch()));
  Batch batch{arguments, console, signals, arguments.positions[1], false, {}, {}};
  std::error_code error;
  batch.planned = !fs::is_directory(arguments.positions[0], error);
  if (batch.planned) {
    CNNOPT_RETURN_IF_ERROR(ReadPlan(batch));
  } else {
    CNNOPT_ASSIGN_OR_RETURN(const int signal, MakePlan(batch));
    if (signal != 0) return StoppedCode(signal);
  }
  CNNOPT_RETURN_IF_ERROR(CheckRuntime(batch));
  fs::create_directories(batch.out, error);
  if (!fs::is_directory(batch.out, error)) {
    return From(Origin::kOutput, absl::UnavailableError(absl::StrCat(Quote(batch.out), " cannot be made a folder")));
  }
  return RunModels(batch);
}

}  // namespace cnnopt
