#include "passes/patches.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "onnx_io/status_macros.h"
#include "passes/cost.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

// Rows and columns of a covariance of `size` that are one piece of work: a megabyte of sums, which stay in the cache.
// No thin pieces remain, which BLAS would sum in another order.
Eigen::Index TileOf(Eigen::Index size) {
  constexpr Eigen::Index kMost = 384, kVector = 16, kWhole = 512;
  if (size < kWhole) return std::max<Eigen::Index>(size, 1);
  const Eigen::Index pieces = (size + kMost - 1) / kMost;
  return ((size + pieces - 1) / pieces + kVector - 1) / kVector * kVector;
}

// Decomposes `index` over `sizes`, last axis fastest.
std::vector<int64_t> Unravel(int64_t index, const Shape& sizes) {
  std::vector<int64_t> at(sizes.size());
  for (size_t a = sizes.size(); a-- > 0;) {
    at[a] = index % sizes[a];
    index /= sizes[a];
  }
  return at;
}

}  // namespace

absl::StatusOr<std::vector<float>> ToFloats(const Tensor& tensor) {
  if (tensor.data_type == onnx::TensorProto::FLOAT) {
    std::vector<float> values(tensor.bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
    return values;
  }
  if (!IsFloating(tensor.data_type)) return absl::UnimplementedError("not a floating-point tensor");
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ToDoubles(tensor));
  return std::vector<float>(values.begin(), values.end());
}

std::vector<int64_t> SamplePositions(int64_t total, int64_t count, size_t sample) {
  count = std::min(count, total);
  // Multiples of the golden ratio modulo 1: a shift per sample that never settles into a pattern.
  const double shift = count == total ? 0 : std::fmod(static_cast<double>(sample) * 0.6180339887498949, 1.0);
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < count; ++i) {
    positions.push_back(static_cast<int64_t>((static_cast<double>(i) + shift) * static_cast<double>(total) /
                                             static_cast<double>(count)));
  }
  return positions;
}

MatrixF GatherPatches(const Conv& conv, int64_t group, const std::vector<float>& input, const Shape& shape,
                      const std::vector<int64_t>& positions) {
  const Shape size(shape.begin() + 2, shape.end());
  const Shape outputs = OutputSize(conv, size);
  const int64_t per_item = ElementCount(outputs), plane = ElementCount(size), taps = conv.taps();
  const int64_t channels = conv.group_in_channels();
  MatrixF patches = MatrixF::Zero(static_cast<Eigen::Index>(positions.size()), channels * taps);
  // Offset of each tap of each position within a channel's plane; -1 where it falls into the padding.
  std::vector<int64_t> offsets(static_cast<size_t>(taps));
  for (size_t p = 0; p < positions.size(); ++p) {
    const int64_t item = positions[p] / per_item;
    const std::vector<int64_t> at = Unravel(positions[p] % per_item, outputs);
    for (int64_t t = 0; t < taps; ++t) {
      const std::vector<int64_t> tap = Unravel(t, conv.kernel);
      int64_t offset = 0;
      for (size_t a = 0; a < at.size() && offset >= 0; ++a) {
        const int64_t x = at[a] * conv.stride[a] - conv.pad_begin[a] + tap[a] * conv.dilation[a];
        offset = x < 0 || x >= size[a] ? -1 : offset * size[a] + x;
      }
      offsets[static_cast<size_t>(t)] = offset;
    }
    const float* channel = input.data() + (item * conv.in_channels + group * channels) * plane;
    float* row = patches.row(static_cast<Eigen::Index>(p)).data();
    for (int64_t c = 0; c < channels; ++c, channel += plane) {
      for (const int64_t offset : offsets) *row++ = offset < 0 ? 0.0F : channel[offset];
    }
  }
  return patches;
}

