#include "passes/slim.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/borrow.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/validate.h"
#include "passes/allocate.h"
#include "passes/assemble.h"
#include "passes/check_options.h"
#include "passes/choose.h"
#include "passes/cleanup/cleanup.h"
#include "passes/curve.h"
#include "passes/front_to_back.h"
#include "passes/layer_report.h"
#include "passes/observe_moments.h"
#include "passes/parallel.h"
#include "passes/propose.h"
#include "passes/read_sites.h"
#include "passes/selection.h"
#include "passes/site.h"
#include "passes/workbench.h"
#include "passes/worst_samples.h"
#include "runtime/observe.h"

namespace cnnopt {
namespace {

// Least strength of the regularisation of what the samples show, see Shrink.
constexpr double kLeastShrinkage = 0.01;

// The values whose shapes the cost of a site depends on and that are not known yet.
std::vector<std::string> UnknownValues(const GraphView& view, const std::map<std::string, Shape>& shapes) {
  std::vector<std::string> unknown;
  for (const onnx::NodeProto* node : view.nodes()) {
    if (!IsOp(*node, "Conv") && !IsOp(*node, "ConvTranspose") && !IsOp(*node, "Gemm") && !IsOp(*node, "MatMul"))
      continue;
    for (const std::string& value : {Input(*node, 0), Input(*node, 1), node->output(0)}) {
      const bool made_here = view.Producer(value) != nullptr && view.Constant(value) == nullptr;
      if (made_here && shapes.count(value) == 0) unknown.push_back(value);
    }
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  return unknown;
}

// Every shape the costs need: by inference, and where that knows too little by looking at one run.
absl::StatusOr<std::map<std::string, Shape>> FindShapes(const onnx::ModelProto& model, const SlimOptions& options,
                                                        const std::vector<Sample>& samples) {
  std::map<std::string, Shape> shapes = InferShapes(model, options.input_shapes);
  if (options.runtime == nullptr || samples.empty()) return shapes;
  CNNOPT_ASSIGN_OR_RETURN(const GraphView view, GraphView::Create(model));
  const std::vector<std::string> unknown = UnknownValues(view, shapes);
  if (unknown.empty()) return shapes;
  CNNOPT_ASSIGN_OR_RETURN(auto seen, ObserveShapes(options.runtime, model, unknown, samples.front()));
  for (auto& [value, shape] : seen) shapes.emplace(value, std::move(shape));
  return shapes;
}

absl::StatusOr<std::vector<Sample>> FindSamples(const onnx::ModelProto& model, const SlimOptions& options) {
  if (!options.samples.empty()) return options.samples;
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(model, options.input_shapes));
  return SyntheticSamples(inputs, options.synthetic_samples, options.seed);
}

// One sample in kHeldOutEvery is never fitted to: everything is judged on these.
constexpr size_t kHeldOutEvery = 5;

struct Split {
  std::vector<Sample> fit, held_out;
  std::vector<int64_t> held_out_indices;  // where they stood
};
Split SplitSamples(std::vector<Sample> samples, Fit fit) {
  Split split;
  if (fit == Fit::kWeights) {
    split.held_out_indices.resize(samples.size());
    std::iota(split.held_out_indices.begin(), split.held_out_indices.end(), 0);
    split.held_out = std::move(samples);
    return split;
  }
  const size_t phase = std::min(samples.size(), kHeldOutEvery) - 1;  // few samples: the last one
  for (size_t s = 0; s < samples.size(); ++s) {
    if (s % kHeldOutEvery == phase) split.held_out_indices.push_back(static_cast<int64_t>(s));
    (s % kHeldOutEvery == phase ? split.held_out : split.fit).push_back(std::move(samples[s]));
  }
  return split;
}

// Which sites a form applies to: only their patches are worth looking at.
std::vector<bool> Applicable(const std::vector<Site>& sites, const std::vector<SiteForms>& forms) {
  std::vector<bool> applicable;
  for (size_t s = 0; s < sites.size(); ++s) {
    const std::optional<Conv>& conv = sites[s].conv;
    applicable.push_back(std::any_of(forms[s].forms.begin(), forms[s].forms.end(), [&](const FormChoice& choice) {
      return conv.has_value() && choice.form->Applies(*conv).ok();
    }));
  }
  return applicable;
}

Totals TotalsOf(const onnx::ModelProto& model, const std::vector<Site>& sites) {
  Totals totals;
  totals.macs = TotalMacs(sites);
  totals.params = TotalParameters(model.graph());
  totals.bytes = SerializedBytes(model);
  return totals;
}

// Everything the stages share. They run in the order in which they stand below.
struct Job {
  const onnx::ModelProto& original;
  SlimOptions options;
  ProgressSink progress;
  Selection selection;
  SlimReport report;

