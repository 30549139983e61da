#include "passes/target.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/borrow.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "passes/layer_times.h"
#include "runtime/stopwatch.h"

namespace cnnopt {
namespace {

constexpr double kTimeSlack = 0.05;  // the share by which measured time may pass its budget

// Bytes per number of the site's weight.
int64_t NumberBytes(const GraphView& view, const Site& site) {
  const onnx::NodeProto& node = *view.Producer(site.output);
  const onnx::TensorProto* weight = view.Constant(Input(node, 1));
  return weight == nullptr ? 0 : ElementBytes(weight->data_type());
}

// What biases may add that a refit gives to layers that had none.
int64_t RefitBiases(const TargetContext& context, BudgetUnit unit) {
  int64_t sum = 0;
  for (const Site& site : context.sites) {
    if (!context.refits || !site.conv.has_value() || site.conv->bias.size() > 0) continue;
    const auto names = static_cast<int64_t>(2 * site.output.size() + 64);  // the tensor's own, and the node's for it
    const int64_t channels = site.conv->out_channels;
    sum += unit == BudgetUnit::kParams ? channels : channels * NumberBytes(context.view, site) + names;
  }
  return sum;
}

Costs CandidateCosts(const TargetContext& context, BudgetUnit unit) {
  Costs costs;
  for (size_t s = 0; s < context.proposals.size(); ++s) {
    std::vector<int64_t>& site = costs.emplace_back();
    const int64_t bytes = NumberBytes(context.view, context.sites[s]);
    for (const Candidate& candidate : context.proposals[s].candidates) {
      site.push_back(unit == BudgetUnit::kMacs     ? candidate.macs.value_or(0)
                     : unit == BudgetUnit::kParams ? candidate.params
                                                   : candidate.params * bytes);
    }
  }
  return costs;
}

// What all sites take as they are.
int64_t SitesCost(const TargetContext& context, BudgetUnit unit) {
  int64_t sum = 0;
  for (const Site& site : context.sites) {
    sum += unit == BudgetUnit::kParams ? site.params : site.params * NumberBytes(context.view, site);
  }
  return sum;
}

absl::Status CheckMacsKnown(const TargetContext& context) {
  const auto unknown =
      std::find_if(context.sites.begin(), context.sites.end(), [](const Site& site) { return !site.macs.has_value(); });
  if (unknown == context.sites.end() && context.original.macs.has_value()) return absl::OkStatus();
  const std::string what = unknown == context.sites.end()
                               ? "MACs of the model"
                               : absl::StrCat("MACs of ", unknown->op, " '", unknown->name, "'");
  const absl::Status inputs = InputShapes(context.whole, context.options.input_shapes).status();
  return absl::InvalidArgumentError(absl::StrCat(
      "target-macs: the ", what,
      " are unknown: ", inputs.ok() ? "its shape cannot be told before the model runs: give" : inputs.message(),
      inputs.ok() ? "" : "; or give", " --target-params or --target-size instead"));
}

// `model` in alternation with the original.
absl::StatusOr<Latency> TimeAgainst(const Session& whole, const TargetContext& context, const onnx::ModelProto& model) {
  SessionOptions session_options;
  session_options.threads = context.options.latency_threads;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(context.options.runtime, model, session_options));
  return TimePairs(whole, session, context.reference->samples.front());
}

absl::StatusOr<Target> LatencyTarget(const TargetContext& context) {
  const SlimOptions& options = context.options;
  Target target;
  target.unit = BudgetUnit::kNanoseconds;
  target.asked = options.target_latency->fraction;
  SessionOptions session_options;
  session_options.threads = options.latency_threads;
  CNNOPT_ASSIGN_OR_RETURN(Session session, Session::Create(options.runtime, context.whole, session_options));
  const auto whole = std::make_shared<const Session>(std::move(session));
  CNNOPT_ASSIGN_OR_RETURN(const Latency clean, TimeAgainst(*whole, context, context.clean));
  const double original = clean.before_ms * 1e6;
  target.whole = std::llround(original);
  target.limit = std::llround(target.asked > 0 ? target.asked * original : options.target_latency->milliseconds * 1e6);
  TimeCache own;
  TimeCache& cache = options.layer_times != nullptr ? *options.layer_times : own;
  CNNOPT_ASSIGN_OR_RETURN(target.costs, TimeCandidates({options.runtime, context.clean, context.view, context.sites,
                                                        context.proposals, options.latency_threads, context.progress},
                                                       cache));
  // As a share of the original's time, which is what it was when the budget was made: the machine may be slower now.
  target.measure = [whole, original, &context](const onnx::ModelProto& model) -> absl::StatusOr<int64_t> {
    CNNOPT_ASSIGN_OR_RETURN(const Latency latency, TimeAgainst(*whole, context, model));
    return std::llround(latency.ratio * original);
  };
  const Plan keep(context.sites.size(), 0);  // pinned sites, which have no choice, count as free and show when measured
  target.fixed = std::llround(clean.ratio * original) - PlanCost(target.costs, keep);
  return target;
}

Target MakeTarget(const TargetContext& context, BudgetUnit unit, double fraction, int64_t whole) {
  Target target;
  target.unit = unit;
  target.asked = fraction;
  target.whole = whole;
  target.limit = static_cast<int64_t>(fraction * static_cast<double>(whole));
  target.costs = CandidateCosts(context, unit);
  return target;
}

}  // namespace

