// Pictures: decoded from PNG and JPEG, and resized.
#ifndef CNNOPT_RUNTIME_IMAGE_H_
#define CNNOPT_RUNTIME_IMAGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/image_options.h"

namespace cnnopt {

constexpr int64_t kMaxImageFileBytes = int64_t{1} << 28;
constexpr int64_t kMaxImageSide = 65535;               // in pixels; JPEG cannot say more
constexpr int64_t kMaxImagePixels = int64_t{1} << 26;  // 64 Mpixel

// Red, green and blue of each pixel, row by row.
template <typename Number>
struct RgbGrid {
  int64_t width = 0, height = 0;
  std::vector<Number> values;  // height * width * 3
};
using Image = RgbGrid<uint8_t>;

// Whether `bytes` start as a PNG or a JPEG does.
bool LooksLikeImage(absl::string_view bytes);

// Decodes a PNG (of 1 to 16 bits, grey, colour or palette; of 16 bits the upper 8 are taken, transparency is dropped)
// or a JPEG (8 bits, baseline or progressive; grey is spread to all three channels). Orientation tags are not followed.
// Errors, which do not name the file: InvalidArgument (neither, damaged or cut off), ResourceExhausted (a limit above,
// or memory out of proportion to the size it declares; checked before anything is decoded).
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

// A part of a picture: its upper left corner and its size.
struct Window {
  int64_t x = 0, y = 0;
  PixelSize size;
};

// `window`, which lies within `size`, of `image` resized to `size`: bilinear interpolation between the centres of
// pixels, with weights that widen to the shrinking factor, so that every pixel counts and nothing aliases.
RgbGrid<double> ResizeImage(const Image& image, const PixelSize& size, const Window& window);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_IMAGE_H_
