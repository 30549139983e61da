#include "passes/refit.h"

#include <cmath>
#include <cstdlib>
#include <random>

#include "gtest/gtest.h"
#include "passes/cost.h"
#include "passes/damage.h"
#include "passes/form.h"
#include "passes/forms/cp_factors.h"
#include "passes/forms/forms.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::Geometry;
using ::cnnopt::testing::ModelOf;
using ::cnnopt::testing::Plain;
using ::cnnopt::testing::RandomConv;
using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RunModel;

// Patches times weights must be what ONNX Runtime computes at the same positions, the padding included.
TEST(Patches, TimesTheWeightsAreTheOutputs) {
  std::mt19937 random(1);
  const std::vector<std::pair<Geometry, Shape>> cases = {
      {{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, {6, 7}},
      {{{3, 2}, {2, 1}, {1, 2}, {0, 1}, {2, 0}}, {9, 8}},
      {{{5}, {2}, {3}, {4}, {1}}, {31}},
      {{{2, 2, 2}, {1, 2, 1}, {1, 1, 1}, {1, 0, 0}, {0, 1, 0}}, {4, 5, 3}},
  };
  for (const auto& [geometry, size] : cases) {
    for (const int64_t groups : {1, 2}) {
      const Conv conv = RandomConv(random, geometry, 4, 6, groups, false);
      Shape shape = {1, 4};
      shape.insert(shape.end(), size.begin(), size.end());
      std::mt19937 input_random(7);  // as RunModel
      const Matrix input = RandomMatrix(input_random, ElementCount(shape), 1);
      const std::vector<double> expected = RunModel(ModelOf(conv, size), shape);
      const int64_t total = ElementCount(OutputSize(conv, size));
      ASSERT_EQ(static_cast<int64_t>(expected.size()), 6 * total);
      const std::vector<float> values(input.data(), input.data() + input.size());
      for (int64_t g = 0; g < groups; ++g) {
        const MatrixF patches = GatherPatches(conv, g, values, shape, SamplePositions(total, total, 3));
        const Matrix outputs = patches.cast<double>() * ExtractGroup(conv, g).weight.transpose();
        for (int64_t p = 0; p < total; ++p) {
          for (int64_t o = 0; o < outputs.cols(); ++o) {
            const auto at = static_cast<size_t>((g * outputs.cols() + o) * total + p);
            EXPECT_NEAR(outputs(p, o), expected[at], 1e-4);
          }
        }
      }
    }
  }
}

TEST(Patches, PositionsAreSpreadAndShift) {
  EXPECT_EQ(SamplePositions(5, 100, 2).size(), 5);
  const std::vector<int64_t> first = SamplePositions(1000, 10, 0), second = SamplePositions(1000, 10, 1);
  EXPECT_NE(first, second);
  for (const std::vector<int64_t>& positions : {first, second}) {
    for (size_t i = 1; i < positions.size(); ++i) EXPECT_LE(std::abs(positions[i] - positions[i - 1] - 100), 1);
    EXPECT_LT(positions.back(), 1000);
  }
}

TEST(MomentSums, AreThoseOfAllBlocksTogether) {
  std::mt19937 random(2);
  const MatrixF x = RandomMatrix(random, 300, 8).cast<float>(), y = RandomMatrix(random, 300, 3).cast<float>();
  MomentSums sums;
  const MatrixF first = x.topRows(100), second = x.bottomRows(200);
  const MatrixF first_targets = y.topRows(100), second_targets = y.bottomRows(200);
  sums.Add({{first, first_targets}});
  sums.Add({{second, second_targets}});
  const Matrix centred = x.cast<double>().rowwise() - x.cast<double>().colwise().mean();
  const Matrix target = y.cast<double>().rowwise() - y.cast<double>().colwise().mean();
  EXPECT_LT(testing::RelativeDistance(sums.OfPatches().covariance, centred.transpose() * centred / 300.0), 1e-5);
  EXPECT_LT(testing::RelativeDistance(sums.Cross(), target.transpose() * centred / 300.0), 1e-5);
  EXPECT_NEAR(sums.TargetVariance(), target.squaredNorm() / 300.0, 1e-4);
}

// Many sets at once are one after the other, to the bit.
TEST(MomentSums, OfSetsTogetherAreThoseOfOneAfterTheOther) {
  std::mt19937 random(4);
  const MatrixF x = RandomMatrix(random, 30, 300).cast<float>(), y = RandomMatrix(random, 30, 3).cast<float>();
  const MatrixF w = RandomMatrix(random, 20, 300).cast<float>(), z = RandomMatrix(random, 20, 3).cast<float>();
  MomentSums together, single;
  together.Add({{x, y}, {w, z}});
  single.Add({{x, y}});
  single.Add({{w, z}});
  EXPECT_EQ(together.count(), 50);
  EXPECT_EQ(together.OfPatches().covariance, single.OfPatches().covariance);
  EXPECT_EQ(together.OfPatches().mean, single.OfPatches().mean);
  EXPECT_EQ(together.Cross(), single.Cross());
  EXPECT_EQ(together.TargetVariance(), single.TargetVariance());
  MomentSums none;
  none.Add({});
  EXPECT_EQ(none.count(), 0);
}

// Wide patches are summed in panels, on several threads.
TEST(MomentSums, OfWidePatchesDoNotDependOnTheThreads) {
  std::mt19937 random(3);
  const MatrixF x = RandomMatrix(random, 40, 1100).cast<float>(), y = RandomMatrix(random, 40, 3).cast<float>();
  MomentSums one, many;
  one.Add({{x, y}});
  many.Add({{x, y}}, 3);
  const Matrix centred = x.cast<double>().rowwise() - x.cast<double>().colwise().mean();
  const Matrix target = y.cast<double>().rowwise() - y.cast<double>().colwise().mean();
  EXPECT_LT(testing::RelativeDistance(one.OfPatches().covariance, centred.transpose() * centred / 40.0), 1e-5);
  EXPECT_LT(testing::RelativeDistance(one.Cross(), target.transpose() * centred / 40.0), 1e-5);
  EXPECT_EQ(one.OfPatches().covariance, many.OfPatches().covariance);
  EXPECT_EQ(one.Cross(), many.Cross());
}

// A slim network feeds a site drifted patches x + noise and shifted ones; the targets are the original outputs.
DriftSums Drifted(std::mt19937& random, const Conv& conv, double noise) {
  DriftSums sums;
  for (int64_t g = 0; g < conv.groups; ++g) {
    const Conv part = ExtractGroup(conv, g);
    for (std::vector<MomentSums>* half : {&sums.fit, &sums.held_out}) {
      const Matrix x = RandomMatrix(random, 4000, part.weight.cols());
      Matrix y = x * part.weight.transpose();
      if (part.bias.size() > 0) y.rowwise() += part.bias.transpose();
      const Matrix seen =
          0.8 * x + noise * RandomMatrix(random, x.rows(), x.cols()) + Matrix::Constant(x.rows(), x.cols(), 0.3);
      const MatrixF patches = seen.cast<float>(), targets = y.cast<float>();
      half->emplace_back().Add({{patches, targets}});
    }
  }
  return sums;
}

double HeldOutError(const Conv& conv, const DriftSums& sums, const Replacement& replacement) {
  double error = 0;
  for (int64_t g = 0; g < conv.groups; ++g) {
    const Conv whole = Compose(ExtractPart(replacement, g, conv.groups));
    const MomentSums& judge = sums.held_out[static_cast<size_t>(g)];
    const Moments seen = judge.OfPatches();
    const Vector bias = whole.bias.size() > 0 ? whole.bias : Vector(Vector::Zero(whole.out_channels));
    error += judge.TargetVariance() - 2 * whole.weight.cwiseProduct(judge.Cross()).sum() +
             WeightedSquaredNorm(whole.weight, seen) +
             (judge.TargetMean() - whole.weight * seen.mean - bias).squaredNorm();
  }
  return error;
}

TEST(RefitToDrift, MakesUpForDriftInEveryFormAndInKeptLayers) {
  std::mt19937 random(3);
  for (const int64_t groups : {1, 2}) {
    const Conv conv = RandomConv(random, Plain({3, 3}), 16, 16, groups);
    const DriftSums sums = Drifted(random, conv, 0.2);  // ranks are high enough for the drift to be most of the error
    std::vector<Replacement> replacements = {
        {{{conv}}}, DscDepthwiseFirst()->Fit(conv, {}, 7), CpForm()->Fit(conv, {}, 64)};
    for (const Replacement& before : replacements) {
      Replacement after = before;
      EXPECT_TRUE(RefitToDrift(conv, sums, 2, after));
      EXPECT_LT(HeldOutError(conv, sums, after), 0.8 * HeldOutError(conv, sums, before));
      // Only last stages change.
      for (size_t b = 0; b < before.branches.size(); ++b) {
        for (size_t s = 0; s + 1 < before.branches[b].size(); ++s) {
          EXPECT_EQ(testing::RelativeDistance(after.branches[b][s].weight, before.branches[b][s].weight), 0);
        }
      }
    }
  }
}

// The drift mixes the channels, so that the factors of the weights are no longer the ones that matter.
TEST(RefitToDrift, MovesAllStagesOfACpChain) {
  std::mt19937 random(6);
  const Conv conv = RandomConv(random, Plain({3, 3}), 12, 12);
  const Matrix mix = RandomMatrix(random, 12, 12) / std::sqrt(12.0);
  DriftSums sums;
  for (std::vector<MomentSums>* half : {&sums.fit, &sums.held_out}) {
    const Matrix x = RandomMatrix(random, 4000, 12 * 9);
    Matrix y = x * conv.weight.transpose();
    y.rowwise() += conv.bias.transpose();
    Matrix seen(x.rows(), x.cols());
    for (int64_t t = 0; t < 9; ++t) {
      for (int64_t c = 0; c < 12; ++c) {
        seen.col(c * 9 + t).setZero();
        for (int64_t i = 0; i < 12; ++i) seen.col(c * 9 + t) += mix(c, i) * x.col(i * 9 + t);
      }
    }
    const MatrixF patches = seen.cast<float>(), targets = y.cast<float>();
    half->emplace_back().Add({{patches, targets}});
  }
  const Replacement before = CpForm()->Fit(conv, {}, 24);
  Replacement after = before;
  EXPECT_TRUE(RefitToDrift(conv, sums, 2, after));
  for (size_t s = 0; s < 3; ++s) {
    EXPECT_GT(testing::RelativeDistance(after.branches[0][s].weight, before.branches[0][s].weight), 0.01);
  }
  // No other last stage could have done as well, not even the one that is best on the held-out patches themselves.
  const MomentSums& judge = sums.held_out[0];
  const Moments seen = judge.OfPatches();
  Replacement last = before;
  std::vector<Conv>& chain = last.branches[0];
  chain.back().weight = BestOutputs({seen.covariance, judge.Cross()}, FactorsOf(chain));
  chain.back().bias = Vector();
  chain.back().bias = judge.TargetMean() - Compose(last).weight * seen.mean;
  EXPECT_LT(HeldOutError(conv, sums, last), HeldOutError(conv, sums, before));
  EXPECT_LT(HeldOutError(conv, sums, after), 0.9 * HeldOutError(conv, sums, last));
}

TEST(RefitToDrift, LeavesAloneWhatCannotGetBetter) {
  std::mt19937 random(4);
  const Conv conv = RandomConv(random, Plain({3, 3}), 4, 4);
  DriftSums sums;
  for (std::vector<MomentSums>* half : {&sums.fit, &sums.held_out}) {
    const Matrix x = RandomMatrix(random, 60, 36);  // few patches, the layer's own outputs plus noise on the fit half
    Matrix y = x * conv.weight.transpose();
    y.rowwise() += conv.bias.transpose();
    if (half == &sums.fit) y += 20 * RandomMatrix(random, 60, 4);
    const MatrixF patches = x.cast<float>(), targets = y.cast<float>();
    half->emplace_back().Add({{patches, targets}});
  }
  Replacement kept = {{{conv}}};
  EXPECT_FALSE(RefitToDrift(conv, sums, 2, kept));
  EXPECT_EQ(testing::RelativeDistance(kept.branches[0][0].weight, conv.weight), 0);
}

// The patches are 0.8 of the original's: what is left of a layer whose last stage is not dense is a scale per channel.
TEST(RefitToDrift, PointwiseFirstGetsItsScaleBack) {
  std::mt19937 random(5);
  const Conv conv = RandomConv(random, Plain({3, 3}), 8, 8);
  const DriftSums sums = Drifted(random, conv, 0.1);
  const Replacement before = DscPointwiseFirst()->Fit(conv, {}, 5);
  Replacement after = before;
  EXPECT_TRUE(RefitToDrift(conv, sums, 2, after));
  const Matrix was = Compose(before).weight, now = Compose(after).weight;
  for (Eigen::Index o = 0; o < was.rows(); ++o) {
    const double scale = now.row(o).dot(was.row(o)) / was.row(o).squaredNorm();
    EXPECT_LT((now.row(o) - scale * was.row(o)).norm(), 1e-9 * now.row(o).norm());
    EXPECT_NEAR(scale, 0.8 / (0.64 + 0.01), 0.05);
  }
  Replacement shifted = before;  // what a better bias alone could do
  shifted.branches.back().back().bias = sums.held_out[0].TargetMean() - was * sums.held_out[0].OfPatches().mean;
  EXPECT_LT(HeldOutError(conv, sums, after), 0.9 * HeldOutError(conv, sums, shifted));
}

TEST(DamageCurve, GoesThroughItsPointsAndFollowsThePowerLawBeyond) {
  const DamageCurve curve({{0.1, 0.01}, {0.4, 0.3}});
  EXPECT_NEAR(curve.OutputError(0.1), 0.01, 1e-12);
  EXPECT_NEAR(curve.OutputError(0.4), 0.3, 1e-12);
  EXPECT_NEAR(curve.OutputError(0.2), std::sqrt(0.01 * 0.3), 1e-12);
  EXPECT_NEAR(curve.OutputError(0.05), 0.0025, 1e-12);
  EXPECT_NEAR(curve.OutputError(0.8), 1.2, 1e-12);
  EXPECT_EQ(curve.OutputError(0), 0);
  EXPECT_NEAR(DamageCurve({}).OutputError(0.5), 0.25, 1e-12);
}

}  // namespace
}  // namespace cnnopt
