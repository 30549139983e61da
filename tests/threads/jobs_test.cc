// Many jobs in one process at the same time. scripts/tsan.sh runs this under ThreadSanitizer.
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cnnopt/cnnopt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx/defs/schema.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::IsOk;
using testing::ModelFromText;
using testing::TempFolder;
using testing::TestData;

constexpr size_t kJobs = 8;

void AddWeight(std::mt19937& random, const std::string& name, const Shape& shape, onnx::ModelProto& model) {
  onnx::TensorProto like;
  like.set_data_type(onnx::TensorProto::FLOAT);
  const Matrix numbers = testing::RandomMatrix(random, ElementCount(shape), 1) * 0.1;
  *model.mutable_graph()->add_initializer() =
      *EncodeFloats(name, shape, {numbers.data(), static_cast<size_t>(numbers.size())}, like);
}

// Two Convs and a classifier; no two of the eight have the same weights, widths and kernels.
onnx::ModelProto Network(size_t i) {
  std::mt19937 random(static_cast<unsigned>(i));
  const int64_t width = 12 + 4 * static_cast<int64_t>(i % 4), kernel = i < 4 ? 3 : 5;
  onnx::ModelProto model = ModelFromText(absl::StrCat(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,3,12,12] x) => (float[1,10] y) {
           a = Conv<auto_pad = "SAME_UPPER">(x, first)
           b = Relu(a)
           c = Conv<auto_pad = "SAME_UPPER", strides = [)",
      1 + i % 2, ",", 1 + i % 2, R"(]>(b, second)
           d = Relu(c)
           e = GlobalAveragePool(d)
           f = Flatten(e)
           y = MatMul(f, last)
         })"));
  AddWeight(random, "first", {width, 3, kernel, kernel}, model);
  AddWeight(random, "second", {2 * width, width, kernel, kernel}, model);
  AddWeight(random, "last", {2 * width, 10}, model);
  return model;
}

Options OptionsOf(size_t i) {
  Options options;
  options.target_macs = 0.5 + 0.05 * static_cast<double>(i % 4);
  options.max_error = 1;  // random weights stand replacement badly
  options.samples = 10 + static_cast<int64_t>(i);
  options.latency = i == 5;
  options.threads = 1 + static_cast<int>(i % 3);
  return options;
}

std::vector<onnx::ModelProto> Networks() {
  std::vector<onnx::ModelProto> networks;
  while (networks.size() < kJobs) networks.push_back(Network(networks.size()));
  return networks;
}

// What job `i` gives: a path, bytes and a model in memory by turns, then what two other functions say of the result.
std::string Job(size_t i, onnx::ModelProto model) {
  const TempFolder folder;
  Options options = OptionsOf(i);
  int64_t lines = 0, steps = 0;  // of this call alone: it tells one at a time
  options.log = [&](absl::string_view) { ++lines; };
  const Progress progress = [&](absl::string_view, int64_t, int64_t) { return ++steps > 0; };
  const std::string before = model.SerializeAsString();
  std::string slim;
  absl::StatusOr<Report> report;
  if (i % 3 == 0) {
    report = SlimFile(folder.Write("in.onnx", before), folder.Path("out.onnx"), options, progress);
    slim = FileBytes(folder.Path("out.onnx"));
  } else if (i % 3 == 1) {
    report = SlimBytes(before, slim, options, progress);
  } else {
    report = Slim(model, options, progress);
    slim = model.SerializeAsString();
  }
  EXPECT_THAT(report, IsOk());
  if (!report.ok()) return "";
  EXPECT_EQ(report->verdict, Report::Verdict::kSlimmed) << report->reason;
  EXPECT_GT(lines, 0);
  EXPECT_GT(steps, 0);
  options.latency = false;
  const absl::StatusOr<std::string> facts = InspectBytes(slim), apart = CompareBytes(before, slim, options);
  EXPECT_THAT(facts, IsOk());
  EXPECT_THAT(apart, IsOk());
  return absl::StrCat(slim, facts.value_or(""), apart.value_or(""));
}

std::vector<std::string> AllAtOnce(const std::function<std::string(size_t)>& job) {
  // onnx makes this table when it is first asked for it, once, whoever asks. ThreadSanitizer, without which onnx is
  // built, would not see that.
  onnx::OpSchemaRegistry::DomainToVersionRange::Instance();
  std::vector<std::string> results(kJobs);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kJobs; ++i) threads.emplace_back([&, i] { results[i] = job(i); });
  for (std::thread& thread : threads) thread.join();
  return results;
}

// Each as it comes out alone. At once first, so that nothing has been made ready by an earlier call.
TEST(Threads, EightModelsAtOnce) {
  const std::vector<onnx::ModelProto> networks = Networks();
  const auto job = [&](size_t i) { return Job(i, networks[i]); };
  const std::vector<std::string> together = AllAtOnce(job);
  for (size_t i = 0; i < kJobs; ++i) {
    EXPECT_FALSE(together[i].empty()) << i;
    EXPECT_TRUE(together[i] == job(i)) << i;
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(together[i] == together[j]) << i << ", " << j;
  }
}

// Jobs that end early, by their progress function and by errors, leave the others alone.
TEST(Threads, SomeStopAndSomeFail) {
  const std::vector<onnx::ModelProto> networks = Networks();
  const auto job = [&](size_t i) -> std::string {
    if (i % 2 == 0) return Job(i, networks[i]);
    std::string slim;
    int64_t steps = 0;
    const auto stop = [&](absl::string_view, int64_t, int64_t) { return ++steps < 3; };
    const std::string bytes = i % 4 == 1 ? networks[i].SerializeAsString() : "no model";
    return SlimBytes(bytes, slim, OptionsOf(i), stop).status().ToString() + slim;
  };
  const std::vector<std::string> together = AllAtOnce(job);
  for (size_t i = 0; i < kJobs; ++i) EXPECT_TRUE(together[i] == job(i)) << i;
  EXPECT_THAT(together[1], ::testing::StartsWith("CANCELLED"));
  EXPECT_THAT(together[3], ::testing::StartsWith("INVALID_ARGUMENT"));
}

// A trained network, several times at once, of one copy of the same samples.
TEST(Threads, OneModelEightTimes) {
  const std::string lenet = FileBytes(TestData("lenet.onnx")), npy = FileBytes(TestData("mnist_samples.npy"));
  const std::string numbers = npy.substr(npy.size() - 32 * 28 * 28 * 4);
  const auto job = [&](size_t i) {
    Options options;
    options.target_macs = 0.6;
    options.arrays = {{"", 1, {32, 1, 28, 28}, numbers.data(), numbers.size()}};
    options.samples = 5 + static_cast<int64_t>(i % 2);
    options.latency = false;
    options.threads = 1 + static_cast<int>(i % 3);
    std::string slim;
    EXPECT_THAT(SlimBytes(lenet, slim, options), IsOk());
    return slim;
  };
  const std::vector<std::string> together = AllAtOnce(job);
  EXPECT_LT(together[0].size(), lenet.size());
  for (size_t i = 0; i < kJobs; ++i) EXPECT_TRUE(together[i] == together[i % 2]) << i;
}

}  // namespace
}  // namespace cnnopt
