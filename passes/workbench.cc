#include "passes/workbench.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/validate.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

// A node name for people out of a label: "dsc rank 2, pointwise first" -> "dsc".
std::string Stem(const Candidate& candidate) { return std::string(candidate.form->name()); }

absl::StatusOr<Rewrite> FitAndEmit(const GraphView& view, const Site& site, const Candidate& candidate,
                                   absl::Span<const Moments> moments) {
  const onnx::NodeProto& node = *view.Producer(site.output);
  const Replacement replacement = candidate.form->Fit(*site.conv, moments, candidate.rank);
  CNNOPT_ASSIGN_OR_RETURN(Rewrite rewrite,
                          EmitReplacement(replacement, node, *view.Constant(node.input(1)), Stem(candidate)));
  rewrite.why = absl::StrCat(Describe(node), ": ", candidate.form->Label(candidate.rank));
  return rewrite;
}

}  // namespace

absl::StatusOr<Reference> MakeReference(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& original,
                                        std::vector<Sample> samples, int threads) {
  Reference reference;
  reference.runtime = std::move(runtime);
  reference.samples = std::move(samples);
  reference.threads = threads;
  SessionOptions options;
  options.threads = threads;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(reference.runtime, original, options));
  reference.names = session.output_names();
  CNNOPT_ASSIGN_OR_RETURN(reference.outputs, RunAll(session, reference.samples));
  return reference;
}

absl::StatusOr<Comparison> Measure(const Reference& reference, const onnx::ModelProto& model, size_t count) {
  SessionOptions options;
  options.threads = reference.threads;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(reference.runtime, model, options));
  const absl::Span<const Sample> samples = absl::MakeConstSpan(reference.samples).subspan(0, count);
  CNNOPT_ASSIGN_OR_RETURN(const Outputs outputs, RunAll(session, samples));
  const Outputs expected(reference.outputs.begin(),
                         reference.outputs.begin() + static_cast<std::ptrdiff_t>(outputs.size()));
  return Compare(reference.names, expected, outputs);
}

void Workbench::FitMissing(const Plan& plan) {
  std::vector<std::pair<size_t, int>> missing;
  for (size_t s = 0; s < plan.size(); ++s) {
    if (plan[s] != 0 && fits_.count({s, plan[s]}) == 0) missing.push_back({s, plan[s]});
  }
  if (missing.empty()) return;
  const absl::StatusOr<GraphView> view = GraphView::Create(model_);
  std::vector<absl::StatusOr<Rewrite>> fits(missing.size(), absl::UnknownError("not fitted"));
  ParallelFor(static_cast<int64_t>(missing.size()), threads_, [&](int64_t i) {
    const auto [site, choice] = missing[static_cast<size_t>(i)];
    fits[static_cast<size_t>(i)] =
        view.ok()
            ? FitAndEmit(*view, sites_[site], proposals_[site].candidates[static_cast<size_t>(choice)], moments_[site])
            : absl::StatusOr<Rewrite>(view.status());
  });
  for (size_t i = 0; i < missing.size(); ++i) fits_.emplace(missing[i], std::move(fits[i]));
}

absl::StatusOr<onnx::ModelProto> Workbench::Build(const Plan& plan) {
  FitMissing(plan);
  std::vector<Rewrite> rewrites;
  for (size_t s = 0; s < plan.size(); ++s) {
    if (plan[s] == 0) continue;
    const absl::StatusOr<Rewrite>& fit = fits_.at({s, plan[s]});
    if (fit.ok()) rewrites.push_back(*fit);
  }
  onnx::ModelProto slim = model_;
  CNNOPT_RETURN_IF_ERROR(ApplyRewrites(rewrites, slim));
  for (const absl::Status& status : {ValidateModel(slim), CheckWithOnnx(slim)}) {
    if (!status.ok()) {
      return absl::InternalError(absl::StrCat("the slim model is not valid: ", std::string(status.message())));
    }
  }
  return slim;
}

std::string Workbench::Failure(size_t site, int choice) const {
  const auto fit = fits_.find({site, choice});
  return fit == fits_.end() || fit->second.ok() ? "" : std::string(fit->second.status().message());
}

}  // namespace cnnopt
