#include "passes/refit_activation.h"

#include <utility>

#include "passes/descent.h"
#include "passes/last_stages.h"
#include "passes/least_squares.h"

namespace cnnopt {
namespace {

constexpr double kLinearWeight = 0.1;  // w
constexpr int kSteps = 30;
constexpr double kLeastGain = 1e-4;
constexpr double kRidge = 1e-4;  // of the features' covariance, times its mean diagonal

// n x Co: P F x + b + skip.
MatrixF Predict(const MatrixF& features, const MatrixF& last, const Vector& bias, const MatrixF& skip) {
  MatrixF predicted = features * last.transpose();
  predicted.rowwise() += bias.cast<float>().transpose();
  if (skip.size() > 0) predicted += skip;
  return predicted;
}

double ErrorThrough(const Activation& activation, const MatrixF& predicted, const MatrixF& target) {
  double error = 0;
  for (Eigen::Index i = 0; i < predicted.size(); ++i) {
    const double e = static_cast<double>(activation(predicted.data()[i]) - activation(target.data()[i]));
    error += e * e;
  }
  return error / static_cast<double>(predicted.rows());
}

// The objective as a function of P (in coordinates in which the features are uncorrelated) and b.
class Objective {
 public:
  Objective(const Activation& activation, const MatrixF& features, const DriftRows& rows)
      : activation_(activation), features_(features), rows_(rows) {}

  double operator()(const Vector& x, Vector& gradient) {
    const auto outputs = rows_.target.cols(), width = features_.cols();
    const MatrixF last = Eigen::Map<const Matrix>(x.data(), outputs, width).cast<float>();
    MatrixF pull = Predict(features_, last, x.tail(outputs), rows_.skip);
    const auto n = static_cast<double>(pull.rows());
    double value = 0;
    for (Eigen::Index i = 0; i < pull.size(); ++i) {
      const float predicted = pull.data()[i], target = rows_.target.data()[i];
      const float through = activation_(predicted) - activation_(target), linear = predicted - target;
      const auto weight = static_cast<float>(kLinearWeight);
      value += static_cast<double>(through * through + weight * linear * linear);
      pull.data()[i] = 2 * (through * activation_.Derivative(predicted) + weight * linear);
    }
    Eigen::Map<Matrix>(gradient.data(), outputs, width) = (pull.transpose() * features_).cast<double>() / n;
    gradient.tail(outputs) = pull.cast<double>().colwise().sum().transpose() / n;
    return value / n;
  }

 private:
  const Activation& activation_;
  const MatrixF& features_;
  const DriftRows& rows_;
};

}  // namespace

bool RefitThroughActivation(const Activation& activation, const DriftRows& fit, const DriftRows& held_out,
                            Replacement& replacement) {
  if (fit.patches.rows() == 0 || held_out.patches.rows() == 0) return false;
  const LastStages stages(replacement);
  const MatrixF seen = stages.Features(fit.patches), judged = stages.Features(held_out.patches);
  const Matrix last = stages.weight();
  Vector bias = replacement.branches.back().back().bias;
  if (bias.size() == 0) bias = Vector::Zero(last.rows());
  // With z = L^-1 (F x - mean), P F x + b = (P L) z + (b + P mean).
  const Vector mean = seen.colwise().mean().cast<double>().transpose();
  const MatrixF centred = seen.rowwise() - seen.colwise().mean();
  Matrix covariance = (centred.transpose() * centred).cast<double>() / static_cast<double>(seen.rows());
  covariance.diagonal().array() += kRidge * covariance.diagonal().mean();
  if (!(covariance.trace() > 0)) return false;
  const Matrix factor = CholeskyFactor(covariance);
  const MatrixF white =
      factor.triangularView<Eigen::Lower>().solve(centred.transpose().cast<double>()).transpose().cast<float>();

  const Eigen::Index size = last.size();
  Vector x(size + last.rows());
  const Matrix start = last * factor;
  x << Eigen::Map<const Vector>(start.data(), size), bias + last * mean;
  Objective objective(activation, white, fit);
  x = Descend([&](const Vector& at, Vector& gradient) { return objective(at, gradient); }, std::move(x), kSteps,
              kLeastGain);
  const Matrix moved = factor.triangularView<Eigen::Lower>().solve<Eigen::OnTheRight>(
      Matrix(Eigen::Map<const Matrix>(x.data(), last.rows(), last.cols())));
  const Vector moved_bias = x.tail(last.rows()) - moved * mean;

  const double before =
      ErrorThrough(activation, Predict(judged, last.cast<float>(), bias, held_out.skip), held_out.target);
  const double after =
      ErrorThrough(activation, Predict(judged, moved.cast<float>(), moved_bias, held_out.skip), held_out.target);
  if (!(after < before)) return false;
  Replacement better = stages.With(moved);
  better.branches.back().back().bias = moved_bias;
  replacement = std::move(better);
  return true;
}

}  // namespace cnnopt
