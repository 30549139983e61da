// Everything a user can get wrong: one line that says so, the right exit code, and OUT as it was.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunCnnopt;
using testing::RunOptions;
using testing::TempFolder;
using ::testing::UnorderedElementsAre;

constexpr char kOldOut[] = "what OUT held before";

void ExpectOneLine(const Finished& run, const std::string& part) {
  EXPECT_TRUE(absl::StartsWith(run.err, "cnnopt: ")) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_THAT(run.err, HasSubstr(part));
  EXPECT_EQ(run.out, "");
}

class BadInput : public ::testing::Test {
 protected:
  BadInput() {
    folder_.Write("out.onnx", kOldOut);
    std::filesystem::copy(testing::TestData("lenet.onnx"), in_);
  }
  // The program fails with `code` and `part` of a line, and leaves OUT and the folder as they were.
  void ExpectFailure(const std::vector<std::string>& arguments, int code, const std::string& part) {
    std::vector<std::string> before = folder_.Names();
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, code) << run.err;
    ExpectOneLine(run, part);
    EXPECT_EQ(FileBytes(out_), kOldOut);
    EXPECT_THAT(folder_.Names(), ::testing::UnorderedElementsAreArray(before));
  }

  TempFolder folder_;
  std::string in_ = folder_.Path("in.onnx"), out_ = folder_.Path("out.onnx");
};

TEST_F(BadInput, FilesThatAreNoModels) {
  const std::string model = FileBytes(in_);
  std::mt19937 random(1);
  std::string noise(10'000, '\0');
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
  const struct {
    const char* name;
    std::string content;
    const char* message;
  } cases[] = {
      {"empty", "", "empty"},
      {"lfs pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n", "LFS"},
      {"html", "<!DOCTYPE html><html><body>404</body></html>", "web page"},
      {"gzip", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10) + noise, "gzip"},
      {"half a model", model.substr(0, model.size() / 2), ""},
      {"all but the last byte", model.substr(0, model.size() - 1), ""},
      {"noise", noise, ""},
      {"zeros", std::string(4096, '\0'), ""},
      {"text", "hello\n", ""},
      {"two models", model + model, ""},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.name);
    folder_.Write("in.onnx", bad.content);
    ExpectFailure({in_, out_}, 3, bad.message);
  }
}

TEST_F(BadInput, InThatIsNoFile) {
  ExpectFailure({folder_.Path("missing.onnx"), out_}, 3, "does not exist");
  ExpectFailure({folder_.path(), out_}, 3, "is a folder");
  std::filesystem::create_symlink("nowhere", folder_.Path("dangling"));
  ExpectFailure({folder_.Path("dangling"), out_}, 3, "does not exist");
  std::filesystem::create_symlink("loop", folder_.Path("loop"));
  ExpectFailure({folder_.Path("loop"), out_}, 3, "loop");
  ASSERT_EQ(mkfifo(folder_.Path("fifo").c_str(), 0600), 0);
  ExpectFailure({folder_.Path("fifo"), out_}, 3, "not a regular file");
  ExpectFailure({in_ + "/x", out_}, 3, "");
  ExpectFailure({std::string(5000, 'x'), out_}, 3, "");
}

TEST_F(BadInput, OutThatCannotBeWritten) {
  ExpectFailure({in_, folder_.Path("missing/out.onnx")}, 74, "missing");
  ExpectFailure({in_, folder_.path()}, 74, "is a folder");
  ExpectFailure({in_, folder_.Path("new/")}, 74, "is a folder");
  ExpectFailure({in_, in_ + "/out.onnx"}, 74, "in.onnx");
  // Renaming over such a thing would destroy it: /dev/null, say.
  ASSERT_EQ(mkfifo(folder_.Path("fifo").c_str(), 0600), 0);
  ExpectFailure({in_, folder_.Path("fifo")}, 74, "not a regular file");
  EXPECT_TRUE(std::filesystem::is_fifo(folder_.Path("fifo")));
  ExpectFailure({in_, out_, "--report=" + folder_.Path("missing/r.json")}, 74, "missing");
  std::filesystem::create_directory(folder_.Path("folder.json"));
  ExpectFailure({in_, out_, "--report=" + folder_.Path("folder.json")}, 74, "is a folder");
}

TEST_F(BadInput, FolderWithoutPermission) {
  const std::string program = folder_.Path("cnnopt");  // where any user may run it
  std::filesystem::copy(CNNOPT_BINARY, program);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0555), 0);
  RunOptions options;
  options.program = program;
  if (getuid() == 0) {
    options.user = 65534;  // permissions do not bind root
  }
  const Finished run = RunCnnopt({in_, folder_.Path("new.onnx")}, options);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  EXPECT_EQ(run.code, 74);
  ExpectOneLine(run, "ermission denied");
  EXPECT_FALSE(std::filesystem::exists(folder_.Path("new.onnx")));
}

TEST_F(BadInput, OutIsIn) {
  const std::string model = FileBytes(in_);
  std::filesystem::create_symlink("in.onnx", folder_.Path("link.onnx"));
  std::filesystem::create_hard_link(in_, folder_.Path("hard.onnx"));
  std::filesystem::create_directory(folder_.Path("sub"));
  std::filesystem::create_directory_symlink(".", folder_.Path("self"));
  for (const char* name : {"in.onnx", "link.onnx", "hard.onnx", "sub/../in.onnx", "./in.onnx", "self/in.onnx"}) {
    SCOPED_TRACE(name);
    ExpectFailure({in_, folder_.Path(name)}, 2, "the same file, which --force allows");
    ExpectFailure({folder_.Path(name), in_}, 2, "the same file, which --force allows");
    EXPECT_EQ(FileBytes(in_), model);
  }
}

