// dsc: a convolution as a sum of T depthwise separable ones (the MobileNet block, T times).
//
//   depthwise first:                                        pointwise first:
//   x ─┬─ depthwise KxK ─ pointwise ─┐                      x ─┬─ pointwise ─ depthwise KxK ─┐
//      ├─ depthwise KxK ─ pointwise ─┼+ ─ y                    ├─ pointwise ─ depthwise KxK ─┼+ ─ y
//      └─ ...                       ─┘                         └─ ...                       ─┘
//
//   V[o,c,k] = sum_t P_t[o,c] D_t[c,k]                             V[o,c,k] = sum_t D_t[o,k] P_t[o,c]
//   MACs per output pixel: T Ci (K + Co)                           T Co (stride^2 Ci + K)
//
// Per channel c the K taps of all outputs form the matrix W_c (Co x K); the best V_c of rank T in the norm of the
// channel's own patches S_cc = L L^T is the truncated SVD of W_c L. By weights only the channels do not interact and
// that is the optimum (Guo et al., Network Decoupling, 2018). With moments they do: P is refitted over all features
// at once, then depthwise and pointwise stages are improved in turn. Pointwise first is the same with the roles of
// input and output channels exchanged.
//
// Applies when the kernel has more than one tap and the layer is not depthwise already. Rank T = min(K, Co) (or
// min(K, Ci)) is exact.
//
// T multiplier-1 branches and a sum: a depthwise Conv with a multiplier, for which ONNX Runtime has no fast kernel,
// takes up to twice as long, a Concat of T depthwise Convs before one pointwise a little longer
// (benchmarks/emission.py).
#include <algorithm>
#include <functional>
#include <utility>

#include "Eigen/Cholesky"
#include "absl/strings/str_cat.h"
#include "passes/forms/forms.h"
#include "passes/forms/trial_ranks.h"
#include "passes/least_squares.h"

