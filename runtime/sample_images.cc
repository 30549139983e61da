// Samples from pictures: one, a folder of them, or a text file that lists their paths.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "onnx_io/file_io.h"
#include "onnx_io/open_inputs.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "runtime/arrangement.h"
#include "runtime/folder.h"
#include "runtime/image.h"
#include "runtime/read_file.h"
#include "runtime/sample_source.h"

namespace cnnopt {
namespace {

// Where the axes of an input are.
struct Axes {
  size_t channels = 0, height = 0, width = 0;
};

// Inputs have four axes, the batch first, or three without one. Errors do not name the input.
absl::StatusOr<Axes> FindAxes(const Shape& shape, ImageLayout layout) {
  if (shape.size() != 3 && shape.size() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("images need 4 axes, or 3 without a batch, found [", absl::StrJoin(shape, ","), "]"));
  }
  const size_t first = shape.size() - 3;
  const Axes nchw = {first, first + 1, first + 2};
  const Axes nhwc = {first + 2, first, first + 1};
  const auto is_channels = [&](size_t axis) { return shape[axis] == 1 || shape[axis] == 3; };
  if (layout == ImageLayout::kNchw || (layout == ImageLayout::kAuto && is_channels(nchw.channels))) {
    return nchw;
  }
  if (layout == ImageLayout::kNhwc || is_channels(nhwc.channels)) {
    return nhwc;
  }
  return absl::InvalidArgumentError(absl::StrCat("no axis for channels, of size 1 or 3, in [",
                                                 absl::StrJoin(shape, ","), "]: give --layout and --input-shape"));
}

// The size in which pictures arrive when the model leaves its own open; 0: the options leave it open too.
PixelSize SizeByOptions(const ImageOptions& options) {
  if (options.crop.kind == CropRule::Kind::kToSize) {
    return options.crop.size;
  }
  const bool exactly = options.resize.kind == ResizeRule::Kind::kExactly && options.crop.kind == CropRule::Kind::kNone;
  return exactly ? options.resize.size : PixelSize();
}

// The whole picture after the resize, for an input of size `target`.
PixelSize ResizedSize(const PixelSize& from, const ImageOptions& options, const PixelSize& target) {
  switch (options.resize.kind) {
    case ResizeRule::Kind::kDefault:
      return options.crop.kind == CropRule::Kind::kNone ? target : from;
    case ResizeRule::Kind::kExactly:
      return options.resize.size;
    case ResizeRule::Kind::kShorter: {
      const int64_t shorter = options.resize.size.width;
      return from.width <= from.height ? PixelSize{shorter, shorter * from.height / from.width}
                                       : PixelSize{shorter * from.width / from.height, shorter};
    }
    case ResizeRule::Kind::kFit:
      return target.width * from.height >= target.height * from.width
                 ? PixelSize{target.width, std::max(target.height, target.width * from.height / from.width)}
                 : PixelSize{std::max(target.width, target.height * from.width / from.height), target.height};
  }
  return target;
}

std::string Text(const PixelSize& size) { return absl::StrCat(size.width, "x", size.height); }

// The part of the resized picture that the input gets. Errors do not name the file.
absl::StatusOr<Window> FindWindow(const PixelSize& resized, const ImageOptions& options, const PixelSize& target) {
  const bool cropped = options.crop.kind != CropRule::Kind::kNone || options.resize.kind == ResizeRule::Kind::kFit;
  const PixelSize size = options.crop.kind == CropRule::Kind::kToSize ? options.crop.size : cropped ? target : resized;
  if (size != target) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", Text(target), " pixels, the size of the input, found ",
                                                   Text(size), cropped ? "" : ": give --crop=center or --resize=fit"));
  }
  if (resized.width < size.width || resized.height < size.height) {
    return absl::InvalidArgumentError(absl::StrCat("expected at least ", Text(size), " pixels to crop from, found ",
                                                   Text(resized), ": give a larger --resize"));
  }
  return Window{(resized.width - size.width) / 2, (resized.height - size.height) / 2, size};
}

// How the pixels of one channel become numbers.
struct Normalisation {
  double scale = 1, mean = 0, deviation = 1;

  double operator()(double pixel) const { return (pixel * scale - mean) / deviation; }
};

absl::StatusOr<double> ForChannel(const std::vector<double>& values, size_t channel, size_t channels,
                                  absl::string_view flag, double otherwise) {
  if (values.size() > 1 && values.size() != channels) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " has ", values.size(), " numbers: expected 1, or one for each of ", channels, " channels"));
  }
  return values.empty() ? otherwise : values.size() == 1 ? values[0] : values[channel];
}

