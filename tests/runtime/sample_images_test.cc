// Samples from pictures.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/samples.h"
#include "tests/testing/image_files.h"
#include "tests/testing/model.h"
#include "tests/testing/npy_files.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using absl::StatusCode;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using testing::FailsWith;
using testing::GrayPng;
using testing::IsOk;
using testing::JpegFile;
using testing::PngChunk;
using testing::PngHeader;
using testing::RgbPng;
using testing::TempFolder;

class SampleImages : public ::testing::Test {
 protected:
  absl::StatusOr<SampleSet> TryRead(const std::string& path, const std::string& input,
                                    const std::map<std::string, Shape>& given = {}, int64_t limit = 100) {
    const onnx::ModelProto model =
        testing::ModelFromText(absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (", input,
                                            ") => (float[1] y) <float[1] w = {1}> { y = Identity(w) }"));
    const absl::StatusOr<SampleFiles> files = SampleFiles::Open({path}, model, options_);
    if (!files.ok()) {
      return files.status();
    }
    EXPECT_TRUE(files->HaveImages());
    const auto shapes = files->Shapes(given);
    if (!shapes.ok()) {
      return shapes.status();
    }
    shape_ = shapes->at("x");
    return files->Read(ModelInputs(model, *shapes).value(), limit);
  }
  // The numbers of each sample.
  std::vector<std::vector<double>> Read(const std::string& path, const std::string& input, int64_t limit = 100) {
    const absl::StatusOr<SampleSet> set = TryRead(path, input, {}, limit);
    EXPECT_THAT(set, IsOk());
    std::vector<std::vector<double>> numbers;
    if (set.ok()) {
      for (const Sample& sample : set->samples) {
        numbers.push_back(ToDoubles(sample.at("x")).value());
      }
      files_ = set->files;
    }
    return numbers;
  }
  void ExpectInvalid(const std::string& path, const std::string& input, const std::string& part) {
    const absl::StatusOr<SampleSet> set = TryRead(path, input);
    EXPECT_THAT(set, FailsWith(StatusCode::kInvalidArgument, part));
    EXPECT_EQ(set.status().message().find('\n'), absl::string_view::npos);
  }

  TempFolder folder_;
  // Two pixels side by side.
  std::string two_ = folder_.Write("two.png", RgbPng(2, 1, {10, 20, 30, 40, 50, 60}));
  ImageOptions options_;
  Shape shape_;
  std::vector<std::string> files_;
};

TEST_F(SampleImages, IntegerInputsGetThePixels) {
  EXPECT_THAT(Read(two_, "uint8[n,3,1,2] x"), ElementsAre(ElementsAre(10, 40, 20, 50, 30, 60)));
  options_.layout = ImageLayout::kNhwc;
  EXPECT_THAT(Read(two_, "uint8[n,1,2,3] x"), ElementsAre(ElementsAre(10, 20, 30, 40, 50, 60)));
  options_ = {};
  EXPECT_THAT(Read(two_, "int32[n,3,1,2] x"), ElementsAre(ElementsAre(10, 40, 20, 50, 30, 60)));
  options_.mean = {11};
  EXPECT_THAT(Read(two_, "uint8[n,3,1,2] x"), ElementsAre(ElementsAre(0, 29, 9, 39, 19, 49)));
}

