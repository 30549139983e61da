// The few solvers that all forms share. Numbers only: no ONNX types.
#ifndef CNNOPT_PASSES_LEAST_SQUARES_H_
#define CNNOPT_PASSES_LEAST_SQUARES_H_

#include "onnx_io/tensor.h"

namespace cnnopt {

// Eigenvalues and orthonormal eigenvectors (columns) of a symmetric matrix, largest value first. Each vector's sign
// is fixed (its largest element is positive), so that results do not depend on the library's choice.
struct SymmetricEigen {
  Vector values;
  Matrix vectors;
};
SymmetricEigen DecomposeSymmetric(const Matrix& symmetric);

// S^(1/2) and S^(-1/2) of a symmetric positive semidefinite matrix. Eigenvalues below `floor` times the largest are
// raised to that, so that the inverse exists.
struct SquareRoots {
  Matrix root, inverse_root;
};
SquareRoots SymmetricRoots(const Matrix& symmetric, double floor);

// X = B A^-1 for a symmetric positive definite A, by Cholesky. When A is singular to rounding, the smallest multiple
// of its mean diagonal (from 1e-14, in steps of 100) that makes it definite is added. A zero A gives zero.
Matrix SolveRight(const Matrix& b, const Matrix& a);

// The lower triangular L with L L^T = A, under the same terms; of a zero A the identity. The factor of a leading block
// of A is the leading block of L.
Matrix CholeskyFactor(const Matrix& a);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_LEAST_SQUARES_H_
