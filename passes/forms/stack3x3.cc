// stack3x3: a large kernel as a stack of 3x3 ones (the VGG idea), without activations between them.
//
//   x ─ 5x5, Ci->Co ─ y             becomes      x ─ 3x3, Ci->M ─ 3x3, M->Co ─ y
//   x ─ 7x7, Ci->Co ─ y             becomes      x ─ 3x3, Ci->M ─ 3x3, M->M ─ 3x3, M->Co ─ y
//   x ─ 7x7 stride 2, Ci->Co ─ y    becomes      x ─ 3x3 stride 2, Ci->M ─ 3x3, M->Co ─ y
//
//   V[o,i,u] = sum_m sum_{q + s p = u} B[o,m,p] A[m,i,q]       MACs per output pixel: 9 M (Ci + Co) for two stages
//
// n stages of which the first has stride s make a kernel of 3 + 2 s (n - 1). All padding is on the first stage, whose
// map is a little larger than the output: the stack is exact at the borders. Padding each stage is not.
//
// Fit: a kernel is split into a first 3x3 and the rest, the rest again. Start of a split: the SVD of W[o,i,q + s p],
// shared evenly among the pairs (q, p) of one sum, folded to (Co, p) x (Ci, q). Then A and B in turn, each the exact
// solution given the other in the norm of the channels' covariance: that of A does not depend on the norm, and normal
// equations only need the products of pairs of taps. Of three stages and more, first and last are improved in turn.
// The last one is the exact refit under S itself.
//
// Applies when every axis has an odd kernel of 5 or more that such a stack makes, or one tap. Two stages without stride
// are exact when M = 4 min(Ci, Co).
#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/forms/forms.h"
#include "passes/least_squares.h"

