// What a layer sees: mean and covariance of its input patches.
#ifndef CNNOPT_PASSES_MOMENTS_H_
#define CNNOPT_PASSES_MOMENTS_H_

#include <cstdint>

#include "onnx_io/tensor.h"
#include "passes/least_squares.h"

namespace cnnopt {

// Moments of the input patches of one group of a Conv, in the order of its weight's columns (channel by channel, tap
// by tap; padding counts as zeros). Without a covariance they are identity moments: mean 0, every patch element
// independent with variance 1, which makes every fit the best one by weights only. One algorithm serves both.
struct Moments {
  Vector mean;        // D; empty: zero
  Matrix covariance;  // D x D, symmetric, positive semidefinite; empty: identity
  int64_t samples = 0;
  double shrinkage = 0;  // the strength that Shrink was applied with

  bool identity() const { return covariance.size() == 0; }
};

// (1 - strength) S + strength * tr(S) / D * I: pulls directions that were hardly seen towards the weights-only fit.
// Without it, rarely active channels are whitened to enormous gains. A covariance that is zero or not finite becomes
// the identity. Identity moments stay as they are.
Moments Shrink(const Moments& moments, double strength);

// The strength that brings Shrink(moments, strength) closest to the true covariance when the samples are independent
// and Gaussian (oracle approximating shrinkage: Chen et al., 2010), in [0, 1]: about (r + 1) / samples when r
// directions carry most. What matters for a layer that sees few rows, as a Gemm does.
double OracleShrinkage(const Moments& moments);

// tr(E S E^T): the expected squared norm of E (x - mean).
double WeightedSquaredNorm(const Matrix& matrix, const Moments& moments);

// The outputs W x in uncorrelated directions, the ones that carry most first: W S W^T = U diag(values) U^T. Keeping the
// first r of them, V = U_r F_r, is the best V of rank r; it loses the sum of the other values. n = min(rows, columns)
// of W.
struct PrincipalOutputs {
  Vector values;      // n, none negative
  Matrix directions;  // U: rows x n, orthonormal columns
  Matrix features;    // F = U^T W: n x columns
};
PrincipalOutputs DecomposeOutputs(const Matrix& weight, const Moments& moments);

// S ~ A (channels) x B (taps): A the mean over taps of S's blocks of equal taps, B the trace over channels, scaled so
// that tr(A) tr(B) = tr(S). `covariance` is (channels taps) square, in the order of a Conv's weight columns.
struct KroneckerFactors {
  Matrix channels, taps;
};
KroneckerFactors SplitCovariance(const Matrix& covariance, int64_t channels, int64_t taps);

// The roots of the same A and B: they whiten a kernel in both directions, where decompositions have closed forms.
struct KroneckerRoots {
  SquareRoots channels, taps;
};
KroneckerRoots FactorCovariance(const Matrix& covariance, int64_t channels, int64_t taps);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_MOMENTS_H_
