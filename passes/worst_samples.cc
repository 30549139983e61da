#include "passes/worst_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace cnnopt {
namespace {

// Where the numbers of a picture stand in its tensor.
struct Arrangement {
  int64_t channels = 0, height = 0, width = 0;
  bool channels_last = false;

  size_t At(int64_t channel, int64_t y, int64_t x) const {
    const int64_t at = channels_last ? (y * width + x) * channels + channel : (channel * height + y) * width + x;
    return static_cast<size_t>(at);
  }
};

std::optional<Arrangement> ArrangementOf(const Tensor& tensor) {
  const Shape& shape = tensor.shape;
  if (shape.size() != 4 || shape[0] < 1) return std::nullopt;
  const auto counts_as_channels = [](int64_t size) { return size == 1 || size == 3; };
  Arrangement found;
  if (counts_as_channels(shape[1])) {
    found = {shape[1], shape[2], shape[3], false};
  } else if (counts_as_channels(shape[3])) {
    found = {shape[3], shape[1], shape[2], true};
  }
  // A strip of one pixel's width shows nothing, and beyond the limit nobody meant a picture.
  const bool fits = std::min(found.height, found.width) >= 2 && std::max(found.height, found.width) <= kMaxImageSide &&
                    found.height <= kMaxImagePixels / std::max<int64_t>(found.width, 1);
  return fits ? std::optional<Arrangement>(found) : std::nullopt;
}

// `values` from the smallest to the largest as 0 to 255; what is not finite as 0, and all the same as a middle grey.
Image Stretch(const std::vector<double>& values, const Arrangement& arrangement) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const size_t count = arrangement.At(arrangement.channels - 1, arrangement.height - 1, arrangement.width - 1) + 1;
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  const auto byte = [&](double value) -> uint8_t {
    if (!std::isfinite(value)) return 0;
    if (!(high > low)) return 127;
    // Halves, since the distance itself may overflow.
    return static_cast<uint8_t>(std::lround(255 * ((value / 2 - low / 2) / (high / 2 - low / 2))));
  };
  Image image{arrangement.width, arrangement.height, {}};
  for (int64_t y = 0; y < arrangement.height; ++y) {
    for (int64_t x = 0; x < arrangement.width; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        image.values.push_back(byte(values[arrangement.At(arrangement.channels == 3 ? c : 0, y, x)]));
      }
    }
  }
  return image;
}

Image Shrink(Image image) {
  const int64_t longer = std::max(image.width, image.height);
  if (longer <= kThumbnailSide) return image;
  const PixelSize size{std::max<int64_t>(image.width * kThumbnailSide / longer, 1),
                       std::max<int64_t>(image.height * kThumbnailSide / longer, 1)};
  const RgbGrid<double> small = ResizeImage(image, size, Window{0, 0, size});
  Image result{small.width, small.height, {}};
  for (const double value : small.values) {
    result.values.push_back(static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))));
  }
  return result;
}

}  // namespace

Image Thumbnail(const Sample& sample) {
  for (const auto& [name, tensor] : sample) {
    const std::optional<Arrangement> arrangement = ArrangementOf(tensor);
    if (!arrangement.has_value()) continue;
    const absl::StatusOr<std::vector<double>> values = ToDoubles(tensor);
    if (values.ok() && !values->empty()) return Shrink(Stretch(*values, *arrangement));
  }
  return {};
}

std::vector<WorstSample> FindWorstSamples(absl::Span<const Sample> samples, absl::Span<const double> errors,
                                          absl::Span<const int64_t> indices) {
  std::vector<size_t> order(std::min({samples.size(), errors.size(), indices.size()}));
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return errors[a] > errors[b] || (errors[a] == errors[b] && a < b); });
  std::vector<WorstSample> worst;
  for (const size_t s : order) {
    if (worst.size() == kMostWorstSamples || !(errors[s] > 0)) break;
    worst.push_back({indices[s], errors[s], Thumbnail(samples[s])});
  }
  return worst;
}

}  // namespace cnnopt
