#include "batch/pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "batch/child_process.h"
#include "batch/outcome.h"
#include "batch/sidecar.h"
#include "batch/zoo.h"
#include "job/exit_code.h"
#include "onnx_io/file_io.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kSecondsToTidyUp = 3;  // between SIGTERM to a child and SIGKILL
constexpr size_t kLookAhead = 64;       // models that may overtake one that needs more memory than is free

struct Running {
  size_t model = 0;
  Child child;
  bool has_errors = true;  // its stderr is open
  std::string errors, report;
  Clock::time_point began;
  int64_t memory = 0;  // reserved
  bool timed_out = false;
};

struct Pool {
  const PoolOptions& options;
  const Manifest& manifest;
  const std::function<absl::Status(const Record&)>& finished;
  std::deque<size_t> waiting;  // indices of models
  std::deque<size_t> again;    // crashed, to be run alone at the end
  std::vector<Running> running;
  std::vector<Record> crashed;  // what is known of models that crashed before, by path
  int64_t reserved = 0;         // bytes
  int64_t started = 0;
  int stopped_by = 0;        // a signal
  bool told_to_end = false;  // SIGTERM was sent to the children
  Clock::time_point stopped_at;
};

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string OutputOf(const Pool& pool, const ZooModel& model) { return Below(pool.options.out, model.path); }

// Memory that a model is to have for itself.
int64_t Share(const PoolOptions& options, const ZooModel& model) {
  if (options.memory_cap > 0) return std::min(options.memory_cap, options.memory_budget);
  return std::min(std::max(options.memory_budget / options.jobs, model.memory), options.memory_budget);
}

std::vector<std::string> ArgumentsFor(const Pool& pool, const ZooModel& model, const std::string& report) {
  const std::string in = Below(pool.options.zoo, model.path);
  std::vector<std::string> arguments = pool.options.options;
  arguments.push_back("--quiet");
  arguments.push_back(absl::StrCat("--report=", report));
  if (!model.test_data_sha256.empty()) {
    arguments.push_back(absl::StrCat("--calibration=", FolderOf(in)));
  }
  arguments.push_back("--");
  arguments.push_back(in);
  arguments.push_back(OutputOf(pool, model));
  return arguments;
}

// The crashes that are known of, of earlier runs too.
std::set<std::string>& CrashesOf(Pool& pool, const std::string& path) {
  for (Record& record : pool.crashed) {
    if (record.path == path) return record.crashes;
  }
  pool.crashed.emplace_back().path = path;
  return pool.crashed.back().crashes;
}

void ForgetCrashes(Pool& pool, const std::string& path) {
  const auto is_it = [&](const Record& record) { return record.path == path; };
  pool.crashed.erase(std::remove_if(pool.crashed.begin(), pool.crashed.end(), is_it), pool.crashed.end());
}

// Completes and keeps the record of a model that has come to an end, and hands it on.
absl::Status Conclude(Pool& pool, size_t m, Record record) {
  const ZooModel& model = pool.manifest.models[m];
  record.key = ModelKey(pool.manifest, model);
  record.attempt = pool.options.attempt;
  record.shard = model.shard;
  std::set<std::string>& crashes = CrashesOf(pool, model.path);
  if (record.fate == Fate::kCrashed) crashes.insert(absl::StrCat(pool.options.attempt, ".", crashes.size() + 1));
  record.crashes = crashes;
  const std::string output = OutputOf(pool, model);
  std::error_code error;
  std::filesystem::create_directories(FolderOf(output), error);  // a failure shows when the record is written
  CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, WriteSidecar(record, output)));
  if (!IsTerminal(record, pool.options.tries)) {
    pool.again.push_back(m);
    if (pool.stopped_by == 0) return absl::OkStatus();  // the next try tells
  } else {
    ForgetCrashes(pool, model.path);
  }
  return pool.finished(record);
}

// Whether an earlier run, or another copy of this one, has done the model; then the record is handed on.
absl::StatusOr<bool> SkipDone(Pool& pool, size_t m) {
  const ZooModel& model = pool.manifest.models[m];
  const std::string output = OutputOf(pool, model);
  std::optional<Record> record = ReadSidecar(output);
  const std::string key = ModelKey(pool.manifest, model);
  if (!record.has_value() || record->key != key) return false;
  if (!IsStillGood(*record, output, key, pool.options.tries)) {
    if (record->fate == Fate::kCrashed)
      CrashesOf(pool, model.path).insert(record->crashes.begin(), record->crashes.end());
    return false;
  }
  record->path = model.path;
  record->skipped = true;
  ForgetCrashes(pool, model.path);
  CNNOPT_RETURN_IF_ERROR(pool.finished(*record));
  return true;
}

