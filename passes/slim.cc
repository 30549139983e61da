#include "passes/slim.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/borrow.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/status_macros.h"
#include "passes/allocate.h"
#include "passes/arrival.h"
#include "passes/assemble.h"
#include "passes/before_choice.h"
#include "passes/check_options.h"
#include "passes/choose.h"
#include "passes/curve.h"
#include "passes/layer_report.h"
#include "passes/selection.h"
#include "passes/workbench.h"
#include "passes/worst_samples.h"

namespace cnnopt {
namespace {

void CountCosts(const onnx::ModelProto& slim, SlimReport& report) {
  report.after = TotalsOf(slim, {});
  report.after.macs = std::nullopt;
  if (!report.before.macs.has_value()) return;
  int64_t macs = 0;
  for (const LayerReport& layer : report.layers) macs += layer.macs_after.value_or(0);
  report.after.macs = macs;
}

// A layer that could not be given the form and rank it was to have: then the job is not what was asked for.
void CheckPinned(Job& job, const Plan& plan, const Workbench& bench) {
  for (size_t s = 0; s < job.sites.size(); ++s) {
    const std::string failure = job.forms[s].pinned ? bench.Failure(s, plan[s]) : "";
    if (failure.empty()) continue;
    job.report.verdict = Verdict::kRefused;
    job.report.reason = absl::StrCat("layer '", job.sites[s].name, "': ", failure);
  }
}

// What the result takes of every budget. Where a candidate could not be built the plan may not hold after all.
absl::Status CheckTargets(Job& job, const onnx::ModelProto& slim, const Chosen& chosen, const Workbench& bench) {
  for (const Target& target : chosen.targets) {
    BudgetReport& budget = job.report.budgets.emplace_back(BudgetReport{target.unit, target.limit, std::nullopt});
    if (!chosen.refusal.empty()) continue;
    CNNOPT_ASSIGN_OR_RETURN(budget.reached, Taken(target, job.options, slim, chosen.plan, bench));
    if (Holds(target, *budget.reached)) continue;
    if (target.measure) {  // it held when the plan was made: the machine is busier now, or the plan could not be built
      job.report.warnings.push_back(
          absl::StrCat(Describe(target), ": the result takes ", InItsWords(target, *budget.reached),
                       ", while it held when the plan was chosen: measure on a quiet machine"));
      continue;
    }
    job.report.verdict = Verdict::kRefused;
    job.report.reason =
        absl::StrCat(Describe(target), " was missed: the result takes ", InItsWords(target, *budget.reached));
  }
  if (!chosen.refusal.empty()) {
    job.report.verdict = Verdict::kRefused;
    job.report.reason = chosen.refusal;
  }
  return absl::OkStatus();
}

// Both models on the held-out samples. Returns whether the result may stand.
absl::StatusOr<bool> VerifyResult(Job& job, const Assembled& slim, const Bounds& bounds) {
  SlimReport& report = job.report;
  if (!job.reference.has_value() || job.options.verify == Verify::kOff) return true;
  job.Tell("verify", 0, 1);
  report.comparison = slim.comparison;
  if (!report.comparison.has_value()) {
    CNNOPT_ASSIGN_OR_RETURN(report.comparison, Measure(*job.reference, slim.model, job.reference->samples.size()));
  }
  report.worst_samples =
      FindWorstSamples(job.reference->samples, report.comparison->sample_errors, job.held_out_indices);
  const std::string objection = Objection(*report.comparison, bounds);
  report.verified = objection.empty();
  if (!report.verified && job.options.verify == Verify::kEnforce) {
    report.verdict = Verdict::kRefused;
    report.reason = objection;
    return false;
  }
  if (!report.verified) report.warnings.push_back(objection);
  return true;
}

absl::Status TimeBoth(Job& job, const onnx::ModelProto& slim) {
  if (!job.reference.has_value() || !job.options.measure_latency) return absl::OkStatus();
  job.Tell("time both", 0, 1);
  SessionOptions options;
  options.threads = job.options.latency_threads;
  CNNOPT_ASSIGN_OR_RETURN(const Session before, Session::Create(job.options.runtime, job.original, options));
  CNNOPT_ASSIGN_OR_RETURN(const Session after, Session::Create(job.options.runtime, slim, options));
  CNNOPT_ASSIGN_OR_RETURN(job.report.latency, TimePairs(before, after, job.reference->samples.front()));
  return absl::OkStatus();
}

// Where much of a saving in multiplications will not be seen as time.
void WarnOfThinPlan(Job& job, const Plan& plan) {
  const std::optional<double> arrives = PoorArrival(job.proposals, plan);
  if (!job.options.target_macs.has_value() || !arrives.has_value()) return;
  job.report.warnings.push_back(
      absl::StrFormat("by estimate %.0f %% of the saving in multiplications arrives as time: layers became thin, and "
                      "faster plans harm much more; --target-latency plans by time",
                      100 * *arrives));
}

// Where layers could have been slimmed, but not on these samples.
void WarnOfMadeUpSamples(Job& job) {
  const bool possible = std::any_of(job.proposals.begin(), job.proposals.end(),
                                    [](const Proposal& proposal) { return proposal.candidates.size() > 1; });
  if (!job.report.synthetic || !possible) return;
  job.report.warnings.push_back(
      "what can be gained was judged on made-up samples: real ones, by --calibration, may allow more");
}

// The stages from the choice on, for the goal in `job.options`.
absl::Status RunGoal(Job& job, Workbench& bench, std::optional<Damages>& damage, onnx::ModelProto& result) {
  SlimReport& report = job.report;
  CNNOPT_ASSIGN_OR_RETURN(const std::string coarse, CheckAgreement(job));
  if (!coarse.empty()) report.warnings.push_back(coarse);
  const GraphView& view = *job.view;
  const auto sites = static_cast<int64_t>(job.sites.size());
  const ChooseContext context{{job.options, report.before, job.sites, job.proposals, job.clean, view, job.original,
                               job.reference ? &*job.reference : nullptr, job.progress, !job.fit_samples.empty()},
                              job.selection.forced_rank,
                              &damage};
  job.Tell("factorise", sites, sites);  // what plans take of candidates is fitted as they come up
  CNNOPT_ASSIGN_OR_RETURN(Chosen chosen, Choose(context, bench));
  RefitSamples samples;
  if (job.reference.has_value()) samples = {job.fit_samples, job.reference->samples};
  const AssembleContext assembly{job.clean,   view,        job.sites, samples, context.model.reference,
                                 job.options, job.progress};
  CNNOPT_ASSIGN_OR_RETURN(Assembled assembled, Assemble(assembly, chosen, bench));
  CNNOPT_RETURN_IF_ERROR(GoFurther(assembly, bench, chosen, assembled));
  onnx::ModelProto& slim = assembled.model;
  report.bounds = chosen.bounds;
  report.curve = MakeCurve(CostsOf(job.proposals), chosen.damage,
                           chosen.refusal.empty() ? std::optional<Plan>(chosen.plan) : std::nullopt);
  report.layers =
      ReportLayers(job.sites, job.proposals, chosen.plan, *assembled.bench, assembled.refitted, chosen.kept_reason);
  CNNOPT_RETURN_IF_ERROR(CheckTargets(job, slim, chosen, *assembled.bench));
  CheckPinned(job, chosen.plan, *assembled.bench);
  if (report.verdict == Verdict::kRefused) return absl::OkStatus();
  WarnOfThinPlan(job, chosen.plan);
  const bool replaced = std::any_of(report.layers.begin(), report.layers.end(),
                                    [](const LayerReport& layer) { return !layer.now.empty(); });
  CountCosts(slim, report);
  if (!replaced && report.after.bytes >= report.before.bytes) {  // exact rewrites alone must at least shrink the file
    report.verdict = Verdict::kUnchanged;
    report.reason = MainReason(report.layers);
    report.after = report.before;
    report.cleanups.clear();
    WarnOfMadeUpSamples(job);
    return absl::OkStatus();
  }
  if (!replaced) {
    report.warnings.push_back(absl::StrCat("no layer was slimmed, only exact rewrites: ", MainReason(report.layers)));
    WarnOfMadeUpSamples(job);
  }
  CNNOPT_ASSIGN_OR_RETURN(const bool stands, VerifyResult(job, assembled, chosen.bounds));
  if (!stands) return absl::OkStatus();
  CNNOPT_RETURN_IF_ERROR(TimeBoth(job, slim));
  report.verdict = Verdict::kSlimmed;
  result = std::move(slim);
  return absl::OkStatus();
}

}  // namespace

struct SlimJob::State {
  State(const onnx::ModelProto& model, const SlimOptions& options, Selection selection, const ProgressSink& progress)
      : job{model,
            options,
            [this, progress](const std::string& stage, int64_t done, int64_t total) {
              clock.Enter(stage);
              if (progress) progress(stage, done, total);
            },
            std::move(selection),
            {}} {}

