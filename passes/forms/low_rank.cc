// low-rank: a 1x1 convolution, a Gemm or a constant MatMul as two thinner ones.
//
//   x ─ 1x1, Ci->Co ─ y      becomes      x ─ 1x1, Ci->r (stride here) ─ 1x1, r->Co ─ y
//
//   V[o,i] = sum_b P[o,b] F[b,i]          MACs per output pixel: r (Ci + Co)
//
// Fit: the best V of rank r in the norm of the layer's own inputs. With U the top r eigenvectors of W S W^T, P = U and
// F = U^T W; the error is the sum of the other eigenvalues.
//
// Applies to 1x1 kernels without padding, and to layers without any kernel. Rank r = min(Ci, Co) is exact.
#include <algorithm>

#include "passes/forms/forms.h"
#include "passes/forms/one_sided.h"

namespace cnnopt {
namespace {

class LowRank final : public OneSided {
 public:
  absl::string_view name() const override { return "low-rank"; }
  absl::string_view summary() const override {
    return "1x1, Gemm and MatMul as two thinner ones (rank: the channels between them)";
  }

 protected:
  absl::Status AppliesToGroup(const Conv& conv) const override {
    if (!conv.pointwise()) return absl::FailedPreconditionError("low-rank is for 1x1 kernels");
    const auto padded = [](int64_t pad) { return pad != 0; };
    if (std::any_of(conv.pad_begin.begin(), conv.pad_begin.end(), padded) ||
        std::any_of(conv.pad_end.begin(), conv.pad_end.end(), padded)) {
      return absl::FailedPreconditionError("padded 1x1 kernel");
    }
    return absl::OkStatus();
  }
};

}  // namespace

const Form* LowRankForm() {
  static const LowRank form;
  return &form;
}

}  // namespace cnnopt
