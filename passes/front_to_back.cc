#include "passes/front_to_back.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "onnx_io/status_macros.h"
#include "passes/cost.h"
#include "passes/observe_moments.h"
#include "passes/parallel.h"
#include "passes/patches.h"
#include "passes/refit.h"
#include "runtime/observe.h"

namespace cnnopt {
namespace {

// A site to be refitted and where its numbers come from.
struct Task {
  size_t site = 0;
  std::string input, output;
  std::string skip;  // the other operand of the Add that alone reads the output; empty: none
};

// Outputs of the original at the sampled positions, per task and sample: positions x channels. The Add's other operand
// is added where there is one.
using Targets = std::vector<std::vector<MatrixF>>;

std::string SkipOf(const GraphView& view, const std::string& output) {
  const onnx::NodeProto* consumer = view.SoleConsumer(output);
  if (consumer == nullptr || !IsOp(*consumer, "Add") || consumer->input_size() != 2) return "";
  const std::string& other = consumer->input(consumer->input(0) == output ? 1 : 0);
  const bool computed = view.Producer(other) != nullptr && view.Constant(other) == nullptr;
  return computed ? other : "";
}

// All replaced sites, and kept ones behind the first of them.
std::vector<Task> ListTasks(const GraphView& view, const std::vector<Site>& sites, const Plan& plan) {
  std::vector<Task> tasks;
  for (size_t s = 0; s < sites.size(); ++s) {
    if (!sites[s].conv.has_value() || (tasks.empty() && plan[s] == 0)) continue;
    if (sites[s].conv->depthwise()) continue;               // too few weights to make up for anything
    if (plan[s] == 0 && sites[s].op == "MatMul") continue;  // the bias would be a node of its own
    if (!Observable(*sites[s].conv)) continue;
    tasks.push_back({s, view.Producer(sites[s].output)->input(0), sites[s].output, SkipOf(view, sites[s].output)});
  }
  return tasks;
}

// Positions of a site's output that are looked at in sample number `sample` of `count`.
std::vector<int64_t> PositionsOf(const Conv& conv, const Shape& output, size_t sample, size_t count) {
  const Shape shape = LayerShape(conv, output);
  const int64_t total = shape[0] * ElementCount(Shape(shape.begin() + 2, shape.end()));
  const auto samples = static_cast<int64_t>(count);
  return SamplePositions(total, (PatchCount(conv) + samples - 1) / samples, sample);
}

// The output, plus the other operand of the Add, at `positions`. Operands that broadcast count as none.
absl::StatusOr<MatrixF> GatherSum(const Conv& conv, const Tensor& output, const Tensor* skip,
                                  const std::vector<int64_t>& positions) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> values, ToFloats(output));
  const Shape shape = LayerShape(conv, output.shape);
  MatrixF gathered = GatherOutputs(values, shape, positions);
  if (skip != nullptr && skip->shape == output.shape) {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> others, ToFloats(*skip));
    gathered += GatherOutputs(others, shape, positions);
  }
  return gathered;
}

absl::StatusOr<Targets> GatherTargets(const onnx::ModelProto& clean, const std::vector<Site>& sites,
                                      const std::vector<Task>& tasks, absl::Span<const Sample> samples,
                                      const std::shared_ptr<const OnnxRuntime>& runtime, int threads) {
  std::vector<std::string> values;
  std::map<std::string, size_t> index;
  const auto want = [&](const std::string& value) {
    if (!value.empty() && index.emplace(value, values.size()).second) values.push_back(value);
  };
  for (const Task& task : tasks) {
    want(task.output);
    want(task.skip);
  }
  Targets targets(tasks.size(), std::vector<MatrixF>(samples.size()));
  const auto visit = [&](size_t sample, const std::vector<Tensor>& tensors) -> absl::Status {
    for (size_t t = 0; t < tasks.size(); ++t) {
      const Tensor& output = tensors[index[tasks[t].output]];
      const Tensor* skip = tasks[t].skip.empty() ? nullptr : &tensors[index[tasks[t].skip]];
      const Conv& conv = *sites[tasks[t].site].conv;
      const std::vector<int64_t> positions = PositionsOf(conv, output.shape, sample, samples.size());
      CNNOPT_ASSIGN_OR_RETURN(targets[t][sample], GatherSum(conv, output, skip, positions));
    }
    return absl::OkStatus();
  };
  CNNOPT_RETURN_IF_ERROR(ObserveValues(runtime, clean, values, samples, threads, visit));
  return targets;
}