  std::vector<StageTime> stages;
  StageClock clock{stages};
  Job job;
  SlimReport prepared;  // what the report says before any goal
  std::optional<Workbench> bench;
  std::optional<Damages> damage;
};

SlimJob::SlimJob(std::unique_ptr<State> state) : state_(std::move(state)) {}
SlimJob::~SlimJob() = default;

absl::StatusOr<std::unique_ptr<SlimJob>> SlimJob::Prepare(const onnx::ModelProto& model, const SlimOptions& options,
                                                          const ProgressSink& progress) {
  CNNOPT_ASSIGN_OR_RETURN(Selection selection, SelectPasses(options.passes, options.cleanup));
  CNNOPT_RETURN_IF_ERROR(CheckOptions(options, selection));
  auto state = std::make_unique<State>(model, options, std::move(selection), progress);
  Job& job = state->job;
  const absl::Status prepared = PrepareJob(job);
  // First: numbers that could not be read are the cause of whatever else went wrong.
  CNNOPT_RETURN_IF_ERROR(CheckStoredPayloads(model));
  CNNOPT_RETURN_IF_ERROR(prepared);
  state->clock.Enter("");
  state->prepared = std::move(job.report);
  state->bench.emplace(job.clean, *job.view, job.sites, job.proposals, job.moments, job.options.threads);
  return absl::WrapUnique(new SlimJob(std::move(state)));
}

const Totals& SlimJob::original() const { return state_->prepared.before; }

absl::StatusOr<SlimReport> SlimJob::Run(const Goal& goal, onnx::ModelProto& slim) {
  Job& job = state_->job;
  static_cast<Goal&>(job.options) = goal;
  CNNOPT_RETURN_IF_ERROR(CheckOptions(job.options, job.selection));
  job.report = state_->prepared;
  const absl::Status status = RunGoal(job, *state_->bench, state_->damage, slim);
  state_->clock.Enter("");
  CNNOPT_RETURN_IF_ERROR(CheckStoredPayloads(job.original));
  CNNOPT_RETURN_IF_ERROR(status);
  job.report.stages = state_->stages;
  return std::move(job.report);
}

void SlimJob::EndWith(std::unique_ptr<SlimJob> job, onnx::ModelProto& model, onnx::ModelProto& slim) {
  TakeOver({&model, &job->state_->job.clean}, slim);
}

absl::StatusOr<SlimReport> Slim(onnx::ModelProto& model, const SlimOptions& options, const ProgressSink& progress) {
  CNNOPT_ASSIGN_OR_RETURN(std::unique_ptr<SlimJob> job, SlimJob::Prepare(model, options, progress));
  onnx::ModelProto slim;
  CNNOPT_ASSIGN_OR_RETURN(SlimReport report, job->Run(options, slim));
  if (report.verdict == Verdict::kSlimmed) {
    SlimJob::EndWith(std::move(job), model, slim);
    model = std::move(slim);
  }
  return report;
}

}  // namespace cnnopt
