#include "passes/descent.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

TEST(Descend, FindsTheMinimumOfAQuadratic) {
  Matrix hessian = Matrix::Zero(8, 8);
  for (int i = 0; i < 8; ++i) hessian(i, i) = std::pow(10.0, 0.5 * i);
  const Vector target = Vector::LinSpaced(8, -2, 3);
  const Vector found = Descend(
      [&](const Vector& x, Vector& gradient) {
        gradient = hessian * (x - target);
        return 0.5 * (x - target).dot(gradient) + 1;
      },
      Vector::Ones(8), 200, 0);
  EXPECT_LT((found - target).norm(), 1e-4);
}

TEST(Descend, FollowsACurvedValley) {
  // Rosenbrock's function: minimum 0 at (1, 1).
  const Function valley = [](const Vector& x, Vector& gradient) {
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient << -2 * a - 400 * x[0] * b, 200 * b;
    return a * a + 100 * b * b;
  };
  Vector start(2);
  start << -1.2, 1;
  const Vector found = Descend(valley, start, 200, 0);
  EXPECT_NEAR(found[0], 1, 1e-3);
  EXPECT_NEAR(found[1], 1, 1e-3);
}

TEST(Descend, NeverEndsAboveItsStart) {
  // Not a number beyond a wall close by, and a kink: steps must shrink or be given up.
  const Function wall = [](const Vector& x, Vector& gradient) {
    gradient[0] = x[0] > 0 ? 1 : -1;
    return x[0] < -0.001 ? std::numeric_limits<double>::quiet_NaN() : std::abs(x[0]);
  };
  const Vector found = Descend(wall, Vector::Constant(1, 2.0), 600, 0);
  EXPECT_LT(found[0], 0.1);
  EXPECT_GT(found[0], -0.0011);
  Vector gradient(1);
  EXPECT_EQ(Descend(wall, Vector::Constant(1, 2.0), 0, 0)[0], 2.0);
}

}  // namespace
}  // namespace cnnopt
