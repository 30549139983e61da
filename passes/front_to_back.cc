#include "passes/front_to_back.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"
#include "passes/activation.h"
#include "passes/cost.h"
#include "passes/last_stages.h"
#include "passes/observe_moments.h"
#include "passes/parallel.h"
#include "passes/patches.h"
#include "passes/refit.h"
#include "passes/refit_activation.h"
#include "runtime/frontier.h"

namespace cnnopt {
namespace {

// Most numbers of patches that are held for the refit through an activation, per site (128 MB); less where the bytes
// between layers are few: their copies on the way, doubles among them, take half of those at most.
constexpr int64_t kMostRowElements = int64_t{32} << 20;
constexpr int64_t kBytesPerRowElement = 64;
// The same for the patches before they are thinned out, which live in floats, one site at a time.
constexpr int64_t kBytesPerPatchElement = 12;
// Covariances of one site that live at the same time: sums and moments, fitted to and held out, and one to solve with.
constexpr int64_t kCovariances = 5;
// What one site may always take.
constexpr int64_t kLeastBytes = int64_t{64} << 20;
int64_t Spendable(const RefitContext& context) { return std::max(context.cache_bytes, kLeastBytes); }

// Errors are judged on fewer patches than are fitted to, by this factor: an average needs less than a covariance does.
constexpr int64_t kFewerToJudge = 4;

// A site to be refitted and where its numbers come from.
struct Task {
  size_t site = 0;
  std::string input, output;
  Surroundings around;
  bool skip_settled = true;  // no later task changes the skip
};

// Whether `value` is computed from the output of one of `tasks`.
bool DependsOn(const onnx::GraphProto& graph, const std::string& value, absl::Span<const Task> tasks) {
  std::set<absl::string_view> outputs;
  for (const Task& task : tasks) outputs.insert(task.output);
  for (const int n : Ancestors(graph, {value})) {
    for (const std::string& output : graph.node(n).output()) {
      if (outputs.count(output) > 0) return true;
    }
  }
  return false;
}

// All replaced sites, and kept ones behind the first of them.
std::vector<Task> ListTasks(const RefitContext& context, const Plan& plan, const Workbench& bench) {
  std::vector<Task> tasks;
  for (size_t s = 0; s < context.sites.size(); ++s) {
    const Site& site = context.sites[s];
    const bool kept = bench.Keeps(s, plan[s]);
    if (!site.conv.has_value() || (tasks.empty() && kept)) continue;
    if (site.conv->depthwise()) continue;       // too few weights to make up for anything
    if (kept && site.op == "MatMul") continue;  // the bias would be a node of its own
    if (!Observable(*site.conv) || kCovariances * MomentBytes(*site.conv) > Spendable(context)) continue;
    tasks.push_back(
        {s, context.view.Producer(site.output)->input(0), site.output, SurroundingsOf(site.output, context.view)});
  }
  for (size_t t = 0; t < tasks.size(); ++t) {
    const std::string& skip = tasks[t].around.skip;
    if (skip.empty()) continue;
    tasks[t].skip_settled = !DependsOn(context.clean.graph(), skip, absl::MakeConstSpan(tasks).subspan(t + 1));
  }
  return tasks;
}

// What the slim network feeds a site on one set of samples: sums for least squares and, where an activation follows,
// the rows themselves. One entry per group.
struct Drift {
  std::vector<MomentSums> sums;
  std::vector<DriftRows> rows;
};

// One sample's numbers at the sampled positions.
struct SampleDrift {
  std::vector<MatrixF> patches;  // per group
  MatrixF target;                // the original's output, plus its skip
  MatrixF skip;                  // the slim network's, the original's when that is not settled; empty: none
};

// The values at `positions` of an output of `conv`; empty when the tensor has another shape than `shape`, as operands
// that broadcast have.
absl::StatusOr<MatrixF> GatherLike(const Conv& conv, const Tensor& tensor, const Shape& shape,
                                   const std::vector<int64_t>& positions) {
  if (tensor.shape != shape) return MatrixF();
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> values, ToFloats(tensor));
  return GatherOutputs(values, LayerShape(conv, shape), positions);
}

// Every `step`-th row.
MatrixF Thin(const MatrixF& rows, int64_t step) {
  if (step == 1 || rows.size() == 0) return rows;
  MatrixF thin((rows.rows() + step - 1) / step, rows.cols());
  for (Eigen::Index r = 0; r < thin.rows(); ++r) thin.row(r) = rows.row(r * step);
  return thin;
}

MatrixF Stack(const std::vector<MatrixF>& parts) {
  Eigen::Index rows = 0;
  for (const MatrixF& part : parts) rows += part.rows();
  MatrixF whole(rows, parts.empty() ? 0 : parts.front().cols());
  Eigen::Index at = 0;
  for (const MatrixF& part : parts) {
    whole.middleRows(at, part.rows()) = part;
    at += part.rows();
  }
  return whole;
}

// Both networks on one set of samples, side by side.
class Walk {
 public:
  // Of every site's patches one in `thinning` is looked at.
  Walk(const RefitContext& context, absl::Span<const Sample> samples, int64_t thinning, int64_t cache_bytes)
      : context_(context),
        samples_(samples),
        thinning_(thinning),
        original_(context.runtime, samples, context.threads, cache_bytes / 2),
        slim_(context.runtime, samples, context.threads, cache_bytes / 2) {}

