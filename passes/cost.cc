#include "passes/cost.h"

#include <algorithm>
#include <limits>

namespace cnnopt {

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
  int64_t macs = 0;
  for (const std::vector<Conv>& branch : replacement.branches) {
    Shape size = input;
    for (const Conv& stage : branch) {
      const int64_t more = Macs(stage, size, batch);
      macs = more > std::numeric_limits<int64_t>::max() - macs ? std::numeric_limits<int64_t>::max() : macs + more;
      size = OutputSize(stage, size);
    }
  }
  return macs;
}

}  // namespace cnnopt
