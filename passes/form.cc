#include "passes/form.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "passes/forms/forms.h"

namespace cnnopt {
namespace {

// The least regularisation of a covariance that any fit works with: enough to keep its inverse harmless for channels
// that are dead, or nearly so, in the samples.
constexpr double kLeastShrinkage = 1e-6;

constexpr int64_t kRankStep = 8;
constexpr int64_t kRanksTried = 12;

// The moments of group `g`: regularised, or identity moments when none are given. Those of a wide layer take hundreds
// of megabytes: they are copied, into `copy`, only where something must be done to them.
const Moments& GroupMoments(absl::Span<const Moments> moments, int64_t g, Moments& copy) {
  if (moments.empty()) return copy = Moments{};
  const Moments& group = moments[static_cast<size_t>(g)];
  if (group.shrinkage >= kLeastShrinkage) return group;
  return copy = Shrink(group, kLeastShrinkage);
}

// Weights of one convolution, from its geometry alone.
int64_t StageParameters(const Conv& conv) { return conv.out_channels * conv.group_in_channels() * conv.taps(); }

}  // namespace

std::string Form::Label(int64_t rank) const { return absl::StrCat(std::string(name()), " rank ", rank); }

absl::Status Form::Applies(const Conv& conv) const {
  if (conv.groups > 1 && conv.group_in_channels() == 1) return absl::FailedPreconditionError("depthwise already");
  return AppliesToGroup(SpatialOutline(conv, conv.group_in_channels(), conv.out_channels / conv.groups));
}

Replacement Form::Outline(const Conv& conv, int64_t rank) const {
  const Conv group = SpatialOutline(conv, conv.group_in_channels(), conv.out_channels / conv.groups);
  Replacement outline =
      MergeGroups(std::vector<Replacement>(static_cast<size_t>(conv.groups), OutlineGroup(group, rank)));
  if (conv.bias.size() > 0) outline.branches.back().back().bias = Vector::Zero(conv.out_channels);
  return outline;
}

std::vector<int64_t> Form::PayingRanks(const Conv& conv) const {
  const Conv group = SpatialOutline(conv, conv.group_in_channels(), conv.out_channels / conv.groups);
  std::vector<int64_t> ranks = Ranks(group);
  while (!ranks.empty() && ParameterCount(OutlineGroup(group, ranks.back())) >= StageParameters(group))
    ranks.pop_back();
  return ranks;
}

std::vector<RankError> Form::Errors(const Conv& conv, absl::Span<const Moments> moments,
                                    const std::vector<int64_t>& ranks) const {
  std::vector<double> squares(ranks.size(), 0.0);
  double whole = 0;
  Moments copy;
  for (int64_t g = 0; g < conv.groups && !ranks.empty(); ++g) {
    const Conv part = ExtractGroup(conv, g);
    const Moments& seen = GroupMoments(moments, g, copy);
    const std::vector<double> errors = SquaredErrors(part, seen, ranks);
    for (size_t r = 0; r < squares.size(); ++r) squares[r] += errors[r];
    whole += WeightedSquaredNorm(part.weight, seen);
  }
  std::vector<RankError> candidates;
  for (size_t r = 0; r < squares.size(); ++r) {
    candidates.push_back({ranks[r], whole > 0 ? std::sqrt(std::max(squares[r], 0.0) / whole) : 0.0});
  }
  return candidates;
}

std::vector<RankError> Form::Candidates(const Conv& conv, absl::Span<const Moments> moments) const {
  return Errors(conv, moments, PayingRanks(conv));
}

Replacement Form::Fit(const Conv& conv, absl::Span<const Moments> moments, int64_t rank) const {
  std::vector<Replacement> parts;
  Moments copy;
  for (int64_t g = 0; g < conv.groups; ++g) {
    const Conv part = ExtractGroup(conv, g);
    Replacement fit = FitGroup(part, GroupMoments(moments, g, copy), rank);
    Vector bias = part.bias;
    if (!moments.empty() && moments[static_cast<size_t>(g)].mean.size() > 0) {
      // E y = W mu + b must stay: the bias takes what the new weights make of the mean.
      const Vector lost = (part.weight - Compose(fit).weight) * moments[static_cast<size_t>(g)].mean;
      bias = bias.size() > 0 ? Vector(bias + lost) : lost;
    }
    fit.branches.back().back().bias = bias;
    parts.push_back(std::move(fit));
  }
  return MergeGroups(parts);
}

std::vector<int64_t> Form::PayingChannelCounts(const Conv& conv) const {
  int64_t most = 0;
  while (ParameterCount(OutlineGroup(conv, most + kRankStep)) < StageParameters(conv)) most += kRankStep;
  const int64_t step = std::max<int64_t>(most / kRanksTried / kRankStep, 1) * kRankStep;
  std::vector<int64_t> ranks;
  for (int64_t rank = step; rank <= most; rank += step) ranks.push_back(rank);
  return ranks;
}

const std::vector<const Form*>& AllForms() {
  static const std::vector<const Form*>* const forms =
      new std::vector<const Form*>{DscDepthwiseFirst(),  DscPointwiseFirst(), CpForm(),      LowRankForm(),
                                   BottleneckOneSided(), BottleneckTucker(),  SpatialForm(), Stack3x3Form()};
  return *forms;
}

absl::Status NeedsTaps(const Conv& conv, absl::string_view name) {
  if (conv.axes() == 0)
    return absl::FailedPreconditionError(absl::StrCat("no kernel: ", std::string(name), " needs one"));
  if (conv.pointwise()) {
    return absl::FailedPreconditionError(absl::StrCat("1x1 kernel: ", std::string(name), " needs a larger one"));
  }
  return absl::OkStatus();
}

int64_t ParameterCount(const Conv& conv) { return StageParameters(conv) + conv.bias.size(); }

int64_t ParameterCount(const Replacement& replacement) {
  int64_t count = 0;
  for (const std::vector<Conv>& branch : replacement.branches) {
    for (const Conv& stage : branch) count += ParameterCount(stage);
  }
  return count;
}

}  // namespace cnnopt
