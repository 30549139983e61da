#include "passes/cost.h"

#include <algorithm>
#include <limits>

namespace cnnopt {
namespace {

int64_t SaturatedSum(std::initializer_list<int64_t> terms) {
  int64_t sum = 0;
  for (const int64_t term : terms) {
    const int64_t room = std::numeric_limits<int64_t>::max() - sum;
    sum += std::min(term, room);
  }
  return sum;
}

// `cost(stage, spatial sizes of its input)` of all stages of all branches.
template <typename Cost>
int64_t SumOfStages(const Replacement& replacement, const Shape& input, const Cost& cost) {
  int64_t sum = 0;
  for (const std::vector<Conv>& branch : replacement.branches) {
    Shape size = input;
    for (const Conv& stage : branch) {
      sum = SaturatedSum({sum, cost(stage, size)});
      size = OutputSize(stage, size);
    }
  }
  return sum;
}

// How many blocks of `block` channels hold `channels`.
int64_t Blocks(int64_t channels, int64_t block) { return (channels + block - 1) / block; }

// Channels as ONNX Runtime's kernels count them; those of an image stay as they are.
int64_t WholeVectors(int64_t channels) {
  constexpr int64_t kVector = 16, kImage = 4;
  return channels <= kImage ? channels : Blocks(channels, kVector) * kVector;
}

// Of `numbers` those that a cache of `cached` does not hold.
int64_t Beyond(int64_t numbers, int64_t cached) { return std::max<int64_t>(numbers - cached, 0); }

// Numbers of maps too large for the last cache that `conv` moves, where it reads and writes `read` and `written` of
// them. ONNX Runtime's pointwise kernel goes over whole maps: for each 64 output channels it reads the input again, for
// each 128 input channels it reads and writes the output again. A depthwise one does so once. Others, strided pointwise
// ones too, multiply so often with what is near that the maps come meanwhile.
int64_t MovedBeyondLastCache(const Conv& conv, int64_t read, int64_t written) {
  constexpr int64_t kLastCached = 1'500'000, kOutputsAtOnce = 64, kInputsAtOnce = 128;
  const bool whole_maps = conv.pointwise() && conv.groups == 1 && ElementCount(conv.stride) == 1;
  if (!whole_maps && !conv.depthwise()) return 0;
  const int64_t readings = whole_maps ? Blocks(conv.out_channels, kOutputsAtOnce) : 1;
  const int64_t writings = whole_maps ? Blocks(conv.in_channels, kInputsAtOnce) : 1;
  return SaturatedSum({SaturatedProduct({readings, Beyond(read, kLastCached)}),
                       SaturatedProduct({2, writings, Beyond(written, kLastCached)})});
}

}  // namespace

Shape OutputSize(const Conv& conv, const Shape& input) {
  Shape size(conv.kernel.size());
  for (size_t a = 0; a < size.size(); ++a) {
    const int64_t extent = (conv.kernel[a] - 1) * conv.dilation[a] + 1;
    const int64_t room = input[a] + conv.pad_begin[a] + conv.pad_end[a] - extent;
    size[a] = room < 0 ? 0 : room / conv.stride[a] + 1;
  }
  return size;
}

Shape LayerShape(const Conv& conv, const Shape& shape) {
  if (conv.axes() > 0) return shape;
  return {ElementCount(Shape(shape.begin(), shape.end() - 1)), shape.back()};
}

Shape OutputShape(const Conv& conv, const Shape& input) {
  if (conv.axes() == 0) {
    Shape output = input;
    output.back() = conv.out_channels;
    return output;
  }
  Shape output = {input[0], conv.out_channels};
  const Shape size = OutputSize(conv, Shape(input.begin() + 2, input.end()));
  output.insert(output.end(), size.begin(), size.end());
  return output;
}

int64_t SaturatedProduct(std::initializer_list<int64_t> factors) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (factor == 0) return 0;
    if (product > kMost / factor) {
      product = kMost;
    } else {
      product *= factor;
    }
  }
  return product;
}

std::optional<int64_t> CostProduct(std::initializer_list<int64_t> factors) {
  if (std::min(factors) < 0) return std::nullopt;
  const int64_t product = SaturatedProduct(factors);
  if (product > int64_t{1} << 52) return std::nullopt;
  return product;
}

int64_t Macs(const Conv& conv, const Shape& input, int64_t batch) {
  const int64_t positions = ElementCount(OutputSize(conv, input));
  if (positions < 0) return std::numeric_limits<int64_t>::max();
  return SaturatedProduct({batch, positions, conv.out_channels, conv.group_in_channels(), conv.taps()});
}

int64_t Macs(const Replacement& replacement, const Shape& input, int64_t batch) {
  return SumOfStages(replacement, input,
                     [batch](const Conv& stage, const Shape& size) { return Macs(stage, size, batch); });
}

int64_t Effort(const Conv& conv, const Shape& input, int64_t batch) {
  constexpr int64_t kPerWritten = 8, kPerRead = 1, kPerWeight = 10, kPerStage = 100'000;
  constexpr int64_t kCached = 500'000, kPerWrittenBeyond = 5, kPerReadBeyond = 13, kPerMoved = 10;
  const int64_t positions = ElementCount(OutputSize(conv, input));
  const int64_t pixels = ElementCount(input);
  if (positions < 0 || pixels < 0) return std::numeric_limits<int64_t>::max();
  const int64_t in_channels = WholeVectors(conv.in_channels);
  const int64_t out_channels = WholeVectors(conv.out_channels);
  const int64_t summed = conv.depthwise() ? 1 : in_channels / conv.groups;
  const int64_t weights = SaturatedProduct({out_channels, summed, conv.taps()});
  const int64_t written = SaturatedProduct({positions, out_channels});
  const int64_t read = SaturatedProduct({pixels, in_channels});
  const int64_t once =
      SaturatedSum({SaturatedProduct({positions, weights}), SaturatedProduct({kPerWritten, written}),
                    SaturatedProduct({kPerWrittenBeyond, Beyond(written, kCached)}), SaturatedProduct({kPerRead, read}),
                    SaturatedProduct({kPerReadBeyond, Beyond(read, kCached)}),
                    SaturatedProduct({kPerMoved, MovedBeyondLastCache(conv, read, written)})});
  return SaturatedSum({SaturatedProduct({batch, once}), SaturatedProduct({kPerWeight, weights}), kPerStage});
}

int64_t Effort(const Replacement& replacement, const Shape& input, int64_t batch) {
  return SumOfStages(replacement, input,
                     [batch](const Conv& stage, const Shape& size) { return Effort(stage, size, batch); });
}

}  // namespace cnnopt
