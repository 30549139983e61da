#include "tests/testing/image_files.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include "stb/stb_image_write.h"

namespace cnnopt::testing {
namespace {

std::string BigEndian(uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(number >> shift));
  }
  return bytes;
}

uint32_t Crc32(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    }
  }
  return ~crc;
}

uint32_t Adler32(absl::string_view bytes) {
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char byte : bytes) {
    a = (a + static_cast<unsigned char>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

absl::string_view View(const std::vector<uint8_t>& pixels) {
  return absl::string_view(reinterpret_cast<const char*>(pixels.data()), pixels.size());
}

}  // namespace

std::string PngChunk(absl::string_view name, absl::string_view data) {
  const std::string content = absl::StrCat(name, data);
  return absl::StrCat(BigEndian(static_cast<uint32_t>(data.size())), content, BigEndian(Crc32(content)));
}

std::string PngHeader(uint32_t width, uint32_t height, int depth, int color_type) {
  const std::string kinds = {static_cast<char>(depth), static_cast<char>(color_type), '\0', '\0', '\0'};
  return PngChunk("IHDR", absl::StrCat(BigEndian(width), BigEndian(height), kinds));
}

std::string Stored(absl::string_view bytes) {
  constexpr size_t kBlock = 65535;
  std::string stream = "\x78\x01";
  size_t place = 0;
  do {
    const size_t size = std::min(kBlock, bytes.size() - place);
    const bool last = place + size == bytes.size();
    for (const size_t number : {size, ~size}) {
      if (number == size) {
        stream.push_back(last ? '\1' : '\0');
      }
      stream.push_back(static_cast<char>(number & 0xff));
      stream.push_back(static_cast<char>(number >> 8 & 0xff));
    }
    stream.append(bytes.data() + place, size);
    place += size;
  } while (place < bytes.size());
  return absl::StrCat(stream, BigEndian(Adler32(bytes)));
}

std::string Deflated(const std::string& bytes) {
  std::string copy = bytes;
  int size = 0;
  unsigned char* packed =
      stbi_zlib_compress(reinterpret_cast<unsigned char*>(copy.data()), static_cast<int>(copy.size()), &size, 8);
  const std::string result(reinterpret_cast<const char*>(packed), static_cast<size_t>(size));
  STBIW_FREE(packed);
  return result;
}

std::string PngFile(uint32_t width, uint32_t height, int depth, int color_type, absl::string_view rows,
                    absl::string_view extra) {
  std::string filtered;
  const size_t row_bytes = rows.size() / height;
  for (size_t row = 0; row < height; ++row) {
    absl::StrAppend(&filtered, std::string(1, '\0'), rows.substr(row * row_bytes, row_bytes));
  }
  return absl::StrCat(absl::string_view("\x89PNG\r\n\x1a\n", 8), PngHeader(width, height, depth, color_type), extra,
                      PngChunk("IDAT", Stored(filtered)), PngChunk("IEND", ""));
}

std::string RgbPng(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels) {
  return PngFile(width, height, 8, 2, View(pixels));
}

std::string GrayPng(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels) {
  return PngFile(width, height, 8, 0, View(pixels));
}

std::string JpegFile(int width, int height, const std::vector<uint8_t>& pixels) {
  std::string bytes;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  stbi_write_jpg_to_func(append, &bytes, width, height, 3, pixels.data(), 100);
  return bytes;
}

}  // namespace cnnopt::testing
