// The only file that sees stb_image_write.
#include "runtime/encode_image.h"

#include <algorithm>
#include <cstdlib>

// Never none at all: what malloc(0) gives differs from system to system.
#define STBIW_MALLOC(size) std::malloc(std::max<size_t>(size, 1))
#define STBIW_REALLOC(block, size) std::realloc(block, std::max<size_t>(size, 1))
#define STBIW_FREE(block) std::free(block)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include "stb/stb_image_write.h"

namespace cnnopt {

std::string EncodePng(const Image& image) {
  std::string png;
  if (image.width < 1 || image.height < 1) return png;
  const auto append = [](void* text, void* data, int size) {
    static_cast<std::string*>(text)->append(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  const auto width = static_cast<int>(image.width);
  stbi_write_png_to_func(append, &png, width, static_cast<int>(image.height), 3, image.values.data(), 3 * width);
  return png;
}

}  // namespace cnnopt