namespace cnnopt {
namespace {

constexpr int64_t kRowsAtOnce = 64;  // of pointwise stages, in the refit of depthwise ones
// Improvements of depthwise and pointwise stage in turn after the first joint refit; each gains less than the last.
constexpr int kSweeps = 3;
// Patch elements beyond which a single sweep must do, and fits at this many ranks: both cost their square.
constexpr int64_t kWide = 1024;
constexpr size_t kWideTrials = 3;

Conv DepthwiseOutline(const Conv& conv, int64_t channels) { return SpatialOutline(conv, channels, channels, channels); }

// Each branch also writes and adds a whole output map, which takes about as long as this many multiplications per
// element (benchmarks/dsc_latency: 64 and 128 channels at ranks 1 to 4 agree). Without it many ranks would pay in
// multiplications and lose in time.
constexpr int64_t kMapCost = 32;

// Ranks 1, 2, ... while T branches of `branch_macs` multiplications per output position take less time than the layer,
// up to the exact rank.
std::vector<int64_t> RanksThatPay(const Conv& conv, int64_t branch_macs, int64_t exact) {
  const int64_t dense = conv.taps() * conv.in_channels * conv.out_channels;
  const int64_t branch = branch_macs + kMapCost * conv.out_channels;
  std::vector<int64_t> ranks;
  for (int64_t rank = 1; rank <= exact && rank * branch < dense; ++rank) ranks.push_back(rank);
  return ranks;
}

class Dsc : public Form {
 public:
  absl::string_view name() const override { return "dsc"; }
  absl::string_view summary() const override {
    return "depthwise separable convolutions: KxK as a sum of depthwise KxK + pointwise 1x1 (rank: how many)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override { return NeedsTaps(conv, name()); }
};

// ---- depthwise first -------------------------------------------------------------------------------------------

// Row c * T + t holds tap weights of feature t of channel c.
struct DepthwiseFit {
  Matrix depthwise;  // Ci T x K
  Matrix pointwise;  // Co x Ci T
};

// W_c for channel c: Co x K.
auto ChannelBlock(const Matrix& weight, int64_t c, int64_t taps) { return weight.middleCols(c * taps, taps); }

// The top `rank` directions of each channel's taps, in the norm of S_cc.
Matrix ChannelDirections(const Conv& conv, const Moments& moments, int64_t rank) {
  const int64_t taps = conv.taps();
  Matrix directions(conv.in_channels * rank, taps);
  for (int64_t c = 0; c < conv.in_channels; ++c) {
    const Matrix block = ChannelBlock(conv.weight, c, taps);
    if (moments.identity()) {
      const SymmetricEigen eigen = DecomposeSymmetric(block.transpose() * block);
      directions.middleRows(c * rank, rank) = eigen.vectors.leftCols(rank).transpose();
      continue;
    }
    const Matrix seen = moments.covariance.block(c * taps, c * taps, taps, taps);
    const Eigen::LLT<Matrix> cholesky(seen);
    const Matrix lower = cholesky.matrixL();
    const Matrix whitened = block * lower;
    const SymmetricEigen eigen = DecomposeSymmetric(whitened.transpose() * whitened);
    const Matrix top = eigen.vectors.leftCols(rank);
    // D = U^T L^-1, normalised: only the span of the features matters to the pointwise stage.
    Matrix features = cholesky.matrixU().solve<Eigen::OnTheLeft>(Matrix(top)).transpose();
    features.rowwise().normalize();
    directions.middleRows(c * rank, rank) = features;
  }
  return directions;
}

// M D^T for the block-diagonal D of all depthwise features: `matrix` is n x (Ci K), the result n x (Ci T).
Matrix TimesFeatures(const Matrix& matrix, const Matrix& depthwise, int64_t channels) {
  const int64_t taps = depthwise.cols();
  const int64_t rank = depthwise.rows() / channels;
  Matrix product(matrix.rows(), depthwise.rows());
  for (int64_t c = 0; c < channels; ++c) {
    product.middleCols(c * rank, rank).noalias() =
        matrix.middleCols(c * taps, taps) * depthwise.middleRows(c * rank, rank).transpose();
  }
  return product;
}

// P D as a dense Co x (Ci K) weight.
Matrix DepthwiseProduct(const DepthwiseFit& fit, int64_t channels) {
  const int64_t taps = fit.depthwise.cols();
  const int64_t rank = fit.depthwise.rows() / channels;
  Matrix product(fit.pointwise.rows(), channels * taps);
  for (int64_t c = 0; c < channels; ++c) {
    product.middleCols(c * taps, taps).noalias() =
        fit.pointwise.middleCols(c * rank, rank) * fit.depthwise.middleRows(c * rank, rank);
  }
  return product;
}

// P = W S D^T (D S D^T)^-1, over the features of all channels at once.
void RefitPointwise(const Conv& conv, const Moments& moments, DepthwiseFit& fit) {
  if (moments.identity()) {  // orthonormal features
    fit.pointwise = TimesFeatures(conv.weight, fit.depthwise, conv.in_channels);
    return;
  }
  const Matrix seen = TimesFeatures(moments.covariance, fit.depthwise, conv.in_channels);  // S D^T
  const Matrix gram = TimesFeatures(seen.transpose(), fit.depthwise, conv.in_channels);    // D S D^T
  fit.pointwise = SolveRight(conv.weight * seen, gram);
}

// One pass over the channels: D_c = (P_c^T P_c)^-1 P_c^T R_c S_cc^-1, R_c = (W - V + P_c D_c) S[:,c]. Each step is the
// exact optimum for its channel, so the error never rises.
void RefitDepthwise(const Conv& conv, const Moments& moments, DepthwiseFit& fit) {
  const int64_t taps = conv.taps();
  const int64_t rank = fit.depthwise.rows() / conv.in_channels;
  Matrix residual = (conv.weight - DepthwiseProduct(fit, conv.in_channels)) * moments.covariance;  // (W - V) S
  for (int64_t c = 0; c < conv.in_channels; ++c) {
    const Matrix pointwise = fit.pointwise.middleCols(c * rank, rank);
    const Matrix old = fit.depthwise.middleRows(c * rank, rank);
    const Matrix seen = moments.covariance.block(c * taps, c * taps, taps, taps);
    const Matrix target =
        pointwise.transpose() * residual.middleCols(c * taps, taps) + (pointwise.transpose() * pointwise) * old * seen;
    const Matrix partly = SolveRight(target.transpose(), pointwise.transpose() * pointwise).transpose();
    const Matrix fresh = SolveRight(partly, seen);
    residual.noalias() -= pointwise * ((fresh - old) * moments.covariance.middleRows(c * taps, taps));
    fit.depthwise.middleRows(c * rank, rank) = fresh;
  }
}

DepthwiseFit FitDepthwiseFirst(const Conv& conv, const Moments& moments, int64_t rank) {
  DepthwiseFit fit;
  const bool exact = rank >= std::min(conv.taps(), conv.out_channels);
  const Moments weights_only;
  const Moments& norm = exact ? weights_only : moments;  // at full rank nothing is lost in any norm
  fit.depthwise = ChannelDirections(conv, norm, rank);
  RefitPointwise(conv, norm, fit);
  const int sweeps = conv.in_channels * conv.taps() > kWide ? 1 : kSweeps;
  for (int sweep = 0; sweep < sweeps && !norm.identity(); ++sweep) {
    RefitDepthwise(conv, norm, fit);
    RefitPointwise(conv, norm, fit);
  }
  return fit;
}

class DepthwiseFirst final : public Dsc {
 protected:
  std::vector<int64_t> Ranks(const Conv& conv) const override {
    return RanksThatPay(conv, conv.in_channels * (conv.taps() + conv.out_channels),
                        std::min(conv.taps(), conv.out_channels));
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    const std::vector<Conv> branch = {DepthwiseOutline(conv, conv.in_channels),
                                      PointwiseOutline(conv.axes(), conv.in_channels, conv.out_channels)};
    return {std::vector<std::vector<Conv>>(static_cast<size_t>(rank), branch)};
  }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    if (!moments.identity()) {
      const bool wide = conv.in_channels * conv.taps() > kWide;
      return ErrorsFromTrials(ranks, wide ? kWideTrials : ranks.size(), [&](int64_t rank) {
        const DepthwiseFit fit = FitDepthwiseFirst(conv, moments, rank);
        return WeightedSquaredNorm(conv.weight - DepthwiseProduct(fit, conv.in_channels), moments);
      });
    }
    std::vector<double> errors(ranks.size(), 0.0);
    // The optimum's error: the squared singular values that are dropped.
    for (int64_t c = 0; c < conv.in_channels; ++c) {
      const Matrix block = ChannelBlock(conv.weight, c, conv.taps());
      const Vector values = DecomposeSymmetric(block.transpose() * block).values.cwiseMax(0);
      for (size_t r = 0; r < ranks.size(); ++r) errors[r] += values.tail(values.size() - ranks[r]).sum();
    }
    return errors;
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    const DepthwiseFit fit = FitDepthwiseFirst(conv, moments, rank);
    Replacement replacement = OutlineGroup(conv, rank);
    for (int64_t t = 0; t < rank; ++t) {
      std::vector<Conv>& branch = replacement.branches[static_cast<size_t>(t)];
      branch[0].weight.resize(conv.in_channels, conv.taps());
      branch[1].weight.resize(conv.out_channels, conv.in_channels);
      for (int64_t c = 0; c < conv.in_channels; ++c) {
        branch[0].weight.row(c) = fit.depthwise.row(c * rank + t);
        branch[1].weight.col(c) = fit.pointwise.col(c * rank + t);
      }
    }
    return replacement;
  }
};

// ---- pointwise first -------------------------------------------------------------------------------------------

// Row o * T + t holds the stage of branch t for output o.
struct PointwiseFit {
  Matrix pointwise;  // Co T x Ci
  Matrix depthwise;  // Co T x K
};

// The best rank-T product for each output's Ci x K kernel in the (whitened) Frobenius norm.
PointwiseFit OutputDirections(const Conv& conv, const Moments& moments, int64_t rank) {
  const int64_t taps = conv.taps();
  PointwiseFit fit{Matrix(conv.out_channels * rank, conv.in_channels), Matrix(conv.out_channels * rank, taps)};
  KroneckerRoots roots;
  if (!moments.identity()) roots = FactorCovariance(moments.covariance, conv.in_channels, taps);
  for (int64_t o = 0; o < conv.out_channels; ++o) {
    const Vector row = conv.weight.row(o);
    Matrix kernel = Eigen::Map<const Matrix>(row.data(), conv.in_channels, taps);
    if (!moments.identity()) kernel = roots.channels.root * kernel * roots.taps.root;
    const SymmetricEigen eigen = DecomposeSymmetric(kernel.transpose() * kernel);
    const Matrix top = eigen.vectors.leftCols(rank);
    Matrix pointwise = kernel * top;  // Ci x T
    Matrix depthwise = top;           // K x T
    if (!moments.identity()) {
      pointwise = roots.channels.inverse_root * pointwise;
      depthwise = roots.taps.inverse_root * depthwise;
    }
    fit.pointwise.middleRows(o * rank, rank) = pointwise.transpose();
    fit.depthwise.middleRows(o * rank, rank) = depthwise.transpose();
  }
  return fit;
}

// Calls `solve` for each output with what its features (t, k) = sum_i P[t,i] x[i,k] share with the output, w S F^T, and
// with each other, F S F^T: P S P^T tap by tap.
void ForEachOutput(const Conv& conv, const Matrix& covariance, const Matrix& pointwise,
                   const std::function<void(int64_t o, const Matrix& target, const Matrix& gram)>& solve) {
  const int64_t taps = conv.taps();
  const int64_t size = conv.in_channels * taps;
  const int64_t rank = pointwise.rows() / conv.out_channels;
  // Row i of this view holds S[(i, k), :] for all taps k.
  const Eigen::Map<const Matrix> by_channel(covariance.data(), conv.in_channels, taps * size);
  // Many outputs at once: one alone would read all of S for next to no arithmetic.
  const int64_t block = std::max<int64_t>(kRowsAtOnce / rank, 1);
  for (int64_t first = 0; first < conv.out_channels; first += block) {
    const int64_t count = std::min(block, conv.out_channels - first);
    const Matrix contracted = pointwise.middleRows(first * rank, count * rank) * by_channel;  // count T x (K D)
    for (int64_t o = first; o < first + count; ++o) {
      const Matrix rows = pointwise.middleRows(o * rank, rank);
      const Eigen::Map<const Matrix> seen(contracted.row((o - first) * rank).data(), rank * taps, size);  // F S
      Matrix gram(rank * taps, rank * taps);
      for (int64_t f = 0; f < rank * taps; ++f) {
        const Eigen::Map<const Matrix> feature(seen.row(f).data(), conv.in_channels, taps);
        const Matrix product = rows * feature;  // T x K
        gram.row(f) = Eigen::Map<const Vector>(product.data(), rank * taps);
      }
      solve(o, conv.weight.row(o) * seen.transpose(), 0.5 * (gram + gram.transpose()));
    }
  }
}

// For each output, the exact optimum of its T depthwise kernels given its pointwise rows, under the true covariance.
void RefitOutputs(const Conv& conv, const Matrix& covariance, PointwiseFit& fit) {
  const int64_t rank = fit.pointwise.rows() / conv.out_channels;
  ForEachOutput(conv, covariance, fit.pointwise, [&](int64_t o, const Matrix& target, const Matrix& gram) {
    // Balanced pointwise rows make Gram entries comparable; SolveRight adds only what rounding asks for.
    const Matrix kernels = SolveRight(target, gram);
    fit.depthwise.middleRows(o * rank, rank) = Eigen::Map<const Matrix>(kernels.data(), rank, conv.taps());
  });
}

PointwiseFit FitPointwiseFirst(const Conv& conv, const Moments& moments, int64_t rank) {
  const bool exact = rank >= std::min(conv.taps(), conv.in_channels);
  const Moments weights_only;
  PointwiseFit fit = OutputDirections(conv, exact ? weights_only : moments, rank);
  if (!exact && !moments.identity()) RefitOutputs(conv, moments.covariance, fit);
  return fit;
}

// Squared errors at all ranks from one pass: the features of a smaller rank are the first ones of a larger one's, so
// that one Cholesky factor per output serves all.
std::vector<double> PointwiseErrors(const Conv& conv, const Moments& moments, const std::vector<int64_t>& ranks) {
  std::vector<double> errors(ranks.size(), 0.0);
  const int64_t taps = conv.taps();
  const int64_t exact = std::min(taps, conv.in_channels);
  if (moments.identity()) {  // the squared singular values that are dropped
    for (int64_t o = 0; o < conv.out_channels; ++o) {
      const Vector row = conv.weight.row(o);
      const Eigen::Map<const Matrix> kernel(row.data(), conv.in_channels, taps);
      const Vector values = DecomposeSymmetric(kernel.transpose() * kernel).values.cwiseMax(0);
      for (size_t r = 0; r < ranks.size(); ++r) errors[r] += values.tail(values.size() - ranks[r]).sum();
    }
    return errors;
  }
  size_t count = ranks.size();  // of those that lose anything
  while (count > 0 && ranks[count - 1] >= exact) --count;
  if (count == 0) return errors;
  const double whole = WeightedSquaredNorm(conv.weight, moments);
  std::fill_n(errors.begin(), count, whole);
  const PointwiseFit fit = OutputDirections(conv, moments, ranks[count - 1]);
  ForEachOutput(conv, moments.covariance, fit.pointwise, [&](int64_t, const Matrix& target, const Matrix& gram) {
    Matrix explained = target.transpose();
    CholeskyFactor(gram).triangularView<Eigen::Lower>().solveInPlace(explained);
    for (size_t r = 0; r < count; ++r) errors[r] -= explained.topRows(ranks[r] * taps).squaredNorm();
  });
  return errors;
}

class PointwiseFirst final : public Dsc {
 public:
  absl::string_view variant() const override { return "dsc-pw-dw"; }
  std::string Label(int64_t rank) const override { return absl::StrCat("dsc rank ", rank, " pw-dw"); }

