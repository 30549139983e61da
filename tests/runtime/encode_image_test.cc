#include "runtime/encode_image.h"

#include "gtest/gtest.h"

namespace cnnopt {
namespace {

TEST(EncodePng, DecodesToTheSamePixels) {
  Image image{3, 2, {}};
  for (int i = 0; i < 18; ++i) image.values.push_back(static_cast<uint8_t>(i * 14));
  const std::string png = EncodePng(image);
  const absl::StatusOr<Image> decoded = DecodeImage(png);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->width, 3);
  EXPECT_EQ(decoded->height, 2);
  EXPECT_EQ(decoded->values, image.values);
  EXPECT_EQ(EncodePng(image), png);
}

}  // namespace
}  // namespace cnnopt
