// The arithmetic of cp: a kernel as a sum of products of three vectors, found and improved.
#ifndef CNNOPT_PASSES_FORMS_CP_FACTORS_H_
#define CNNOPT_PASSES_FORMS_CP_FACTORS_H_

#include <cstdint>

#include "passes/conv.h"
#include "passes/moments.h"

namespace cnnopt {

// V[o,i,t] = sum_r outputs(o,r) taps(r,t) inputs(r,i): the weights of 1x1, depthwise KxK and 1x1 in this order of a
// chain as inputs, taps, outputs.
struct CpFactors {
  Matrix inputs;   // R x Ci
  Matrix taps;     // R x K
  Matrix outputs;  // Co x R
};

// What the last 1x1 sees of a patch: R x (Ci K), taps(r,t) inputs(r,i) in the order of a Conv's weight columns.
Matrix CpFeatures(const CpFactors& factors);

// Alternating least squares (Harshman 1970; Carroll and Chang 1970) on `weight` (Co x Ci K) itself, every element
// counting the same, from a seeded random start: at most `sweeps` rounds in each of which taps, outputs and inputs in
// turn are the solution of a linear problem with an R x R matrix. About 8 Co Ci K R flops a sweep.
CpFactors DecomposeKernel(const Matrix& weight, int64_t channels, int64_t rank, int sweeps);

// What a layer should compute of its patches x: outputs y with cross covariance cov(y, x), in the least squares of
// E|y - V x|^2 for centred x and y. An empty covariance is the identity.
struct PatchTarget {
  const Matrix& covariance;  // S: D x D
  const Matrix& cross;       // C: Co x D
};

// As many steps of PolishFactors as these multiplications pay for, at least a few and at most `most`.
int StepsWithin(double multiplications, int64_t rank, int64_t outputs, int64_t elements, int most);

// Variable projection (Golub and Pereyra 1973): inputs and taps walk downhill on E|y - V x|^2 for at most `steps`
// steps, with outputs always at their optimum C F^T (F S F^T)^-1 for the features F they then have. The result is at
// least as good as `factors` with its best outputs. About 2 R D (D + 2 Co) flops a step. The result does not depend on
// the number of threads.
CpFactors PolishFactors(const PatchTarget& target, CpFactors factors, int steps, int threads = 1);
// How much of E|y|^2 the result of the same explains, in single precision: E|y - V x|^2 = E|y|^2 - this.
double ExplainedByPolished(const PatchTarget& target, CpFactors factors, int steps);

// The best outputs for the inputs and taps that are there.
Matrix BestOutputs(const PatchTarget& target, const CpFactors& factors, int threads = 1);

// Whether a branch is 1x1, depthwise KxK, 1x1, and its weights as factors.
bool IsCpChain(const std::vector<Conv>& branch);
CpFactors FactorsOf(const std::vector<Conv>& branch);
void SetFactors(const CpFactors& factors, std::vector<Conv>& branch);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORMS_CP_FACTORS_H_
