#include "passes/moments.h"

#include <cmath>

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
  return shrunk;
}

double WeightedSquaredNorm(const Matrix& matrix, const Moments& moments) {
  if (moments.identity()) return matrix.squaredNorm();
  return (matrix * moments.covariance).cwiseProduct(matrix).sum();
}

KroneckerRoots FactorCovariance(const Matrix& covariance, int64_t channels, int64_t taps) {
  Matrix over_channels = Matrix::Zero(channels, channels);
  Matrix over_taps = Matrix::Zero(taps, taps);
  for (int64_t i = 0; i < channels; ++i) {
    over_taps += covariance.block(i * taps, i * taps, taps, taps);
    for (int64_t j = 0; j < channels; ++j) {
      over_channels(i, j) = covariance.block(i * taps, j * taps, taps, taps).trace() / static_cast<double>(taps);
    }
  }
  const double trace = over_channels.trace();
  if (trace > 0) over_taps /= trace;
  return {SymmetricRoots(over_channels, kKroneckerFloor), SymmetricRoots(over_taps, kKroneckerFloor)};
}

}  // namespace cnnopt
