#include "passes/least_squares.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "Eigen/Cholesky"
#include "Eigen/Eigenvalues"

// LAPACK by its Fortran symbol: the divide and conquer solver, which Eigen's own LAPACK bindings do not offer.
extern "C" void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
                        double* work, const int* lwork, int* iwork, const int* liwork, int* info);

namespace cnnopt {
namespace {

// Below this size Eigen's own QR solver is as fast and needs no workspace.
constexpr Eigen::Index kSmall = 32;

void FixSigns(Matrix& vectors) {
  for (Eigen::Index j = 0; j < vectors.cols(); ++j) {
    Eigen::Index largest = 0;
    vectors.col(j).cwiseAbs().maxCoeff(&largest);
    if (vectors(largest, j) < 0) vectors.col(j) *= -1;
  }
}

// Ascending eigenvalues, as both libraries give them; vectors in the columns.
void Decompose(const Matrix& symmetric, Vector& values, Matrix& vectors) {
  const auto n = static_cast<int>(symmetric.rows());
  if (n > kSmall) {
    values.resize(n);
    Matrix factor = symmetric;  // row-major and symmetric: LAPACK sees the same matrix
    int info = 0, work_size = -1, integer_size = -1, integer_query = 0;
    double query = 0;
    dsyevd_("V", "L", &n, factor.data(), &n, values.data(), &query, &work_size, &integer_query, &integer_size, &info);
    work_size = static_cast<int>(query);
    integer_size = integer_query;
    std::vector<double> work(static_cast<size_t>(work_size));
    std::vector<int> integers(static_cast<size_t>(integer_size));
    dsyevd_("V", "L", &n, factor.data(), &n, values.data(), work.data(), &work_size, integers.data(), &integer_size,
            &info);
    if (info == 0) {
      vectors = factor.transpose();  // column-major vectors are the rows of our row-major view
      return;
    }
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(symmetric);
  values = solver.eigenvalues();
  vectors = solver.eigenvectors();
}

double MeanDiagonal(const Matrix& a) { return a.diagonal().cwiseAbs().mean(); }

// Adds the smallest multiple of the mean diagonal that makes `a` definite.
Eigen::LLT<Matrix> Cholesky(const Matrix& a) {
  const double scale = MeanDiagonal(a);
  Eigen::LLT<Matrix> cholesky(a);
  for (double ridge = 1e-14; cholesky.info() != Eigen::Success; ridge *= 100) {
    Matrix regular = a;
    regular.diagonal().array() += ridge * scale;
    cholesky.compute(regular);
    if (ridge > 1) break;  // not symmetric, or not finite: nothing helps
  }
  return cholesky;
}

}  // namespace

SymmetricEigen DecomposeSymmetric(const Matrix& symmetric) {
  SymmetricEigen result;
  if (symmetric.rows() == 0) return result;
  Vector values;
  Matrix vectors;
  Decompose(symmetric, values, vectors);
  result.values = values.reverse();
  result.vectors = vectors.rowwise().reverse();
  FixSigns(result.vectors);
  return result;
}

SquareRoots SymmetricRoots(const Matrix& symmetric, double floor) {
  const SymmetricEigen eigen = DecomposeSymmetric(symmetric);
  const double least = std::max(floor * eigen.values.maxCoeff(), 1e-300);
  const Vector root = eigen.values.cwiseMax(least).cwiseSqrt();
  return {eigen.vectors * root.asDiagonal() * eigen.vectors.transpose(),
          eigen.vectors * root.cwiseInverse().asDiagonal() * eigen.vectors.transpose()};
}

Matrix SolveRight(const Matrix& b, const Matrix& a) {
  if (!(MeanDiagonal(a) > 0)) return Matrix::Zero(b.rows(), b.cols());  // nothing can be seen: nothing is wanted
  return Cholesky(a).solve(b.transpose()).transpose();
}

Matrix CholeskyFactor(const Matrix& a) {
  if (!(MeanDiagonal(a) > 0)) return Matrix::Identity(a.rows(), a.cols());
  return Cholesky(a).matrixL();
}

}  // namespace cnnopt
