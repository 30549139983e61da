#include "runtime/image.h"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/image_files.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using absl::StatusCode;
using testing::Deflated;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::FailsWith;
using testing::GrayPng;
using testing::JpegFile;
using testing::PngChunk;
using testing::PngFile;
using testing::PngHeader;
using ::testing::Pointwise;
using testing::RgbPng;
using testing::Stored;

const std::string kPngStart("\x89PNG\r\n\x1a\n", 8);

std::vector<uint8_t> Pixels(const std::string& file) {
  const absl::StatusOr<Image> image = DecodeImage(file);
  EXPECT_TRUE(image.ok()) << image.status();
  return image.ok() ? image->values : std::vector<uint8_t>();
}

TEST(DecodeImage, EveryKindOfPngBecomesRgb) {
  const Image image = DecodeImage(RgbPng(2, 1, {1, 2, 3, 250, 251, 252})).value();
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.height, 1);
  EXPECT_THAT(image.values, ElementsAre(1, 2, 3, 250, 251, 252));
  EXPECT_THAT(Pixels(GrayPng(1, 2, {7, 200})), ElementsAre(7, 7, 7, 200, 200, 200));
  EXPECT_THAT(Pixels(PngFile(1, 1, 8, 4, "\x07\x01")), ElementsAre(7, 7, 7));  // alpha is dropped
  EXPECT_THAT(Pixels(PngFile(1, 1, 8, 6, "\x07\x08\x09\x01")), ElementsAre(7, 8, 9));
  EXPECT_THAT(Pixels(PngFile(1, 1, 16, 0, "\x12\xff")), ElementsAre(0x12, 0x12, 0x12));
  EXPECT_THAT(Pixels(PngFile(1, 1, 16, 2, "\x12\xff\x34\xff\x56\xff")), ElementsAre(0x12, 0x34, 0x56));
  EXPECT_THAT(Pixels(PngFile(1, 1, 16, 6, "\x12\xff\x34\xff\x56\xff\x01\x02")), ElementsAre(0x12, 0x34, 0x56));
  EXPECT_THAT(Pixels(PngFile(2, 1, 1, 0, "\x40")), ElementsAre(0, 0, 0, 255, 255, 255));
  EXPECT_THAT(Pixels(PngFile(2, 1, 8, 3, absl::string_view("\1\0", 2), PngChunk("PLTE", "abcdef"))),
              ElementsAre('d', 'e', 'f', 'a', 'b', 'c'));
}

TEST(DecodeImage, Jpeg) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 40; ++x) {
      const auto bright = static_cast<uint8_t>(6 * x);
      pixels.insert(pixels.end(), {bright, static_cast<uint8_t>(10 * y), static_cast<uint8_t>(240 - bright)});
    }
  }
  const Image image = DecodeImage(JpegFile(40, 24, pixels)).value();
  ASSERT_EQ(image.width, 40);
  ASSERT_EQ(image.height, 24);
  for (size_t i = 0; i < pixels.size(); ++i) {
    ASSERT_NEAR(image.values[i], pixels[i], 6) << i;
  }
}

TEST(DecodeImage, LimitsAreCheckedBeforeAnythingIsDecoded) {
  const std::string rest = PngChunk("IDAT", Stored("x")) + PngChunk("IEND", "");
  EXPECT_THAT(DecodeImage(kPngStart + PngHeader(100000, 100000, 8, 2) + rest),
              FailsWith(StatusCode::kResourceExhausted, "an image of 100000x100000, the limit is 65535 pixels"));
  EXPECT_THAT(DecodeImage(kPngStart + PngHeader(0xffffffff, 0xffffffff, 16, 6) + rest),
              FailsWith(StatusCode::kResourceExhausted, "an image of 4294967295x4294967295"));
  EXPECT_THAT(DecodeImage(kPngStart + PngHeader(8193, 8192, 8, 2) + rest),
              FailsWith(StatusCode::kResourceExhausted, "an image of 8193x8192, the limit is 64 Mpixel"));
  // Within the limits: what is missing is found out.
  EXPECT_THAT(DecodeImage(kPngStart + PngHeader(1000, 1000, 8, 2) + rest),
              FailsWith(StatusCode::kInvalidArgument, "cannot be decoded"));
  std::string jpeg = JpegFile(8, 8, std::vector<uint8_t>(192, 9));
  const size_t frame = jpeg.find("\xff\xc0");
  jpeg.replace(frame + 5, 4, "\xff\xff\xff\xff");
  EXPECT_THAT(DecodeImage(jpeg),
              FailsWith(StatusCode::kResourceExhausted, "an image of 65535x65535, the limit is 64 Mpixel"));
}

