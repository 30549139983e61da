// Refit of a replacement to what the activation behind it lets through.
#ifndef CNNOPT_PASSES_REFIT_ACTIVATION_H_
#define CNNOPT_PASSES_REFIT_ACTIVATION_H_

#include "passes/activation.h"
#include "passes/conv.h"

namespace cnnopt {

// Rows of what the slim network feeds one group of a site, with what should come of them.
struct DriftRows {
  MatrixF patches;  // n x D
  MatrixF target;   // n x Co: the original's output, plus the original skip where there is one
  MatrixF skip;     // n x Co: the slim network's own skip; empty: none
};

// Moves the last stage P and the bias b of `replacement` downhill on
//
//   E|f(P F x + b + skip) - f(target)|^2 + w E|P F x + b + skip - target|^2
//
// from where they are: errors that the activation f swallows cost only the small weight w (after Zhang et al., 2015,
// who alternate between two closed forms; here both terms are descended at once). The result stands only if it lowers
// the first term on `held_out`. Returns whether it did. All branches must end in dense stages. One group. The result
// does not depend on the number of threads.
bool RefitThroughActivation(const Activation& activation, const DriftRows& fit, const DriftRows& held_out, int threads,
                            Replacement& replacement);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_REFIT_ACTIVATION_H_
