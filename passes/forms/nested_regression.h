// The best last stage for every number of features at once.
#ifndef CNNOPT_PASSES_FORMS_NESTED_REGRESSION_H_
#define CNNOPT_PASSES_FORMS_NESTED_REGRESSION_H_

#include <cstdint>

#include "passes/moments.h"

namespace cnnopt {

// A patch of D = N T numbers is seen as N rows of T taps each (N: channels, or channels and taps of one axis). A first
// stage of R filters over the rows gives R T features, and a last stage reads those. Rows of the result: the filters
// that carry most of W first, of unit length, in the norm of the Kronecker split of the moments over N and T. At most
// `count` of them, and no more than min(N, Co T).
Matrix PrincipalFilters(const Matrix& weight, const Moments& moments, int64_t rows, int64_t count);

// Regression of the outputs W x (Co x D) on the features of the first R of some filters, R = 1, 2, ...: the exact
// optimum under the moments. One Cholesky factor serves every R, since features are ordered filter by filter; what is
// explained never falls with R.
class NestedRegression {
 public:
  // `filters` are R x N; their rows must be orthonormal for identity moments, for which no matrix of D x D is made.
  NestedRegression(const Matrix& weight, const Moments& moments, const Matrix& filters);

  // Co x (count T): the regression on the features of the first `count` filters in coordinates in which these are
  // uncorrelated and of variance 1. Its squared norm is the part of E|Wx|^2 that they explain.
  Matrix Coordinates(int64_t count) const { return coordinates_.leftCols(count * taps_); }
  // (rows of `coordinates`) x (count T), column f * T + t for tap t of filter f: the last stage with these coordinates.
  Matrix Weights(const Matrix& coordinates) const;

 private:
  int64_t taps_;
  Matrix factor_;  // L of the features' covariance L L^T; empty: identity
  Matrix coordinates_;
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORMS_NESTED_REGRESSION_H_