namespace cnnopt {
namespace {

constexpr int kMostSweeps = 15;
constexpr int kEndSweeps = 10;       // of first and last stage, when there are others between them
constexpr double kLeastGain = 5e-3;  // a sweep that improves the error by less (relatively) is the last
constexpr double kRidge = 1e-9;      // of the normal equations, times the mean diagonal
constexpr double kRounding = 1e-12;  // an error below this share of the whole is zero

// Stages along one axis; 0: no stack makes this kernel. Strides over 3 would leave taps out.
int64_t StageCount(int64_t kernel, int64_t stride) {
  if (kernel < 5 || stride > 3 || (kernel - 3) % (2 * stride) != 0) return 0;
  return 1 + (kernel - 3) / (2 * stride);
}

int64_t StageCount(const Conv& conv) {
  int64_t count = 0;
  for (size_t axis = 0; axis < conv.kernel.size(); ++axis) {
    if (conv.kernel[axis] == 1) continue;
    const int64_t along = StageCount(conv.kernel[axis], conv.stride[axis]);
    if (along == 0 || (count != 0 && along != count)) return 0;
    count = along;
  }
  return count;
}

// ---- two stages ------------------------------------------------------------------------------------------------

// at[q][p]: the tap of the whole kernel that taps q of the first and p of the second stage reach together.
using Taps = std::vector<std::vector<int64_t>>;

// Kernel sizes of both stages and the stride of the first, per axis.
Taps CombineTaps(const std::vector<int64_t>& first, const std::vector<int64_t>& second,
                 const std::vector<int64_t>& stride) {
  Taps at(1, std::vector<int64_t>(1, 0));
  for (size_t axis = 0; axis < first.size(); ++axis) {
    const int64_t whole = first[axis] + stride[axis] * (second[axis] - 1);
    Taps finer;
    for (const std::vector<int64_t>& row : at) {
      for (int64_t q = 0; q < first[axis]; ++q) {
        std::vector<int64_t>& fine = finer.emplace_back();
        for (const int64_t tap : row) {
          for (int64_t p = 0; p < second[axis]; ++p) fine.push_back(tap * whole + q + stride[axis] * p);
        }
      }
    }
    at = std::move(finer);
  }
  return at;
}

Taps Transpose(const Taps& at) {
  Taps transposed(at.front().size(), std::vector<int64_t>(at.size()));
  for (size_t q = 0; q < at.size(); ++q) {
    for (size_t p = 0; p < at[q].size(); ++p) transposed[p][q] = at[q][p];
  }
  return transposed;
}

// A first stage's weight, M x (C taps), as (M taps) x C: row m * taps + t.
Matrix Fold(const Matrix& weight, int64_t taps) {
  Matrix folded(weight.rows() * taps, weight.cols() / taps);
  for (Eigen::Index m = 0; m < weight.rows(); ++m) {
    const Vector row = weight.row(m);
    folded.middleRows(m * taps, taps) = Eigen::Map<const Matrix>(row.data(), folded.cols(), taps).transpose();
  }
  return folded;
}

// The way back.
Matrix Unfold(const Matrix& folded, int64_t taps) {
  Matrix weight(folded.rows() / taps, folded.cols() * taps);
  for (Eigen::Index m = 0; m < weight.rows(); ++m) {
    const Matrix block = folded.middleRows(m * taps, taps).transpose();
    weight.row(m) = Eigen::Map<const Vector>(block.data(), block.size());
  }
  return weight;
}

// Row m * P + p: stage m of `folded` (M Q x C, row m * Q + q) moved by tap p of the other stage, M P x (C taps).
Matrix Shifted(const Matrix& folded, const Taps& at, int64_t taps) {
  const auto own = static_cast<Eigen::Index>(at.size()), other = static_cast<Eigen::Index>(at.front().size());
  const Eigen::Index count = folded.rows() / own;
  Matrix shifted = Matrix::Zero(count * other, folded.cols() * taps);
  for (Eigen::Index m = 0; m < count; ++m) {
    for (Eigen::Index p = 0; p < other; ++p) {
      for (Eigen::Index q = 0; q < own; ++q) {
        const int64_t tap = at[static_cast<size_t>(q)][static_cast<size_t>(p)];
        for (Eigen::Index c = 0; c < folded.cols(); ++c)
          shifted(m * other + p, c * taps + tap) = folded(m * own + q, c);
      }
    }
  }
  return shifted;
}

// The Gram matrix of Shifted rows, of the Gram matrix of the folded ones: M Q square to M P square.
Matrix ShiftedGram(const Matrix& gram, const Taps& at) {
  const auto own = static_cast<Eigen::Index>(at.size()), other = static_cast<Eigen::Index>(at.front().size());
  const Eigen::Index count = gram.rows() / own;
  Matrix shifted = Matrix::Zero(count * other, count * other);
  for (Eigen::Index p = 0; p < other; ++p) {
    for (Eigen::Index r = 0; r < other; ++r) {
      for (Eigen::Index q = 0; q < own; ++q) {
        for (Eigen::Index s = 0; s < own; ++s) {
          if (at[static_cast<size_t>(q)][static_cast<size_t>(p)] != at[static_cast<size_t>(s)][static_cast<size_t>(r)])
            continue;
          for (Eigen::Index m = 0; m < count; ++m) {
            for (Eigen::Index n = 0; n < count; ++n) {
              shifted(m * other + p, n * other + r) += gram(m * own + q, n * own + s);
            }
          }
        }
      }
    }
  }
  return shifted;
}

// The other stage, exactly: row n * P + p of the result is tap p. `kernel` is R x (C taps), `folded` M Q x C, the
// channels' covariance C x C (empty: identity). `explained`, when asked for, is what the pair gets right.
Matrix SolveOther(const Matrix& kernel, const Matrix& folded, const Matrix& covariance, const Taps& at,
                  double* explained = nullptr) {
  const int64_t taps = kernel.cols() / folded.cols();
  const Matrix seen = covariance.size() == 0 ? folded : Matrix(folded * covariance);
  Matrix gram = ShiftedGram(seen * folded.transpose(), at);
  gram.diagonal().array() += kRidge * gram.diagonal().mean();
  const Matrix target = kernel * Shifted(seen, at, taps).transpose();
  const Matrix solution = SolveRight(target, gram);
  if (explained != nullptr) *explained = solution.cwiseProduct(target).sum();
  return solution.transpose();
}

// First stage M Q x Ci and second M P x Co, rows by channel between them and tap. The first is folded, the second the
// transpose of a weight.
struct Pair {
  Matrix first, second;
};

// Equal sizes of both stages' parts of every channel between them.
void Balance(Pair& pair, Eigen::Index count) {
  const Eigen::Index q = pair.first.rows() / count, p = pair.second.rows() / count;
  for (Eigen::Index m = 0; m < count; ++m) {
    const double a = pair.first.middleRows(m * q, q).norm(), b = pair.second.middleRows(m * p, p).norm();
    if (!(a > 0) || !(b > 0)) continue;
    pair.first.middleRows(m * q, q) *= std::sqrt(b / a);
    pair.second.middleRows(m * p, p) *= std::sqrt(a / b);
  }
}

// Splits one kernel at several ranks: what does not depend on the rank is computed once.
class PairFitter {
 public:
  // `kernel` is Co x (Ci taps).
  PairFitter(const Matrix& kernel, const Matrix& covariance, Taps at, int64_t taps)
      : kernel_(kernel), by_input_(Fold(kernel, taps).transpose()), covariance_(covariance), at_(std::move(at)) {
    start_ = DecomposeOutputs(SharedPairs(taps), PairMoments()).features;
    whole_ = covariance.size() == 0 ? kernel.squaredNorm() : (covariance * by_input_).cwiseProduct(by_input_).sum();
  }

