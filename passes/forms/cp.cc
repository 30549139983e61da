// cp: a convolution as an inverted bottleneck (the MobileNetV2 block): canonical polyadic decomposition of its kernel.
//
//   x ─ KxK, Ci->Co ─ y      becomes      x ─ 1x1, Ci->R ─ depthwise KxK on R ─ 1x1, R->Co ─ y
//
//   V[o,i,t] = sum_r P[o,r] D[r,t] Q[r,i]          MACs per output pixel: R (stride^2 Ci + K + Co)
//
// Fit: with Kronecker whitening, S ~ A (channels) x B (taps), the best V in the norm of the layer's own patches is the
// best CP decomposition of W x_channels A^(1/2) x_taps B^(1/2), found by alternating least squares (Harshman 1970;
// Carroll and Chang 1970): each of P, D, Q in turn is the solution of a linear problem with an R x R matrix. Then P is
// refitted exactly under S itself. dsc is the special case where every row of Q picks one channel.
//
// Applies when the kernel has more than one tap and the layer is not depthwise already. Exact when R >= Ci K.
#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "passes/forms/forms.h"
#include "passes/least_squares.h"

namespace cnnopt {
namespace {

constexpr int kMostSweeps = 60;
constexpr double kLeastGain = 1e-4;  // a sweep that improves the error by less (relatively) is the last
constexpr double kRidge = 1e-6;      // of the R x R solves, times the mean diagonal: keeps components from diverging

// sum_r P[:,r] D[r,t] Q[r,:]: P is Co x R, D is K x R, Q is Ci x R.
struct CpFactors {
  Matrix outputs, taps, inputs;
};

// X = M (G + ridge)^-1 for a Gram matrix G.
Matrix SolveGram(const MatrixF& m, const Matrix& gram) {
  Matrix regular = gram;
  regular.diagonal().array() += kRidge * std::max(gram.diagonal().mean(), 1e-300);
  return SolveRight(m.cast<double>(), regular);
}

// The kernel with row t * Co + o holding W[o, :, t]: one product with Q then serves all taps.
MatrixF StackTaps(const Matrix& weight, int64_t channels, int64_t taps) {
  MatrixF stacked(taps * weight.rows(), channels);
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t o = 0; o < weight.rows(); ++o) {
      for (int64_t i = 0; i < channels; ++i) {
        stacked(t * weight.rows() + o, i) = static_cast<float>(weight(o, i * taps + t));
      }
    }
  }
  return stacked;
}

// Spreads the size of each component evenly over its three vectors.
void Balance(CpFactors& factors) {
  for (Eigen::Index r = 0; r < factors.outputs.cols(); ++r) {
    const double p = factors.outputs.col(r).norm(), d = factors.taps.col(r).norm(), q = factors.inputs.col(r).norm();
    const double size = std::cbrt(p * d * q);
    if (!(size > 0) || !std::isfinite(size)) continue;
    factors.outputs.col(r) *= size / p;
    factors.taps.col(r) *= size / d;
    factors.inputs.col(r) *= size / q;
  }
}

CpFactors RandomStart(int64_t outputs, int64_t taps, int64_t inputs, int64_t rank) {
  std::mt19937_64 random(static_cast<uint64_t>(rank));
  const auto fill = [&random](int64_t rows, int64_t cols) {
    // Uniform in (-1, 1), from the generator's own bits: the same everywhere.
    return Matrix(
        Matrix::NullaryExpr(rows, cols, [&random] { return static_cast<double>(random() >> 11) * 0x1p-52 - 1; }));
  };
  CpFactors factors;
  factors.outputs = fill(outputs, rank);
  factors.taps = fill(taps, rank);
  factors.inputs = fill(inputs, rank);
  return factors;
}

// Alternating least squares on `stacked` (see StackTaps). One sweep costs two products of Co K x Ci with Ci x R.
CpFactors Decompose(const MatrixF& stacked, int64_t outputs, int64_t taps, CpFactors factors) {
  const double whole = stacked.cast<double>().squaredNorm();
  double last = whole;
  for (int sweep = 0; sweep < kMostSweeps && whole > 0; ++sweep) {
    const auto rank = factors.inputs.cols();
    const MatrixF seen = stacked * factors.inputs.cast<float>();  // K Co x R
    const Matrix input_gram = factors.inputs.transpose() * factors.inputs;
    // Taps.
    MatrixF target(taps, rank);
    const MatrixF p = factors.outputs.cast<float>();
    for (int64_t t = 0; t < taps; ++t)
      target.row(t) = seen.middleRows(t * outputs, outputs).cwiseProduct(p).colwise().sum();
    factors.taps = SolveGram(target, (factors.outputs.transpose() * factors.outputs).cwiseProduct(input_gram));
    // Outputs.
    const MatrixF d = factors.taps.cast<float>();
    target = MatrixF::Zero(outputs, rank);
    for (int64_t t = 0; t < taps; ++t) target += seen.middleRows(t * outputs, outputs) * d.row(t).asDiagonal();
    const Matrix tap_gram = factors.taps.transpose() * factors.taps;
    factors.outputs = SolveGram(target, tap_gram.cwiseProduct(input_gram));
    // Inputs.
    MatrixF spread(taps * outputs, rank);
    const MatrixF fresh = factors.outputs.cast<float>();
    for (int64_t t = 0; t < taps; ++t) spread.middleRows(t * outputs, outputs) = fresh * d.row(t).asDiagonal();
    target = stacked.transpose() * spread;
    const Matrix gram = tap_gram.cwiseProduct(factors.outputs.transpose() * factors.outputs);
    factors.inputs = SolveGram(target, gram);
    const double error = whole - 2 * target.cast<double>().cwiseProduct(factors.inputs).sum() +
                         gram.cwiseProduct(factors.inputs.transpose() * factors.inputs).sum();
    Balance(factors);
    if (last - error < kLeastGain * last) break;
    last = error;
  }
  return factors;
}

