#include "passes/conv.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cnnopt {
namespace {

// The weights from every input to every output channel at tap `t`, zero between groups.
Matrix Tap(const Conv& conv, int64_t t) {
  const int64_t out_per_group = conv.out_channels / conv.groups;
  Matrix tap = Matrix::Zero(conv.out_channels, conv.in_channels);
  for (int64_t o = 0; o < conv.out_channels; ++o) {
    const int64_t first = o / out_per_group * conv.group_in_channels();
    for (int64_t i = 0; i < conv.group_in_channels(); ++i) tap(o, first + i) = conv.weight(o, i * conv.taps() + t);
  }
  return tap;
}

// Position of tap `t` along each axis, in taps.
std::vector<int64_t> TapPosition(const std::vector<int64_t>& kernel, int64_t t) {
  std::vector<int64_t> position(kernel.size());
  for (size_t axis = kernel.size(); axis-- > 0;) {
    position[axis] = t % kernel[axis];
    t /= kernel[axis];
  }
  return position;
}

int64_t TapIndex(const std::vector<int64_t>& kernel, const std::vector<int64_t>& position) {
  int64_t t = 0;
  for (size_t axis = 0; axis < kernel.size(); ++axis) t = t * kernel[axis] + position[axis];
  return t;
}

// Tap(conv, t) * matrix, group by group.
Matrix TimesTap(const Conv& conv, int64_t t, const Matrix& matrix) {
  const int64_t inputs = conv.group_in_channels(), outputs = conv.out_channels / conv.groups;
  Matrix product(conv.out_channels, matrix.cols());
  Matrix tap(outputs, inputs);
  for (int64_t g = 0; g < conv.groups; ++g) {
    for (int64_t o = 0; o < outputs; ++o) {
      for (int64_t i = 0; i < inputs; ++i) tap(o, i) = conv.weight(g * outputs + o, i * conv.taps() + t);
    }
    product.middleRows(g * outputs, outputs).noalias() = tap * matrix.middleRows(g * inputs, inputs);
  }
  return product;
}

// `second` after `first` as one dense convolution. Output p of `second` reads output p*s2 + q*d2 - pad2 of `first`,
// which reads input (p*s2 + q*d2 - pad2)*s1 + u*d1 - pad1: so strides multiply, pads add as pad1 + pad2*s1, and tap
// (q, u) sits at offset q*d2*s1 + u*d1.
Conv ComposePair(const Conv& first, const Conv& second) {
  const size_t axes = first.kernel.size();
  Conv whole;
  whole.in_channels = first.in_channels;
  whole.out_channels = second.out_channels;
  std::vector<int64_t> first_step(axes), second_step(axes);  // offset of one tap, in taps of the whole
  for (size_t a = 0; a < axes; ++a) {
    const int64_t d1 = first.kernel[a] > 1 ? first.dilation[a] : 0;
    const int64_t d2 = second.kernel[a] > 1 ? second.dilation[a] * first.stride[a] : 0;
    const int64_t step = std::max<int64_t>(std::gcd(d1, d2), 1);
    first_step[a] = d1 / step;
    second_step[a] = d2 / step;
    whole.kernel.push_back((first.kernel[a] - 1) * first_step[a] + (second.kernel[a] - 1) * second_step[a] + 1);
    whole.dilation.push_back(step);
    whole.stride.push_back(first.stride[a] * second.stride[a]);
    whole.pad_begin.push_back(first.pad_begin[a] + second.pad_begin[a] * first.stride[a]);
    whole.pad_end.push_back(first.pad_end[a] + second.pad_end[a] * first.stride[a]);
  }
  const int64_t taps = whole.taps();
  whole.weight = Matrix::Zero(whole.out_channels, whole.in_channels * taps);
  for (int64_t u = 0; u < first.taps(); ++u) {
    const Matrix first_tap = Tap(first, u);
    const std::vector<int64_t> at_u = TapPosition(first.kernel, u);
    for (int64_t q = 0; q < second.taps(); ++q) {
      std::vector<int64_t> at = TapPosition(second.kernel, q);
      for (size_t a = 0; a < axes; ++a) at[a] = at[a] * second_step[a] + at_u[a] * first_step[a];
      const int64_t t = TapIndex(whole.kernel, at);
      const Matrix product = TimesTap(second, q, first_tap);
      for (int64_t o = 0; o < whole.out_channels; ++o) {
        for (int64_t i = 0; i < whole.in_channels; ++i) whole.weight(o, i * taps + t) += product(o, i);
      }
    }
  }
  if (first.bias.size() > 0 || second.bias.size() > 0) {
    whole.bias = second.bias.size() > 0 ? second.bias : Vector(Vector::Zero(second.out_channels));
    if (first.bias.size() > 0) {
      for (int64_t q = 0; q < second.taps(); ++q) whole.bias += Tap(second, q) * first.bias;
    }
  }
  return whole;
}

}  // namespace

