#include "passes/refit.h"

#include <optional>
#include <utility>

#include "passes/least_squares.h"

namespace cnnopt {
namespace {

// Strengths of the prior that are tried, as shares of the patches' mean variance.
constexpr double kPriors[] = {1e-3, 1e-2, 1e-1};

// A replacement as y = P F x + b. Without rows, F is the identity.
struct Factored {
  Matrix last;      // P
  Matrix features;  // F
  Vector bias;

  Matrix TimesFeatures(const Matrix& m) const {  // m F^T
    return features.size() == 0 ? m : Matrix(m * features.transpose());
  }
};

bool LastStagesAreDense(const Replacement& replacement) {
  for (const std::vector<Conv>& branch : replacement.branches) {
    if (branch.back().groups != 1) return false;
  }
  return true;
}

// What the last stage of a branch sees of a patch: one row per input channel and tap of that stage.
Matrix BranchFeatures(const std::vector<Conv>& branch) {
  Conv select = branch.back();
  select.out_channels = select.in_channels * select.taps();
  select.weight = Matrix::Identity(select.out_channels, select.out_channels);
  select.bias = Vector();
  std::vector<Conv> chain(branch.begin(), branch.end() - 1);
  chain.push_back(std::move(select));
  return Compose({{std::move(chain)}}).weight;
}

Factored Factor(const Replacement& replacement, bool dense) {
  Factored factored;
  const Conv& tail = replacement.branches.back().back();
  factored.bias = tail.bias.size() > 0 ? tail.bias : Vector(Vector::Zero(tail.out_channels));
  if (!dense || (replacement.branches.size() == 1 && replacement.branches.front().size() == 1)) {
    factored.last = Compose(replacement).weight;
    return factored;
  }
  Eigen::Index rows = 0;
  std::vector<Matrix> features;
  for (const std::vector<Conv>& branch : replacement.branches) {
    features.push_back(BranchFeatures(branch));
    rows += features.back().rows();
  }
  factored.last.resize(tail.out_channels, rows);
  factored.features.resize(rows, features.front().cols());
  Eigen::Index at = 0;
  for (size_t b = 0; b < features.size(); ++b) {
    factored.last.middleCols(at, features[b].rows()) = replacement.branches[b].back().weight;
    factored.features.middleRows(at, features[b].rows()) = features[b];
    at += features[b].rows();
  }
  return factored;
}

void Install(const Factored& factored, bool weights, Replacement& replacement) {
  Eigen::Index at = 0;
  for (std::vector<Conv>& branch : replacement.branches) {
    Conv& last = branch.back();
    if (weights) last.weight = factored.last.middleCols(at, last.weight.cols());
    at += last.weight.cols();
    last.bias = Vector();
  }
  replacement.branches.back().back().bias = factored.bias;
}

// One set of sums, seen through the features.
struct Problem {
  Matrix gram;          // F S F^T
  Matrix target;        // C F^T
  Vector patch;         // F E x
  Vector output;        // E y
  double variance = 0;  // of y

  Problem(const MomentSums& sums, const Moments& moments, const Factored& factored) {
    gram = factored.features.size() == 0 ? moments.covariance
                                         : Matrix(factored.features * factored.TimesFeatures(moments.covariance));
    target = factored.TimesFeatures(sums.Cross());
    patch = factored.features.size() == 0 ? moments.mean : Vector(factored.features * moments.mean);
    output = sums.TargetMean();
    variance = sums.TargetVariance();
  }
  // E|y - (P F x + b)|^2
  double Error(const Matrix& last, const Vector& bias) const {
    return variance - 2 * last.cwiseProduct(target).sum() + (last * gram).cwiseProduct(last).sum() +
           (output - last * patch - bias).squaredNorm();
  }
};

// One group. Nullopt when nothing beats what is there.
std::optional<Factored> RefitGroup(const Conv& conv, const MomentSums& fit_sums, const MomentSums& held_out_sums,
                                   const Factored& old, bool dense) {
  const Moments seen = fit_sums.OfPatches();
  const Problem fit(fit_sums, seen, old);
  const Problem judge(held_out_sums, held_out_sums.OfPatches(), old);
  const double variance = seen.covariance.trace() / static_cast<double>(seen.covariance.rows());
  double least = judge.Error(old.last, old.bias);
  std::optional<Factored> best;
  const auto consider = [&](Matrix last) {
    Vector bias = fit.output - last * fit.patch;
    const double error = judge.Error(last, bias);
    if (!(error < least)) return;
    least = error;
    best = Factored{std::move(last), old.features, std::move(bias)};
  };
  consider(old.last);  // a better bias alone
  if (!dense || !(variance > 0)) return best;
  const Matrix white = old.features.size() == 0
                           ? Matrix(Matrix::Identity(seen.covariance.rows(), seen.covariance.rows()))
                           : Matrix(old.features * old.features.transpose());
  const Matrix original = old.TimesFeatures(conv.weight);
  for (const double share : kPriors) {
    consider(SolveRight(fit.target + share * variance * original, fit.gram + share * variance * white));
  }
  return best;
}

}  // namespace

bool RefitLastStage(const Conv& conv, const DriftSums& sums, Replacement& replacement) {
  bool changed = false;
  std::vector<Replacement> parts;
  for (int64_t g = 0; g < conv.groups; ++g) {
    Replacement part = ExtractPart(replacement, g, conv.groups);
    const bool dense = LastStagesAreDense(part);
    const auto at = static_cast<size_t>(g);
    const Factored old = Factor(part, dense);
    const std::optional<Factored> better =
        RefitGroup(ExtractGroup(conv, g), sums.fit[at], sums.held_out[at], old, dense);
    Install(better.value_or(old), dense, part);
    changed = changed || better.has_value();
    parts.push_back(std::move(part));
  }
  if (changed) replacement = MergeGroups(parts);
  return changed;
}

}  // namespace cnnopt
