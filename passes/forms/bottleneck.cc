// bottleneck: a convolution over fewer channels (the ResNet block without its activations), on one side or on both.
//
//   x ─ KxK, Ci->Co ─ y      becomes      one-sided:   x ─ KxK, Ci->r ─ 1x1, r->Co ─ y
//                               or        Tucker-2:    x ─ 1x1, Ci->r1 ─ KxK, r1->r2 ─ 1x1, r2->Co ─ y
//
//   one-sided:   V[o,i,t] = sum_b P[o,b] F[b,i,t]              MACs per output pixel: r (K Ci + Co)
//   Tucker-2:    V[o,i,t] = sum_ab P[o,b] G[b,a,t] Q[a,i]      stride^2 Ci r1 + K r1 r2 + r2 Co
//
// All padding and stride is on the KxK stage. One-sided has the optimum of low-rank: P the top eigenvectors of W S W^T.
// Tucker-2 (Tucker 1966; Kim et al. 2016) has one knob: the rank is r2, and r1 is the same share of Ci, rounded to a
// multiple of 8. Q are the leading input channels' directions of the kernel, in the norm of the channels' covariance
// (the first half of a Tucker decomposition). Given Q, the best P and G under S itself are again in closed form: the
// top r2 directions of the regression of the outputs on all r1 K features (reduced-rank regression, Izenman 1975). Q of
// a smaller rank is the beginning of a larger one's, so that one Cholesky factor serves all ranks and errors fall.
//
// Applies when the kernel has more than one tap; Tucker-2 when there are more than 8 input channels to reduce.
// Exact when r = min(Co, Ci K), or r2 = Co.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "passes/forms/forms.h"
#include "passes/forms/nested_regression.h"
#include "passes/forms/one_sided.h"

namespace cnnopt {
namespace {

constexpr absl::string_view kName = "bottleneck";
constexpr absl::string_view kSummary = "KxK over fewer channels, with 1x1 around it (rank: its output channels)";

class OneSidedBottleneck final : public OneSided {
 public:
  absl::string_view name() const override { return kName; }
  absl::string_view summary() const override { return kSummary; }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override { return NeedsTaps(conv, kName); }
};

// r1 for r2 = rank: the same share of the input channels, to the nearest multiple of 8.
int64_t InputRank(const Conv& conv, int64_t rank) {
  if (rank >= conv.out_channels) return conv.in_channels;
  const int64_t eighths = (rank * conv.in_channels + 4 * conv.out_channels) / (8 * conv.out_channels);
  return std::min(std::max<int64_t>(8 * eighths, 8), conv.in_channels);
}

class Tucker final : public Form {
 public:
  absl::string_view name() const override { return kName; }
  absl::string_view summary() const override { return kSummary; }
  absl::string_view variant() const override { return "tucker2"; }
  std::string Label(int64_t rank) const override { return absl::StrCat("tucker2 rank ", rank); }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override {
    CNNOPT_RETURN_IF_ERROR(NeedsTaps(conv, kName));
    if (conv.in_channels <= 8) return absl::FailedPreconditionError("at most 8 input channels: none to save");
    return absl::OkStatus();
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override {
    const int64_t inner = InputRank(conv, rank);
    return {{{PointwiseOutline(conv.axes(), conv.in_channels, inner), SpatialOutline(conv, inner, rank),
              PointwiseOutline(conv.axes(), rank, conv.out_channels)}}};
  }

  std::vector<int64_t> Ranks(const Conv& conv) const override {
    std::vector<int64_t> ranks = PayingChannelCounts(conv);
    // With as many channels as the input, or more than the features before them carry, a stage would do nothing.
    const auto idle = [&conv](int64_t rank) {
      const int64_t inner = InputRank(conv, rank);
      return inner >= conv.in_channels || rank >= conv.out_channels || rank > inner * conv.taps();
    };
    ranks.erase(std::remove_if(ranks.begin(), ranks.end(), idle), ranks.end());
    return ranks;
  }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    if (ranks.empty()) return {};
    const Matrix filters = PrincipalFilters(conv.weight, moments, conv.in_channels, InputRank(conv, ranks.back()));
    const NestedRegression regression(conv.weight, moments, filters);
    const double whole = WeightedSquaredNorm(conv.weight, moments);
    std::vector<double> errors;
    for (const int64_t rank : ranks) {
      const Matrix coordinates = regression.Coordinates(InputRank(conv, rank));
      errors.push_back(whole - DecomposeOutputs(coordinates, {}).values.head(rank).sum());
    }
    return errors;
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    const int64_t inner = InputRank(conv, rank);
    // Nothing is lost, in any norm, when no channel is dropped.
    const Moments weights_only;
    const Moments& norm = rank >= conv.out_channels ? weights_only : moments;
    Replacement replacement = OutlineGroup(conv, rank);
    std::vector<Conv>& chain = replacement.branches.front();
    chain[0].weight = Matrix::Zero(inner, conv.in_channels);
    const Matrix filters = PrincipalFilters(conv.weight, norm, conv.in_channels, inner);
    chain[0].weight.topRows(filters.rows()) = filters;
    const NestedRegression regression(conv.weight, norm, chain[0].weight);
    const PrincipalOutputs outputs = DecomposeOutputs(regression.Coordinates(inner), {});
    const int64_t used = std::min<int64_t>(rank, outputs.values.size());
    chain[1].weight = Matrix::Zero(rank, inner * conv.taps());
    chain[1].weight.topRows(used) = regression.Weights(outputs.features.topRows(used));
    chain[2].weight = Matrix::Zero(conv.out_channels, rank);
    chain[2].weight.leftCols(used) = outputs.directions.leftCols(used);
    return replacement;
  }
};

}  // namespace

const Form* BottleneckOneSided() {
  static const OneSidedBottleneck form;
  return &form;
}

const Form* BottleneckTucker() {
  static const Tucker form;
  return &form;
}

}  // namespace cnnopt