TEST_F(SampleImages, TheFormula) {
  const auto f = [](double number) { return DoubleNear(number, 1e-6); };
  EXPECT_THAT(Read(two_, "float[n,3,1,2] x"), ElementsAre(ElementsAre(f(10 / 255.0), f(40 / 255.0), f(20 / 255.0),
                                                                      f(50 / 255.0), f(30 / 255.0), f(60 / 255.0))));
  options_.mean = {0.485, 0.456, 0.406};
  options_.deviation = {0.229, 0.224, 0.225};
  EXPECT_THAT(Read(two_, "float[n,3,1,2] x"),
              ElementsAre(ElementsAre(f((10 / 255.0 - 0.485) / 0.229), f((40 / 255.0 - 0.485) / 0.229),
                                      f((20 / 255.0 - 0.456) / 0.224), f((50 / 255.0 - 0.456) / 0.224),
                                      f((30 / 255.0 - 0.406) / 0.225), f((60 / 255.0 - 0.406) / 0.225))));
  options_ = {};
  options_.scale = {2};
  options_.mean = {1, 2, 3};
  options_.channel_order = ChannelOrder::kBgr;  // the mean is in the order of the model's channels
  EXPECT_THAT(Read(two_, "float[n,3,1,2] x"), ElementsAre(ElementsAre(59, 119, 38, 98, 17, 77)));
  EXPECT_THAT(Read(two_, "float16[n,3,1,2] x"), ElementsAre(ElementsAre(59, 119, 38, 98, 17, 77)));
}

TEST_F(SampleImages, GreyAndColour) {
  options_.scale = {1};
  const double luma[] = {(299 * 10 + 587 * 20 + 114 * 30) / 1000.0, (299 * 40 + 587 * 50 + 114 * 60) / 1000.0};
  EXPECT_THAT(Read(two_, "float[n,1,1,2] x"),
              ElementsAre(ElementsAre(DoubleNear(luma[0], 1e-5), DoubleNear(luma[1], 1e-5))));
  const std::string grey = folder_.Write("grey.png", GrayPng(2, 1, {7, 251}));
  EXPECT_THAT(Read(grey, "float[n,1,1,2] x"), ElementsAre(ElementsAre(7, 251)));
  EXPECT_THAT(Read(grey, "float[n,3,1,2] x"), ElementsAre(ElementsAre(7, 251, 7, 251, 7, 251)));
  options_.channel_order = ChannelOrder::kGray;
  EXPECT_THAT(Read(two_, "uint8[n,3,1,2] x"), ElementsAre(ElementsAre(18, 48, 18, 48, 18, 48)));
  options_.channel_order = ChannelOrder::kBgr;
  ExpectInvalid(two_, "float[n,1,1,2] x", "input 'x': the input has one channel: expected --channel-order=gray");
}

TEST_F(SampleImages, Layouts) {
  const std::string square = folder_.Write(
      "square.png",
      RgbPng(3, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26}));
  // Both axes could be channels: the first is taken.
  EXPECT_EQ(Read(square, "uint8[n,3,3,3] x")[0][1], 3);
  options_.layout = ImageLayout::kNhwc;
  EXPECT_EQ(Read(square, "uint8[n,3,3,3] x")[0][1], 1);
  options_.layout = ImageLayout::kAuto;
  EXPECT_THAT(Read(two_, "uint8[3,1,2] x"), ElementsAre(ElementsAre(10, 40, 20, 50, 30, 60)));
  ExpectInvalid(two_, "uint8[n,4,8,8] x", "no axis for channels, of size 1 or 3, in [-1,4,8,8]: give --layout");
  ExpectInvalid(two_, "uint8[n,8] x", "images need 4 axes");
  options_.layout = ImageLayout::kNchw;
  ExpectInvalid(two_, "uint8[n,4,8,8] x", "images have 1 or 3 channels, the input has 4");
  options_ = {};
  options_.mean = {1, 2, 3};
  ExpectInvalid(two_, "uint8[n,1,1,2] x", "--mean has 3 numbers: expected 1, or one for each of 1 channels");
}

