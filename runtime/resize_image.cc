#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "runtime/image.h"

namespace cnnopt {
namespace {

// Weights of the pixels that one pixel of the result is made of.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;  // sum 1
};

// The taps of `count` results from `begin` on, along an axis that goes from `from` to `to` pixels.
std::vector<Taps> MakeTaps(int64_t from, int64_t to, int64_t begin, int64_t count) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);
  std::vector<Taps> all(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Taps& taps = all[static_cast<size_t>(i)];
    const double centre = (static_cast<double>(begin + i) + 0.5) * scale - 0.5;
    taps.first = std::max<int64_t>(static_cast<int64_t>(std::ceil(centre - reach)), 0);
    const int64_t last = std::min(static_cast<int64_t>(std::floor(centre + reach)), from - 1);
    double sum = 0;
    for (int64_t place = taps.first; place <= last; ++place) {
      taps.weights.push_back(1 - std::abs(static_cast<double>(place) - centre) / reach);
      sum += taps.weights.back();
    }
    for (double& weight : taps.weights) {
      weight /= sum;
    }
  }
  return all;
}

}  // namespace

RgbGrid<double> ResizeImage(const Image& image, const PixelSize& size, const Window& window) {
  const std::vector<Taps> columns = MakeTaps(image.width, size.width, window.x, window.size.width);
  const std::vector<Taps> rows = MakeTaps(image.height, size.height, window.y, window.size.height);
  const auto row_values = static_cast<size_t>(image.width) * 3;
  RgbGrid<double> result{window.size.width, window.size.height, {}};
  result.values.assign(static_cast<size_t>(window.size.width * window.size.height) * 3, 0.0);
  std::vector<double> row(row_values);
  double* to = result.values.data();
  for (const Taps& down : rows) {
    std::fill(row.begin(), row.end(), 0.0);
    for (size_t k = 0; k < down.weights.size(); ++k) {
      const uint8_t* from = &image.values[(static_cast<size_t>(down.first) + k) * row_values];
      for (size_t i = 0; i < row_values; ++i) {
        row[i] += down.weights[k] * from[i];
      }
    }
    for (const Taps& across : columns) {
      const double* from = &row[static_cast<size_t>(across.first) * 3];
      for (const double weight : across.weights) {
        for (size_t channel = 0; channel < 3; ++channel) {
          to[channel] += weight * *from++;
        }
      }
      to += 3;
    }
  }
  return result;
}

}  // namespace cnnopt
