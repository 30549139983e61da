// The last stages of all branches of a replacement, seen as one matrix behind everything before them.
#ifndef CNNOPT_PASSES_LAST_STAGES_H_
#define CNNOPT_PASSES_LAST_STAGES_H_

#include "passes/conv.h"

namespace cnnopt {

// Whether every branch ends in a convolution of one group.
bool LastStagesAreDense(const Replacement& replacement);

// y = P F x + b for a patch x: the features F are what the last stages see, the branches' below each other. A
// replacement of a single stage has the patch itself as features. One group; last stages must be dense. Borrows.
class LastStages {
 public:
  explicit LastStages(const Replacement& replacement);

  Matrix weight() const;                                         // P
  Matrix TimesFeatures(const Matrix& rows) const;                // rows F^T, for rows of D columns
  MatrixF Features(const MatrixF& patches) const;                // the same in float
  Matrix Gram(const Matrix& covariance, int threads = 1) const;  // F S F^T
  Matrix FeatureGram() const;                                    // F F^T
  Replacement With(const Matrix& weight) const;                  // the replacement with another P and the bias it has

 private:
  const Replacement& replacement_;
  Matrix features_;  // empty: identity
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_LAST_STAGES_H_