TEST_F(SampleImages, SizesByDefaultAndByResize) {
  const std::string wide = folder_.Write("wide.png", GrayPng(4, 2, {0, 0, 100, 100, 0, 0, 100, 100}));
  EXPECT_THAT(Read(wide, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(14, 86, 14, 86)));  // 100 / 7, and the rest
  options_.resize = {ResizeRule::Kind::kFit, {}};  // already covers 2x2: the middle
  EXPECT_THAT(Read(wide, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(0, 100, 0, 100)));
  EXPECT_THAT(Read(wide, "uint8[n,1,4,4] x")[0].size(), 16u);
  options_.resize = {ResizeRule::Kind::kExactly, {2, 2}};
  EXPECT_THAT(Read(wide, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(14, 86, 14, 86)));
  ExpectInvalid(wide, "uint8[n,1,3,3] x",
                "wide.png': expected 3x3 pixels, the size of the input, found 2x2: give --crop=center or --resize=fit");
  options_.resize = {ResizeRule::Kind::kShorter, {2, 2}};
  ExpectInvalid(wide, "uint8[n,1,2,2] x", "found 4x2: give --crop=center");
  options_.crop.kind = CropRule::Kind::kToInput;
  EXPECT_THAT(Read(wide, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(0, 100, 0, 100)));
  options_.resize = {};  // a crop alone
  EXPECT_THAT(Read(wide, "uint8[n,1,1,2] x"), ElementsAre(ElementsAre(0, 100)));
  ExpectInvalid(wide, "uint8[n,1,3,3] x", "expected at least 3x3 pixels to crop from, found 4x2");
  options_.crop = {CropRule::Kind::kToSize, {2, 1}};
  EXPECT_THAT(Read(wide, "uint8[n,1,1,2] x"), ElementsAre(ElementsAre(0, 100)));
  ExpectInvalid(wide, "uint8[n,1,1,4] x", "expected 4x1 pixels, the size of the input, found 2x1");
}

TEST_F(SampleImages, TallPicturesKeepTheirAspect) {
  const std::string tall = folder_.Write("tall.png", GrayPng(2, 4, {0, 0, 0, 0, 100, 100, 100, 100}));
  options_.resize = {ResizeRule::Kind::kShorter, {4, 4}};
  options_.crop.kind = CropRule::Kind::kToInput;
  // 4x8 pixels, of which the middle 2x2 lie on the border of the two greys.
  EXPECT_THAT(Read(tall, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(25, 25, 75, 75)));
  options_ = {};
  options_.resize.kind = ResizeRule::Kind::kFit;
  EXPECT_THAT(Read(tall, "uint8[n,1,2,2] x"), ElementsAre(ElementsAre(0, 0, 100, 100)));
}

TEST_F(SampleImages, OpenSizes) {
  ExpectInvalid(two_, "uint8[n,3,h,w] x",
                "input 'x': the model leaves height or width open: give --input-shape=x:1,3,224,224, say, or "
                "--resize=WxH or --crop=WxH");
  options_.resize = {ResizeRule::Kind::kShorter, {4, 4}};
  ExpectInvalid(two_, "uint8[n,3,h,w] x", "the model leaves height or width open");
  options_.resize = {ResizeRule::Kind::kExactly, {4, 2}};
  EXPECT_THAT(Read(two_, "uint8[n,3,h,w] x")[0].size(), 24u);
  EXPECT_THAT(shape_, ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Read(two_, "uint8[n,h,w,3] x")[0].size(), 24u);
  EXPECT_THAT(shape_, ElementsAre(1, 2, 4, 3));
  options_ = {};
  options_.crop = {CropRule::Kind::kToSize, {1, 1}};
  EXPECT_THAT(Read(two_, "uint8[n,3,h,w] x"), ElementsAre(ElementsAre(10, 20, 30)));
  options_ = {};
  EXPECT_THAT(TryRead(two_, "uint8[n,3,h,w] x", {{"x", {1, 3, 1, 2}}}), IsOk());
  options_.layout = ImageLayout::kNchw;
  options_.resize = {ResizeRule::Kind::kExactly, {4, 2}};
  EXPECT_THAT(Read(two_, "uint8[n,c,h,w] x")[0].size(), 24u);
  options_.channel_order = ChannelOrder::kGray;
  EXPECT_THAT(Read(two_, "uint8[n,c,h,w] x")[0].size(), 8u);
  ExpectInvalid(two_, "uint8[] x", "its rank is unknown");
}

