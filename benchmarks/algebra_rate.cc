// How near the dense algebra comes to the machine's limit: the rate of cnnopt's own steps on one thread as a share of
// what BLAS reaches on a large square product, in the same numbers, in the same round.
//
//   build/release/benchmarks/algebra_rate [ROUNDS]
//
// Operations are counted as the mathematics has them (a symmetric product half), so that a share also pays for copies,
// conversions and the sum in double; of a descent by line search only the steps are counted, not what it tries beside
// them. Medians over alternating rounds. "together" is the share of the whole round: what all steps would take at the
// limit over what they take.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "passes/conv.h"
#include "passes/forms/cp_factors.h"
#include "passes/least_squares.h"
#include "passes/moments.h"
#include "passes/parallel.h"
#include "passes/patches.h"

namespace {

using cnnopt::Matrix;
using cnnopt::MatrixF;

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

constexpr int kDescent = 15;  // steps

struct Step {
  std::string name;
  double operations;
  bool in_float;
  std::function<void()> work;
  std::vector<double> shares = {};
};

// One product of `n` x `n` matrices: the limit.
template <typename M>
double PeakRate(const M& a, const M& b) {
  M c(a.rows(), b.cols());
  const double seconds = Seconds([&] { c.noalias() = a * b; });
  const auto n = static_cast<double>(a.rows());
  return 2 * n * n * n / seconds;
}

void Measure(std::vector<Step>& steps, int rounds) {
  constexpr Eigen::Index kPeakSize = 1536;
  const Matrix a = Matrix::Random(kPeakSize, kPeakSize), b = Matrix::Random(kPeakSize, kPeakSize);
  const MatrixF af = a.cast<float>(), bf = b.cast<float>();
  std::vector<double> doubles, floats, together;
  for (int round = 0; round < rounds; ++round) {
    double at_limit = 0, taken = 0;
    for (Step& step : steps) {
      const double peak = step.in_float ? PeakRate(af, bf) : PeakRate(a, b);
      (step.in_float ? floats : doubles).push_back(peak);
      const double least = step.operations / peak, seconds = Seconds(step.work);
      step.shares.push_back(least / seconds);
      at_limit += least;
      taken += seconds;
    }
    together.push_back(at_limit / taken);
  }
  std::printf("limit: %.0f GFLOP/s in double, %.0f in float\n\n", Median(doubles) * 1e-9, Median(floats) * 1e-9);
  std::printf("%-58s %s\n", "step", "share of the limit");
  for (const Step& step : steps) std::printf("%-58s %.0f %%\n", step.name.c_str(), 100 * Median(step.shares));
  std::printf("%-58s %.0f %%\n", "together", 100 * Median(together));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 15;
  std::vector<Step> steps;
  std::vector<cnnopt::Moments> moments(3);
  std::vector<Matrix> weights;
  std::vector<Matrix> crosses;
  std::vector<cnnopt::CpFactors> starts;
  std::vector<MatrixF> patches;
  const std::vector<Eigen::Index> dimensions = {576, 1152, 2304};  // 3x3 of 64, 128, 256 channels
  for (const Eigen::Index d : dimensions) {
    patches.push_back(MatrixF::Random(2048, d));
    const Matrix root = Matrix::Random(d, d);
    cnnopt::Moments& each = moments[patches.size() - 1];
    each.covariance = root * root.transpose() / static_cast<double>(d);
    each.covariance.diagonal().array() += 0.1;
    weights.push_back(Matrix::Random(d / 9, d));
    crosses.push_back(weights.back() * each.covariance);
    starts.push_back({Matrix::Random(d / 18, d / 9), Matrix::Random(d / 18, 9), Matrix::Random(d / 9, d / 18)});
  }
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const auto d = static_cast<double>(dimensions[i]), outputs = d / 9;
    const std::string size = std::to_string(dimensions[i]);
    steps.push_back({"covariance of 2048 patches of " + size, 2048 * d * (d + 1), true, [&patches, i] {
                       cnnopt::MomentSums sums;
                       sums.Add({{patches[i], MatrixF()}});
                     }});
    steps.push_back({"least squares, " + size + " unknowns, " + std::to_string(dimensions[i] / 9) + " outputs",
                     d * d * d / 3 + 2 * outputs * d * d, false,
                     [&moments, &weights, i] { cnnopt::SolveRight(weights[i], moments[i].covariance); }});
    steps.push_back({"error of a layer, tr(W S W'), of " + size, 2 * outputs * d * d, false,
                     [&moments, &weights, i] { cnnopt::WeightedSquaredNorm(weights[i], moments[i]); }});
    const double rank = outputs / 2;
    const double step = 2 * rank * d * (d + rank + 3 * outputs) + rank * rank * (rank / 3 + 2 * outputs);
    steps.push_back({"descent of a cp of rank " + std::to_string(dimensions[i] / 18) + " over " + size + " numbers",
                     (kDescent + 1) * step, true, [&moments, &crosses, &starts, i] {
                       cnnopt::ExplainedByPolished({moments[i].covariance, crosses[i]}, starts[i], kDescent);
                     }});
  }
  cnnopt::ParallelFor(1, 1, [&](int64_t) { Measure(steps, rounds); });  // holds BLAS to one thread
  return 0;
}