// What one channel of the input is made of: a channel of the picture, or (3) the grey of it.
std::vector<size_t> ChannelSources(ChannelOrder order, size_t channels) {
  if (order == ChannelOrder::kGray) {
    return std::vector<size_t>(channels, 3);
  }
  return order == ChannelOrder::kRgb ? std::vector<size_t>{0, 1, 2} : std::vector<size_t>{2, 1, 0};
}

// The brightness of a pixel. Whole weights keep greys exact.
double Luma(const double* rgb) { return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000; }

// All that turns pictures into samples of one input.
struct Recipe {
  Axes axes;
  PixelSize target;
  std::vector<size_t> sources;        // of each channel
  std::vector<Normalisation> number;  // of each channel
};

absl::StatusOr<Recipe> MakeRecipe(const InputInfo& input, const ImageOptions& options) {
  Recipe recipe;
  CNNOPT_ASSIGN_OR_RETURN(recipe.axes, FindAxes(input.shape, options.layout));
  recipe.target = {input.shape[recipe.axes.width], input.shape[recipe.axes.height]};
  const auto channels = static_cast<size_t>(input.shape[recipe.axes.channels]);
  if (channels != 1 && channels != 3) {
    return absl::InvalidArgumentError(absl::StrCat("images have 1 or 3 channels, the input has ", channels));
  }
  const ChannelOrder order = options.channel_order.value_or(channels == 1 ? ChannelOrder::kGray : ChannelOrder::kRgb);
  if (channels == 1 && order != ChannelOrder::kGray) {
    return absl::InvalidArgumentError("the input has one channel: expected --channel-order=gray");
  }
  recipe.sources = ChannelSources(order, channels);
  const double scale = IsFloating(input.data_type) ? 1.0 / 255 : 1;
  for (size_t channel = 0; channel < channels; ++channel) {
    Normalisation number;
    CNNOPT_ASSIGN_OR_RETURN(number.scale, ForChannel(options.scale, channel, channels, "--scale", scale));
    CNNOPT_ASSIGN_OR_RETURN(number.mean, ForChannel(options.mean, channel, channels, "--mean", 0));
    CNNOPT_ASSIGN_OR_RETURN(number.deviation, ForChannel(options.deviation, channel, channels, "--std", 1));
    recipe.number.push_back(number);
  }
  return recipe;
}

// Appends the numbers of one picture, in the order of the input's axes.
void AppendNumbers(const RgbGrid<double>& picture, const Recipe& recipe, std::vector<double>& numbers) {
  const size_t pixels = picture.values.size() / 3;
  const size_t channels = recipe.sources.size();
  const bool channels_last = recipe.axes.channels > recipe.axes.width;
  const size_t start = numbers.size();
  numbers.resize(start + pixels * channels);
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    const double* rgb = &picture.values[pixel * 3];
    for (size_t channel = 0; channel < channels; ++channel) {
      const size_t source = recipe.sources[channel];
      const size_t place = channels_last ? pixel * channels + channel : channel * pixels + pixel;
      numbers[start + place] = recipe.number[channel](source == 3 ? Luma(rgb) : rgb[source]);
    }
  }
}

// Pictures behind each other, each one row.
class ImageSource : public InputSource {
 public:
  // `list` is the file that lists the others, or "".
  ImageSource(std::vector<std::string> files, std::string list, ImageOptions options)
      : files_(std::move(files)), list_(std::move(list)), options_(std::move(options)) {}

  absl::StatusOr<Shape> SampleShape(const DeclaredInput& input) const override {
    const absl::StatusOr<Shape> shape = Settle(input);
    return shape.ok() ? shape : Annotate(shape.status(), absl::StrCat("input ", Quote(input.name)));
  }

  absl::StatusOr<int64_t> Count(const InputInfo& input) const override {
    const absl::StatusOr<Recipe> recipe = MakeRecipe(input, options_);
    CNNOPT_RETURN_IF_ERROR(Annotate(recipe.status(), absl::StrCat("input ", Quote(input.name))));
    return SamplesOfRows(input, static_cast<int64_t>(files_.size()) * (HasBatch(input) ? 1 : input.shape[0]),
                         absl::StrCat(files_.size(), " images from ", files_[0], " on"));
  }

