#include "passes/forms/cp_factors.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "passes/descent.h"
#include "passes/least_squares.h"
#include "passes/matrix_product.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

constexpr double kLeastSweepGain = 1e-4;  // a sweep that improves the error by less (relatively) is the last
constexpr double kLeastStepGain = 3e-6;   // the same for a step of the descent
constexpr double kFewestSteps = 5;
constexpr double kRidge = 1e-5;  // of R x R solves, times the mean diagonal: keeps components from diverging

// (G + ridge)^-1 M for a Gram matrix G.
Matrix SolveGram(const MatrixF& m, const Matrix& gram) {
  Matrix regular = gram;
  regular.diagonal().array() += kRidge * std::max(gram.diagonal().mean(), 1e-300);
  return SolveRight(m.transpose().cast<double>(), regular).transpose();
}

// The kernel with row t * Co + o holding W[o, :, t]: one product with the inputs then serves all taps.
MatrixF StackTaps(const Matrix& weight, int64_t channels) {
  const auto outputs = weight.rows(), taps = weight.cols() / channels;
  MatrixF stacked(taps * outputs, channels);
  for (Eigen::Index t = 0; t < taps; ++t) {
    for (Eigen::Index o = 0; o < outputs; ++o) {
      for (Eigen::Index i = 0; i < channels; ++i) {
        stacked(t * outputs + o, i) = static_cast<float>(weight(o, i * taps + t));
      }
    }
  }
  return stacked;
}

// Spreads the size of each component evenly over its three vectors.
void Balance(CpFactors& factors) {
  for (Eigen::Index r = 0; r < factors.inputs.rows(); ++r) {
    const double p = factors.outputs.col(r).norm(), d = factors.taps.row(r).norm(), q = factors.inputs.row(r).norm();
    const double size = std::cbrt(p * d * q);
    if (!(size > 0) || !std::isfinite(size)) continue;
    factors.outputs.col(r) *= size / p;
    factors.taps.row(r) *= size / d;
    factors.inputs.row(r) *= size / q;
  }
}

// Inputs and taps of length 1, so that the features' Gram matrix is well scaled.
void Normalise(CpFactors& factors) {
  for (Eigen::Index r = 0; r < factors.inputs.rows(); ++r) {
    factors.inputs.row(r) /= std::max(factors.inputs.row(r).norm(), 1e-300);
    factors.taps.row(r) /= std::max(factors.taps.row(r).norm(), 1e-300);
  }
}

CpFactors RandomStart(int64_t outputs, int64_t taps, int64_t inputs, int64_t rank) {
  std::mt19937_64 random(static_cast<uint64_t>(rank));
  const auto fill = [&random](int64_t rows, int64_t cols) {
    // Uniform in (-1, 1), from the generator's own bits: the same everywhere.
    return Matrix(
        Matrix::NullaryExpr(rows, cols, [&random] { return static_cast<double>(random() >> 11) * 0x1p-52 - 1; }));
  };
  CpFactors factors;
  factors.outputs = fill(outputs, rank);
  factors.taps = fill(rank, taps);
  factors.inputs = fill(rank, inputs);
  return factors;
}

// The features as float.
MatrixF FeaturesF(const Matrix& inputs, const Matrix& taps) {
  const auto count = taps.cols();
  MatrixF features(inputs.rows(), inputs.cols() * count);
  for (Eigen::Index r = 0; r < inputs.rows(); ++r) {
    for (Eigen::Index i = 0; i < inputs.cols(); ++i) {
      for (Eigen::Index t = 0; t < count; ++t) {
        features(r, i * count + t) = static_cast<float>(inputs(r, i) * taps(r, t));
      }
    }
  }
  return features;
}

// E|y - V x|^2 less its constant part, for the best outputs, as a function of inputs and taps (in this order, row by
// row). The big products are in float: the descent needs no more, and the outputs are solved for in double at the end.
class Projection {
 public:
  Projection(const PatchTarget& target, const CpFactors& shape, int threads)
      : threads_(threads),
        covariance_(target.covariance.cast<float>()),
        cross_(target.cross.cast<float>()),
        inputs_(shape.inputs),
        taps_(shape.taps) {}