Conv PointwiseOutline(int64_t axes, int64_t in_channels, int64_t out_channels, int64_t groups) {
  const auto n = static_cast<size_t>(axes);
  Conv conv;
  conv.kernel = conv.stride = conv.dilation = std::vector<int64_t>(n, 1);
  conv.pad_begin = conv.pad_end = std::vector<int64_t>(n, 0);
  conv.in_channels = in_channels;
  conv.out_channels = out_channels;
  conv.groups = groups;
  return conv;
}

Conv SpatialOutline(const Conv& like, int64_t in_channels, int64_t out_channels, int64_t groups) {
  Conv conv;
  conv.kernel = like.kernel;
  conv.stride = like.stride;
  conv.dilation = like.dilation;
  conv.pad_begin = like.pad_begin;
  conv.pad_end = like.pad_end;
  conv.in_channels = in_channels;
  conv.out_channels = out_channels;
  conv.groups = groups;
  return conv;
}

Conv Ungroup(const Conv& conv) {
  Conv dense = conv;
  dense.groups = 1;
  dense.weight = Matrix::Zero(conv.out_channels, conv.in_channels * conv.taps());
  const int64_t width = conv.weight.cols();
  for (int64_t o = 0; o < conv.out_channels; ++o) {
    const int64_t group = o / (conv.out_channels / conv.groups);
    dense.weight.row(o).segment(group * width, width) = conv.weight.row(o);
  }
  return dense;
}

Conv Compose(const Replacement& replacement) {
  Conv sum;
  bool first = true;
  for (const std::vector<Conv>& branch : replacement.branches) {
    Conv chain = Ungroup(branch.front());
    for (size_t stage = 1; stage < branch.size(); ++stage) chain = ComposePair(chain, branch[stage]);
    if (first) {
      sum = std::move(chain);
      first = false;
      continue;
    }
    assert(sum.kernel == chain.kernel && sum.stride == chain.stride && sum.pad_begin == chain.pad_begin);
    sum.weight += chain.weight;
    if (sum.bias.size() == 0) {
      sum.bias = chain.bias;
    } else if (chain.bias.size() > 0) {
      sum.bias += chain.bias;
    }
  }
  return sum;
}

namespace {

// The groups of `conv` that belong to part `part` of `parts` equal ones.
Conv Slice(const Conv& conv, int64_t part, int64_t parts) {
  Conv slice = SpatialOutline(conv, conv.in_channels / parts, conv.out_channels / parts, conv.groups / parts);
  const int64_t first = part * slice.out_channels;
  slice.weight = conv.weight.middleRows(first, slice.out_channels);
  if (conv.bias.size() > 0) slice.bias = conv.bias.segment(first, slice.out_channels);
  return slice;
}

}  // namespace

Conv ExtractGroup(const Conv& conv, int64_t group) { return Slice(conv, group, conv.groups); }

Replacement ExtractPart(const Replacement& merged, int64_t part, int64_t parts) {
  Replacement extracted;
  for (const std::vector<Conv>& branch : merged.branches) {
    std::vector<Conv>& chain = extracted.branches.emplace_back();
    for (const Conv& stage : branch) chain.push_back(Slice(stage, part, parts));
  }
  return extracted;
}

Replacement MergeGroups(const std::vector<Replacement>& parts) {
  Replacement merged = parts.front();
  if (parts.size() == 1) return merged;
  for (size_t b = 0; b < merged.branches.size(); ++b) {
    for (size_t s = 0; s < merged.branches[b].size(); ++s) {
      Conv& whole = merged.branches[b][s];
      const Conv one = whole;
      const auto count = static_cast<int64_t>(parts.size());
      whole.in_channels *= count;
      whole.out_channels *= count;
      whole.groups *= count;
      if (one.weight.size() > 0) whole.weight.resize(whole.out_channels, one.weight.cols());
      if (one.bias.size() > 0) whole.bias.resize(whole.out_channels);
      for (size_t p = 0; p < parts.size(); ++p) {
        const Conv& part = parts[p].branches[b][s];
        const int64_t first = static_cast<int64_t>(p) * one.out_channels;
        if (one.weight.size() > 0) whole.weight.middleRows(first, one.out_channels) = part.weight;
        if (one.bias.size() > 0) whole.bias.segment(first, one.out_channels) = part.bias;
      }
    }
  }
  return merged;
}

}  // namespace cnnopt
