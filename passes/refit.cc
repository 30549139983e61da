#include "passes/refit.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "passes/forms/cp_factors.h"
#include "passes/last_stages.h"
#include "passes/least_squares.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

// Strengths of the prior that are tried, as shares of the patches' mean variance.
constexpr double kPriors[] = {1e-3, 1e-2, 1e-1};
// Powers g of the affine repair.
constexpr double kRepairs[] = {0.25, 0.5, 1};
// Of the descent over all stages, see PolishFactors; large layers get fewer.
constexpr int kPolishSteps = 60;
constexpr double kPolishMultiplications = 1.5e11;

// What V x is like, channel by channel.
struct ChannelSums {
  Vector mean, variance, shared;  // shared: its covariance with y
};
ChannelSums Look(const Matrix& weight, const Moments& seen, const Matrix& cross) {
  return {weight * seen.mean, (weight * seen.covariance).cwiseProduct(weight).rowwise().sum(),
          weight.cwiseProduct(cross).rowwise().sum()};
}

// E|y - (V x + b)|^2 over held-out patches.
class Judge {
 public:
  explicit Judge(const MomentSums& sums)
      : seen_(sums.OfPatches()), cross_(sums.Cross()), output_(sums.TargetMean()), variance_(sums.TargetVariance()) {}
  ChannelSums Channels(const Matrix& weight) const { return Look(weight, seen_, cross_); }
  // The same of y - (a V x + b), from what is known of V x.
  double ScaledError(const ChannelSums& channels, const Vector& scale, const Vector& bias) const {
    return variance_ - 2 * scale.dot(channels.shared) + scale.cwiseAbs2().dot(channels.variance) +
           (output_ - scale.cwiseProduct(channels.mean) - bias).squaredNorm();
  }
  // The error has two parts: of the spread around the mean output, and of the mean output itself.
  double Spread(const Matrix& weight) const {
    return variance_ - 2 * weight.cwiseProduct(cross_).sum() + WeightedSquaredNorm(weight, seen_);
  }
  double Shift(const Matrix& weight, const Vector& bias) const {
    return (output_ - weight * seen_.mean - bias).squaredNorm();
  }

 private:
  Moments seen_;
  Matrix cross_;
  Vector output_;
  double variance_;
};

// One group of a site, what is known of its best replacement so far, and what to measure others by.
class GroupRefit {
 public:
  GroupRefit(const Conv& conv, const MomentSums& fit, const MomentSums& held_out, int threads, const Replacement& old)
      : conv_(conv),
        threads_(threads),
        seen_(fit.OfPatches()),
        cross_(fit.Cross()),
        output_(fit.TargetMean()),
        variances_(fit.TargetVariances()),
        judge_(held_out),
        best_(old) {
    const Conv whole = Compose(best_);
    const Vector bias = whole.bias.size() > 0 ? whole.bias : Vector(Vector::Zero(output_.size()));
    const double spread = judge_.Spread(whole.weight);
    least_ = spread + judge_.Shift(whole.weight, bias);
    Take(WithBestBias(best_, whole.weight, spread));  // a better bias alone
  }

  // Tries last stages under every prior, then, where the form allows it, all stages under the best of them.
  void Run() {
    RefitStages(Replacement(best_));
    Repair();
  }

  const Replacement& best() const { return best_; }
  bool changed() const { return changed_; }

 private:
  // A replacement and its error.
  struct Trial {
    Replacement replacement;
    double error = 0;
  };
  // `replacement`, which computes `weight`, with the bias that keeps the mean output.
  Trial WithBestBias(Replacement replacement, const Matrix& weight, double spread) const {
    for (std::vector<Conv>& branch : replacement.branches) branch.back().bias = Vector();
    const Vector bias = output_ - weight * seen_.mean;
    replacement.branches.back().back().bias = bias;
    return {std::move(replacement), spread + judge_.Shift(weight, bias)};
  }
  Trial Judged(Replacement replacement) const {
    const Matrix weight = Compose(replacement).weight;
    return WithBestBias(std::move(replacement), weight, judge_.Spread(weight));
  }
  // Whether it beats the best one, whose place it then takes.
  bool Take(Trial trial) {
    if (!(trial.error < least_)) return false;
    least_ = trial.error;
    best_ = std::move(trial.replacement);
    changed_ = true;
    return true;
  }

