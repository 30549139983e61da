// How an image becomes the numbers that a model expects.
#ifndef CNNOPT_RUNTIME_IMAGE_OPTIONS_H_
#define CNNOPT_RUNTIME_IMAGE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace cnnopt {

struct PixelSize {
  int64_t width = 0, height = 0;

  bool operator==(const PixelSize&) const = default;
};

enum class ChannelOrder { kRgb, kBgr, kGray };
enum class ImageLayout { kAuto, kNchw, kNhwc };

// What becomes of the size. Everything ends at the height and width of the model's input.
struct ResizeRule {
  enum class Kind {
    kDefault,  // exactly to the input's size; not at all when the image is cropped
    kExactly,  // to `size`, whatever the aspect
    kShorter,  // the shorter side to size.width, the aspect stays
    kFit,      // the smallest size that covers the input's size, the aspect stays; what is over is cut off evenly
  };
  Kind kind = Kind::kDefault;
  PixelSize size;

  bool operator==(const ResizeRule&) const = default;
};

struct CropRule {
  enum class Kind { kNone, kToInput, kToSize };  // around the centre, after the resize
  Kind kind = Kind::kNone;
  PixelSize size;

  bool operator==(const CropRule&) const = default;
};

// A number of the input is (pixel * scale - mean) / deviation, of a pixel from 0 to 255. Each list has one number for
// all channels or one for each, in the order of the model's channels.
struct ImageOptions {
  std::vector<double> scale;      // empty: 1/255; for integer inputs 1, so that they get the pixels themselves
  std::vector<double> mean;       // empty: 0
  std::vector<double> deviation;  // --std; empty: 1
  ResizeRule resize;
  CropRule crop;
  std::optional<ChannelOrder> channel_order;  // nullopt: rgb, or gray for inputs of one channel
  ImageLayout layout = ImageLayout::kAuto;  // kAuto: the channel axis is the one of size 1 or 3, the first if both are

  bool operator==(const ImageOptions&) const = default;
};

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_IMAGE_OPTIONS_H_