// Far too much data for one pixel: harmless in a large file, refused when a small one would unpack to it.
TEST(DecodeImage, MemoryFollowsTheDeclaredSize) {
  const std::string zeros(20'000'000, '\0');
  EXPECT_THAT(DecodeImage(PngFile(1, 1, 8, 0, zeros)), testing::IsOk());
  const std::string packed = Deflated(zeros);
  EXPECT_LT(packed.size(), 200'000u);
  EXPECT_THAT(DecodeImage(kPngStart + PngHeader(1, 1, 8, 0) + PngChunk("IDAT", packed) + PngChunk("IEND", "")),
              FailsWith(StatusCode::kInvalidArgument, "outofmem"));
}

TEST(DecodeImage, WhatIsNoImage) {
  EXPECT_THAT(DecodeImage(""), FailsWith(StatusCode::kInvalidArgument, "neither a PNG nor a JPEG"));
  EXPECT_THAT(DecodeImage("GIF89a"), FailsWith(StatusCode::kInvalidArgument, "neither a PNG nor a JPEG"));
  EXPECT_THAT(DecodeImage(kPngStart), FailsWith(StatusCode::kInvalidArgument, "the PNG ends too early"));
  EXPECT_THAT(DecodeImage("\xff\xd8\xff"), FailsWith(StatusCode::kInvalidArgument, "the JPEG ends too early"));
}

TEST(DecodeImage, EveryTruncationIsAnError) {
  std::vector<uint8_t> pixels(20 * 20 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(i * 37);
  }
  for (const std::string& file : {RgbPng(20, 20, pixels), JpegFile(20, 20, pixels)}) {
    ASSERT_TRUE(DecodeImage(file).ok());
    // Of a PNG's last chunk nothing but its name is needed.
    const size_t needed = file.size() - (file[0] == '\xff' ? 0 : 4);
    for (size_t size = 0; size < needed; ++size) {
      ASSERT_THAT(DecodeImage(file.substr(0, size)), FailsWith(StatusCode::kInvalidArgument, "")) << size;
    }
  }
}

TEST(DecodeImage, WhatStbImageDoesNotCheck) {
  const std::string jpeg = JpegFile(8, 8, std::vector<uint8_t>(192, 9));
  std::string tables = jpeg;
  const size_t table = tables.find("\xff\xc4");
  tables.replace(table + 5, 16, std::string(16, '\xff'));
  EXPECT_THAT(DecodeImage(tables), FailsWith(StatusCode::kInvalidArgument, "a Huffman table with more than 256 codes"));
  const size_t scan = jpeg.find("\xff\xda");
  const std::string scan_and_data = jpeg.substr(scan, jpeg.size() - 2 - scan);
  std::string scans = jpeg.substr(0, scan);
  for (int i = 0; i < 101; ++i) {
    scans += scan_and_data;
  }
  EXPECT_THAT(DecodeImage(scans + "\xff\xd9"), FailsWith(StatusCode::kResourceExhausted, "more than 100 scans"));
}

TEST(DecodeImage, RandomDamageNeverCrashes) {
  std::vector<uint8_t> pixels(16 * 16 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(i * 37);
  }
  std::mt19937 generator(3);
  for (const std::string& file : {RgbPng(16, 16, pixels), JpegFile(16, 16, pixels)}) {
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string broken = file;
      for (int flips = 0; flips < 4; ++flips) {
        broken[generator() % file.size()] = static_cast<char>(generator());
      }
      const absl::StatusOr<Image> image = DecodeImage(broken);
      refused += image.ok() ? 0 : 1;
      if (image.ok()) {
        EXPECT_EQ(image->values.size(), static_cast<size_t>(image->width * image->height) * 3);
      } else {
        EXPECT_EQ(image.status().message().find('\n'), absl::string_view::npos);
      }
    }
    EXPECT_GT(refused, 300);
  }
}

