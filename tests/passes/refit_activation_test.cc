#include "passes/refit_activation.h"

#include <cmath>
#include <random>
#include <utility>

#include "gtest/gtest.h"
#include "passes/least_squares.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using testing::RandomMatrix;
using testing::RelativeDistance;

constexpr int64_t kInputs = 16, kFeatures = 6, kOutputs = 5, kRows = 3000;

// y = last (features x) + bias as two 1x1 convolutions.
Replacement Chain(const Matrix& features, const Matrix& last, const Vector& bias) {
  Conv first = PointwiseOutline(2, kInputs, kFeatures), second = PointwiseOutline(2, kFeatures, kOutputs);
  first.weight = features;
  second.weight = last;
  second.bias = bias;
  return {{{first, second}}};
}

// n x Co, without the skip.
Matrix Outputs(const Replacement& replacement, const DriftRows& rows) {
  const Conv whole = Compose(replacement);
  Matrix outputs = rows.patches.cast<double>() * whole.weight.transpose();
  if (whole.bias.size() > 0) outputs.rowwise() += whole.bias.transpose();
  return outputs;
}

double ErrorBehind(const Activation& activation, const Replacement& replacement, const DriftRows& rows) {
  Matrix outputs = Outputs(replacement, rows);
  if (rows.skip.size() > 0) outputs += rows.skip.cast<double>();
  double error = 0;
  for (Eigen::Index i = 0; i < outputs.size(); ++i) {
    const float e = activation(static_cast<float>(outputs.data()[i])) - activation(rows.target.data()[i]);
    error += static_cast<double>(e * e);
  }
  return error / static_cast<double>(outputs.rows());
}

// A chain whose features give the targets exactly where the activation lets them through (but for little noise), and
// targets that run away elsewhere, where no last stage can follow.
class Planted {
 public:
  Planted(const Activation& activation, bool with_skip) : activation_(activation) {
    const Matrix features = RandomMatrix(random_, kFeatures, kInputs) / std::sqrt(1.0 * kInputs);
    truth_ = Chain(features, RandomMatrix(random_, kOutputs, kFeatures), RandomMatrix(random_, kOutputs, 1));
    fit = Rows(with_skip);
    held_out = Rows(with_skip);
  }

  // The least squares solution: the last stage and bias closest to the targets themselves.
  Replacement LeastSquares() const {
    const Matrix& features = truth_.branches[0][0].weight;
    Matrix seen(kRows, kFeatures + 1), target = fit.target.cast<double>();
    seen << fit.patches.cast<double>() * features.transpose(), Matrix::Ones(kRows, 1);
    if (fit.skip.size() > 0) target -= fit.skip.cast<double>();
    const Matrix solution = SolveRight(target.transpose() * seen, seen.transpose() * seen);
    return Chain(features, solution.leftCols(kFeatures), solution.col(kFeatures));
  }

  DriftRows fit, held_out;

 private:
  DriftRows Rows(bool with_skip) {
    DriftRows rows;
    rows.patches = RandomMatrix(random_, kRows, kInputs).cast<float>();
    if (with_skip) rows.skip = RandomMatrix(random_, kRows, kOutputs).cast<float>();
    Matrix target = Outputs(truth_, rows) + 0.05 * RandomMatrix(random_, kRows, kOutputs);
    if (with_skip) target += rows.skip.cast<double>();
    const Matrix away = 3 * RandomMatrix(random_, kRows, kOutputs).cwiseAbs();
    for (Eigen::Index i = 0; i < target.size(); ++i) {
      const double high = static_cast<double>(activation_.high);
      if (target.data()[i] < 0) target.data()[i] -= away.data()[i];
      if (target.data()[i] > high) target.data()[i] += away.data()[i];
    }
    rows.target = target.cast<float>();
    return rows;
  }

  std::mt19937 random_{7};
  Activation activation_;
  Replacement truth_;
};

TEST(RefitThroughActivation, BeatsLeastSquaresOnHeldOutRows) {
  // Targets that run away at both ends pull least squares less off its course: there is less to gain.
  const std::pair<Activation, double> cases[] = {{{}, 0.5}, {{0.1F}, 0.5}, {{0, 4}, 0.8}};
  for (const auto& [activation, factor] : cases) {
    for (const bool with_skip : {false, true}) {
      SCOPED_TRACE(::testing::Message() << activation.slope << " " << activation.high << " " << with_skip);
      const Planted planted(activation, with_skip);
      const Replacement before = planted.LeastSquares();
      Replacement after = before;
      EXPECT_TRUE(RefitThroughActivation(activation, planted.fit, planted.held_out, 2, after));
      EXPECT_LT(ErrorBehind(activation, after, planted.held_out),
                factor * ErrorBehind(activation, before, planted.held_out));
      EXPECT_EQ(RelativeDistance(after.branches[0][0].weight, before.branches[0][0].weight), 0);
    }
  }
}

TEST(RefitThroughActivation, DoesNotDependOnTheThreads) {
  const Planted planted({}, true);
  Replacement one = planted.LeastSquares(), many = one;
  EXPECT_TRUE(RefitThroughActivation({}, planted.fit, planted.held_out, 1, one));
  EXPECT_TRUE(RefitThroughActivation({}, planted.fit, planted.held_out, 3, many));
  EXPECT_EQ(one.branches[0][1].weight, many.branches[0][1].weight);
  EXPECT_EQ(one.branches[0][1].bias, many.branches[0][1].bias);
}

// Without a bias there is one afterwards, and the first stage of a branch is not needed.
TEST(RefitThroughActivation, ALayerOfOneStageWithoutBias) {
  const Activation relu;
  const Planted planted(relu, false);
  Conv layer = Compose(planted.LeastSquares());
  layer.bias = Vector();
  const Replacement before = {{{layer}}};
  Replacement after = before;
  EXPECT_TRUE(RefitThroughActivation(relu, planted.fit, planted.held_out, 2, after));
  EXPECT_EQ(after.branches[0][0].bias.size(), kOutputs);
  EXPECT_LT(ErrorBehind(relu, after, planted.held_out), 0.5 * ErrorBehind(relu, before, planted.held_out));
}

void ExpectKept(const DriftRows& fit, const DriftRows& held_out, const Replacement& before) {
  Replacement after = before;
  EXPECT_FALSE(RefitThroughActivation(Activation{}, fit, held_out, 1, after));
  for (size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(RelativeDistance(after.branches[0][s].weight, before.branches[0][s].weight), 0);
  }
  EXPECT_EQ(RelativeDistance(after.branches[0][1].bias, before.branches[0][1].bias), 0);
}

TEST(RefitThroughActivation, KeepsWhatCannotGetBetter) {
  const Planted planted(Activation{}, false);
  const Replacement before = planted.LeastSquares();
  DriftRows held_out = planted.held_out;  // on which the replacement is right
  held_out.target = Outputs(before, held_out).cast<float>();
  ExpectKept(planted.fit, held_out, before);
  ExpectKept(planted.fit, {}, before);
  ExpectKept({}, planted.held_out, before);
  DriftRows nothing = planted.fit;
  nothing.patches.setZero();
  ExpectKept(nothing, planted.held_out, before);
}

}  // namespace
}  // namespace cnnopt