  Vector Pack(const CpFactors& factors) const {
    Vector x(factors.inputs.size() + factors.taps.size());
    x << Eigen::Map<const Vector>(factors.inputs.data(), factors.inputs.size()),
        Eigen::Map<const Vector>(factors.taps.data(), factors.taps.size());
    return x;
  }
  void Unpack(const Vector& x, CpFactors& factors) const {
    factors.inputs = Eigen::Map<const Matrix>(x.data(), inputs_.rows(), inputs_.cols());
    factors.taps = Eigen::Map<const Matrix>(x.data() + inputs_.size(), taps_.rows(), taps_.cols());
  }

  double operator()(const Vector& x, Vector& gradient) {
    inputs_ = Eigen::Map<const Matrix>(x.data(), inputs_.rows(), inputs_.cols());
    taps_ = Eigen::Map<const Matrix>(x.data() + inputs_.size(), taps_.rows(), taps_.cols());
    const MatrixF features = FeaturesF(inputs_, taps_);
    const MatrixF seen = covariance_.size() == 0 ? features : Product(features, covariance_, threads_);
    MatrixF gram, target;  // F S F^T and F C^T
    ParallelFor(2, threads_, [&](int64_t which) {
      if (which == 0) gram.noalias() = seen * features.transpose();
      if (which == 1) target.noalias() = features * cross_.transpose();
    });
    const Matrix outputs = SolveGram(target, gram.cast<double>());  // P^T: R x Co
    const MatrixF last = outputs.cast<float>();
    MatrixF pull(features.rows(), features.cols());  // half the gradient by the features
    ParallelRanges(
        pull.cols(), ProductPanel(pull.rows(), last.cols(), pull.cols()), threads_, [&](int64_t begin, int64_t width) {
          const MatrixF off = last.transpose() * seen.middleCols(begin, width) - cross_.middleCols(begin, width);
          pull.middleCols(begin, width).noalias() = last * off;
        });
    FoldGradient(pull, gradient);
    return -outputs.cwiseProduct(target.cast<double>()).sum();
  }

 private:
  void FoldGradient(const MatrixF& pull, Vector& gradient) const {
    const auto count = taps_.cols();
    Eigen::Map<Matrix> by_inputs(gradient.data(), inputs_.rows(), inputs_.cols());
    Eigen::Map<Matrix> by_taps(gradient.data() + inputs_.size(), taps_.rows(), taps_.cols());
    by_taps.setZero();
    for (Eigen::Index r = 0; r < inputs_.rows(); ++r) {
      for (Eigen::Index i = 0; i < inputs_.cols(); ++i) {
        double sum = 0;
        for (Eigen::Index t = 0; t < count; ++t) {
          const double g = 2.0 * static_cast<double>(pull(r, i * count + t));
          sum += g * taps_(r, t);
          by_taps(r, t) += g * inputs_(r, i);
        }
        by_inputs(r, i) = sum;
      }
    }
  }

  int threads_;
  MatrixF covariance_, cross_;
  Matrix inputs_, taps_;
};

// Inputs and taps downhill. Returns the least value of the projected objective that was seen.
double Walk(const PatchTarget& target, CpFactors& factors, int steps, int threads) {
  Normalise(factors);
  Projection projection(target, factors, threads);
  double least = 0;
  const auto objective = [&](const Vector& x, Vector& gradient) {
    const double value = projection(x, gradient);
    least = std::min(least, value);
    return value;
  };
  const Vector best = Descend(objective, projection.Pack(factors), steps, kLeastStepGain);
  projection.Unpack(best, factors);
  Normalise(factors);
  return least;
}

}  // namespace

Matrix CpFeatures(const CpFactors& factors) {
  const auto taps = factors.taps.cols();
  Matrix features(factors.inputs.rows(), factors.inputs.cols() * taps);
  for (Eigen::Index r = 0; r < features.rows(); ++r) {
    for (Eigen::Index i = 0; i < factors.inputs.cols(); ++i) {
      features.row(r).segment(i * taps, taps) = factors.inputs(r, i) * factors.taps.row(r);
    }
  }
  return features;
}

