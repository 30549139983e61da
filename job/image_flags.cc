#include "job/image_flags.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "job/parse_number.h"
#include "runtime/image.h"

namespace cnnopt {
namespace {

absl::Status Expected(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("expected ", what)); }

absl::Status StoreNumbers(const std::string& text, bool zero_allowed, std::vector<double>& numbers) {
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::optional<double> number = ParseNumber<double>(part);
    if (!number.has_value() || !std::isfinite(*number) || (!zero_allowed && *number == 0)) {
      return Expected(
          absl::StrCat("one number or three, like 0.5 or 0.5,0.4,0.3", zero_allowed ? "" : ", none of them 0"));
    }
    numbers.push_back(*number);
  }
  return numbers.size() == 1 || numbers.size() == 3 ? absl::OkStatus() : Expected("one number or three");
}

std::optional<int64_t> ParseSide(absl::string_view text) {
  const std::optional<int64_t> side = ParseNumber<int64_t>(text);
  return side.has_value() && *side >= 1 && *side <= kMaxImageSide ? side : std::nullopt;
}

// "WxH", or "N" for both.
std::optional<PixelSize> ParseSize(absl::string_view text) {
  const size_t x = text.find('x');
  const std::optional<int64_t> width = ParseSide(text.substr(0, x));
  const std::optional<int64_t> height = x == absl::string_view::npos ? width : ParseSide(text.substr(x + 1));
  if (!width.has_value() || !height.has_value()) {
    return std::nullopt;
  }
  return PixelSize{*width, *height};
}

// One of `words` and what it stands for.
template <typename Value>
struct Word {
  const char* text;
  Value value;
};
constexpr Word<ChannelOrder> kOrders[] = {
    {"rgb", ChannelOrder::kRgb}, {"bgr", ChannelOrder::kBgr}, {"gray", ChannelOrder::kGray}};
constexpr Word<ImageLayout> kLayouts[] = {
    {"nchw", ImageLayout::kNchw}, {"nhwc", ImageLayout::kNhwc}, {"auto", ImageLayout::kAuto}};

template <typename Value, size_t count, typename Target>
bool StoreWord(const Word<Value> (&words)[count], const std::string& text, Target& target) {
  for (const Word<Value>& word : words) {
    if (text == word.text) {
      target = word.value;
      return true;
    }
  }
  return false;
}

template <typename Value, size_t count>
const char* TextOf(const Word<Value> (&words)[count], Value value) {
  for (const Word<Value>& word : words) {
    if (word.value == value) {
      return word.text;
    }
  }
  return "";
}

// The shortest texts that read back as the same numbers.
std::string NumbersText(const std::vector<double>& numbers) {
  return absl::StrJoin(numbers, ",", [](std::string* out, double number) {
    char buffer[32];
    out->append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
  });
}

std::string SizeText(const PixelSize& size) { return absl::StrCat(size.width, "x", size.height); }

}  // namespace

absl::Status StoreScale(const std::string& text, ImageOptions& images) {
  return StoreNumbers(text, false, images.scale);
}
absl::Status StoreMean(const std::string& text, ImageOptions& images) { return StoreNumbers(text, true, images.mean); }
absl::Status StoreDeviation(const std::string& text, ImageOptions& images) {
  return StoreNumbers(text, false, images.deviation);
}

absl::Status StoreResize(const std::string& text, ImageOptions& images) {
  if (text == "fit") {
    images.resize = {ResizeRule::Kind::kFit, {}};
    return absl::OkStatus();
  }
  const std::optional<PixelSize> size = ParseSize(text);
  if (!size.has_value()) {
    return Expected(absl::StrCat("WxH, N or fit, sizes from 1 to ", kMaxImageSide));
  }
  const bool exactly = text.find('x') != std::string::npos;
  images.resize = {exactly ? ResizeRule::Kind::kExactly : ResizeRule::Kind::kShorter, *size};
  return absl::OkStatus();
}

absl::Status StoreCrop(const std::string& text, ImageOptions& images) {
  if (text == "center") {
    images.crop = {CropRule::Kind::kToInput, {}};
    return absl::OkStatus();
  }
  const std::optional<PixelSize> size = ParseSize(text);
  if (!size.has_value()) {
    return Expected(absl::StrCat("WxH, N or center, sizes from 1 to ", kMaxImageSide));
  }
  images.crop = {CropRule::Kind::kToSize, *size};
  return absl::OkStatus();
}

absl::Status StoreChannelOrder(const std::string& text, ImageOptions& images) {
  return StoreWord(kOrders, text, images.channel_order) ? absl::OkStatus() : Expected("rgb, bgr or gray");
}

absl::Status StoreLayout(const std::string& text, ImageOptions& images) {
  return StoreWord(kLayouts, text, images.layout) ? absl::OkStatus() : Expected("nchw, nhwc or auto");
}

std::vector<std::string> ImageFlags(const ImageOptions& images) {
  std::vector<std::string> flags;
  for (const auto& [name, numbers] : {std::pair("--scale=", &images.scale), std::pair("--mean=", &images.mean),
                                      std::pair("--std=", &images.deviation)}) {
    if (!numbers->empty()) {
      flags.push_back(absl::StrCat(name, NumbersText(*numbers)));
    }
  }
  if (images.resize.kind != ResizeRule::Kind::kDefault) {
    flags.push_back(absl::StrCat("--resize=", images.resize.kind == ResizeRule::Kind::kFit ? "fit"
                                              : images.resize.kind == ResizeRule::Kind::kExactly
                                                  ? SizeText(images.resize.size)
                                                  : absl::StrCat(images.resize.size.width)));
  }
  if (images.crop.kind != CropRule::Kind::kNone) {
    flags.push_back(
        absl::StrCat("--crop=", images.crop.kind == CropRule::Kind::kToInput ? "center" : SizeText(images.crop.size)));
  }
  if (images.channel_order.has_value()) {
    flags.push_back(absl::StrCat("--channel-order=", TextOf(kOrders, *images.channel_order)));
  }
  if (images.layout != ImageLayout::kAuto) {
    flags.push_back(absl::StrCat("--layout=", TextOf(kLayouts, images.layout)));
  }
  return flags;
}

}  // namespace cnnopt