bool Holds(const Target& target, int64_t taken) {
  const double slack = target.unit == BudgetUnit::kNanoseconds ? kTimeSlack : 0;
  return static_cast<double>(taken) <= (1 + slack) * static_cast<double>(target.limit);
}

std::string Describe(const Target& target) {
  const std::string name = absl::StrCat("target-", target.unit == BudgetUnit::kMacs     ? "macs"
                                                   : target.unit == BudgetUnit::kParams ? "params"
                                                   : target.unit == BudgetUnit::kBytes  ? "size"
                                                                                        : "latency");
  return target.asked > 0 ? absl::StrFormat("%s %g", name, target.asked)
                          : absl::StrCat(name, " ", InItsWords(target, target.limit));
}

std::string InItsWords(const Target& target, int64_t taken) {
  if (target.asked == 0 && target.unit == BudgetUnit::kNanoseconds) {
    return absl::StrFormat("%.3g ms", static_cast<double>(taken) * 1e-6);
  }
  if (target.asked == 0) return absl::StrCat(taken, " bytes");
  return absl::StrFormat("%.3f", static_cast<double>(taken) / static_cast<double>(std::max<int64_t>(target.whole, 1)));
}

absl::StatusOr<std::vector<Target>> ListTargets(const TargetContext& context) {
  const SlimOptions& options = context.options;
  std::vector<Target> targets;
  if (options.target_macs.has_value()) {
    CNNOPT_RETURN_IF_ERROR(CheckMacsKnown(context));
    targets.push_back(MakeTarget(context, BudgetUnit::kMacs, *options.target_macs, *context.original.macs));
  }
  if (options.target_params.has_value()) {
    Target& target =
        targets.emplace_back(MakeTarget(context, BudgetUnit::kParams, *options.target_params, context.original.params));
    target.fixed =
        TotalParameters(context.clean.graph()) - SitesCost(context, target.unit) + RefitBiases(context, target.unit);
  }
  if (options.target_size.has_value()) {
    const FileSize& size = *options.target_size;
    Target& target =
        targets.emplace_back(MakeTarget(context, BudgetUnit::kBytes, size.fraction, context.original.bytes));
    if (size.fraction == 0) target.limit = size.bytes;
    CNNOPT_ASSIGN_OR_RETURN(const int64_t clean_bytes, FileBytes(options, context.clean));
    target.fixed = clean_bytes - SitesCost(context, target.unit) + RefitBiases(context, target.unit);
  }
  if (options.target_latency.has_value()) {
    CNNOPT_ASSIGN_OR_RETURN(targets.emplace_back(), LatencyTarget(context));
  }
  return targets;
}

absl::StatusOr<int64_t> Taken(const Target& target, const SlimOptions& options, const onnx::ModelProto& model,
                              const Plan& plan, const Workbench& bench) {
  if (target.measure) return target.measure(model);
  if (target.unit == BudgetUnit::kParams) return TotalParameters(model.graph());
  if (target.unit == BudgetUnit::kBytes) return FileBytes(options, model);
  int64_t macs = 0;
  for (size_t s = 0; s < plan.size(); ++s) {
    const bool built = bench.Failure(s, plan[s]).empty();
    macs += target.costs[s][built ? static_cast<size_t>(plan[s]) : 0];
  }
  return macs;
}

absl::StatusOr<int64_t> FileBytes(const SlimOptions& options, const onnx::ModelProto& model) {
  return options.file_bytes ? options.file_bytes(model) : SerializedBytes(model);
}

}  // namespace cnnopt
