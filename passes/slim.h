// The whole job: a trained network in, a slimmer one out, with a report of what was done to each layer.
#ifndef CNNOPT_PASSES_SLIM_H_
#define CNNOPT_PASSES_SLIM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "passes/layer_rules.h"
#include "passes/report_facts.h"
#include "passes/stage_clock.h"
#include "runtime/compare.h"
#include "runtime/samples.h"
#include "runtime/session.h"
#include "runtime/stopwatch.h"

namespace cnnopt {

// One --pass: a form ("dsc") or a cleanup pass ("fold-batch-norm"), see passes/catalog.h.
struct PassChoice {
  std::string name;
  std::optional<int64_t> rank;  // of a form: this rank everywhere it applies, whatever the budget
};

enum class Verify { kEnforce, kReport, kOff };
// What replacements are fitted to: the weights alone, or the weights and what the layers see of the samples.
enum class Fit { kWeights, kSamples };

// The bound on the relative output error when neither budget nor bound is given.
inline constexpr double kDefaultMaxError = 0.05;
// The same when only a budget is given: beyond it the output has little to do with the original's.
inline constexpr double kBudgetMaxError = 0.5;

enum class BudgetUnit { kMacs, kParams, kBytes, kNanoseconds };

// The most time one run may take: a fraction of the original's, or milliseconds where that is 0.
struct RunTime {
  double fraction = 0;
  double milliseconds = 0;
};

// The most a model file may take: a fraction of the original's serialised size, or bytes where that is 0.
struct FileSize {
  double fraction = 0;
  int64_t bytes = 0;
};

// What the result must hold on the samples it is judged on.
struct Bounds {
  std::optional<double> max_error;      // relative output error
  std::optional<double> min_agreement;  // share of rows with the original's top-1
};

inline constexpr int64_t kDefaultMaxMemory = 6'000'000'000;

// What is asked of the result.
struct Goal {
  // Budgets, all of which must hold: fractions of the original's, 0 < x <= 1.
  std::optional<double> target_macs, target_params;
  std::optional<FileSize> target_size;
  std::optional<RunTime> target_latency;  // measured in ONNX Runtime on this machine
  Bounds bounds;                          // measured by running both models on the samples
};

// Nanoseconds of layers and of what could replace them, by what was run. They hold for one ONNX Runtime, processor and
// number of threads.
using TimeCache = std::map<std::string, double>;

struct SlimOptions : Goal {
  std::vector<PassChoice> passes;  // empty: every form, and every cleanup pass
  bool cleanup = true;             // run the cleanup passes even when `passes` names only forms
  LayerRules rules;
  int latency_threads = 1;  // of ONNX Runtime, wherever time is measured
  // Times that were measured before, to which the job adds its own; null: it starts with none.
  std::shared_ptr<TimeCache> layer_times;
  // What a model, which may borrow (onnx_io/borrow.h), takes when it is written; null: its SerializedBytes.
  std::function<absl::StatusOr<int64_t>(const onnx::ModelProto& model)> file_bytes;
  std::map<std::string, Shape> input_shapes;  // complete shapes of inputs, see InputShapes
  std::vector<Sample> samples;                // empty: synthetic ones are made
  Fit fit = Fit::kSamples;                    // kSamples: one in five is held out, and everything is judged on those
  int64_t synthetic_samples = 16;
  uint64_t seed = 1;
  int threads = 0;                         // of the runs and the solves; 0: as many as this process may use
  int64_t max_memory = kDefaultMaxMemory;  // bytes that statistics of what layers see and values between them may take
  Verify verify = Verify::kEnforce;
  bool measure_latency = true;
  bool assume_constant = false;                // an initializer that is also a graph input counts as constant
  std::shared_ptr<const OnnxRuntime> runtime;  // null: no bound can be searched and nothing verified
};

bool HasBudget(const Goal& goal);

// What became of one Conv, Gemm, MatMul or ConvTranspose, in the order of the graph.
struct LayerReport {
  std::string name;                                // the node's, else its output's
  std::string op;                                  // "Conv"
  std::string was;                                 // "3x3 64->128 /2"
  std::string now;                                 // "dsc rank 2"; empty when kept
  std::string form;                                // Form::variant of what stands there now; empty when kept
  std::optional<int64_t> rank;                     // and its rank
  std::string reason;                              // why it was kept, or the form's own words on the choice
  std::optional<int64_t> macs_before, macs_after;  // nullopt: unknown, shapes are dynamic
  int64_t params_before = 0, params_after = 0;
  bool refitted = false;    // its weights (or its replacement's) were refitted to the slim network's own inputs
  double weight_error = 0;  // relative error of what the layer computes, as the fit predicted it
};

enum class Verdict {
  kSlimmed,    // the model was changed
  kUnchanged,  // nothing to gain: `reason` says why; the model is as it was
  kRefused,    // a budget or bound could not be met: `reason` says which; the model is as it was
};

struct Totals {
  std::optional<int64_t> macs;
  int64_t params = 0;
  int64_t bytes = 0;  // of the serialised model, payloads included
};

struct BudgetReport {
  BudgetUnit unit = BudgetUnit::kMacs;
  int64_t limit = 0;
  std::optional<int64_t> reached;  // by the result, in bytes as it will be written; nullopt: there is none
};

struct SlimReport {
  Verdict verdict = Verdict::kUnchanged;
  std::string reason;
  std::vector<LayerReport> layers;
  std::vector<std::string> cleanups;  // what each exact rewrite did, one line each
  Totals before, after;
  bool verified = false;  // the comparison ran and passed
  std::optional<Comparison> comparison;
  std::vector<BudgetReport> budgets;
  Bounds bounds;  // that were in force
  std::optional<Latency> latency;
  int latency_threads = 1;  // that it was measured with
  bool synthetic = false;   // the samples were made up
  int64_t samples = 0;      // that both models were compared on
  int64_t fit_samples = 0;  // that replacements were fitted to; 0: by weights only
  std::map<std::string, Shape> input_shapes;
  std::string runtime_version;  // of ONNX Runtime; empty without
  std::vector<std::string> warnings;
  std::vector<StageTime> stages;  // where the time went
  std::optional<Curve> curve;     // nullopt: nothing was weighed against anything
  std::vector<WorstSample> worst_samples;
  std::vector<SweepPoint> sweep;     // empty: none was asked for
  std::optional<ScoreChange> score;  // nullopt: none was asked for
};

// Never called by two threads at once. `done` of `total` steps of `stage` are finished.
using ProgressSink = std::function<void(const std::string& stage, int64_t done, int64_t total)>;

// A job that is prepared once and run for one goal after another: what layers see of the samples, what each could
// become and how much that would harm is found once.
class SlimJob {
 public:
  // `model` has to outlive the job. The goal in `options` is only looked at for mistakes. Errors as Slim.
  static absl::StatusOr<std::unique_ptr<SlimJob>> Prepare(const onnx::ModelProto& model, const SlimOptions& options,
                                                          const ProgressSink& progress = {});
  ~SlimJob();

  // What the model takes as it is.
  const Totals& original() const;
  // The report, and under the verdict kSlimmed in `slim` the model, which borrows (onnx_io/borrow.h) from the job and
  // from the model it was made for. The same goal gives the same model whatever was run before.
  absl::StatusOr<SlimReport> Run(const Goal& goal, onnx::ModelProto& slim);
  // Ends `job` and the loans of `slim`, a result of its Run: what that borrows is moved out of the job and out of
  // `model`, the one the job was made for.
  static void EndWith(std::unique_ptr<SlimJob> job, onnx::ModelProto& model, onnx::ModelProto& slim);

 private:
  struct State;
  explicit SlimJob(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Slims `model` in place. On an error and on every verdict but kSlimmed it is unchanged.
// Errors: InvalidArgument (options contradict each other or the model; an unknown pass name with the nearest
// known one; a mistake of the model that only folded constants show), FailedPrecondition (something must be measured
// but there is no runtime, or agreement is asked for and no output has a top-1), or what the runtime said.
absl::StatusOr<SlimReport> Slim(onnx::ModelProto& model, const SlimOptions& options, const ProgressSink& progress = {});

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_SLIM_H_