// Sums of one task over `samples`: patches from the slim network, targets from the original less the slim skip.
absl::StatusOr<std::vector<MomentSums>> SumDrift(const onnx::ModelProto& slim, const Conv& conv, const Task& task,
                                                 const std::vector<MatrixF>& targets, absl::Span<const Sample> samples,
                                                 const std::shared_ptr<const OnnxRuntime>& runtime, int threads) {
  std::vector<std::string> values = {task.input};
  if (!task.skip.empty()) values.push_back(task.skip);
  std::vector<MomentSums> sums(static_cast<size_t>(conv.groups));
  const auto visit = [&](size_t sample, const std::vector<Tensor>& tensors) -> absl::Status {
    const Tensor& input = tensors.front();
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> patches, ToFloats(input));
    const Shape shape = LayerShape(conv, input.shape), output = OutputShape(conv, input.shape);
    const std::vector<int64_t> positions = PositionsOf(conv, output, sample, samples.size());
    MatrixF target = targets[sample];
    if (tensors.size() > 1 && tensors[1].shape == output) {
      CNNOPT_ASSIGN_OR_RETURN(const std::vector<float> skip, ToFloats(tensors[1]));
      target -= GatherOutputs(skip, LayerShape(conv, output), positions);
    }
    const int64_t width = conv.out_channels / conv.groups;
    ParallelFor(conv.groups, threads, [&](int64_t g) {
      sums[static_cast<size_t>(g)].Add(GatherPatches(conv, g, patches, shape, positions),
                                       target.middleCols(g * width, width));
    });
    return absl::OkStatus();
  };
  CNNOPT_RETURN_IF_ERROR(ObserveValues(runtime, slim, values, samples, threads, visit));
  return sums;
}

}  // namespace

absl::StatusOr<onnx::ModelProto> RefitFrontToBack(const onnx::ModelProto& clean, const GraphView& view,
                                                  const std::vector<Site>& sites, const Plan& plan,
                                                  const RefitSamples& samples,
                                                  const std::shared_ptr<const OnnxRuntime>& runtime, int threads,
                                                  Workbench& bench, const Progress& progress) {
  const std::vector<Task> tasks = ListTasks(view, sites, plan);
  CNNOPT_ASSIGN_OR_RETURN(const Targets fit, GatherTargets(clean, sites, tasks, samples.fit, runtime, threads));
  CNNOPT_ASSIGN_OR_RETURN(const Targets held_out,
                          GatherTargets(clean, sites, tasks, samples.held_out, runtime, threads));
  CNNOPT_ASSIGN_OR_RETURN(onnx::ModelProto slim, bench.Build(plan));
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (progress) progress("refit", static_cast<int64_t>(t), static_cast<int64_t>(tasks.size()));
    const Conv& conv = *sites[tasks[t].site].conv;
    DriftSums sums;
    CNNOPT_ASSIGN_OR_RETURN(sums.fit, SumDrift(slim, conv, tasks[t], fit[t], samples.fit, runtime, threads));
    CNNOPT_ASSIGN_OR_RETURN(sums.held_out,
                            SumDrift(slim, conv, tasks[t], held_out[t], samples.held_out, runtime, threads));
    CNNOPT_ASSIGN_OR_RETURN(Replacement replacement, bench.Fitted(tasks[t].site, plan[tasks[t].site]));
    if (!RefitLastStage(conv, sums, replacement)) continue;
    CNNOPT_RETURN_IF_ERROR(bench.Refit(tasks[t].site, plan[tasks[t].site], std::move(replacement)));
    CNNOPT_ASSIGN_OR_RETURN(slim, bench.Build(plan));
  }
  return slim;
}

}  // namespace cnnopt
