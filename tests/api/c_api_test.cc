// The C interface, on what the C program in tests/consumer/ does not try.
#include <limits>
#include <string>
#include <vector>

#include "cnnopt/cnnopt.h"
#include "cnnopt/cnnopt_c.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::TempFolder;
using testing::TestData;

constexpr char kOptions[] = R"({"target_macs": 0.6, "samples": 10, "no_latency": true, "threads": 1})";

// What a call gave back, freed.
struct Given {
  int code = -1;
  std::string slim, report, error;
};

std::string TakeText(char* text) {
  const std::string copy = text == nullptr ? "" : text;
  cnnopt_free(text);
  return copy;
}

// lenet with these samples of its input.
Given SlimLenet(const char* options, const std::vector<float>& numbers, std::vector<int64_t> shape) {
  const std::string model = FileBytes(TestData("lenet.onnx"));
  const char* const name = "";
  const int32_t type = 1;
  const size_t rank = shape.size();
  const int64_t* const sizes = shape.data();
  const void* const data = numbers.data();
  Given given;
  void* slim = nullptr;
  size_t bytes = 0;
  char *report = nullptr, *error = nullptr;
  given.code = cnnopt_slim(model.data(), model.size(), options, numbers.empty() ? 0 : 1, &name, &type, &rank, &sizes,
                           &data, nullptr, nullptr, &slim, &bytes, &report, &error);
  given.slim.assign(static_cast<const char*>(slim), bytes);
  cnnopt_free(slim);
  given.report = TakeText(report);
  given.error = TakeText(error);
  return given;
}

std::vector<float> Mnist() {
  const std::string npy = FileBytes(TestData("mnist_samples.npy"));
  std::vector<float> numbers(size_t{32} * 28 * 28);
  std::copy_n(npy.end() - static_cast<int64_t>(numbers.size() * sizeof(float)), numbers.size() * sizeof(float),
              reinterpret_cast<char*>(numbers.data()));
  return numbers;
}

TEST(CApi, ArraysGiveWhatTheyGiveInCpp) {
  const std::vector<float> numbers = Mnist();
  Options options;
  options.target_macs = 0.6;
  options.samples = 10;
  options.latency = false;
  options.threads = 1;
  options.arrays = {{"", 1, {32, 1, 28, 28}, numbers.data(), numbers.size() * sizeof(float)}};
  std::string expected;
  ASSERT_THAT(SlimBytes(FileBytes(TestData("lenet.onnx")), expected, options), IsOk());
  const Given given = SlimLenet(kOptions, numbers, {32, 1, 28, 28});
  EXPECT_EQ(given.code, CNNOPT_DONE) << given.error;
  EXPECT_TRUE(given.slim == expected);
  EXPECT_EQ(given.error, "");
  EXPECT_THAT(given.report, HasSubstr("arrays in memory"));
}

TEST(CApi, Refusals) {
  const Given given = SlimLenet(R"({"target_macs": 0.6, "max_error": 1e-6, "no_latency": true})", {}, {});
  EXPECT_EQ(given.code, CNNOPT_REFUSED);
  EXPECT_EQ(given.slim, "");
  EXPECT_THAT(given.error, HasSubstr("1e-06"));
  EXPECT_THAT(given.report, HasSubstr("\"verdict\": \"refused\""));
}

TEST(CApi, NothingToGainGivesTheModelBack) {
  const Given given = SlimLenet(R"({"pass": "fold-batch-norm", "no_latency": true})", {}, {});
  EXPECT_EQ(given.code, CNNOPT_DONE) << given.error;
  EXPECT_TRUE(given.slim == FileBytes(TestData("lenet.onnx")));
  EXPECT_THAT(given.report, HasSubstr("\"verdict\": \"unchanged\""));
}