  absl::StatusOr<InputSamples> Read(const InputInfo& input, absl::Span<const int64_t> chosen) const override {
    CNNOPT_ASSIGN_OR_RETURN(const Recipe recipe, MakeRecipe(input, options_));
    const int64_t batch = HasBatch(input) ? input.shape[0] : 1;
    InputSamples samples;
    for (const int64_t sample : chosen) {
      std::vector<double> numbers;
      for (int64_t i = sample * batch; i < (sample + 1) * batch; ++i) {
        const std::string& file = files_[static_cast<size_t>(i)];
        CNNOPT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file, kMaxImageFileBytes));
        CNNOPT_RETURN_IF_ERROR(AnnotateWith(Append(bytes, recipe, numbers), [&] { return Quote(file); }));
        samples.files.push_back(file);
      }
      CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, FromDoubles(numbers, input.shape, input.data_type));
      samples.tensors.push_back(std::move(tensor));
    }
    return samples;
  }

  std::vector<std::string> Files() const override {
    std::vector<std::string> files = files_;
    if (!list_.empty()) {
      files.push_back(list_);
    }
    return files;
  }

 private:
  static bool HasBatch(const InputInfo& input) { return input.shape.size() == 4; }

  absl::StatusOr<Shape> Settle(const DeclaredInput& input) const {
    if (!input.ranked) {
      return absl::InvalidArgumentError(
          absl::StrCat("its rank is unknown, images cannot tell it: give ", ShapeFlag(input.name, {}), ", say"));
    }
    Shape shape = input.shape;
    CNNOPT_ASSIGN_OR_RETURN(const Axes axes, FindAxes(shape, options_.layout));
    const PixelSize size = SizeByOptions(options_);
    const auto settle = [&](size_t axis, int64_t value) { shape[axis] = shape[axis] < 0 ? value : shape[axis]; };
    if (shape.size() == 4) {
      settle(0, 1);
    }
    settle(axes.channels, options_.channel_order == ChannelOrder::kGray ? 1 : 3);
    if ((shape[axes.height] < 0 || shape[axes.width] < 0) && size == PixelSize()) {
      return absl::InvalidArgumentError(absl::StrCat("the model leaves height or width open: give ",
                                                     ShapeFlag(input.name, input.shape),
                                                     ", say, or --resize=WxH or --crop=WxH"));
    }
    settle(axes.height, size.height);
    settle(axes.width, size.width);
    return shape;
  }

  // Appends the numbers of the picture that `bytes` hold. Errors do not name the file.
  absl::Status Append(const std::string& bytes, const Recipe& recipe, std::vector<double>& numbers) const {
    CNNOPT_ASSIGN_OR_RETURN(const Image image, DecodeImage(bytes));
    const PixelSize resized = ResizedSize({image.width, image.height}, options_, recipe.target);
    CNNOPT_ASSIGN_OR_RETURN(const Window window, FindWindow(resized, options_, recipe.target));
    AppendNumbers(ResizeImage(image, resized, window), recipe, numbers);
    return absl::OkStatus();
  }

  const std::vector<std::string> files_;  // at least one
  const std::string list_;
  const ImageOptions options_;
};

bool IsImage(const std::string& file) {
  const std::string extension = Extension(file);
  return extension == "jpg" || extension == "jpeg" || extension == "png";
}

// The paths in a text file: one a line, blank lines and those that start with # left out; relative ones start in the
// file's folder.
absl::StatusOr<std::vector<std::string>> ReadList(const std::string& path) {
  constexpr int64_t kMaxListBytes = int64_t{1} << 26;
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxListBytes));
  std::vector<std::string> files;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') {
      continue;
    }
    files.push_back(line[0] == '/' ? std::string(line) : absl::StrCat(FolderOf(path), "/", line));
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(path), " lists no images"));
  }
  return files;
}

absl::StatusOr<InputSources> OpenImages(const SamplePlace& place, const std::vector<DeclaredInput>& inputs,
                                        const ImageOptions& options) {
  CNNOPT_RETURN_IF_ERROR(CheckSingleInput(inputs, "images", place.path));
  std::vector<std::string> files;
  const bool is_list = !place.is_folder && Extension(place.path) == "txt";
  if (is_list) {
    CNNOPT_ASSIGN_OR_RETURN(files, ReadList(place.path));
  } else if (!place.is_folder) {
    files.push_back(place.path);
  }
  for (const std::string& file : place.files) {
    if (IsImage(file)) {
      files.push_back(place.Below(file));
    }
  }
  InputSources sources;
  sources[inputs[0].name] = std::make_unique<ImageSource>(std::move(files), is_list ? place.path : "", options);
  return sources;
}

}  // namespace

SampleKind ImageKind() {
  return {"images (.png, .jpg, .jpeg, or a .txt that lists them)",
          {"png", "jpg", "jpeg", "txt"},
          {std::string("\x89PNG"), "\xff\xd8\xff"},
          IsImage,
          OpenImages,
          true};
}

}  // namespace cnnopt