CpFactors DecomposeKernel(const Matrix& weight, int64_t channels, int64_t rank, int sweeps) {
  const MatrixF stacked = StackTaps(weight, channels);
  const auto outputs = weight.rows(), taps = weight.cols() / channels;
  CpFactors factors = RandomStart(outputs, taps, channels, rank);
  const double whole = stacked.cast<double>().squaredNorm();
  double last = whole;
  for (int sweep = 0; sweep < sweeps && whole > 0; ++sweep) {
    const MatrixF seen = stacked * factors.inputs.cast<float>().transpose();  // K Co x R
    const Matrix input_gram = factors.inputs * factors.inputs.transpose();
    // Taps.
    MatrixF target(rank, taps);
    const MatrixF p = factors.outputs.cast<float>();
    for (Eigen::Index t = 0; t < taps; ++t)
      target.col(t) = seen.middleRows(t * outputs, outputs).cwiseProduct(p).colwise().sum().transpose();
    factors.taps = SolveGram(target, (factors.outputs.transpose() * factors.outputs).cwiseProduct(input_gram));
    // Outputs.
    const MatrixF d = factors.taps.cast<float>();
    target = MatrixF::Zero(outputs, rank);
    for (Eigen::Index t = 0; t < taps; ++t) target += seen.middleRows(t * outputs, outputs) * d.col(t).asDiagonal();
    const Matrix tap_gram = factors.taps * factors.taps.transpose();
    factors.outputs = SolveGram(target.transpose(), tap_gram.cwiseProduct(input_gram)).transpose();
    // Inputs.
    MatrixF spread(taps * outputs, rank);
    const MatrixF fresh = factors.outputs.cast<float>();
    for (Eigen::Index t = 0; t < taps; ++t) spread.middleRows(t * outputs, outputs) = fresh * d.col(t).asDiagonal();
    target = spread.transpose() * stacked;
    const Matrix gram = tap_gram.cwiseProduct(factors.outputs.transpose() * factors.outputs);
    factors.inputs = SolveGram(target, gram);
    const double error = whole - 2 * target.cast<double>().cwiseProduct(factors.inputs).sum() +
                         gram.cwiseProduct(factors.inputs * factors.inputs.transpose()).sum();
    Balance(factors);
    if (last - error < kLeastSweepGain * last) break;
    last = error;
  }
  return factors;
}

Matrix BestOutputs(const PatchTarget& target, const CpFactors& factors, int threads) {
  const Matrix features = CpFeatures(factors);
  const Matrix seen = target.covariance.size() == 0 ? features : Product(features, target.covariance, threads);
  return SolveRight(target.cross * features.transpose(), seen * features.transpose());
}

int StepsWithin(double multiplications, int64_t rank, int64_t outputs, int64_t elements, int most) {
  const double step = static_cast<double>(rank) * static_cast<double>(elements) *
                      (static_cast<double>(elements) + 2 * static_cast<double>(outputs));
  return static_cast<int>(std::clamp(multiplications / step, kFewestSteps, static_cast<double>(most)));
}

CpFactors PolishFactors(const PatchTarget& target, CpFactors factors, int steps, int threads) {
  Walk(target, factors, steps, threads);
  factors.outputs = BestOutputs(target, factors, threads);
  return factors;
}

double ExplainedByPolished(const PatchTarget& target, CpFactors factors, int steps) {
  return -Walk(target, factors, steps, 1);
}

bool IsCpChain(const std::vector<Conv>& branch) {
  return branch.size() == 3 && branch[0].pointwise() && branch[0].groups == 1 && branch[1].depthwise() &&
         branch[1].out_channels == branch[1].in_channels && branch[2].pointwise() && branch[2].groups == 1;
}

CpFactors FactorsOf(const std::vector<Conv>& branch) { return {branch[0].weight, branch[1].weight, branch[2].weight}; }

void SetFactors(const CpFactors& factors, std::vector<Conv>& branch) {
  branch[0].weight = factors.inputs;
  branch[1].weight = factors.taps;
  branch[2].weight = factors.outputs;
}

}  // namespace cnnopt
