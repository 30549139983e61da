#include "passes/refit.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "passes/forms/cp_factors.h"
#include "passes/last_stages.h"
#include "passes/least_squares.h"
#include "passes/matrix_product.h"
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

// What patches x and targets y are like together.
struct Joint {
  Moments seen;  // of x
  Matrix cross;  // cov(y, x)
};
Joint JointOf(const MomentSums& sums) { return {sums.OfPatches(), sums.Cross()}; }
// The same of what last stages see of x.
Joint Through(const LastStages& stages, const Joint& joint, int threads) {
  Joint features;
  features.seen.mean = stages.TimesFeatures(joint.seen.mean.transpose()).transpose();
  features.seen.covariance = stages.Gram(joint.seen.covariance, threads);
  features.cross = stages.TimesFeatures(joint.cross);
  return features;
}

// What V x is like, channel by channel.
struct ChannelSums {
  Vector mean, variance, shared;  // shared: its covariance with y
};
ChannelSums Look(const Matrix& weight, const Joint& joint, int threads) {
  return {weight * joint.seen.mean,
          Product(weight, joint.seen.covariance, threads).cwiseProduct(weight).rowwise().sum(),
          weight.cwiseProduct(joint.cross).rowwise().sum()};
}
// The same of a V x.
ChannelSums Scaled(const ChannelSums& channels, const Vector& scale) {
  return {scale.cwiseProduct(channels.mean), scale.cwiseAbs2().cwiseProduct(channels.variance),
          scale.cwiseProduct(channels.shared)};
}

// One group of a site, what is known of its best replacement so far, and what to measure others by.
class GroupRefit {
 public:
  GroupRefit(const Conv& conv, const MomentSums& fit, const MomentSums& held_out, int threads, const Replacement& old)
      : conv_(conv),
        threads_(threads),
        fit_(JointOf(fit)),
        output_(fit.TargetMean()),
        variances_(fit.TargetVariances()),
        held_out_(JointOf(held_out)),
        held_out_output_(held_out.TargetMean()),
        held_out_variance_(held_out.TargetVariance()),
        best_(old) {
    const Conv whole = Compose(best_);
    judged_ = Look(whole.weight, held_out_, threads_);
    least_ = Error(judged_, whole.bias.size() > 0 ? whole.bias : Vector(Vector::Zero(output_.size())));
    Take(WithBestBias(best_, whole.weight * fit_.seen.mean, judged_));  // a better bias alone
  }

  // Tries last stages under every prior, then, where the form allows it, all stages under the best of them.
  void Run() {
    RefitStages(Replacement(best_));
    Repair();
  }

  const Replacement& best() const { return best_; }
  bool changed() const { return changed_; }

 private:
  // A replacement, what held-out patches say of it, and its error.
  struct Trial {
    Replacement replacement;
    ChannelSums judged;
    double error = 0;
  };
  // E|y - (V x + b)|^2 over held-out patches: the error of the spread around the mean output, and of the mean output.
  double Error(const ChannelSums& judged, const Vector& bias) const {
    return held_out_variance_ - 2 * judged.shared.sum() + judged.variance.sum() +
           (held_out_output_ - judged.mean - bias).squaredNorm();
  }
  // `replacement`, whose outputs before the bias have `mean`, with the bias that keeps the mean output.
  Trial WithBestBias(Replacement replacement, const Vector& mean, ChannelSums judged) const {
    for (std::vector<Conv>& branch : replacement.branches) branch.back().bias = Vector();
    const Vector bias = output_ - mean;
    replacement.branches.back().back().bias = bias;
    const double error = Error(judged, bias);
    return {std::move(replacement), std::move(judged), error};
  }
  // Whether it beats the best one, whose place it then takes.
  bool Take(Trial trial) {
    if (!(trial.error < least_)) return false;
    least_ = trial.error;
    best_ = std::move(trial.replacement);
    judged_ = std::move(trial.judged);
    changed_ = true;
    return true;
  }

