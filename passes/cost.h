// What a convolution costs: multiply-accumulates of one run.
#ifndef CNNOPT_PASSES_COST_H_
#define CNNOPT_PASSES_COST_H_

#include <cstdint>

#include "onnx_io/tensor.h"
#include "passes/conv.h"

namespace cnnopt {

// Spatial sizes of `conv`'s output for an input of `input` spatial sizes (one per axis): the ONNX formula
// floor((size + pads - ((kernel - 1) dilation + 1)) / stride) + 1, at least 0.
Shape OutputSize(const Conv& conv, const Shape& input);

// Multiply-accumulates for one run on a batch of `batch` inputs of `input` spatial sizes. Biases and the additions of
// a replacement's branches are not counted.
int64_t Macs(const Conv& conv, const Shape& input, int64_t batch);
int64_t Macs(const Replacement& replacement, const Shape& input, int64_t batch);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_COST_H_
