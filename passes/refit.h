// Refit of a replacement to what the slim network really feeds it.
#ifndef CNNOPT_PASSES_REFIT_H_
#define CNNOPT_PASSES_REFIT_H_

#include <vector>

#include "passes/conv.h"
#include "passes/patches.h"

namespace cnnopt {

// Sums over the patches the slim network feeds a site, with the original layer's outputs as targets: over the samples
// to fit to and over those held out. One entry per group.
struct DriftSums {
  std::vector<MomentSums> fit, held_out;
};

// Replaces the last stage of every branch by the solution of
//
//   P = (C + p W) F^T (F (S + p I) F^T)^-1,   bias = E y - P F E x
//
// S and C the covariances of patches x with themselves and with targets y, F what the last stage sees of a patch, W
// the original weights: p, a share of S's mean variance, are pseudo-samples of white noise through the original layer,
// which keep directions that were hardly seen where they were (asymmetric reconstruction: Zhang et al., 2015). The
// share that does best on the held-out sums is taken, and the result only if it beats the replacement as it was
// there. A cp then moves all its stages downhill under the same prior (see PolishFactors), again only where that helps
// on the held-out sums. A last stage that is not one dense convolution keeps its weights and may get a better bias. In
// the end each output channel may be scaled, by the ratio of its standard deviations to some power or by the regression
// of targets on outputs, whichever does best on the held-out sums. Returns whether anything changed. `conv` is the
// original layer; a replacement of one stage stands for a kept layer. The result does not depend on the number of
// threads.
bool RefitToDrift(const Conv& conv, DriftSums sums, int threads, Replacement& replacement);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_REFIT_H_