  void RefitStages(const Replacement& start) {
    const double variance = seen_.covariance.trace() / static_cast<double>(seen_.covariance.rows());
    if (!LastStagesAreDense(start) || !(variance > 0)) return;
    double strength = kPriors[0] * variance;
    const LastStages last(start);
    const Matrix gram = last.Gram(seen_.covariance), features = last.FeatureGram();
    const Matrix target = last.TimesFeatures(cross_), weight = last.TimesFeatures(conv_.weight);
    std::array<Trial, std::size(kPriors)> trials;
    ParallelFor(std::size(kPriors), threads_, [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      const double prior = kPriors[at] * variance;
      trials[at] = Judged(last.With(SolveRight(target + prior * weight, gram + prior * features)));
    });
    for (size_t i = 0; i < trials.size(); ++i) {
      if (Take(std::move(trials[i]))) strength = kPriors[i] * variance;
    }
    if (start.branches.size() == 1 && IsCpChain(start.branches.front())) Polish(strength);
  }

  // Per-channel affine repair: outputs that lost their spread get it back, a = (sd y / sd V x)^g, or the scale that a
  // regression on the fitted samples gives, whichever of them is best.
  void Repair() {
    const Matrix weight = Compose(best_).weight;
    const ChannelSums fitted = Look(weight, seen_, cross_), judged = judge_.Channels(weight);
    const auto ratio = [](const Vector& over, const Vector& under) {
      return Vector(over.binaryExpr(under, [](double a, double b) { return a > 0 && b > 0 ? a / b : 1.0; }));
    };
    std::vector<Vector> scales = {ratio(fitted.shared, fitted.variance)};
    for (const double power : kRepairs) {
      scales.push_back(ratio(variances_, fitted.variance).array().pow(power / 2));
    }
    const auto error = [&](const Vector& scale) {
      return judge_.ScaledError(judged, scale, output_ - scale.cwiseProduct(fitted.mean));
    };
    const Vector& best = *std::min_element(scales.begin(), scales.end(),
                                           [&](const Vector& a, const Vector& b) { return error(a) < error(b); });
    if (!(error(best) < least_)) return;
    Replacement repaired = best_;
    for (std::vector<Conv>& branch : repaired.branches) branch.back().weight.array().colwise() *= best.array();
    Take(Judged(std::move(repaired)));
  }

  // S + p I and C + p W.
  Matrix CovarianceWith(double prior) const {
    Matrix covariance = seen_.covariance;
    covariance.diagonal().array() += prior;
    return covariance;
  }
  Matrix CrossWith(double prior) const { return cross_ + prior * conv_.weight; }

  void Polish(double prior) {
    const Matrix covariance = CovarianceWith(prior), cross = CrossWith(prior);
    Replacement polished = best_;
    std::vector<Conv>& chain = polished.branches.front();
    const CpFactors factors = FactorsOf(chain);
    const int steps =
        StepsWithin(kPolishMultiplications, factors.inputs.rows(), cross.rows(), cross.cols(), kPolishSteps);
    SetFactors(PolishFactors({covariance, cross}, factors, steps, threads_), chain);
    Take(Judged(std::move(polished)));
  }

  const Conv& conv_;
  int threads_;
  Moments seen_;
  Matrix cross_;
  Vector output_, variances_;
  Judge judge_;
  Replacement best_;
  double least_ = 0;
  bool changed_ = false;
};

}  // namespace

bool RefitToDrift(const Conv& conv, const DriftSums& sums, int threads, Replacement& replacement) {
  bool changed = false;
  std::vector<Replacement> parts;
  for (int64_t g = 0; g < conv.groups; ++g) {
    parts.push_back(ExtractPart(replacement, g, conv.groups));
    const auto at = static_cast<size_t>(g);
    const Conv group = ExtractGroup(conv, g);
    GroupRefit refit(group, sums.fit[at], sums.held_out[at], threads, parts.back());
    refit.Run();
    parts.back() = refit.best();
    changed = changed || refit.changed();
  }
  if (changed) replacement = MergeGroups(parts);
  return changed;
}

}  // namespace cnnopt