 protected:
  std::vector<int64_t> Ranks(const Conv& conv) const override {
    return RanksThatPay(conv, conv.out_channels * (conv.taps() + conv.in_channels),
                        std::min(conv.taps(), conv.in_channels));
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    const std::vector<Conv> branch = {PointwiseOutline(conv.axes(), conv.in_channels, conv.out_channels),
                                      DepthwiseOutline(conv, conv.out_channels)};
    return {std::vector<std::vector<Conv>>(static_cast<size_t>(rank), branch)};
  }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    return PointwiseErrors(conv, moments, ranks);
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    const PointwiseFit fit = FitPointwiseFirst(conv, moments, rank);
    Replacement replacement = OutlineGroup(conv, rank);
    for (int64_t t = 0; t < rank; ++t) {
      std::vector<Conv>& branch = replacement.branches[static_cast<size_t>(t)];
      branch[0].weight.resize(conv.out_channels, conv.in_channels);
      branch[1].weight.resize(conv.out_channels, conv.taps());
      for (int64_t o = 0; o < conv.out_channels; ++o) {
        branch[0].weight.row(o) = fit.pointwise.row(o * rank + t);
        branch[1].weight.row(o) = fit.depthwise.row(o * rank + t);
      }
    }
    return replacement;
  }
};

}  // namespace

const Form* DscDepthwiseFirst() {
  static const DepthwiseFirst form;
  return &form;
}

const Form* DscPointwiseFirst() {
  static const PointwiseFirst form;
  return &form;
}

}  // namespace cnnopt