  Pair Fit(int64_t rank) const {
    const auto first = static_cast<int64_t>(at_.size());
    Matrix start = Matrix::Zero(rank, start_.cols());
    const Eigen::Index used = std::min<Eigen::Index>(rank, start_.rows());
    start.topRows(used) = start_.topRows(used);
    Pair pair{Fold(start, first), {}};
    const Taps back = Transpose(at_);
    double last = whole_;
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      double explained = 0;
      pair.second = SolveOther(kernel_, pair.first, covariance_, at_, &explained);
      const double error = whole_ - explained;
      if (error <= kRounding * whole_ || last - error < kLeastGain * last) break;
      last = error;
      Balance(pair, rank);
      pair.first = SolveOther(by_input_, pair.second, {}, back);
      Balance(pair, rank);
    }
    return pair;
  }

 private:
  // W[o,i,q + s p] shared evenly among the pairs of one sum: (Co P) x (Ci Q).
  Matrix SharedPairs(int64_t taps) const {
    const size_t first = at_.size(), second = at_.front().size();
    std::vector<double> ways(static_cast<size_t>(taps), 0.0);
    for (const std::vector<int64_t>& row : at_) {
      for (const int64_t tap : row) ways[static_cast<size_t>(tap)] += 1;
    }
    const auto q_count = static_cast<Eigen::Index>(first), p_count = static_cast<Eigen::Index>(second);
    Matrix pairs(kernel_.rows() * p_count, by_input_.rows() * q_count);
    for (size_t p = 0; p < second; ++p) {
      for (size_t q = 0; q < first; ++q) {
        const int64_t tap = at_[q][p];
        for (Eigen::Index o = 0; o < kernel_.rows(); ++o) {
          for (Eigen::Index i = 0; i < by_input_.rows(); ++i) {
            pairs(o * p_count + static_cast<Eigen::Index>(p), i * q_count + static_cast<Eigen::Index>(q)) =
                kernel_(o, i * taps + tap) / ways[static_cast<size_t>(tap)];
          }
        }
      }
    }
    return pairs;
  }

  // The channels' covariance for every tap of the first stage alike.
  Moments PairMoments() const {
    Moments moments;
    if (covariance_.size() == 0) return moments;
    const auto taps = static_cast<Eigen::Index>(at_.size());
    moments.covariance = Matrix::Zero(covariance_.rows() * taps, covariance_.cols() * taps);
    for (Eigen::Index i = 0; i < covariance_.rows(); ++i) {
      for (Eigen::Index j = 0; j < covariance_.cols(); ++j) {
        moments.covariance.block(i * taps, j * taps, taps, taps).diagonal().setConstant(covariance_(i, j));
      }
    }
    return moments;
  }

  Matrix kernel_, by_input_, covariance_;
  Taps at_;
  Matrix start_;
  double whole_ = 0;
};

// ---- the form --------------------------------------------------------------------------------------------------

std::vector<Conv> StackOutline(const Conv& conv, int64_t rank) {
  const int64_t count = StageCount(conv);
  std::vector<Conv> stages;
  for (int64_t s = 0; s < count; ++s) {
    const int64_t in = s == 0 ? conv.in_channels : rank, out = s + 1 == count ? conv.out_channels : rank;
    Conv stage = s == 0 ? SpatialOutline(conv, in, out) : PointwiseOutline(conv.axes(), in, out);
    stage.dilation = conv.dilation;
    for (size_t axis = 0; axis < conv.kernel.size(); ++axis) stage.kernel[axis] = conv.kernel[axis] == 1 ? 1 : 3;
    stages.push_back(std::move(stage));
  }
  return stages;
}

// What is left of a kernel when a first 3x3 stage of this stride is taken off.
std::vector<int64_t> Rest(std::vector<int64_t> kernel, const std::vector<int64_t>& stride) {
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    if (kernel[axis] > 1) kernel[axis] = (kernel[axis] - 3) / stride[axis] + 1;
  }
  return kernel;
}

// Fits one group at several ranks.
class StackFitter {
 public:
  StackFitter(const Conv& conv, const Moments& moments)
      : conv_(conv),
        moments_(moments),
        covariance_(moments.identity() ? Matrix()
                                       : SplitCovariance(moments.covariance, conv.in_channels, conv.taps()).channels),
        first_at_(CombineTaps(StackOutline(conv, 1)[0].kernel, Rest(conv.kernel, conv.stride), conv.stride)),
        split_(conv.weight, covariance_, first_at_, conv.taps()) {}

