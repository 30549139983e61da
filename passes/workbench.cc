#include "passes/workbench.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "onnx_io/borrow.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/validate.h"
#include "passes/parallel.h"

namespace cnnopt {
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

void Workbench::Emit(size_t site, int choice, Fit& fit) const {
  const onnx::NodeProto& node = *view_.Producer(sites_[site].output);
  const Form* form = proposals_[site].candidates[static_cast<size_t>(choice)].form;
  const std::string label = form == nullptr ? "refit" : std::string(form->name());
  absl::StatusOr<Rewrite> rewrite = EmitReplacement(fit.replacement, node, *view_.Constant(node.input(1)), label);
  fit.status = rewrite.status();
  if (rewrite.ok()) fit.rewrite = *std::move(rewrite);
}

Workbench::Fit Workbench::MakeFit(size_t site, int choice) const {
  const Candidate& candidate = proposals_[site].candidates[static_cast<size_t>(choice)];
  Fit fit;
  fit.replacement = candidate.form->Fit(*sites_[site].conv, moments_[site], candidate.rank);
  Emit(site, choice, fit);
  return fit;
}

void Workbench::FitAhead(std::vector<std::pair<size_t, int>> wanted) {
  const auto needless = [this](const std::pair<size_t, int>& fit) {
    return Keeps(fit.first, fit.second) || fits_.count(fit) > 0;
  };
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(), needless), wanted.end());
  std::vector<Fit> fits(wanted.size());
  ParallelFor(static_cast<int64_t>(wanted.size()), threads_, [&](int64_t i) {
    const auto [site, choice] = wanted[static_cast<size_t>(i)];
    fits[static_cast<size_t>(i)] = MakeFit(site, choice);
  });
  for (size_t i = 0; i < wanted.size(); ++i) fits_.emplace(wanted[i], std::move(fits[i]));
}

absl::StatusOr<onnx::ModelProto> Workbench::Build(const Plan& plan) {
  std::vector<std::pair<size_t, int>> wanted;
  for (size_t s = 0; s < plan.size(); ++s) wanted.emplace_back(s, plan[s]);
  FitAhead(std::move(wanted));
  std::vector<Rewrite> rewrites;
  for (size_t s = 0; s < plan.size(); ++s) {
    const auto fit = fits_.find({s, plan[s]});  // a kept site has one only if it was refitted
    if (fit != fits_.end() && fit->second.status.ok()) rewrites.push_back(fit->second.rewrite);
  }
  onnx::ModelProto slim = Borrow(model_);
  CNNOPT_RETURN_IF_ERROR(ApplyRewrites(std::move(rewrites), slim));
  for (const absl::Status& status : {ValidateModel(slim), CheckWithOnnx(slim)}) {
    if (!status.ok()) return absl::InternalError(absl::StrCat("the slim model is not valid: ", status.message()));
  }
  return slim;
}

std::string Workbench::Failure(size_t site, int choice) const {
  const auto fit = fits_.find({site, choice});
  return fit == fits_.end() ? "" : std::string(fit->second.status.message());
}

bool Workbench::Refitted(size_t site, int choice) const {
  const auto fit = fits_.find({site, choice});
  return fit != fits_.end() && fit->second.refitted;
}

absl::StatusOr<Replacement> Workbench::Fitted(size_t site, int choice) {
  const auto fit = fits_.find({site, choice});
  if (fit != fits_.end()) {
    if (!fit->second.status.ok()) return fit->second.status;
    return fit->second.replacement;
  }
  if (Keeps(site, choice)) return Replacement{{{*sites_[site].conv}}};
  Fit made = MakeFit(site, choice);
  const Fit& stored = fits_.emplace(std::pair(site, choice), std::move(made)).first->second;
  if (!stored.status.ok()) return stored.status;
  return stored.replacement;
}

bool Workbench::KeepsAll(const Plan& plan) const {
  for (size_t s = 0; s < plan.size(); ++s) {
    if (!Keeps(s, plan[s])) return false;
  }
  return true;
}

Workbench Workbench::Only(const Plan& plan) const {
  Workbench only(model_, view_, sites_, proposals_, moments_, threads_);
  for (size_t s = 0; s < plan.size(); ++s) {
    const auto fit = fits_.find({s, plan[s]});
    if (fit != fits_.end()) only.fits_.insert(*fit);
  }
  return only;
}

absl::Status Workbench::Refit(size_t site, int choice, Replacement replacement) {
  Fit fit;
  fit.replacement = std::move(replacement);
  fit.refitted = true;
  Emit(site, choice, fit);
  CNNOPT_RETURN_IF_ERROR(fit.status);
  fits_.insert_or_assign(std::pair(site, choice), std::move(fit));
  return absl::OkStatus();
}

}  // namespace cnnopt
