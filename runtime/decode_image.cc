// The only file that sees stb_image. It is handed nothing that has not been looked at here: sizes, memory, and for JPEG
// the order of the segments.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/image.h"

namespace cnnopt {
namespace {

// What stb_image may allocate at once. A few kilobytes of PNG unpack to gigabytes if they are let.
thread_local size_t largest_block = 0;

// Zeros: damaged JPEGs leave parts of their blocks as they were.
void* Allocate(size_t size) { return size <= largest_block ? std::calloc(1, size) : nullptr; }
void* Reallocate(void* block, size_t size) { return size <= largest_block ? std::realloc(block, size) : nullptr; }

}  // namespace
}  // namespace cnnopt

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_ASSERT(condition) static_cast<void>(0)  // its assertions fail on damaged files
#define STBI_MALLOC(size) ::cnnopt::Allocate(size)
#define STBI_REALLOC(block, size) ::cnnopt::Reallocate(block, size)
#define STBI_FREE(block) std::free(block)
#include "stb/stb_image.h"

namespace cnnopt {
namespace {

constexpr absl::string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);
constexpr absl::string_view kJpegMagic("\xff\xd8\xff", 3);

// Walks the segments of a JPEG up to its end.
class JpegWalk {
 public:
  explicit JpegWalk(absl::string_view bytes) : bytes_(bytes) {}

  // That the picture is whole, and free of what stb_image does not check in every version or takes very long over.
  absl::Status Check() {
    constexpr int kMaxScans = 100;
    int scans = 0;
    for (place_ = 2;;) {
      const int marker = NextMarker();
      if (marker == kEnd) {
        return absl::OkStatus();
      }
      const size_t length =
          place_ + 2 <= bytes_.size() ? static_cast<size_t>(Byte(place_) * 256 + Byte(place_ + 1)) : 0;
      if (marker < 0 || length < 2 || length > bytes_.size() - place_) {
        return absl::InvalidArgumentError("the JPEG ends too early or is damaged");
      }
      if (marker == kHuffmanTables && !TablesFit(place_ + 2, place_ + length)) {
        return absl::InvalidArgumentError("damaged JPEG: a Huffman table with more than 256 codes");
      }
      if (marker == kScan && ++scans > kMaxScans) {
        return absl::ResourceExhaustedError(absl::StrCat("JPEG with more than ", kMaxScans, " scans"));
      }
      place_ += length;
    }
  }

 private:
  static constexpr int kHuffmanTables = 0xc4, kEnd = 0xd9, kScan = 0xda;

  int Byte(size_t place) const { return static_cast<unsigned char>(bytes_[place]); }

  // Moves behind the next marker that is more than a part of a scan; -1: there is none.
  int NextMarker() {
    while (place_ + 1 < bytes_.size()) {
      const int code = Byte(place_) == 0xff ? Byte(place_ + 1) : 0;
      const bool inside_scan = code == 0 || (code >= 0xd0 && code <= 0xd7);
      place_ += inside_scan || code == 0xff ? 1 : 2;
      if (!inside_scan && code != 0xff) {
        return code;
      }
    }
    return -1;
  }

  bool TablesFit(size_t from, size_t to) const {
    while (from + 17 <= to) {
      int codes = 0;
      for (size_t i = 1; i <= 16; ++i) {
        codes += Byte(from + i);
      }
      if (codes > 256) {
        return false;
      }
      from += 17 + static_cast<size_t>(codes);
    }
    return from == to;
  }

  const absl::string_view bytes_;
  size_t place_ = 0;
};

absl::Status StbError() {
  const char* reason = stbi_failure_reason();
  return absl::InvalidArgumentError(
      absl::StrCat("cannot be decoded, damaged or of an unusual kind: ", OneLine(reason == nullptr ? "" : reason)));
}

absl::Status CheckSize(int64_t width, int64_t height) {
  if (width > kMaxImageSide || height > kMaxImageSide) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an image of ", width, "x", height, ", the limit is ", kMaxImageSide, " pixels for either side"));
  }
  if (width * height > kMaxImagePixels) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an image of ", width, "x", height, ", the limit is ", kMaxImagePixels >> 20, " Mpixel"));
  }
  return absl::OkStatus();
}

// The size a PNG declares, for which stb_image has a limit of its own that its message does not name.
absl::Status CheckPngHeader(absl::string_view bytes) {
  constexpr size_t kWidth = 16;  // behind the magic, the length and the name of the first chunk
  if (bytes.size() < kWidth + 8 || bytes.substr(kWidth - 4, 4) != "IHDR") {
    return absl::InvalidArgumentError("the PNG ends too early or is damaged");
  }
  int64_t size[2] = {};
  for (size_t i = 0; i < 8; ++i) {
    size[i / 4] = size[i / 4] * 256 + static_cast<unsigned char>(bytes[kWidth + i]);
  }
  return CheckSize(size[0], size[1]);
}

}  // namespace

bool LooksLikeImage(absl::string_view bytes) {
  return absl::StartsWith(bytes, kPngMagic) || absl::StartsWith(bytes, kJpegMagic);
}

absl::StatusOr<Image> DecodeImage(absl::string_view bytes) {
  if (!LooksLikeImage(bytes)) {
    return absl::InvalidArgumentError("neither a PNG nor a JPEG");
  }
  if (bytes.size() > static_cast<size_t>(kMaxImageFileBytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an image file of ", bytes.size(), " bytes, the limit is ", kMaxImageFileBytes));
  }
  CNNOPT_RETURN_IF_ERROR(absl::StartsWith(bytes, kJpegMagic) ? JpegWalk(bytes).Check() : CheckPngHeader(bytes));
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const auto size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int channels = 0;
  largest_block = size_t{1} << 16;  // headers need no more
  if (stbi_info_from_memory(data, size, &width, &height, &channels) == 0) {
    return StbError();
  }
  CNNOPT_RETURN_IF_ERROR(CheckSize(width, height));
  // Four channels of 16 bits, twice as much when a buffer grows, and both formats pad; the file itself is copied.
  largest_block = size_t{16} * static_cast<size_t>(width + 64) * static_cast<size_t>(height + 64) + 2 * bytes.size();
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &channels, 3), &std::free);
  if (pixels == nullptr) {
    return StbError();
  }
  const size_t count = static_cast<size_t>(width) * static_cast<size_t>(height) * 3;
  return Image{width, height, std::vector<uint8_t>(pixels.get(), pixels.get() + count)};
}

}  // namespace cnnopt
