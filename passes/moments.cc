#include "passes/moments.h"

#include <cmath>

namespace cnnopt {

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

}  // namespace cnnopt