MatrixF GatherOutputs(const std::vector<float>& output, const Shape& shape, const std::vector<int64_t>& positions) {
  const int64_t channels = shape[1], plane = ElementCount(Shape(shape.begin() + 2, shape.end()));
  MatrixF gathered(static_cast<Eigen::Index>(positions.size()), channels);
  for (size_t p = 0; p < positions.size(); ++p) {
    const float* at = output.data() + positions[p] / plane * channels * plane + positions[p] % plane;
    for (int64_t c = 0; c < channels; ++c) gathered(static_cast<Eigen::Index>(p), c) = at[c * plane];
  }
  return gathered;
}

void MomentSums::AddSums(const PatchRows& rows) {
  if (count_ == 0) {
    const Eigen::Index width = rows.patches.cols(), outputs = rows.targets.cols();
    x_sum_ = Vector::Zero(width);
    xx_ = Matrix::Zero(width, width);
    y_sum_ = Vector::Zero(outputs);
    yx_ = Matrix::Zero(outputs, width);
    yy_ = Vector::Zero(outputs);
  }
  count_ += rows.patches.rows();
  x_sum_ += rows.patches.cast<double>().colwise().sum().transpose();
  if (rows.targets.cols() == 0) return;
  y_sum_ += rows.targets.cast<double>().colwise().sum().transpose();
  yy_ += rows.targets.cast<double>().colwise().squaredNorm().transpose();
}

// Products of one set of rows are in float, sums over sets in double: twice the speed, and no drift over many samples.
void MomentSums::Add(absl::Span<const PatchRows> sets, int threads) {
  for (const PatchRows& rows : sets) AddSums(rows);
  struct Tile {
    Eigen::Index row, column;  // of the covariance's lower triangle; row < 0: of the cross covariance
  };
  std::vector<Tile> tiles;
  const Eigen::Index tile = TileOf(xx_.cols());
  for (Eigen::Index column = 0; column < xx_.cols(); column += tile) {
    for (Eigen::Index row = column; row < xx_.rows(); row += tile) tiles.push_back({row, column});
    if (yx_.rows() > 0) tiles.push_back({-1, column});
  }
  // All sets for one tile, then the next: its sums stay in the cache.
  ParallelFor(static_cast<int64_t>(tiles.size()), threads, [&](int64_t t) {
    const auto [row, column] = tiles[static_cast<size_t>(t)];
    const Eigen::Index width = std::min(tile, xx_.cols() - column);
    const Eigen::Index height = row < 0 ? yx_.rows() : std::min(tile, xx_.rows() - row);
    MatrixF product(height, width);
    for (const PatchRows& rows : sets) {
      const auto columns = rows.patches.middleCols(column, width);
      if (row == column) {
        product.setZero();
        product.selfadjointView<Eigen::Lower>().rankUpdate(columns.transpose());
        xx_.block(row, column, height, width).triangularView<Eigen::Lower>() += product.cast<double>();
      } else if (row < 0) {
        product.noalias() = rows.targets.transpose() * columns;
        yx_.middleCols(column, width) += product.cast<double>();
      } else {
        product.noalias() = rows.patches.middleCols(row, height).transpose() * columns;
        xx_.block(row, column, height, width) += product.cast<double>();
      }
    }
  });
}

Moments MomentSums::OfPatches() const {
  Moments moments;
  const auto n = static_cast<double>(count_);
  moments.samples = count_;
  moments.mean = x_sum_ / n;
  moments.covariance = xx_.selfadjointView<Eigen::Lower>();
  moments.covariance /= n;
  moments.covariance.noalias() -= moments.mean * moments.mean.transpose();
  return moments;
}

Vector MomentSums::TargetMean() const { return y_sum_ / static_cast<double>(count_); }

Matrix MomentSums::Cross() const {
  const auto n = static_cast<double>(count_);
  return yx_ / n - (y_sum_ / n) * (x_sum_ / n).transpose();
}

Vector MomentSums::TargetVariances() const {
  const auto n = static_cast<double>(count_);
  return yy_ / n - (y_sum_ / n).cwiseAbs2();
}

double MomentSums::TargetVariance() const { return TargetVariances().sum(); }

}  // namespace cnnopt
