// spatial: a convolution along one axis, then along the others (separable filters).
//
//   x ─ kh x kw, Ci->Co ─ y      becomes      x ─ kh x 1, Ci->r ─ 1 x kw, r->Co ─ y
//
//   V[o,i,(y,x)] = sum_b P[o,b,x] F[b,i,y]          MACs per output pixel: r (kh stride_w Ci + kw Co)
//
// Stride, dilation and padding of each axis are on the stage that runs along it: exact at the borders too, since
// without a bias between the stages zeros stay zeros. Three axes: the first one, then the other two together.
//
// Fit: the kernel folded to (Ci kh) x (Co kw) is approximated by a product of rank r, the truncated SVD (Jaderberg et
// al. 2014) in the norm of the moments' Kronecker split into (Ci kh) x kw. Then P is the exact refit under S itself. F
// of a smaller rank is the beginning of a larger one's, so that one Cholesky factor serves all ranks and errors fall.
//
// Applies when at least two axes have more than one tap. Rank r = min(Ci kh, Co kw) is exact.
#include <algorithm>

#include "passes/forms/forms.h"
#include "passes/forms/nested_regression.h"

namespace cnnopt {
namespace {

// The first axis with more than one tap; those before it have one.
size_t SplitAxis(const Conv& conv) {
  size_t axis = 0;
  while (axis + 1 < conv.kernel.size() && conv.kernel[axis] == 1) ++axis;
  return axis;
}

// A stage that runs along the split axis only, or along all others only.
Conv Along(const Conv& conv, bool split_axis, int64_t in_channels, int64_t out_channels) {
  Conv stage = SpatialOutline(conv, in_channels, out_channels);
  for (size_t axis = 0; axis < stage.kernel.size(); ++axis) {
    if ((axis == SplitAxis(conv)) == split_axis) continue;
    stage.kernel[axis] = stage.stride[axis] = stage.dilation[axis] = 1;
    stage.pad_begin[axis] = stage.pad_end[axis] = 0;
  }
  return stage;
}

// Ci kh: weight columns are (i, y) by x.
int64_t FoldedRows(const Conv& conv) { return conv.in_channels * conv.kernel[SplitAxis(conv)]; }

class Spatial final : public Form {
 public:
  absl::string_view name() const override { return "spatial"; }
  absl::string_view summary() const override {
    return "separable filters: KxK as Kx1, 1xK (rank: the channels between them)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override {
    if (conv.axes() == 0) return NeedsTaps(conv, name());
    if (conv.taps() == conv.kernel[SplitAxis(conv)]) {
      return absl::FailedPreconditionError("kernel along one axis: spatial needs two");
    }
    return absl::OkStatus();
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    return {{{Along(conv, true, conv.in_channels, rank), Along(conv, false, rank, conv.out_channels)}}};
  }

  std::vector<int64_t> Ranks(const Conv& conv) const override { return PayingChannelCounts(conv); }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    if (ranks.empty()) return {};
    const Matrix filters = PrincipalFilters(conv.weight, moments, FoldedRows(conv), ranks.back());
    const NestedRegression regression(conv.weight, moments, filters);
    const double whole = WeightedSquaredNorm(conv.weight, moments);
    std::vector<double> errors;
    for (const int64_t rank : ranks) errors.push_back(whole - regression.Coordinates(rank).squaredNorm());
    return errors;
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    Replacement replacement = OutlineGroup(conv, rank);
    std::vector<Conv>& chain = replacement.branches.front();
    const int64_t inputs = FoldedRows(conv);
    const int64_t full = std::min(inputs, conv.weight.size() / inputs);
    // At full rank nothing is lost, in any norm.
    const Moments weights_only;
    const Moments& norm = rank >= full ? weights_only : moments;
    const Matrix filters = PrincipalFilters(conv.weight, norm, inputs, rank);
    chain[0].weight = Matrix::Zero(rank, inputs);
    chain[0].weight.topRows(filters.rows()) = filters;
    const NestedRegression regression(conv.weight, norm, chain[0].weight);
    chain[1].weight = regression.Weights(regression.Coordinates(rank));
    return replacement;
  }
};

}  // namespace

const Form* SpatialForm() {
  static const Spatial form;
  return &form;
}

}  // namespace cnnopt
