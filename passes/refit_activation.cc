#include "passes/refit_activation.h"

#include <utility>
#include <vector>

#include "passes/descent.h"
#include "passes/last_stages.h"
#include "passes/least_squares.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

constexpr double kLinearWeight = 0.1;  // w
constexpr int kSteps = 30;
constexpr double kLeastGain = 1e-4;
constexpr double kRidge = 1e-4;  // of the features' covariance, times its mean diagonal
// Rows are worked on in so many pieces, on as many threads as there are: the sums come out the same.
constexpr int64_t kPieces = 8;
int64_t PieceOf(int64_t rows) { return (rows + kPieces - 1) / kPieces; }

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
  Objective(const Activation& activation, const MatrixF& features, const DriftRows& rows, int threads)
      : activation_(activation), features_(features), rows_(rows), threads_(threads) {}

  double operator()(const Vector& x, Vector& gradient) {
    const auto outputs = rows_.target.cols(), width = features_.cols();
    const MatrixF last = Eigen::Map<const Matrix>(x.data(), outputs, width).cast<float>();
    const Vector bias = x.tail(outputs);
    std::vector<Sums> pieces(kPieces);
    const int64_t most = PieceOf(features_.rows());
    ParallelRanges(features_.rows(), most, threads_, [&](int64_t begin, int64_t rows) {
      pieces[static_cast<size_t>(begin / most)] = Look(last, bias, begin, rows);
    });
    Sums sums{0, Matrix::Zero(outputs, width), Vector::Zero(outputs)};
    for (const Sums& piece : pieces) {
      if (piece.bias.size() == 0) continue;
      sums.value += piece.value;
      sums.last += piece.last;
      sums.bias += piece.bias;
    }
    const auto n = static_cast<double>(features_.rows());
    Eigen::Map<Matrix>(gradient.data(), outputs, width) = sums.last / n;
    gradient.tail(outputs) = sums.bias / n;
    return sums.value / n;
  }

 private:
  // The value, and its derivative by P and by b, over some rows.
  struct Sums {
    double value = 0;
    Matrix last;
    Vector bias;
  };
  Sums Look(const MatrixF& last, const Vector& bias, Eigen::Index begin, Eigen::Index rows) const {
    const auto features = features_.middleRows(begin, rows);
    MatrixF pull = features * last.transpose();
    pull.rowwise() += bias.cast<float>().transpose();
    if (rows_.skip.size() > 0) pull += rows_.skip.middleRows(begin, rows);
    const float* const targets = rows_.target.data() + begin * rows_.target.cols();
    double value = 0;
    for (Eigen::Index i = 0; i < pull.size(); ++i) {
      const float predicted = pull.data()[i], target = targets[i];
      const float through = activation_(predicted) - activation_(target), linear = predicted - target;
      const auto weight = static_cast<float>(kLinearWeight);
      value += static_cast<double>(through * through + weight * linear * linear);
      pull.data()[i] = 2 * (through * activation_.Derivative(predicted) + weight * linear);
    }
    return {value, MatrixF(pull.transpose() * features).cast<double>(), pull.cast<double>().colwise().sum()};
  }

  const Activation& activation_;
  const MatrixF& features_;
  const DriftRows& rows_;
  int threads_;
};

MatrixF FeaturesOf(const LastStages& stages, const MatrixF& patches, int threads) {
  MatrixF features(patches.rows(), stages.weight().cols());
  ParallelRanges(patches.rows(), PieceOf(patches.rows()), threads, [&](int64_t begin, int64_t rows) {
    features.middleRows(begin, rows) = stages.Features(patches.middleRows(begin, rows));
  });
  return features;
}

}  // namespace

bool RefitThroughActivation(const Activation& activation, const DriftRows& fit, const DriftRows& held_out, int threads,
                            Replacement& replacement) {
  if (fit.patches.rows() == 0 || held_out.patches.rows() == 0) return false;
  const LastStages stages(replacement);
  const MatrixF seen = FeaturesOf(stages, fit.patches, threads), judged = FeaturesOf(stages, held_out.patches, threads);
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
  MatrixF white(centred.rows(), centred.cols());
  ParallelRanges(centred.rows(), PieceOf(centred.rows()), threads, [&](int64_t begin, int64_t rows) {
    const Matrix columns = centred.middleRows(begin, rows).transpose().cast<double>();
    white.middleRows(begin, rows) = factor.triangularView<Eigen::Lower>().solve(columns).transpose().cast<float>();
  });

  const Eigen::Index size = last.size();
  Vector x(size + last.rows());
  const Matrix start = last * factor;
  x << Eigen::Map<const Vector>(start.data(), size), bias + last * mean;
  Objective objective(activation, white, fit, threads);
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