// What becomes of a model that is not run at all; nullopt: it is run.
std::optional<Record> JudgeUnseen(const Pool& pool, const ZooModel& model) {
  Record record;
  record.path = model.path;
  record.fate = Fate::kRejected;
  record.code = kExitInput;
  record.reason = model.problem;
  record.input_sha256 = model.sha256;
  if (!model.problem.empty()) return record;
  if (!pool.options.check_inputs) return std::nullopt;
  const absl::StatusOr<ModelDigest> now = DigestModel(Below(pool.options.zoo, model.path));
  if (!now.ok()) {  // a disk that is not mounted on this machine is no fault of the model
    record.fate = Fate::kCrashed;
    record.reason = std::string(now.status().message());
    return record;
  }
  if (now->sha256 == model.sha256 && now->data_sha256 == model.data_sha256) return std::nullopt;
  record.reason = absl::StrCat("it is not the model that was planned: its SHA-256 is now ", now->sha256);
  return record;
}

absl::Status Start(Pool& pool, size_t m) {
  const ZooModel& model = pool.manifest.models[m];
  CNNOPT_ASSIGN_OR_RETURN(const bool done, SkipDone(pool, m));
  if (done) return absl::OkStatus();
  if (std::optional<Record> unseen = JudgeUnseen(pool, model); unseen.has_value()) {
    return Conclude(pool, m, *std::move(unseen));
  }
  Running run;
  run.model = m;
  run.report = absl::StrCat(pool.options.scratch, "/", pool.started++, ".json");
  run.memory = Share(pool.options, model);
  run.began = Clock::now();
  std::error_code error;
  std::filesystem::create_directories(FolderOf(OutputOf(pool, model)), error);  // the child tells of a failure
  const ChildSpec spec{pool.options.program, ArgumentsFor(pool, model, run.report), run.memory};
  CNNOPT_ASSIGN_OR_RETURN(run.child, StartChild(spec));
  pool.reserved += run.memory;
  pool.running.push_back(std::move(run));
  return absl::OkStatus();
}

// The next model that fits beside what is running; nullopt when there is none.
std::optional<size_t> TakeNext(Pool& pool) {
  if (static_cast<int64_t>(pool.running.size()) >= pool.options.jobs || pool.stopped_by != 0) return std::nullopt;
  if (pool.waiting.empty()) {
    if (pool.again.empty() || !pool.running.empty()) return std::nullopt;
    const size_t m = pool.again.front();
    pool.again.pop_front();
    return m;
  }
  const int64_t left = pool.options.memory_budget - pool.reserved;
  for (size_t w = 0; w < std::min(pool.waiting.size(), kLookAhead); ++w) {
    const size_t m = pool.waiting[w];
    if (!pool.running.empty() && Share(pool.options, pool.manifest.models[m]) > left) continue;
    pool.waiting.erase(pool.waiting.begin() + static_cast<std::ptrdiff_t>(w));
    return m;
  }
  return std::nullopt;
}

// Whether a child ended because this run wanted it to: then nothing is known of its model.
bool WasStopped(const Pool& pool, int status) {
  if (!pool.told_to_end) return false;
  return WIFSIGNALED(status) || WEXITSTATUS(status) == kExitTerminated;
}

// Takes in all children that have ended.
absl::Status Reap(Pool& pool) {
  for (size_t r = 0; r < pool.running.size();) {
    ChildEnd end;
    if (wait4(pool.running[r].child.pid, &end.status, WNOHANG, &end.usage) == 0) {
      ++r;
      continue;
    }
    Running run = std::move(pool.running[r]);
    pool.running.erase(pool.running.begin() + static_cast<std::ptrdiff_t>(r));
    kill(-run.child.pid, SIGKILL);  // and what it left in the background
    if (run.has_errors) ReadErrors(run.child.errors, run.errors);
    close(run.child.errors);
    pool.reserved -= run.memory;
    end.seconds = SecondsSince(run.began);
    end.timeout = run.timed_out ? pool.options.timeout : 0;
    end.errors = std::move(run.errors);
    end.report = run.report;
    const ZooModel& model = pool.manifest.models[run.model];
    if (!WasStopped(pool, end.status)) {
      CNNOPT_RETURN_IF_ERROR(Conclude(pool, run.model, JudgeEnd(end, model, OutputOf(pool, model))));
    }
    RemoveFile(end.report);
  }
  return absl::OkStatus();
}

