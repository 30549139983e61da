// Whole runs of the program on calibration data of several kinds.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/checksum.h"
#include "onnx_io/model_file.h"
#include "tests/testing/image_files.h"
#include "tests/testing/model.h"
#include "tests/testing/npy_files.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunCnnopt;
using testing::TempFolder;
using Json = nlohmann::ordered_json;

class CalibrationRun : public ::testing::Test {
 protected:
  Json RunOk(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--no-latency", "--report=" + report_});
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, 0) << run.err << run.out;
    screen_ = run.out;
    return run.code == 0 ? Json::parse(FileBytes(report_)) : Json();
  }
  void ExpectFailure(const std::vector<std::string>& arguments, int code, const std::string& part) {
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(part));
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  }
  // Writes `count` small pictures of strokes and returns their bytes in order.
  std::vector<std::string> WritePictures(const std::string& folder, int count) {
    std::vector<std::string> files;
    for (int i = 0; i < count; ++i) {
      std::vector<uint8_t> pixels(40 * 30);
      for (int y = 0; y < 30; ++y) {
        for (int x = 0; x < 40; ++x) {
          pixels[static_cast<size_t>(y * 40 + x)] = (x * (i % 5) + y * (i % 3 + 1) + 7 * i) % 19 < 5 ? 230 : 5;
        }
      }
      files.push_back(testing::GrayPng(40, 30, pixels));
      folder_.Write(absl::StrCat(folder, "/p", i, ".png"), files.back());
    }
    return files;
  }

  TempFolder folder_;
  std::string out_ = folder_.Path("out.onnx");
  std::string report_ = folder_.Path("r.json");
  std::string lenet_ = testing::TestData("lenet.onnx");
  std::string screen_;
};

TEST_F(CalibrationRun, SlimsWithAFolderOfImages) {
  const std::vector<std::string> pictures = WritePictures("pictures", 20);
  const std::string calibration = "--calibration=" + folder_.Path("pictures") + "/";
  const Json report =
      RunOk({lenet_, out_, "--pass=dsc:rank=4", "--verify=report", calibration, "--mean=0.1307", "--std=0.3081"});
  EXPECT_EQ(report["verdict"], "slimmed");
  EXPECT_EQ(report["samples"]["count"], 4);
  EXPECT_EQ(report["samples"]["fitted"], 16);
  EXPECT_EQ(report["samples"]["synthetic"], false);
  EXPECT_EQ(report["samples"]["path"], "pictures");
  EXPECT_THAT(screen_, HasSubstr("of pictures"));
  std::string digests;
  for (const std::string& picture : pictures) {
    absl::StrAppend(&digests, Sha256Hex(picture), "\n");
  }
  const std::string sha256 = Sha256Hex(digests);
  EXPECT_EQ(report["samples"]["sha256"], sha256);
  EXPECT_THAT(report["options"].get<std::vector<std::string>>(),
              ElementsAre("--pass=dsc:rank=4", "--calibration=sha256:" + sha256, "--mean=0.1307", "--std=0.3081",
                          "--verify=report"));
  EXPECT_LT(report["totals"]["macs"]["after"].get<int64_t>(), report["totals"]["macs"]["before"].get<int64_t>());

  // What the pixels become decides what is fitted.
  const std::string first = FileBytes(out_);
  RunOk({lenet_, out_, "--pass=dsc:rank=4", "--verify=report", calibration, "--mean=0.1307", "--std=0.3081"});
  EXPECT_EQ(FileBytes(out_), first);
  RunOk({lenet_, out_, "--pass=dsc:rank=4", "--verify=report", calibration, "--mean=0.1307", "--std=0.3081",
         "--resize=28", "--crop=center", "--no-provenance"});
  const std::string cropped = FileBytes(out_);
  RunOk({lenet_, out_, "--pass=dsc:rank=4", "--verify=report", calibration, "--mean=0.1307", "--std=0.3081",
         "--no-provenance"});
  EXPECT_NE(FileBytes(out_), cropped);
}

TEST_F(CalibrationRun, ADigestOfWhatWasRead) {
  const std::vector<std::string> pictures = WritePictures("pictures", 4);
  const Json report =
      RunOk({lenet_, out_, "--pass=fold-batch-norm", "--samples=2", "--calibration=" + folder_.Path("pictures")});
  EXPECT_EQ(report["samples"]["sha256"],
            Sha256Hex(absl::StrCat(Sha256Hex(pictures[0]), "\n", Sha256Hex(pictures[2]), "\n")));
  const Json one = RunOk({lenet_, out_, "--pass=fold-batch-norm", "--calibration=" + folder_.Path("pictures/p1.png")});
  EXPECT_EQ(one["samples"]["sha256"], Sha256Hex(pictures[1]));
}

TEST_F(CalibrationRun, OneWrongPictureIsOneLine) {
  WritePictures("pictures", 3);
  folder_.Write("pictures/p1.png", "damaged");
  ExpectFailure({lenet_, out_, "--calibration=" + folder_.Path("pictures")}, 3, "p1.png': neither a PNG nor a JPEG");
}

TEST_F(CalibrationRun, OutputsNeverReplaceSamples) {
  WritePictures("pictures", 3);
  const std::string picture = folder_.Path("pictures/p2.png");
  const std::string before = FileBytes(picture);
  ExpectFailure({lenet_, picture, "--calibration=" + folder_.Path("pictures")}, 2,
                "OUT '" + picture + "' and calibration data '" + picture + "' are the same file");
  ExpectFailure({lenet_, out_, "--calibration=" + folder_.Write("list.txt", "pictures/p1.png"),
                 "--report=" + folder_.Link("link.json", "list.txt")},
                2, "calibration data");
  EXPECT_EQ(FileBytes(picture), before);
}

TEST_F(CalibrationRun, PathsForSeveralInputsSettleTheirSizes) {
  onnx::ModelProto model = testing::ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]>
         g (float[n,3,h,w] image, float[n,k] shift) => (float[n,3,h,w] y, float[n,k] z) {
           y = Relu(image)
           z = Relu(shift)
         })");
  const std::string two = folder_.Path("two.onnx");
  ASSERT_TRUE(WriteModel(model, two).ok());
  WritePictures("pictures", 3);
  const std::string shifts = folder_.Write("shifts.npy", testing::NpyFile(testing::Dict("u1", "(3, 2)"), "abcdef"));
  const std::vector<std::string> arguments = {two, out_, "--calibration=image=" + folder_.Path("pictures"),
                                              "--calibration=shift=" + shifts};
  ExpectFailure(arguments, 3,
                "input 'image': the model leaves height or width open: give --input-shape=image:1,3,224,224, say");
  std::vector<std::string> resized = arguments;
  resized.push_back("--resize=12x8");
  const Json report = RunOk(resized);
  EXPECT_EQ(report["input"]["shapes"]["image"], Json({1, 3, 8, 12}));
  EXPECT_EQ(report["input"]["shapes"]["shift"], Json({1, 2}));
  EXPECT_EQ(report["samples"]["path"], "pictures, shifts.npy");
  std::vector<std::string> given = arguments;
  given.push_back("--input-shape=image:1,3,16,10");
  EXPECT_EQ(RunOk(given)["input"]["shapes"]["image"], Json({1, 3, 16, 10}));
  ExpectFailure({two, out_, "--calibration=shift=" + shifts}, 3, "no samples for 'image'");
}

}  // namespace
}  // namespace cnnopt
