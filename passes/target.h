// The budgets of a run: what the model may take in each unit, what it would take, what it does take.
#ifndef CNNOPT_PASSES_TARGET_H_
#define CNNOPT_PASSES_TARGET_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx_io/graph_view.h"
#include "passes/allocate.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

// One budget that was asked for. Candidates are counted before they are built; what names, nodes and biases add shows
// only in the built model, so that plans are made by `costs` and judged by Taken.
struct Target {
  BudgetUnit unit = BudgetUnit::kMacs;
  double asked = 0;   // the fraction, or 0 when bytes were asked for
  int64_t whole = 0;  // what the original takes
  int64_t limit = 0;  // what the result may take
  Costs costs;        // of every candidate of every site
  // Of a unit that only a run can tell: what a model takes. Null: it can be counted.
  std::function<absl::StatusOr<int64_t>(const onnx::ModelProto& model)> measure;
  int64_t fixed = 0;  // of all that is no site, and of biases that a refit may add; below 0 where sites share weights
};

// Whether `taken` keeps the target. Measured time may pass it by 5 %: two measurements differ by as much.
bool Holds(const Target& target, int64_t taken);

// "target-macs 0.5", "target-size 1500000 bytes".
std::string Describe(const Target& target);
// `taken` in the words in which the target was given: "0.310", "1500000 bytes".
std::string InItsWords(const Target& target, int64_t taken);

struct TargetContext {
  const SlimOptions& options;
  const Totals& original;
  const std::vector<Site>& sites;
  const std::vector<Proposal>& proposals;
  const onnx::ModelProto& clean;  // after the exact rewrites
  const GraphView& view;          // of `clean`
  const onnx::ModelProto& whole;  // before them
  const Reference* reference;     // null: no runtime
  const ProgressSink& progress;
  bool refits = false;  // layers will be refitted, and may get a bias by it
};

// All budgets of `context.options`. Errors: InvalidArgument when MACs are asked for and unknown, or what the runtime
// said when layers were timed.
absl::StatusOr<std::vector<Target>> ListTargets(const TargetContext& context);

// What `model`, built by `bench` for `plan`, takes in truth.
absl::StatusOr<int64_t> Taken(const Target& target, const SlimOptions& options, const onnx::ModelProto& model,
                              const Plan& plan, const Workbench& bench);

// Bytes of `model` when it is written.
absl::StatusOr<int64_t> FileBytes(const SlimOptions& options, const onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_TARGET_H_