TEST_F(BadInput, OtherFilesThatAreTheSame) {
  const std::string samples = folder_.Path("samples.npy");
  std::filesystem::copy(testing::TestData("mnist_samples.npy"), samples);
  ExpectFailure({in_, samples, "--calibration=" + samples}, 2, "calibration data");
  const std::string report = folder_.Path("new.json");
  ExpectFailure({in_, report, "--report=" + report}, 2, "report");
  ExpectFailure({in_, report, "--report=" + folder_.path() + "/./new.json"}, 2, "report");
  std::filesystem::copy(in_, folder_.Path("in.json"));
  ExpectFailure({folder_.Path("in.json"), out_, "--report=" + folder_.Path("in.json")}, 2, "report");
  EXPECT_EQ(FileBytes(samples), FileBytes(testing::TestData("mnist_samples.npy")));
}

TEST_F(BadInput, Samples) {
  ExpectFailure({in_, out_, "--calibration=" + folder_.Path("missing.npy")}, 3, "missing.npy': No such file");
  ExpectFailure({in_, out_, "--calibration=" + folder_.path()}, 3, "is a folder with no samples");
  folder_.Write("text.npy", "no array");
  ExpectFailure({in_, out_, "--calibration=" + folder_.Path("text.npy")}, 3, "text.npy");
  // Images of another size than the model takes.
  ExpectFailure({in_, out_, "--calibration=" + testing::TestData("cifar_samples.npy")}, 3, "image");
}

TEST_F(BadInput, CommandLine) {
  const struct {
    std::vector<std::string> flags;
    const char* message;
  } cases[] = {
      {{"--target-mac=0.5"}, "did you mean --target-macs?"},
      {{"--pass=dcs"}, "did you mean 'dsc'?"},
      {{"--layer=c1=dcs"}, "unknown form 'dcs', did you mean 'dsc'?"},
      {{"--target-macs=0.5x"}, "--target-macs=0.5x: expected a number above 0 and at most 1"},
      {{"--max-error=nan"}, "expected a number above 0 and at most 1"},
      {{"--samples=-3"}, "expected a whole number from 1"},
      {{"third.onnx"}, "unexpected third argument"},
      {{"--report=r.txt"}, ".json, .md, .csv or .html"},
      {{"--input-shape=nope:1,1,28,28"}, "nope"},
      {{"--input-shape=image:1,1,29,28"}, "image"},
      {{"--input-shape=1,1,28,28", "--input-shape=image:1,1,28,28"}, "given twice"},
      {{"--ort=/nonexistent/lib.so"}, "--ort"},
      {{"--mean=0.5"}, "--mean=0.5 is for images, which --calibration gives"},
      {{"--resize=28x28", "--calibration=" + testing::TestData("mnist_samples.npy")},
       "--resize=28x28 is for images, --calibration gives none"},
      {{"--ort=" + testing::TestData("lenet.onnx")}, "--verify=off"},
  };
  for (const auto& bad : cases) {
    std::vector<std::string> arguments = {in_, out_};
    arguments.insert(arguments.end(), bad.flags.begin(), bad.flags.end());
    SCOPED_TRACE(bad.flags[0]);
    ExpectFailure(arguments, 2, bad.message);
  }
  ExpectFailure({}, 2, "IN and OUT are missing");
  ExpectFailure({in_}, 2, "OUT is missing");
  ExpectFailure({"passes", "x"}, 2, "unexpected argument");
  ExpectFailure({"inspct", in_}, 2, "neither a command nor a file 'inspct', did you mean 'cnnopt inspect'?");
  ExpectFailure({"comp", in_, in_}, 2, "did you mean 'cnnopt compare'?");
  ExpectFailure({"help"}, 2, "did you mean 'cnnopt --help'?");
  ExpectFailure({"lenet", out_}, 3, "lenet");  // near to no command
  ExpectFailure({"compare", in_, in_, "--frobnicate"}, 2, "--frobnicate, 'cnnopt compare --help' lists them");
}

TEST_F(BadInput, MessagesCannotSteerATerminal) {
  ExpectFailure({"\x1b[31m\nmissing.onnx", out_}, 3, "\\x1b[31m missing.onnx");
}

TEST_F(BadInput, NoRoomForOut) {
  RunOptions options;
  options.largest_file = 1000;  // more than the messages take, less than the model
  const Finished run = RunCnnopt({in_, out_, "--pass=fold-batch-norm", "--verify=off"}, options);
  EXPECT_EQ(run.code, 74) << run.err;
  ExpectOneLine(run, "out.onnx");
  EXPECT_EQ(FileBytes(out_), kOldOut);
  EXPECT_THAT(folder_.Names(), UnorderedElementsAre("in.onnx", "out.onnx"));
}

TEST(Printing, AFullStdoutIsAnError) {
  RunOptions options;
  options.stdout_path = "/dev/full";
  const Finished run = RunCnnopt({"--help"}, options);
  EXPECT_EQ(run.code, 74);
  EXPECT_EQ(run.err, "cnnopt: the result could not be printed\n");
}

}  // namespace
}  // namespace cnnopt
