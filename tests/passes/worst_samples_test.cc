#include "passes/worst_samples.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Tensor Numbers(const std::vector<double>& values, Shape shape) {
  return FromDoubles(values, std::move(shape), onnx::TensorProto::FLOAT).value();
}

TEST(ThumbnailTest, ChannelsFirstAndLastGiveTheSamePicture) {
  // Two rows of two pixels; red rises from -1 to 1, green falls, blue stays in the middle.
  const Image first = Thumbnail({{"x", Numbers({-1, -1, 1, 1, 1, 1, -1, -1, 0, 0, 0, 0}, {1, 3, 2, 2})}});
  const Image last = Thumbnail({{"x", Numbers({-1, 1, 0, -1, 1, 0, 1, -1, 0, 1, -1, 0}, {1, 2, 2, 3})}});
  EXPECT_EQ(first.width, 2);
  EXPECT_EQ(first.height, 2);
  EXPECT_THAT(first.values, ElementsAre(0, 255, 128, 0, 255, 128, 255, 0, 128, 255, 0, 128));
  EXPECT_EQ(first.values, last.values);
}

TEST(ThumbnailTest, OneChannelIsGreyAndOddValuesDoNoHarm) {
  const double inf = std::numeric_limits<double>::infinity();
  const Image image = Thumbnail({{"x", Numbers({0, inf, std::nan(""), 10}, {1, 1, 2, 2})}});
  EXPECT_THAT(image.values, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(Thumbnail({{"x", Numbers({7, 7, 7, 7}, {1, 1, 2, 2})}}).values, Each(127));
  const double most = std::numeric_limits<float>::max();
  EXPECT_EQ(Thumbnail({{"x", Numbers({-most, most, 0, 0}, {1, 1, 2, 2})}}).values[3], 255);
}

TEST(ThumbnailTest, LargePicturesShrinkAndOtherInputsAreNone) {
  const std::vector<double> values(static_cast<size_t>(2 * 300 * 150), 1);
  const Image image = Thumbnail({{"x", Numbers(values, {2, 1, 150, 300})}});
  EXPECT_EQ(image.width, kThumbnailSide);
  EXPECT_EQ(image.height, kThumbnailSide / 2);
  EXPECT_EQ(image.values.size(), static_cast<size_t>(image.width * image.height * 3));
  EXPECT_EQ(Thumbnail({{"x", Numbers({1, 2, 3, 4}, {1, 4})}}).width, 0);
  EXPECT_EQ(Thumbnail({{"x", Numbers(std::vector<double>(16, 1), {1, 4, 2, 2})}}).width, 0);
  EXPECT_EQ(Thumbnail({{"x", Numbers({}, {0, 1, 2, 2})}}).width, 0);
  // The first input that is a picture, by name.
  const Sample both = {{"a", Numbers({1, 2}, {1, 2})}, {"b", Numbers({1, 2, 3, 4}, {1, 1, 2, 2})}};
  EXPECT_EQ(Thumbnail(both).width, 2);
}

TEST(WorstSamplesTest, TheWorstFirstWithTheirPlaces) {
  std::vector<Sample> samples(12);
  std::vector<double> errors = {0.1, 0, 0.3, 0.3, std::numeric_limits<double>::infinity()};
  errors.resize(12, 0.01);
  std::vector<int64_t> indices;
  for (int64_t s = 0; s < 12; ++s) indices.push_back(4 + 5 * s);
  const std::vector<WorstSample> worst = FindWorstSamples(samples, errors, indices);
  ASSERT_EQ(worst.size(), kMostWorstSamples);
  EXPECT_EQ(worst[0].index, 24);
  EXPECT_EQ(worst[1].index, 14);  // of equals the earlier
  EXPECT_EQ(worst[2].index, 19);
  EXPECT_EQ(worst[3].index, 4);
  EXPECT_EQ(worst[3].relative_error, 0.1);
  EXPECT_TRUE(FindWorstSamples(samples, std::vector<double>(12, 0), indices).empty());
}

}  // namespace
}  // namespace cnnopt