// Row r holds D[r,t] Q[r,i] in the order of the weight's columns: what the last stage sees of a patch.
Matrix Features(const CpFactors& factors) {
  const auto taps = factors.taps.rows();
  Matrix features(factors.inputs.cols(), factors.inputs.rows() * taps);
  for (Eigen::Index r = 0; r < features.rows(); ++r) {
    for (Eigen::Index i = 0; i < factors.inputs.rows(); ++i) {
      features.row(r).segment(i * taps, taps) = factors.inputs(i, r) * factors.taps.col(r).transpose();
    }
  }
  return features;
}

// Fits one group at several ranks: what does not depend on the rank is computed once.
class CpFitter {
 public:
  CpFitter(const Conv& conv, const Moments& moments) : conv_(conv), moments_(moments) {
    Matrix weight = conv.weight;
    if (!moments.identity()) {
      roots_ = FactorCovariance(moments.covariance, conv.in_channels, conv.taps());
      for (int64_t o = 0; o < weight.rows(); ++o) {
        const Vector row = weight.row(o);
        const Matrix kernel = roots_.channels.root *
                              Eigen::Map<const Matrix>(row.data(), conv.in_channels, conv.taps()) * roots_.taps.root;
        weight.row(o) = Eigen::Map<const Vector>(kernel.data(), kernel.size());
      }
    }
    stacked_ = StackTaps(weight, conv.in_channels, conv.taps());
  }

  CpFactors Fit(int64_t rank) const {
    CpFactors factors = Decompose(stacked_, conv_.out_channels, conv_.taps(),
                                  RandomStart(conv_.out_channels, conv_.taps(), conv_.in_channels, rank));
    if (!moments_.identity()) {
      factors.inputs = roots_.channels.inverse_root * factors.inputs;
      factors.taps = roots_.taps.inverse_root * factors.taps;
    }
    // Features of unit size, so that the last stage's Gram matrix is well scaled.
    for (Eigen::Index r = 0; r < rank; ++r) {
      factors.inputs.col(r) /= std::max(factors.inputs.col(r).norm(), 1e-300);
      factors.taps.col(r) /= std::max(factors.taps.col(r).norm(), 1e-300);
    }
    const Matrix features = Features(factors);
    const Matrix seen =
        moments_.identity() ? Matrix(features.transpose()) : Matrix(moments_.covariance * features.transpose());
    factors.outputs = SolveRight(conv_.weight * seen, features * seen);
    return factors;
  }

  double SquaredError(const CpFactors& factors) const {
    return WeightedSquaredNorm(conv_.weight - factors.outputs * Features(factors), moments_);
  }

 private:
  const Conv& conv_;
  const Moments& moments_;
  KroneckerRoots roots_;
  MatrixF stacked_;
};

class Cp final : public Form {
 public:
  absl::string_view name() const override { return "cp"; }
  absl::string_view summary() const override {
    return "inverted bottleneck: KxK as 1x1, depthwise KxK, 1x1 (rank: its middle channels)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override {
    if (conv.pointwise()) return absl::FailedPreconditionError("1x1 kernel: cp needs a larger one");
    return absl::OkStatus();
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    return {{{PointwiseOutline(conv.axes(), conv.in_channels, rank), SpatialOutline(conv, rank, rank, rank),
              PointwiseOutline(conv.axes(), rank, conv.out_channels)}}};
  }

  std::vector<int64_t> Ranks(const Conv& conv) const override { return PayingChannelCounts(conv); }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    const CpFitter fitter(conv, moments);
    std::vector<double> errors;
    for (const int64_t rank : ranks) {
      const double error = fitter.SquaredError(fitter.Fit(rank));
      // A local optimum may be worse than a smaller rank's; a larger one can always be as good.
      errors.push_back(errors.empty() ? error : std::min(error, errors.back()));
    }
    return errors;
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    const CpFactors factors = CpFitter(conv, moments).Fit(rank);
    Replacement replacement = OutlineGroup(conv, rank);
    std::vector<Conv>& chain = replacement.branches.front();
    chain[0].weight = factors.inputs.transpose();
    chain[1].weight = factors.taps.transpose();
    chain[2].weight = factors.outputs;
    return replacement;
  }
};

}  // namespace

const Form* CpForm() {
  static const Cp form;
  return &form;
}

}  // namespace cnnopt
