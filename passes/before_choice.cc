#include "passes/before_choice.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx_io/borrow.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/validate.h"
#include "passes/cleanup/cleanup.h"
#include "passes/front_to_back.h"
#include "passes/observe_moments.h"
#include "passes/parallel.h"
#include "passes/read_sites.h"
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

}  // namespace

Totals TotalsOf(const onnx::ModelProto& model, const std::vector<Site>& sites) {
  Totals totals;
  totals.macs = TotalMacs(sites);
  totals.params = TotalParameters(model.graph());
  totals.bytes = SerializedBytes(model);
  return totals;
}

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

}  // namespace cnnopt