// A grey picture of these brightnesses.
Image Gray(int64_t width, int64_t height, const std::vector<uint8_t>& values) {
  Image image{width, height, {}};
  for (const uint8_t value : values) {
    image.values.insert(image.values.end(), {value, value, value});
  }
  return image;
}

std::vector<double> Reds(const RgbGrid<double>& grid) {
  std::vector<double> reds;
  for (size_t i = 0; i < grid.values.size(); i += 3) {
    reds.push_back(grid.values[i]);
  }
  return reds;
}

std::vector<double> Resized(const Image& image, int64_t width, int64_t height) {
  return Reds(ResizeImage(image, {width, height}, {0, 0, {width, height}}));
}

MATCHER(IsClose, "") { return std::abs(std::get<0>(arg) - std::get<1>(arg)) < 1e-9; }

TEST(ResizeImage, TheSameSizeIsExact) {
  const Image image = {2, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}};
  EXPECT_THAT(ResizeImage(image, {2, 2}, {0, 0, {2, 2}}).values,
              ElementsAreArray({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}));
}

TEST(ResizeImage, Enlarging) {
  // Centres of 4 pixels over 2: -0.25, 0.25, 0.75, 1.25.
  EXPECT_THAT(Resized(Gray(2, 1, {0, 100}), 4, 1), Pointwise(IsClose(), {0.0, 25.0, 75.0, 100.0}));
  EXPECT_THAT(Resized(Gray(1, 2, {0, 100}), 1, 4), Pointwise(IsClose(), {0.0, 25.0, 75.0, 100.0}));
  EXPECT_THAT(Resized(Gray(2, 2, {0, 100, 200, 100}), 3, 3),
              Pointwise(IsClose(), {0.0, 50.0, 100.0, 100.0, 100.0, 100.0, 200.0, 150.0, 100.0}));
}

TEST(ResizeImage, ShrinkingCountsEveryPixel) {
  // 4 to 2: centres 0.5 and 2.5, weights 1 - |distance| / 2 over pixels 0..2 and 1..3: 0.75, 0.75, 0.25 of 1.75.
  EXPECT_THAT(Resized(Gray(4, 1, {0, 70, 140, 210}), 2, 1),
              Pointwise(IsClose(), {(0.75 * 70 + 0.25 * 140) / 1.75, (0.25 * 70 + 0.75 * 140 + 0.75 * 210) / 1.75}));
  // 3 to 1: centre 1, weights 2/3, 1, 2/3 over their sum.
  EXPECT_THAT(Resized(Gray(1, 3, {7, 70, 140}), 1, 1),
              Pointwise(IsClose(), {(7 * 2 / 3.0 + 70 + 140 * 2 / 3.0) / (7 / 3.0)}));
  // Stripes of one pixel become an even grey, away from the border.
  std::vector<uint8_t> stripes(64);
  for (size_t i = 0; i < stripes.size(); i += 2) {
    stripes[i] = 200;
  }
  const std::vector<double> shrunk = Resized(Gray(64, 1, stripes), 8, 1);
  for (size_t i = 1; i < 7; ++i) {
    EXPECT_NEAR(shrunk[i], 100, 1) << i;
  }
}

TEST(ResizeImage, AWindowIsAPartOfTheWhole) {
  std::vector<uint8_t> values(7 * 5);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<uint8_t>(i * 37);
  }
  const Image image = Gray(7, 5, values);
  const std::vector<double> whole = Resized(image, 10, 4);
  const std::vector<double> part = Reds(ResizeImage(image, {10, 4}, {3, 1, {5, 2}}));
  ASSERT_EQ(part.size(), 10u);
  for (size_t y = 0; y < 2; ++y) {
    for (size_t x = 0; x < 5; ++x) {
      EXPECT_DOUBLE_EQ(part[y * 5 + x], whole[(y + 1) * 10 + x + 3]);
    }
  }
}

TEST(ResizeImage, ChannelsStayApart) {
  const Image image = {2, 1, {0, 10, 20, 100, 110, 120}};
  EXPECT_THAT(ResizeImage(image, {1, 1}, {0, 0, {1, 1}}).values, Pointwise(IsClose(), {50.0, 60.0, 70.0}));
}

}  // namespace
}  // namespace cnnopt
