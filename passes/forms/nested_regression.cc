#include "passes/forms/nested_regression.h"

#include <algorithm>

namespace cnnopt {
namespace {

// Filters that carry less than this share of the first one's variance are rounding noise.
constexpr double kNoise = 1e-14;

// (filters x I_T) matrix: R T x columns, for a matrix of N T rows.
Matrix Filter(const Matrix& filters, const Matrix& matrix) {
  const Eigen::Index taps = matrix.rows() / filters.cols();
  Matrix filtered(filters.rows() * taps, matrix.cols());
  const Eigen::Map<const Matrix> by_row(matrix.data(), filters.cols(), taps * matrix.cols());
  Eigen::Map<Matrix>(filtered.data(), filters.rows(), taps * matrix.cols()).noalias() = filters * by_row;
  return filtered;
}

}  // namespace

Matrix PrincipalFilters(const Matrix& weight, const Moments& moments, int64_t rows, int64_t count) {
  const int64_t taps = weight.cols() / rows;
  Moments seen;
  Matrix tap_root = Matrix::Identity(taps, taps);
  if (!moments.identity()) {
    KroneckerFactors factors = SplitCovariance(moments.covariance, rows, taps);
    seen.covariance = std::move(factors.channels);
    tap_root = SymmetricRoots(factors.taps, 0).root;
  }
  Matrix folded(weight.rows() * taps, rows);
  for (Eigen::Index o = 0; o < weight.rows(); ++o) {
    const Vector kernel = weight.row(o);
    folded.middleRows(o * taps, taps) = tap_root * Eigen::Map<const Matrix>(kernel.data(), rows, taps).transpose();
  }
  const PrincipalOutputs outputs = DecomposeOutputs(folded, seen);
  Matrix filters = outputs.features.topRows(std::min<Eigen::Index>(count, outputs.features.rows()));
  for (Eigen::Index r = 0; r < filters.rows(); ++r) {
    if (outputs.values[r] > kNoise * outputs.values[0]) {
      filters.row(r).normalize();
    } else {
      filters.row(r).setZero();
    }
  }
  return filters;
}

NestedRegression::NestedRegression(const Matrix& weight, const Moments& moments, const Matrix& filters)
    : taps_(weight.cols() / filters.cols()) {
  if (moments.identity()) {
    coordinates_ = Filter(filters, weight.transpose()).transpose();
    return;
  }
  const Matrix seen = Filter(filters, moments.covariance);      // F S
  factor_ = CholeskyFactor(Filter(filters, seen.transpose()));  // of F S F^T
  Matrix target = seen * weight.transpose();                    // F S W^T
  factor_.triangularView<Eigen::Lower>().solveInPlace(target);
  coordinates_ = target.transpose();
}

Matrix NestedRegression::Weights(const Matrix& coordinates) const {
  if (factor_.size() == 0) return coordinates;
  const Eigen::Index features = coordinates.cols();
  return factor_.topLeftCorner(features, features).triangularView<Eigen::Lower>().solve<Eigen::OnTheRight>(coordinates);
}

}  // namespace cnnopt