  // Both walk on to the task's site.
  absl::StatusOr<Drift> Observe(const Task& task, const onnx::ModelProto& slim) {
    const Conv& conv = *context_.sites[task.site].conv;
    std::vector<SampleDrift> seen(samples_.size());
    std::vector<std::vector<int64_t>> positions(samples_.size());
    std::vector<std::string> values = {task.output};
    if (!task.around.skip.empty()) values.push_back(task.around.skip);
    const auto look_at_original = [&](size_t s, const std::vector<const Tensor*>& tensors) -> absl::Status {
      const Shape& shape = tensors[0]->shape;
      positions[s] = PositionsOf(conv, shape, s);
      CNNOPT_ASSIGN_OR_RETURN(seen[s].target, GatherLike(conv, *tensors[0], shape, positions[s]));
      if (tensors.size() == 1) return absl::OkStatus();
      CNNOPT_ASSIGN_OR_RETURN(seen[s].skip, GatherLike(conv, *tensors[1], shape, positions[s]));
      if (seen[s].skip.size() > 0) seen[s].target += seen[s].skip;
      return absl::OkStatus();
    };
    CNNOPT_RETURN_IF_ERROR(original_.Advance(context_.clean, values, look_at_original));
    values[0] = task.input;
    if (!task.skip_settled) values.resize(1);  // the walk may not pass layers that are still to change
    const auto look_at_slim = [&](size_t s, const std::vector<const Tensor*>& tensors) -> absl::Status {
      CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> input, ToFloats(*tensors[0]));
      for (int64_t g = 0; g < conv.groups; ++g) {
        seen[s].patches.push_back(GatherPatches(conv, g, input, LayerShape(conv, tensors[0]->shape), positions[s]));
      }
      if (tensors.size() == 1 || seen[s].skip.size() == 0) return absl::OkStatus();
      CNNOPT_ASSIGN_OR_RETURN(seen[s].skip,
                              GatherLike(conv, *tensors[1], OutputShape(conv, tensors[0]->shape), positions[s]));
      return absl::OkStatus();
    };
    CNNOPT_RETURN_IF_ERROR(slim_.Advance(slim, values, look_at_slim));
    return Collect(conv, task.around.activation.has_value(), std::move(seen));
  }

