// Convolutions for tests: random ones, and a plain evaluation that shares no code with what it checks.
#ifndef CNNOPT_TESTS_TESTING_CONVOLUTION_H_
#define CNNOPT_TESTS_TESTING_CONVOLUTION_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"
#include "passes/conv.h"
#include "passes/moments.h"

namespace cnnopt::testing {

// Standard normal numbers.
Matrix RandomMatrix(std::mt19937& random, int64_t rows, int64_t cols);

struct Geometry {
  std::vector<int64_t> kernel, stride, dilation, pad_begin, pad_end;
};
// Kernel as given; stride and dilation 1, pads 0.
Geometry Plain(std::vector<int64_t> kernel);

Conv RandomConv(std::mt19937& random, const Geometry& geometry, int64_t in, int64_t out, int64_t groups = 1,
                bool bias = true);

// A model with one input x [1, in, spatial...], one Conv node "conv" with `conv`'s weights and output y. Float: ONNX
// Runtime has no Conv of doubles.
onnx::ModelProto ModelOf(const Conv& conv, const Shape& spatial);

// Moments of `samples` random patches that live in a subspace of `dimensions` directions, plus `noise`.
Moments RandomMoments(std::mt19937& random, int64_t size, int64_t dimensions, double noise);

// |a - b| / |b|, 0 for two empty matrices.
double RelativeDistance(const Matrix& a, const Matrix& b);

// Relative error of what `conv` computes when `replacement` stands in for it: sqrt(E|Wx - Vx|^2 / E|Wx|^2).
double RelativeError(const Conv& conv, const Replacement& replacement, const Moments& moments);

// Outputs of `model` on a seeded random input x of this shape, its fusions off.
std::vector<double> RunModel(const onnx::ModelProto& model, const Shape& shape);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_CONVOLUTION_H_
