// PNG and JPEG files made by tests.
#ifndef CNNOPT_TESTS_TESTING_IMAGE_FILES_H_
#define CNNOPT_TESTS_TESTING_IMAGE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt::testing {

// A chunk of a PNG with its length and checksum.
std::string PngChunk(absl::string_view name, absl::string_view data);
// The first chunk: IHDR. `color_type`: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
std::string PngHeader(uint32_t width, uint32_t height, int depth, int color_type);
// Data of a deflate stream that stores `bytes` as they are.
std::string Stored(absl::string_view bytes);
// The same, packed.
std::string Deflated(const std::string& bytes);
// A whole PNG of the bytes of its rows, `row_bytes` each; `extra` stands between header and data (a palette).
std::string PngFile(uint32_t width, uint32_t height, int depth, int color_type, absl::string_view rows,
                    absl::string_view extra = "");
// A PNG of 8-bit RGB pixels, or of grey ones.
std::string RgbPng(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels);
std::string GrayPng(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels);

// A JPEG of 8-bit RGB pixels at the best quality.
std::string JpegFile(int width, int height, const std::vector<uint8_t>& pixels);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_IMAGE_FILES_H_
