// The only file that sees stb_image_write.
#include "runtime/encode_image.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include "stb/stb_image_write.h"

namespace cnnopt {

std::string EncodePng(const Image& image) {
  std::string png;
  const auto append = [](void* text, void* data, int size) {
    static_cast<std::string*>(text)->append(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  const auto width = static_cast<int>(image.width);
  stbi_write_png_to_func(append, &png, width, static_cast<int>(image.height), 3, image.values.data(), 3 * width);
  return png;
}

}  // namespace cnnopt