TEST_F(SampleImages, FoldersListsAndBatches) {
  const TempFolder folder;
  const auto grey = [](uint8_t value) { return GrayPng(1, 1, {value}); };
  folder.Write("i10.png", grey(10));
  folder.Write("i9.PNG", grey(9));
  folder.Write("cats/1.jpeg", JpegFile(1, 1, {200, 200, 200}));
  folder.Write("cats/notes.txt.bak", "no image");
  folder.Write("._i9.png", "no image");
  EXPECT_THAT(Read(folder.path(), "uint8[n,1,1,1] x"), ElementsAre(ElementsAre(200), ElementsAre(9), ElementsAre(10)));
  EXPECT_THAT(Read(folder.path(), "uint8[n,1,1,1] x", 2), ElementsAre(ElementsAre(200), ElementsAre(9)));
  EXPECT_THAT(files_, ElementsAre(folder.Path("cats/1.jpeg"), folder.Path("i9.PNG")));
  EXPECT_THAT(Read(folder.path(), "uint8[2,1,1,1] x"), ElementsAre(ElementsAre(200, 9)));
  EXPECT_THAT(Read(folder.path(), "uint8[2,1,1,1] x").size(), 1u);
  ExpectInvalid(folder.path(), "uint8[4,1,1,1] x", "expected at least 4 rows, found 3 in 3 images from ");

  const std::string list =
      folder.Write("lists/some.txt", "# two of them\n\n  ../i10.png \r\n" + folder.Path("i9.PNG") + "\n../i10.png");
  EXPECT_THAT(Read(list, "uint8[n,1,1,1] x"), ElementsAre(ElementsAre(10), ElementsAre(9), ElementsAre(10)));
  ExpectInvalid(folder.Write("none.txt", "# nothing\n"), "uint8[n,1,1,1] x", "none.txt' lists no images");
  EXPECT_THAT(TryRead(folder.Write("gone.txt", "gone.png"), "uint8[n,1,1,1] x"),
              FailsWith(StatusCode::kNotFound, "gone.png"));
}

// What is not chosen is not read.
TEST_F(SampleImages, OnlyTheChosenAreDecoded) {
  const TempFolder folder;
  folder.Write("1.png", GrayPng(1, 1, {1}));
  folder.Write("2.png", "damaged");
  EXPECT_THAT(Read(folder.path(), "uint8[n,1,1,1] x", 1), ElementsAre(ElementsAre(1)));
  ExpectInvalid(folder.path(), "uint8[n,1,1,1] x", "2.png': neither a PNG nor a JPEG");
}

TEST_F(SampleImages, HostileFiles) {
  const std::string bomb = folder_.Write(
      "bomb.png",
      absl::StrCat(absl::string_view("\x89PNG\r\n\x1a\n", 8), PngHeader(100000, 100000, 8, 2), PngChunk("IEND", "")));
  EXPECT_THAT(TryRead(bomb, "uint8[n,3,1,1] x"),
              FailsWith(StatusCode::kResourceExhausted, "bomb.png': an image of 100000x100000, the limit is 65535"));
  const std::string good = RgbPng(2, 1, {10, 20, 30, 40, 50, 60});
  ExpectInvalid(folder_.Write("cut.png", good.substr(0, 50)), "uint8[n,3,1,1] x", "cut.png': cannot be decoded");
  const std::string huge = folder_.Write("huge.jpg", "\xff\xd8\xff");
  std::filesystem::resize_file(huge, (uintmax_t{1} << 28) + 1);
  EXPECT_THAT(TryRead(huge, "uint8[n,3,1,1] x"),
              FailsWith(StatusCode::kResourceExhausted, "is 268435457 bytes, the limit is 268435456"));
}

}  // namespace
}  // namespace cnnopt