void SignalAll(const Pool& pool, int signal) {
  for (const Running& run : pool.running) kill(-run.child.pid, signal);
}

// Seconds until a running model has had its time, or the run its grace; what is due is done.
double Deadlines(Pool& pool) {
  double next = kNever;
  if (pool.options.timeout > 0) {
    for (Running& run : pool.running) {
      const double left = pool.options.timeout - SecondsSince(run.began);
      if (left <= 0 && !run.timed_out) {
        run.timed_out = true;
        kill(-run.child.pid, SIGKILL);
      } else if (left > 0) {
        next = std::min(next, left);
      }
    }
  }
  if (pool.stopped_by == 0) return next;
  // Whoever sent SIGTERM will wait a while; someone at a keyboard will not.
  const double patience = pool.stopped_by == SIGTERM ? pool.options.grace : kSecondsToTidyUp;
  const double to_term = std::max(patience - kSecondsToTidyUp, 0.0) - SecondsSince(pool.stopped_at);
  const double to_kill = patience - SecondsSince(pool.stopped_at);
  if (to_kill <= 0) {
    pool.told_to_end = true;
    SignalAll(pool, SIGKILL);
    return next;
  }
  if (to_term > 0) return std::min(next, to_term);
  if (!pool.told_to_end) SignalAll(pool, SIGTERM);
  pool.told_to_end = true;
  return std::min(next, to_kill);
}

// Waits until a child speaks or ends, a signal comes, or a deadline is reached.
void Wait(Pool& pool, const StopSignals& signals, double seconds) {
  std::vector<pollfd> ready = {{signals.descriptor(), POLLIN, 0}};
  std::vector<size_t> who;
  for (size_t r = 0; r < pool.running.size(); ++r) {
    if (!pool.running[r].has_errors) continue;
    ready.push_back({pool.running[r].child.errors, POLLIN, 0});
    who.push_back(r);
  }
  const int milliseconds = seconds == kNever ? -1 : static_cast<int>(std::min(seconds, 1e6) * 1000) + 1;
  if (poll(ready.data(), ready.size(), milliseconds) <= 0) return;
  for (size_t w = 0; w < who.size(); ++w) {
    Running& run = pool.running[who[w]];
    if (ready[w + 1].revents != 0) run.has_errors = ReadErrors(run.child.errors, run.errors);
  }
}

void TakeSignals(Pool& pool, StopSignals& signals) {
  for (const int signal : signals.Take()) {
    if (pool.stopped_by == 0) {
      pool.stopped_by = signal;
      pool.stopped_at = Clock::now();
    } else {
      pool.told_to_end = true;
      SignalAll(pool, SIGKILL);
    }
  }
}

absl::Status RunAll(Pool& pool, StopSignals& signals) {
  while (true) {
    TakeSignals(pool, signals);
    CNNOPT_RETURN_IF_ERROR(Reap(pool));
    const std::optional<size_t> next = TakeNext(pool);
    if (next.has_value()) {
      CNNOPT_RETURN_IF_ERROR(Start(pool, *next));
      Deadlines(pool);
      continue;
    }
    if (pool.running.empty()) return absl::OkStatus();
    Wait(pool, signals, Deadlines(pool));
  }
}

}  // namespace

absl::StatusOr<int> RunPool(const PoolOptions& options, const Manifest& manifest, StopSignals& signals,
                            const std::function<absl::Status(const Record&)>& finished) {
  Pool pool{options, manifest, finished, {}, {}, {}, {}, 0, 0, 0, false, {}};
  std::vector<size_t> order(manifest.models.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double cost_a = manifest.models[a].cost, cost_b = manifest.models[b].cost;
    return cost_a != cost_b ? cost_a > cost_b : a < b;
  });
  pool.waiting.assign(order.begin(), order.end());
  const absl::Status status = RunAll(pool, signals);
  for (const size_t m : pool.again) {  // the run was stopped before their next try
    const std::optional<Record> record = ReadSidecar(OutputOf(pool, manifest.models[m]));
    if (status.ok() && record.has_value()) CNNOPT_RETURN_IF_ERROR(finished(*record));
  }
  if (!status.ok()) {  // nothing of it may go on
    SignalAll(pool, SIGKILL);
    for (const Running& run : pool.running) {
      waitpid(run.child.pid, nullptr, 0);
      close(run.child.errors);
    }
    return status;
  }
  return pool.stopped_by;
}

}  // namespace cnnopt