  std::optional<Reference> reference = {};  // held-out samples and what the original makes of them
  std::vector<Sample> fit_samples = {};     // those that may be fitted to; none: by weights only
  std::map<std::string, Shape> shapes = {};
  onnx::ModelProto clean = {};         // after the exact rewrites; borrows from the original
  std::optional<GraphView> view = {};  // of `clean`
  std::vector<Site> sites = {};        // of `clean`
  std::vector<SiteForms> forms = {};   // what the user leaves open for each
  std::vector<std::vector<Moments>> moments = {};
  std::vector<Proposal> proposals = {};
  std::vector<int64_t> held_out_indices = {};  // of the reference's samples, among all

  void Tell(const std::string& stage, int64_t done, int64_t total) const {
    if (progress) progress(stage, done, total);
  }
};

// What the original makes of the samples, and what it costs.
absl::Status RunOriginal(Job& job) {
  SlimOptions& options = job.options;
  SlimReport& report = job.report;
  options.threads = ThreadsWithMemory(options.threads > 0 ? options.threads : AvailableThreads());
  report.synthetic = options.samples.empty();
  report.latency_threads = options.latency_threads;
  report.input_shapes = options.input_shapes;
  if (options.runtime != nullptr) {
    job.Tell("run the original", 0, 1);
    CNNOPT_ASSIGN_OR_RETURN(std::vector<Sample> samples, FindSamples(job.original, options));
    Split split = SplitSamples(std::move(samples), options.fit);
    job.fit_samples = std::move(split.fit);
    job.held_out_indices = std::move(split.held_out_indices);
    CNNOPT_ASSIGN_OR_RETURN(job.reference,
                            MakeReference(options.runtime, job.original, std::move(split.held_out), options.threads));
    report.samples = static_cast<int64_t>(job.reference->samples.size());
    report.fit_samples = static_cast<int64_t>(job.fit_samples.size());
    report.runtime_version = options.runtime->version();
  }
  CNNOPT_ASSIGN_OR_RETURN(
      job.shapes, FindShapes(job.original, options, job.reference ? job.reference->samples : std::vector<Sample>()));
  CNNOPT_ASSIGN_OR_RETURN(const GraphView view,
                          GraphView::Create(job.original.graph(), InputsOf(job.original, options.assume_constant)));
  report.before = report.after = TotalsOf(job.original, FindSites(view, job.shapes));
  const absl::Status inputs = InputShapes(job.original, options.input_shapes).status();
  if (!report.before.macs.has_value() && !inputs.ok()) {
    report.warnings.push_back(absl::StrCat("MACs are unknown: ", inputs.message()));
  }
  return absl::OkStatus();
}

// Constants once folded show mistakes of the model that no check of the file could see: behind an Identity, a bias of
// the wrong shape.
absl::Status CheckFolded(const Job& job) {
  if (ValidateModel(job.clean).ok() && CheckWithOnnx(job.clean).ok()) return absl::OkStatus();
  onnx::ModelProto folded = Borrow(job.original);
  for (const CleanupPass& pass : job.selection.cleanups) {
    if (pass.plan != PlanFoldConstants) continue;
    CNNOPT_RETURN_IF_ERROR(RunCleanup(folded, {pass}, InputsOf(job.original, job.options.assume_constant)).status());
  }
  CNNOPT_RETURN_IF_ERROR(ValidateModel(folded));
  return CheckWithOnnx(folded);
}

// Exact rewrites first: they make more layers plain.
absl::Status CleanUp(Job& job) {
  job.Tell("clean up", 0, 1);
  job.clean = Borrow(job.original);
  CNNOPT_ASSIGN_OR_RETURN(const CleanupResult cleanup, RunCleanup(job.clean, job.selection.cleanups,
                                                                  InputsOf(job.original, job.options.assume_constant)));
  job.report.cleanups = cleanup.applied;
  for (const Declined& declined : cleanup.declined) {
    job.report.warnings.push_back(absl::StrCat(declined.node, ": ", declined.reason));
  }
  return CheckFolded(job);
}

// Which layers there are, their numbers, and what may be done to each.
absl::Status FindLayers(Job& job, const GraphView& view) {
  const bool only_exact = job.selection.forms.empty() && job.options.rules.layers.empty();  // which needs no numbers
  job.sites = only_exact ? FindSites(view, job.shapes) : ReadSites(job.clean, view, job.shapes);
  CNNOPT_ASSIGN_OR_RETURN(job.forms,
                          ApplyRules(job.options.rules, job.sites, job.selection.forms, job.report.warnings));
  return absl::OkStatus();
}

// What each site sees.
absl::Status LookAtSamples(Job& job, const GraphView& view) {
  job.moments.resize(job.sites.size());
  if (job.fit_samples.empty()) return absl::OkStatus();
  std::vector<bool> wanted = Applicable(job.sites, job.forms);
  int64_t left = job.options.max_memory / 2;  // the other half is for what the refit remembers
  for (size_t s = 0; s < wanted.size(); ++s) {
    if (!wanted[s]) continue;
    const Conv& conv = *job.sites[s].conv;
    const int64_t bytes = Observable(conv) ? MomentBytes(conv) : 0;
    const bool fits = bytes <= left;
    wanted[s] = Observable(conv) && fits;
    if (wanted[s]) {
      left -= bytes;
      continue;
    }
    job.report.warnings.push_back(absl::StrCat(
        job.sites[s].name, ": fitted by weights only: ",
        fits ? "its inputs are too many for their covariance" : "its covariance passes the limit of --max-memory"));
  }
  const auto total = static_cast<int64_t>(job.fit_samples.size());
  CNNOPT_ASSIGN_OR_RETURN(job.moments, ObserveMoments(job.options.runtime, job.clean, view, job.sites, wanted,
                                                      job.fit_samples, job.options.threads, [&](size_t seen) {
                                                        job.Tell("look at samples", static_cast<int64_t>(seen), total);
                                                      }));
  for (std::vector<Moments>& site : job.moments) {
    for (Moments& group : site) group = Shrink(group, std::max(kLeastShrinkage, OracleShrinkage(group)));
  }
  return absl::OkStatus();
}

// What could be done to each.
void ProposeAll(Job& job) {
  std::mutex mutex;
  int64_t done = 0;
  const auto total = static_cast<int64_t>(job.sites.size());
  job.Tell("factorise", done, total);
  job.proposals = Propose(job.sites, job.forms, job.moments, job.options.threads, [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    job.Tell("factorise", ++done, total);
  });
}

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

// Whether agreement can be measured at all; a warning when not finely enough, else "".
absl::StatusOr<std::string> CheckAgreement(const Job& job) {
  const std::optional<double> least = job.options.bounds.min_agreement;
  if (!least.has_value()) return "";
  const Reference& reference = *job.reference;
  CNNOPT_ASSIGN_OR_RETURN(const Comparison same, Compare(reference.names, reference.outputs, reference.outputs));
  if (!same.top1_agreement.has_value()) {
    return absl::FailedPreconditionError(
        "min-agreement: no output has a top-1, expected one of floats [batch, classes] with 2 classes or more");
  }
  const double resolution = 1 / static_cast<double>(same.top1_rows);
  if (*least < 1 && resolution > 1 - *least) {
    return absl::StrFormat(
        "min-agreement %g is finer than %d held-out samples can tell, %s: all of them must agree; give more samples",
        *least, same.top1_rows, absl::StrFormat("in steps of %.3g", resolution));
  }
  return "";
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

// The stages up to the choice, which no goal changes.
absl::Status PrepareJob(Job& job) {
  CNNOPT_RETURN_IF_ERROR(RunOriginal(job));
  CNNOPT_RETURN_IF_ERROR(CheckAgreement(job).status());  // before all that takes long
  CNNOPT_RETURN_IF_ERROR(CleanUp(job));
  CNNOPT_ASSIGN_OR_RETURN(job.view,
                          GraphView::Create(job.clean.graph(), InputsOf(job.original, job.options.assume_constant)));
  CNNOPT_RETURN_IF_ERROR(FindLayers(job, *job.view));
  CNNOPT_RETURN_IF_ERROR(LookAtSamples(job, *job.view));
  ProposeAll(job);
  return absl::OkStatus();
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
  const ChooseContext context{{job.options, report.before, job.sites, job.proposals, job.clean, view, job.original,
                               job.reference ? &*job.reference : nullptr, job.progress, !job.fit_samples.empty()},
                              job.selection.forced_rank,
                              &damage};
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
  CNNOPT_RETURN_IF_ERROR(PrepareJob(job));
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
