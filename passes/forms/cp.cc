// cp: a convolution as an inverted bottleneck (the MobileNetV2 block): canonical polyadic decomposition of its kernel.
//
//   x ─ KxK, Ci->Co ─ y      becomes      x ─ 1x1, Ci->R ─ depthwise KxK on R ─ 1x1, R->Co ─ y
//
//   V[o,i,t] = sum_r P[o,r] D[r,t] Q[r,i]          MACs per output pixel: R (stride^2 Ci + K + Co)
//
// Fit: with Kronecker whitening, S ~ A (channels) x B (taps), the best V in the norm of the layer's own patches is the
// best CP decomposition of W x_channels A^(1/2) x_taps B^(1/2): a few sweeps of alternating least squares give a start.
// From there Q and D walk downhill in the norm of S itself, with P always at its optimum (variable projection); this
// takes the error 10 to 30 % below what whitening alone reaches. dsc is the special case where every row of Q picks one
// channel.
//
// Applies when the kernel has more than one tap and the layer is not depthwise already. Exact when R >= Ci K.
#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/forms/cp_factors.h"
#include "passes/forms/forms.h"
#include "passes/forms/trial_ranks.h"

namespace cnnopt {
namespace {

constexpr int kSweeps = 8;
// Steps of the descent. Large layers get fewer: as many as these numbers of multiplications allow, for a replacement
// that is wanted and for one of which only the error is.
constexpr int kMostSteps = 100;
constexpr double kFitMultiplications = 1.5e11;
constexpr double kTrialMultiplications = 5e10;
// Errors are computed at this many ranks and interpolated between: they are a smooth function of the rank.
constexpr size_t kTrials = 6;
// The same for layers of more patch elements than this, whose fits cost their square.
constexpr int64_t kWide = 1024;
constexpr size_t kWideTrials = 3;
// Ranks that save less than this share of the layer are not worth their time.
constexpr double kLeastSaving = 0.2;

int StepsFor(const Conv& conv, int64_t rank, double multiplications) {
  return StepsWithin(multiplications, rank, conv.out_channels, conv.in_channels * conv.taps(), kMostSteps);
}

// Fits one group at several ranks: what does not depend on the rank is computed once.
class CpFitter {
 public:
  CpFitter(const Conv& conv, const Moments& moments)
      : conv_(conv),
        moments_(moments),
        cross_(moments.identity() ? conv.weight : conv.weight * moments.covariance),
        whole_(cross_.cwiseProduct(conv.weight).sum()) {
    whitened_ = conv.weight;
    if (moments.identity()) return;
    roots_ = FactorCovariance(moments.covariance, conv.in_channels, conv.taps());
    for (Eigen::Index o = 0; o < whitened_.rows(); ++o) {
      const Vector row = whitened_.row(o);
      const Matrix kernel =
          roots_.channels.root * Eigen::Map<const Matrix>(row.data(), conv.in_channels, conv.taps()) * roots_.taps.root;
      whitened_.row(o) = Eigen::Map<const Vector>(kernel.data(), kernel.size());
    }
  }

  CpFactors Fit(int64_t rank, int steps) const {
    return PolishFactors({moments_.covariance, cross_}, Start(rank), steps);
  }

  double SquaredError(int64_t rank, int steps) const {
    if (conv_.in_channels * conv_.taps() > kWide) {  // what the descent knows of it is exact enough
      return whole_ - ExplainedByPolished({moments_.covariance, cross_}, Start(rank), steps);
    }
    const CpFactors factors = Fit(rank, steps);
    return WeightedSquaredNorm(conv_.weight - factors.outputs * CpFeatures(factors), moments_);
  }

 private:
  CpFactors Start(int64_t rank) const {
    CpFactors factors = DecomposeKernel(whitened_, conv_.in_channels, rank, kSweeps);
    if (!moments_.identity()) {
      factors.inputs = factors.inputs * roots_.channels.inverse_root;
      factors.taps = factors.taps * roots_.taps.inverse_root;
    }
    return factors;
  }

  const Conv& conv_;
  const Moments& moments_;
  Matrix cross_;      // of the layer's outputs with its patches
  double whole_ = 0;  // E|W x|^2
  KroneckerRoots roots_;
  Matrix whitened_;
};

class Cp final : public Form {
 public:
  absl::string_view name() const override { return "cp"; }
  absl::string_view summary() const override {
    return "inverted bottleneck: KxK as 1x1, depthwise KxK, 1x1 (rank: its middle channels)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override { return NeedsTaps(conv, name()); }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    return {{{PointwiseOutline(conv.axes(), conv.in_channels, rank), SpatialOutline(conv, rank, rank, rank),
              PointwiseOutline(conv.axes(), rank, conv.out_channels)}}};
  }

  std::vector<int64_t> Ranks(const Conv& conv) const override {
    std::vector<int64_t> ranks = PayingChannelCounts(conv);
    const auto whole = static_cast<double>(conv.out_channels * conv.in_channels * conv.taps());
    while (ranks.size() > 1 &&
           static_cast<double>(ParameterCount(OutlineGroup(conv, ranks.back()))) > (1 - kLeastSaving) * whole) {
      ranks.pop_back();
    }
    return ranks;
  }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    const CpFitter fitter(conv, moments);
    const size_t trials = conv.in_channels * conv.taps() > kWide ? kWideTrials : kTrials;
    return ErrorsFromTrials(ranks, trials, [&](int64_t rank) {
      return fitter.SquaredError(rank, StepsFor(conv, rank, kTrialMultiplications));
    });
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    Replacement replacement = OutlineGroup(conv, rank);
    SetFactors(CpFitter(conv, moments).Fit(rank, StepsFor(conv, rank, kFitMultiplications)),
               replacement.branches.front());
    return replacement;
  }
};

}  // namespace

const Form* CpForm() {
  static const Cp form;
  return &form;
}

}  // namespace cnnopt
