// What low-rank and the one-sided bottleneck share: a kernel of any size to few channels, then 1x1 to all of them.
#ifndef CNNOPT_PASSES_FORMS_ONE_SIDED_H_
#define CNNOPT_PASSES_FORMS_ONE_SIDED_H_

#include <vector>

#include "passes/form.h"

namespace cnnopt {

// V = P F with F (r x D) of `conv`'s own geometry and P (Co x r) 1x1. The fit is the exact optimum: the r directions of
// the output space that carry most (see DecomposeOutputs). V is a projection of W, so it never grows.
class OneSided : public Form {
 protected:
  Replacement OutlineGroup(const Conv& conv, int64_t rank) const override;
  std::vector<int64_t> Ranks(const Conv& conv) const override;
  std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                    const std::vector<int64_t>& ranks) const override;
  Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const override;
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORMS_ONE_SIDED_H_
