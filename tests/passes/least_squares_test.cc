#include "passes/least_squares.h"

#include <random>

#include "gtest/gtest.h"
#include "passes/moments.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RelativeDistance;

// Both solvers: below and above the size at which LAPACK takes over.
TEST(LeastSquaresTest, DecomposesSymmetricMatrices) {
  std::mt19937 random(1);
  for (const int64_t size : {1, 5, 31, 33, 200}) {
    const Matrix half = RandomMatrix(random, size, size);
    const Matrix symmetric = half + half.transpose();
    const SymmetricEigen eigen = DecomposeSymmetric(symmetric);
    EXPECT_LT(RelativeDistance(eigen.vectors * eigen.values.asDiagonal() * eigen.vectors.transpose(), symmetric),
              1e-12);
    EXPECT_LT(RelativeDistance(eigen.vectors.transpose() * eigen.vectors, Matrix(Matrix::Identity(size, size))), 1e-12);
    for (Eigen::Index i = 1; i < size; ++i) EXPECT_GE(eigen.values[i - 1], eigen.values[i]);
    for (Eigen::Index j = 0; j < size; ++j) {
      Eigen::Index largest = 0;
      eigen.vectors.col(j).cwiseAbs().maxCoeff(&largest);
      EXPECT_GT(eigen.vectors(largest, j), 0);
    }
  }
}

TEST(LeastSquaresTest, RootsAreInverse) {
  std::mt19937 random(2);
  const Matrix half = RandomMatrix(random, 40, 60);
  const Matrix symmetric = half * half.transpose();
  const SquareRoots roots = SymmetricRoots(symmetric, 1e-12);
  EXPECT_LT(RelativeDistance(roots.root * roots.root, symmetric), 1e-12);
  EXPECT_LT(RelativeDistance(roots.root * roots.inverse_root, Matrix(Matrix::Identity(40, 40))), 1e-9);
}

TEST(LeastSquaresTest, SolvesFromTheRight) {
  std::mt19937 random(3);
  const Matrix half = RandomMatrix(random, 30, 50);
  const Matrix a = half * half.transpose();
  const Matrix x = RandomMatrix(random, 7, 30);
  EXPECT_LT(RelativeDistance(SolveRight(x * a, a), x), 1e-10);
}

TEST(LeastSquaresTest, SingularSystemsGiveASolution) {
  std::mt19937 random(4);
  const Matrix half = RandomMatrix(random, 30, 10);  // rank 10 of 30
  const Matrix a = half * half.transpose();
  const Matrix b = RandomMatrix(random, 7, 30) * a;
  const Matrix x = SolveRight(b, a);
  EXPECT_TRUE(x.allFinite());
  EXPECT_LT(RelativeDistance(x * a, b), 1e-5);
  EXPECT_TRUE(SolveRight(b, Matrix::Zero(30, 30)).allFinite());
}

TEST(MomentsTest, OracleShrinkageGoesWithSamplesAndDirections) {
  std::mt19937 random(9);
  const auto observed = [&](const Matrix& basis, int64_t samples) {  // a little noise around the basis's directions
    const Matrix x = basis * RandomMatrix(random, basis.cols(), samples) + 0.1 * RandomMatrix(random, 60, samples);
    Moments moments;
    moments.covariance = x * x.transpose() / static_cast<double>(samples);
    moments.samples = samples;
    return moments;
  };
  const Matrix five = RandomMatrix(random, 60, 5), many = RandomMatrix(random, 60, 60);
  for (const int64_t samples : {20, 80, 320, 1280}) {
    const auto count = static_cast<double>(samples);
    EXPECT_NEAR(OracleShrinkage(observed(five, samples)), 6 / count, 3 / count);
  }
  // Nearer to the truth, at any number of samples, than what was seen.
  const Matrix truth = many * many.transpose() + 0.01 * Matrix::Identity(60, 60);
  for (const int64_t samples : {10, 40, 160}) {
    const Moments seen = observed(many, samples);
    EXPECT_LT(RelativeDistance(Shrink(seen, OracleShrinkage(seen)).covariance, truth),
              RelativeDistance(seen.covariance, truth));
  }
  Moments even;  // all directions alike: nothing is known but their size
  even.covariance = 3 * Matrix::Identity(60, 60);
  even.samples = 1000;
  EXPECT_EQ(OracleShrinkage(even), 1);
  EXPECT_EQ(OracleShrinkage(Moments{}), 0);
}

TEST(MomentsTest, ShrinkKeepsTheTraceAndRepairsTheUnusable) {
  std::mt19937 random(5);
  const Moments seen = cnnopt::testing::RandomMoments(random, 20, 5, 0);
  const Moments shrunk = Shrink(seen, 0.1);
  EXPECT_NEAR(shrunk.covariance.trace(), seen.covariance.trace(), 1e-9);
  EXPECT_GT(DecomposeSymmetric(shrunk.covariance).values.minCoeff(), 0.09 * seen.covariance.trace() / 20);
  EXPECT_TRUE(Shrink(Moments{}, 0.1).identity());
  Moments dead = seen;
  dead.covariance.setZero();
  EXPECT_EQ(RelativeDistance(Shrink(dead, 0.1).covariance, Matrix(Matrix::Identity(20, 20))), 0);
  dead.covariance(3, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(RelativeDistance(Shrink(dead, 0.1).covariance, Matrix(Matrix::Identity(20, 20))), 0);
}

TEST(MomentsTest, WeightedNormIsTheExpectedSquare) {
  std::mt19937 random(6);
  const Matrix x = RandomMatrix(random, 20, 500);
  Moments seen;
  seen.covariance = x * x.transpose() / 500.0;
  const Matrix e = RandomMatrix(random, 4, 20);
  EXPECT_NEAR(WeightedSquaredNorm(e, seen), (e * x).squaredNorm() / 500.0, 1e-9);
  EXPECT_NEAR(WeightedSquaredNorm(e, {}), e.squaredNorm(), 1e-12);
}

TEST(LeastSquaresTest, CholeskyFactorsAreNested) {
  std::mt19937 random(5);
  const Matrix root = RandomMatrix(random, 12, 20);
  const Matrix whole = root * root.transpose();
  const Matrix factor = CholeskyFactor(whole);
  EXPECT_LT((factor * factor.transpose() - whole).norm(), 1e-12 * whole.norm());
  EXPECT_LT((factor.topLeftCorner(5, 5) - CholeskyFactor(whole.topLeftCorner(5, 5))).norm(), 1e-12 * factor.norm());
  EXPECT_EQ(factor(0, 1), 0);
  EXPECT_EQ(CholeskyFactor(Matrix::Zero(3, 3)), Matrix(Matrix::Identity(3, 3)));
}

}  // namespace
}  // namespace cnnopt