 private:
  int64_t Patches(const Conv& conv) const {
    const int64_t affordable = Spendable(context_) / kBytesPerPatchElement / (conv.in_channels * conv.taps());
    return std::min(PatchCount(conv) / thinning_, std::max<int64_t>(affordable, 1));
  }
  std::vector<int64_t> PositionsOf(const Conv& conv, const Shape& output, size_t sample) const {
    const Shape shape = LayerShape(conv, output);
    const int64_t total = shape[0] * ElementCount(Shape(shape.begin() + 2, shape.end()));
    const auto count = static_cast<int64_t>(samples_.size());
    return SamplePositions(total, (Patches(conv) + count - 1) / count, sample);
  }
  Drift Collect(const Conv& conv, bool keep_rows, std::vector<SampleDrift> seen) const {
    Drift drift;
    drift.sums.resize(static_cast<size_t>(conv.groups));
    drift.rows.resize(static_cast<size_t>(conv.groups));
    const int64_t width = conv.out_channels / conv.groups;
    const int64_t elements = Patches(conv) * conv.in_channels * conv.taps();
    const int64_t most = std::min(Spendable(context_) / kBytesPerRowElement, kMostRowElements);
    const int64_t step = (elements + most - 1) / most;
    ParallelFor(conv.groups, context_.threads, [&](int64_t g) {
      const auto at = static_cast<size_t>(g);
      const auto part = [&](const MatrixF& values) { return MatrixF(values.middleCols(g * width, width)); };
      std::vector<MatrixF> without_skip;
      for (const SampleDrift& sample : seen) {
        without_skip.push_back(part(sample.target));
        if (sample.skip.size() > 0) without_skip.back() -= part(sample.skip);
      }
      std::vector<PatchRows> sets;
      for (size_t s = 0; s < seen.size(); ++s) sets.push_back({seen[s].patches[at], without_skip[s]});
      drift.sums[at].Add(sets, conv.groups > 1 ? 1 : context_.threads);
      if (!keep_rows) return;
      std::vector<MatrixF> patches, targets, skips;
      for (SampleDrift& sample : seen) {
        patches.push_back(Thin(std::exchange(sample.patches[at], {}), step));
        targets.push_back(Thin(part(sample.target), step));
        if (sample.skip.size() > 0) skips.push_back(Thin(part(sample.skip), step));
      }
      drift.rows[at] = {Stack(patches), Stack(targets), Stack(skips)};
    });
    return drift;
  }

  const RefitContext& context_;
  absl::Span<const Sample> samples_;
  int64_t thinning_;
  Frontier original_, slim_;
};

// All groups, each where it helps. Returns whether anything changed.
bool RefitGroupsThroughActivation(const Activation& activation, const Drift& fit, const Drift& held_out, int threads,
                                  Replacement& replacement) {
  bool changed = false;
  std::vector<Replacement> parts;
  const size_t groups = fit.rows.size();
  for (size_t g = 0; g < groups; ++g) {
    Replacement& part =
        parts.emplace_back(ExtractPart(replacement, static_cast<int64_t>(g), static_cast<int64_t>(groups)));
    if (!LastStagesAreDense(part)) continue;
    changed |= RefitThroughActivation(activation, fit.rows[g], held_out.rows[g], threads, part);
  }
  if (changed) replacement = MergeGroups(parts);
  return changed;
}

}  // namespace

absl::StatusOr<onnx::ModelProto> RefitFrontToBack(const RefitContext& context, const Plan& plan, Workbench& bench) {
  const std::vector<Task> tasks = ListTasks(context, plan, bench);
  const auto all = static_cast<int64_t>(context.samples.fit.size() + context.samples.held_out.size());
  const int64_t per_sample = context.cache_bytes / std::max<int64_t>(all, 1);
  Walk fit_walk(context, context.samples.fit, 1, per_sample * static_cast<int64_t>(context.samples.fit.size()));
  Walk held_out_walk(context, context.samples.held_out, kFewerToJudge,
                     per_sample * static_cast<int64_t>(context.samples.held_out.size()));
  CNNOPT_ASSIGN_OR_RETURN(onnx::ModelProto slim, bench.Build(plan));
  for (size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = tasks[t];
    if (context.progress) context.progress("refit", static_cast<int64_t>(t), static_cast<int64_t>(tasks.size()));
    CNNOPT_ASSIGN_OR_RETURN(Drift fit, fit_walk.Observe(task, slim));
    CNNOPT_ASSIGN_OR_RETURN(Drift held_out, held_out_walk.Observe(task, slim));
    CNNOPT_ASSIGN_OR_RETURN(Replacement replacement, bench.Fitted(task.site, plan[task.site]));
    DriftSums sums{std::move(fit.sums), std::move(held_out.sums)};
    bool changed = RefitToDrift(*context.sites[task.site].conv, std::move(sums), context.threads, replacement);
    if (task.around.activation.has_value()) {
      changed |= RefitGroupsThroughActivation(*task.around.activation, fit, held_out, context.threads, replacement);
    }
    if (!changed) continue;
    CNNOPT_RETURN_IF_ERROR(bench.Refit(task.site, plan[task.site], std::move(replacement)));
    CNNOPT_ASSIGN_OR_RETURN(slim, bench.Build(plan));
  }
  return slim;
}

}  // namespace cnnopt