TEST(CApi, InspectAndCompareAsTheCommand) {
  const std::string lenet = TestData("lenet.onnx"), bytes = FileBytes(lenet);
  char *json = nullptr, *error = nullptr;
  EXPECT_EQ(cnnopt_inspect_file(lenet.c_str(), R"({"pass": "low-rank"})", &json, &error), CNNOPT_DONE);
  EXPECT_EQ(TakeText(json), testing::RunCnnopt({"inspect", lenet, "--json", "--pass=low-rank"}).out);
  EXPECT_EQ(cnnopt_inspect(bytes.data(), bytes.size(), nullptr, &json, &error), CNNOPT_DONE);
  EXPECT_THAT(TakeText(json), HasSubstr("\"slimmable_layers\""));
  EXPECT_EQ(cnnopt_inspect_file(nullptr, nullptr, &json, &error), CNNOPT_INPUT);
  EXPECT_EQ(json, nullptr);
  EXPECT_THAT(TakeText(error), HasSubstr("folder"));

  const char* const options = R"({"samples": 4, "no_latency": true})";
  EXPECT_EQ(cnnopt_compare_files(lenet.c_str(), lenet.c_str(), options, 0, nullptr, nullptr, nullptr, nullptr, nullptr,
                                 &json, &error),
            CNNOPT_DONE);
  EXPECT_EQ(TakeText(json), testing::RunCnnopt({"compare", lenet, lenet, "--json", "--samples=4", "--no-latency"}).out);
  EXPECT_EQ(cnnopt_compare(bytes.data(), bytes.size(), bytes.data(), bytes.size(), options, 0, nullptr, nullptr,
                           nullptr, nullptr, nullptr, &json, &error),
            CNNOPT_DONE);
  EXPECT_THAT(TakeText(json), HasSubstr("\"relative_error\": 0.0"));
  EXPECT_EQ(cnnopt_compare("no", 2, "no", 2, options, 0, nullptr, nullptr, nullptr, nullptr, nullptr, &json, &error),
            CNNOPT_INPUT);
  EXPECT_THAT(TakeText(error), HasSubstr("the model's bytes"));
}

TEST(CApi, WrongArrays) {
  EXPECT_THAT(SlimLenet(kOptions, Mnist(), {32, 3, 28}).error, HasSubstr("array"));
  const Given overflow = SlimLenet(kOptions, Mnist(), {std::numeric_limits<int64_t>::max(), 4});
  EXPECT_EQ(overflow.code, CNNOPT_USAGE);
  EXPECT_THAT(overflow.error, HasSubstr("its shape"));
  char* error = nullptr;
  EXPECT_EQ(cnnopt_slim("", 0, nullptr, 1, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
                        nullptr, nullptr, &error),
            CNNOPT_USAGE);
  EXPECT_THAT(TakeText(error), HasSubstr("null pointer"));
}

TEST(CApi, Files) {
  const TempFolder folder;
  char *report = nullptr, *error = nullptr;
  const auto slim = [&](const char* in, const char* out) {
    const int code = cnnopt_slim_file(in, out, kOptions, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
                                      nullptr, &report, &error);
    return Given{code, "", TakeText(report), TakeText(error)};
  };
  const std::string out = folder.Path("out.onnx");
  const Given dry = slim(TestData("lenet.onnx").c_str(), nullptr);
  EXPECT_EQ(dry.code, CNNOPT_DONE) << dry.error;
  EXPECT_THAT(dry.report, HasSubstr("\"written\": false"));
  EXPECT_THAT(folder.Names(), IsEmpty());
  EXPECT_EQ(slim(TestData("lenet.onnx").c_str(), out.c_str()).code, CNNOPT_DONE);
  EXPECT_LT(FileBytes(out).size(), FileBytes(TestData("lenet.onnx")).size());
  EXPECT_EQ(slim(TestData("lenet.onnx").c_str(), folder.Path("none/out.onnx").c_str()).code, CNNOPT_IO);
  EXPECT_EQ(slim(folder.Path("none.onnx").c_str(), out.c_str()).code, CNNOPT_INPUT);
  EXPECT_EQ(slim(nullptr, out.c_str()).code, CNNOPT_INPUT);
}

}  // namespace
}  // namespace cnnopt
