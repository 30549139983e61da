// What a convolution costs: multiply-accumulates of one run.
#ifndef CNNOPT_PASSES_COST_H_
#define CNNOPT_PASSES_COST_H_

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "onnx_io/tensor.h"
#include "passes/conv.h"

namespace cnnopt {

// Spatial sizes of `conv`'s output for an input of `input` spatial sizes (one per axis): the ONNX formula
// floor((size + pads - ((kernel - 1) dilation + 1)) / stride) + 1, at least 0.
Shape OutputSize(const Conv& conv, const Shape& input);

// The shape of a tensor that `conv` reads or makes as [N, C, spatial...]: of a Conv as it is; the [..., C] of a Gemm or
// MatMul, which has no spatial axes, as [rows, C]. The elements are in the same order.
Shape LayerShape(const Conv& conv, const Shape& shape);
// The shape of the tensor it makes of one of shape `input`; both as in the model.
Shape OutputShape(const Conv& conv, const Shape& input);

// The product of numbers that are not negative; the largest int64 where it would be larger. Shapes that a model only
// declares can be of any size.
int64_t SaturatedProduct(std::initializer_list<int64_t> factors);

// The same as a cost: nullopt when a factor is negative (an unknown count) or the product passes 2^52, which no machine
// could run and many of which still have a sum.
std::optional<int64_t> CostProduct(std::initializer_list<int64_t> factors);

// Multiply-accumulates for one run on a batch of `batch` inputs of `input` spatial sizes. Biases and the additions of
// a replacement's branches are not counted.
int64_t Macs(const Conv& conv, const Shape& input, int64_t batch);
int64_t Macs(const Replacement& replacement, const Shape& input, int64_t batch);

// About the time of one run on one core, in multiply-accumulates that could be done meanwhile: those of the layer, its
// channels rounded up to whole vectors of 16; 8 for each number it writes and 1 for each it reads, of maps beyond half
// a million numbers 13 and 14; 10 for each number of maps beyond a million and a half that a pointwise or depthwise
// convolution moves, as often as it moves it; 10 for each weight; and 100,000 for a stage as such. Fitted by
// benchmarks/stage_times.py to 375 layers in ONNX Runtime on AVX-512 at 62 G/s, half of them within 4 %, nine in ten
// within 17 %; what large maps cost to 114 layers at 126 G/s, where moving weighs more. The same on every machine, so
// that plans made by it are the same.
int64_t Effort(const Conv& conv, const Shape& input, int64_t batch);
int64_t Effort(const Replacement& replacement, const Shape& input, int64_t batch);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_COST_H_