  void RefitStages(const Replacement& start) {
    const double variance = fit_.seen.covariance.trace() / static_cast<double>(fit_.seen.covariance.rows());
    if (!LastStagesAreDense(start) || !(variance > 0)) return;
    double strength = kPriors[0] * variance;
    const LastStages last(start);
    const Joint fitted = Through(last, fit_, threads_), judged = Through(last, held_out_, threads_);
    const Matrix features = last.FeatureGram(), weight = last.TimesFeatures(conv_.weight);
    std::array<Trial, std::size(kPriors)> trials;
    ParallelFor(std::size(kPriors), threads_, [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      const double prior = kPriors[at] * variance;
      const Matrix outputs = SolveRight(fitted.cross + prior * weight, fitted.seen.covariance + prior * features);
      trials[at] = WithBestBias(last.With(outputs), outputs * fitted.seen.mean, Look(outputs, judged, 1));
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
    const ChannelSums fitted = Look(weight, fit_, threads_);
    const auto ratio = [](const Vector& over, const Vector& under) {
      return Vector(over.binaryExpr(under, [](double a, double b) { return a > 0 && b > 0 ? a / b : 1.0; }));
    };
    std::vector<Vector> scales = {ratio(fitted.shared, fitted.variance)};
    for (const double power : kRepairs) {
      scales.push_back(ratio(variances_, fitted.variance).array().pow(power / 2));
    }
    const auto error = [&](const Vector& scale) {
      return Error(Scaled(judged_, scale), output_ - scale.cwiseProduct(fitted.mean));
    };
    const Vector& best = *std::min_element(scales.begin(), scales.end(),
                                           [&](const Vector& a, const Vector& b) { return error(a) < error(b); });
    if (!(error(best) < least_)) return;
    Replacement repaired = best_;
    for (std::vector<Conv>& branch : repaired.branches) branch.back().weight.array().colwise() *= best.array();
    Take(WithBestBias(std::move(repaired), best.cwiseProduct(fitted.mean), Scaled(judged_, best)));
  }

  // S + p I and C + p W.
  Matrix CovarianceWith(double prior) const {
    Matrix covariance = fit_.seen.covariance;
    covariance.diagonal().array() += prior;
    return covariance;
  }
  Matrix CrossWith(double prior) const { return fit_.cross + prior * conv_.weight; }

  void Polish(double prior) {
    const Matrix covariance = CovarianceWith(prior), cross = CrossWith(prior);
    Replacement polished = best_;
    std::vector<Conv>& chain = polished.branches.front();
    const CpFactors factors = FactorsOf(chain);
    const int steps =
        StepsWithin(kPolishMultiplications, factors.inputs.rows(), cross.rows(), cross.cols(), kPolishSteps);
    SetFactors(PolishFactors({covariance, cross}, factors, steps, threads_), chain);
    const Matrix weight = Compose(polished).weight;
    Take(WithBestBias(std::move(polished), weight * fit_.seen.mean, Look(weight, held_out_, threads_)));
  }

  const Conv& conv_;
  int threads_;
  Joint fit_;
  Vector output_, variances_;  // mean and variances of the targets to fit to
  Joint held_out_;
  Vector held_out_output_;
  double held_out_variance_;
  Replacement best_;
  ChannelSums judged_;
  double least_ = 0;
  bool changed_ = false;
};

}  // namespace

bool RefitToDrift(const Conv& conv, DriftSums sums, int threads, Replacement& replacement) {
  bool changed = false;
  std::vector<Replacement> parts;
  for (int64_t g = 0; g < conv.groups; ++g) {
    parts.push_back(ExtractPart(replacement, g, conv.groups));
    const auto at = static_cast<size_t>(g);
    const Conv group = ExtractGroup(conv, g);
    // Covariances are big: sums do not outlive the moments that come from them.
    GroupRefit refit(group, std::exchange(sums.fit[at], {}), std::exchange(sums.held_out[at], {}), threads,
                     parts.back());
    refit.Run();
    parts.back() = refit.best();
    changed = changed || refit.changed();
  }
  if (changed) replacement = MergeGroups(parts);
  return changed;
}

}  // namespace cnnopt
