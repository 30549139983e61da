#include "passes/damage.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

constexpr double kExponent = 2;  // of the power law, see DamageCurve
// Samples and sites' candidates that probes run on. Large networks get fewer: all probes together should take no more
// than this many multiply-accumulates (some ten seconds on two cores).
constexpr int64_t kMostSamples = 32;
constexpr int64_t kMostProbes = 3;
constexpr int64_t kProbeMacs = 2'000'000'000'000;
// An output error that stands for "no longer finite".
constexpr double kRuined = 1e6;

struct ProbePlan {
  int64_t probes = 0;  // per site
  size_t samples = 1;
};

ProbePlan PlanProbes(int64_t sites, int64_t macs, const Reference& reference) {
  ProbePlan plan;
  const int64_t runs = kProbeMacs / std::max<int64_t>(macs * std::max<int64_t>(sites, 1), 1);  // per site
  plan.probes = std::clamp<int64_t>(runs, 0, kMostProbes);
  const int64_t samples = plan.probes > 0 ? runs / plan.probes : 1;
  plan.samples = static_cast<size_t>(
      std::clamp<int64_t>(samples, 1, std::min<int64_t>(kMostSamples, static_cast<int64_t>(reference.samples.size()))));
  return plan;
}

// Candidates to measure: the middle one, then the worst and the best, by their errors on a logarithmic scale.
std::vector<int> PickProbes(const std::vector<Candidate>& candidates, int64_t count) {
  std::vector<int> usable;
  for (size_t c = 1; c < candidates.size(); ++c) {
    if (candidates[c].error > 1e-6) usable.push_back(static_cast<int>(c));
  }
  if (usable.empty() || count == 0) return {};
  const auto error = [&](int c) { return candidates[static_cast<size_t>(c)].error; };
  std::sort(usable.begin(), usable.end(),
            [&](int a, int b) { return std::pair(error(a), a) < std::pair(error(b), b); });
  const double middle = std::sqrt(error(usable.front()) * error(usable.back()));
  const auto nearest = std::min_element(usable.begin(), usable.end(), [&](int a, int b) {
    return std::abs(std::log(error(a) / middle)) < std::abs(std::log(error(b) / middle));
  });
  std::vector<int> picked = {*nearest};
  for (const int end : {usable.back(), usable.front()}) {
    if (static_cast<int64_t>(picked.size()) < count && std::count(picked.begin(), picked.end(), end) == 0)
      picked.push_back(end);
  }
  return picked;
}

// The output error of what is pinned, alone: every probe has it too.
absl::StatusOr<double> PinnedError(size_t sites, size_t samples, const Reference& reference, Workbench& bench) {
  const Plan start(sites, 0);
  if (bench.KeepsAll(start)) return 0;
  CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(start));
  CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Measure(reference, model, samples));
  return std::isfinite(comparison.relative_error) ? comparison.relative_error : 0;
}

// The curve through the probes of one site, each less `pinned_error`: errors of different layers add up as squares.
absl::StatusOr<DamageCurve> ProbeSite(size_t site, const std::vector<Proposal>& proposals,
                                      const std::vector<int>& probes, size_t samples, double pinned_error,
                                      const Reference& reference, Workbench& bench) {
  std::vector<std::pair<double, double>> points;
  for (const int c : probes) {
    Plan plan(proposals.size(), 0);
    plan[site] = c;
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(plan));
    CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Measure(reference, model, samples));
    const bool finite = comparison.new_nonfinite == 0 && std::isfinite(comparison.relative_error);
    const double square = comparison.relative_error * comparison.relative_error - pinned_error * pinned_error;
    points.emplace_back(proposals[site].candidates[static_cast<size_t>(c)].error,
                        finite ? std::sqrt(std::max(square, 1e-24)) : kRuined);
  }
  std::sort(points.begin(), points.end());
  return DamageCurve(std::move(points));
}

}  // namespace

double DamageCurve::OutputError(double error) const {
  if (error <= 0) return 0;
  if (points_.empty()) return std::pow(error, kExponent);
  size_t upper = 0;
  while (upper < points_.size() && points_[upper].first < error) ++upper;
  if (upper == 0 || upper == points_.size()) {
    const auto& [at, value] = points_[upper == 0 ? 0 : upper - 1];
    return value * std::pow(error / at, kExponent);
  }
  const auto& [low, low_value] = points_[upper - 1];
  const auto& [high, high_value] = points_[upper];
  if (high <= low) return high_value;
  const double share = std::log(error / low) / std::log(high / low);
  return low_value * std::pow(high_value / low_value, share);
}

absl::StatusOr<std::vector<std::vector<double>>> MeasureDamage(const std::vector<Proposal>& proposals,
                                                               const Reference* reference, int64_t macs,
                                                               Workbench& bench, const ProgressSink& progress) {
  const int64_t open = std::count_if(proposals.begin(), proposals.end(),
                                     [](const Proposal& proposal) { return proposal.candidates.size() > 1; });
  const ProbePlan probe = reference == nullptr ? ProbePlan{} : PlanProbes(open, macs, *reference);
  std::vector<std::vector<int>> probes(proposals.size());
  std::vector<std::pair<size_t, int>> wanted;
  for (size_t s = 0; s < proposals.size(); ++s) {
    probes[s] = PickProbes(proposals[s].candidates, probe.probes);
    for (const int c : probes[s]) wanted.emplace_back(s, c);
  }
  if (progress && open > 0) progress("probe layers", 0, open);
  bench.FitAhead(std::move(wanted));
  double pinned_error = 0;
  if (probe.probes > 0) {
    CNNOPT_ASSIGN_OR_RETURN(pinned_error, PinnedError(proposals.size(), probe.samples, *reference, bench));
  }
  std::vector<std::vector<double>> damage;
  int64_t done = 0;
  for (size_t s = 0; s < proposals.size(); ++s) {
    DamageCurve curve({});
    if (proposals[s].candidates.size() > 1 && probe.probes > 0) {
      if (progress) progress("probe layers", done++, open);
      CNNOPT_ASSIGN_OR_RETURN(curve,
                              ProbeSite(s, proposals, probes[s], probe.samples, pinned_error, *reference, bench));
    }
    std::vector<double>& site = damage.emplace_back();
    for (const Candidate& candidate : proposals[s].candidates) {
      const double error = curve.OutputError(candidate.error);
      site.push_back(error * error);
    }
  }
  return damage;
}

}  // namespace cnnopt