  std::vector<Conv> Fit(int64_t rank) const {
    std::vector<Conv> stages = StackOutline(conv_, rank);
    const int64_t taps = stages[0].taps();
    const std::vector<int64_t> ones(conv_.kernel.size(), 1);
    std::vector<int64_t> kernel = Rest(conv_.kernel, conv_.stride);
    Matrix covariance = covariance_;
    Pair pair = split_.Fit(rank);
    stages[0].weight = Unfold(pair.first, taps);
    for (size_t s = 1; s + 1 < stages.size(); ++s) {
      // What the next stages see of the channels between, over all taps.
      const Matrix seen = covariance.size() == 0 ? pair.first : Matrix(pair.first * covariance);
      covariance = Unfold(seen, taps) * Unfold(pair.first, taps).transpose();
      const std::vector<int64_t> rest = Rest(kernel, ones);
      const PairFitter fitter(pair.second.transpose(), covariance, CombineTaps(stages[s].kernel, rest, ones),
                              ElementCount(kernel));
      pair = fitter.Fit(rank);
      stages[s].weight = Unfold(pair.first, taps);
      kernel = rest;
    }
    stages.back().weight = pair.second.transpose();
    for (int sweep = 0; sweep < kEndSweeps && stages.size() > 2; ++sweep) {
      RefitFirst(stages);
      RefitLast(stages, false);
    }
    RefitLast(stages, true);
    return stages;
  }

  double SquaredError(const std::vector<Conv>& stages) const {
    return WeightedSquaredNorm(conv_.weight - Compose({{stages}}).weight, moments_);
  }

 private:
  void RefitFirst(std::vector<Conv>& stages) const {
    const Conv rest = Compose({{std::vector<Conv>(stages.begin() + 1, stages.end())}});
    const Matrix by_input = Fold(conv_.weight, conv_.taps()).transpose();
    const Matrix folded = SolveOther(by_input, rest.weight.transpose(), {}, Transpose(first_at_));
    stages[0].weight = Unfold(folded, stages[0].taps());
  }

  // In the norm of the channels' covariance or, when `exact`, of the moments themselves.
  void RefitLast(std::vector<Conv>& stages, bool exact) const {
    const Conv before = Compose({{std::vector<Conv>(stages.begin(), stages.end() - 1)}});
    const Taps at = CombineTaps(before.kernel, stages.back().kernel, conv_.stride);
    const Matrix folded = Fold(before.weight, before.taps());
    if (!exact || moments_.identity()) {
      stages.back().weight = SolveOther(conv_.weight, folded, covariance_, at).transpose();
      return;
    }
    const Matrix features = Shifted(folded, at, conv_.taps());
    const Matrix seen = features * moments_.covariance;
    stages.back().weight = SolveRight(conv_.weight * seen.transpose(), seen * features.transpose());
  }

  const Conv& conv_;
  const Moments& moments_;
  Matrix covariance_;  // of the channels; empty: identity
  Taps first_at_;
  PairFitter split_;
};

class Stack3x3 final : public Form {
 public:
  absl::string_view name() const override { return "stack3x3"; }
  absl::string_view summary() const override {
    return "large kernels as a stack of 3x3: 5x5 as two, 7x7 as three, or two with stride 2 (rank: the channels "
           "between)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override {
    if (StageCount(conv) > 0) return absl::OkStatus();
    if (conv.axes() == 0) return NeedsTaps(conv, name());
    return absl::FailedPreconditionError("no stack of 3x3 makes this kernel and stride");
  }

  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override { return {{StackOutline(conv, rank)}}; }

  std::vector<int64_t> Ranks(const Conv& conv) const override {
    // Every other one: each takes an iterative fit of its own.
    const std::vector<int64_t> all = PayingChannelCounts(conv);
    if (all.size() < 10) return all;
    std::vector<int64_t> ranks;
    for (size_t r = 1; r < all.size(); r += 2) ranks.push_back(all[r]);
    return ranks;
  }

  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override {
    if (ranks.empty()) return {};
    const StackFitter fitter(conv, moments);
    std::vector<double> errors;
    for (const int64_t rank : ranks) {
      const double error = fitter.SquaredError(fitter.Fit(rank));
      // A local optimum may be worse than a smaller rank's; a larger one can always be as good.
      errors.push_back(errors.empty() ? error : std::min(error, errors.back()));
    }
    return errors;
  }

  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override {
    return {{StackFitter(conv, moments).Fit(rank)}};
  }
};

}  // namespace

const Form* Stack3x3Form() {
  static const Stack3x3 form;
  return &form;
}

}  // namespace cnnopt
