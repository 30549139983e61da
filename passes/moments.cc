#include "passes/moments.h"

#include <cmath>

#include "Eigen/QR"

namespace cnnopt {
namespace {

// Directions of a Kronecker factor below this share of its largest are not whitened further.
constexpr double kKroneckerFloor = 1e-6;

}  // namespace

Moments Shrink(const Moments& moments, double strength) {
  if (moments.identity()) return moments;
  Moments shrunk = moments;
  const auto size = static_cast<double>(moments.covariance.rows());
  const double variance = moments.covariance.trace() / size;
  if (!std::isfinite(variance) || variance <= 0) {
    shrunk.covariance.setIdentity();
    return shrunk;
  }
  shrunk.covariance *= 1 - strength;
  shrunk.covariance.diagonal().array() += strength * variance;
  shrunk.shrinkage = strength;
  return shrunk;
}

double OracleShrinkage(const Moments& moments) {
  if (moments.identity()) return 0;
  const auto size = static_cast<double>(moments.covariance.rows()), count = static_cast<double>(moments.samples);
  const double square = moments.covariance.squaredNorm(), trace = moments.covariance.trace();
  const double uneven = square - trace * trace / size;  // 0: a multiple of the identity
  const double wanted = (1 - 2 / size) * square + trace * trace;
  const double known = (count + 1 - 2 / size) * uneven;
  return known > wanted ? wanted / known : 1;
}

double WeightedSquaredNorm(const Matrix& matrix, const Moments& moments) {
  if (moments.identity()) return matrix.squaredNorm();
  return (matrix * moments.covariance).cwiseProduct(matrix).sum();
}

PrincipalOutputs DecomposeOutputs(const Matrix& weight, const Moments& moments) {
  const auto decompose = [&moments](const Matrix& matrix) {
    const Matrix gram = moments.identity() ? Matrix(matrix * matrix.transpose())
                                           : Matrix((matrix * moments.covariance) * matrix.transpose());
    return DecomposeSymmetric(gram);
  };
  PrincipalOutputs outputs;
  if (weight.rows() <= weight.cols()) {
    const SymmetricEigen eigen = decompose(weight);
    outputs = {eigen.values.cwiseMax(0), eigen.vectors, eigen.vectors.transpose() * weight};
    return outputs;
  }
  // More outputs than inputs: W = Q R, and the small R has the same values.
  const Eigen::Index n = weight.cols();
  const Eigen::HouseholderQR<Matrix> qr(weight);
  const Matrix upper = qr.matrixQR().topRows(n).triangularView<Eigen::Upper>();
  const SymmetricEigen eigen = decompose(upper);
  outputs = {eigen.values.cwiseMax(0), Matrix::Zero(weight.rows(), n), eigen.vectors.transpose() * upper};
  outputs.directions.topRows(n) = eigen.vectors;
  outputs.directions.applyOnTheLeft(qr.householderQ());
  return outputs;
}

KroneckerFactors SplitCovariance(const Matrix& covariance, int64_t channels, int64_t taps) {
  KroneckerFactors factors{Matrix::Zero(channels, channels), Matrix::Zero(taps, taps)};
  for (int64_t i = 0; i < channels; ++i) {
    factors.taps += covariance.block(i * taps, i * taps, taps, taps);
    for (int64_t j = 0; j < channels; ++j) {
      factors.channels(i, j) = covariance.block(i * taps, j * taps, taps, taps).trace() / static_cast<double>(taps);
    }
  }
  const double trace = factors.channels.trace();
  if (trace > 0) factors.taps /= trace;
  return factors;
}

KroneckerRoots FactorCovariance(const Matrix& covariance, int64_t channels, int64_t taps) {
  const KroneckerFactors factors = SplitCovariance(covariance, channels, taps);
  return {SymmetricRoots(factors.channels, kKroneckerFloor), SymmetricRoots(factors.taps, kKroneckerFloor)};
}

}  // namespace cnnopt
