// The C++ library against the command: the same bytes, and nothing but what is promised.
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cnnopt/cnnopt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx/onnx_pb.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::FileBytes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::TempFolder;
using testing::TestData;
using Json = nlohmann::ordered_json;

Options LenetOptions() {
  Options options;
  options.target_macs = 0.6;
  options.calibration = {TestData("mnist_samples.npy")};
  options.samples = 10;
  options.latency = false;
  options.threads = 1;
  return options;
}

// What the command makes of the same options.
std::string CommandBytes(const TempFolder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {
      TestData("lenet.onnx"), folder.Path("command.onnx"),
      "--target-macs=0.6",    absl::StrCat("--calibration=", TestData("mnist_samples.npy")),
      "--samples=10",         "--no-latency",
      "--threads=1",          absl::StrCat("--report=", folder.Path("command.json"))};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const testing::Finished run = testing::RunCnnopt(arguments);
  EXPECT_EQ(run.code, 0) << run.err;
  return FileBytes(folder.Path("command.onnx"));
}

onnx::ModelProto Lenet() {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(FileBytes(TestData("lenet.onnx"))));
  return model;
}

// Without what no two runs have in common.
Json Comparable(const std::string& json) {
  Json report = Json::parse(json);
  report.erase("stages");
  report.erase("output");
  return report;
}

TEST(Library, GivesTheCommandsBytesAndReport) {
  const TempFolder folder;
  const std::string expected = CommandBytes(folder);
  const Json report = Comparable(FileBytes(folder.Path("command.json")));

  const absl::StatusOr<Report> file = SlimFile(TestData("lenet.onnx"), folder.Path("out.onnx"), LenetOptions());
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(FileBytes(folder.Path("out.onnx")), expected);
  EXPECT_EQ(Comparable(file->json), report);

  std::string slim;
  const absl::StatusOr<Report> bytes = SlimBytes(FileBytes(TestData("lenet.onnx")), slim, LenetOptions());
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(slim, expected);
  Json of_bytes = Comparable(bytes->json);
  of_bytes["input"]["path"] = report["input"]["path"];  // it has none
  EXPECT_EQ(of_bytes, report);

  onnx::ModelProto model = Lenet();
  ASSERT_THAT(Slim(model, LenetOptions()), IsOk());
  EXPECT_EQ(model.SerializeAsString(), expected);
}

TEST(Library, ReportHasTheMainFigures) {
  onnx::ModelProto model = Lenet();
  const absl::StatusOr<Report> report = Slim(model, LenetOptions());
  ASSERT_THAT(report, IsOk());
  const Json json = Json::parse(report->json);
  EXPECT_EQ(report->verdict, Report::Verdict::kSlimmed);
  EXPECT_TRUE(report->verified);
  EXPECT_EQ(report->macs_before, json["totals"]["macs"]["before"].get<int64_t>());
  EXPECT_EQ(report->macs_after, json["totals"]["macs"]["after"].get<int64_t>());
  EXPECT_LE(*report->macs_after, *report->macs_before * 6 / 10 + 1);
  EXPECT_EQ(report->output_error, json["comparison"]["relative_error"].get<double>());
  EXPECT_EQ(report->layers.size(), json["layers"].size());
  EXPECT_EQ(report->samples, 2);
  EXPECT_EQ(ExitCodeOf(report), 0);
}

// As a .npy file, whose digest alone is another one.
TEST(Library, TakesArraysInMemory) {
  const TempFolder folder;
  const std::string expected = CommandBytes(folder, {"--no-provenance"});
  const std::string npy = FileBytes(TestData("mnist_samples.npy"));
  const std::string numbers = npy.substr(npy.size() - 32 * 28 * 28 * 4);
  const std::string input = Lenet().graph().input(0).name();
  for (const bool in_two : {false, true}) {
    SCOPED_TRACE(in_two);
    Options options = LenetOptions();
    options.calibration.clear();
    options.provenance = false;
    if (in_two) {
      const size_t first = size_t{20} * 28 * 28 * 4;
      options.arrays = {{input, 1, {20, 1, 28, 28}, numbers.data(), first},
                        {input, 1, {12, 1, 28, 28}, numbers.data() + first, numbers.size() - first}};
    } else {
      options.arrays = {{"", 1, {32, 1, 28, 28}, numbers.data(), numbers.size()}};
    }
    onnx::ModelProto model = Lenet();
    ASSERT_THAT(Slim(model, options), IsOk());
    EXPECT_EQ(model.SerializeAsString(), expected);
  }
}

TEST(Library, ArraysThatDoNotFit) {
  onnx::ModelProto model = Lenet();
  const std::vector<float> numbers(28 * 28);
  Options options = LenetOptions();
  options.calibration.clear();
  options.arrays = {{"", 1, {1, 1, 28, 28}, numbers.data(), 28 * 28 * 2}};
  EXPECT_THAT(Slim(model, options), FailsWith(absl::StatusCode::kInvalidArgument, "take 3136 bytes, found 1568"));
  options.arrays = {{"nobody", 1, {1, 1, 28, 28}, numbers.data(), 28 * 28 * 4}};
  EXPECT_THAT(Slim(model, options), FailsWith(absl::StatusCode::kInvalidArgument, "belongs to no input"));
  options.arrays = {{"", 1, {1, 3, 28, 7}, numbers.data(), 28 * 21 * 4}};
  EXPECT_THAT(Slim(model, options), FailsWith(absl::StatusCode::kInvalidArgument, "expected"));
  EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString());
}

TEST(Library, ErrorsChangeNothing) {
  const TempFolder folder;
  Options options = LenetOptions();
  options.target_macs = 1.5;
  onnx::ModelProto model = Lenet();
  const absl::StatusOr<Report> wrong = Slim(model, options);
  EXPECT_THAT(wrong, FailsWith(absl::StatusCode::kInvalidArgument, "--target-macs=1.5"));
  EXPECT_EQ(ExitCodeOf(wrong), 2);
  EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString());

  std::string slim = "as it was";
  const absl::StatusOr<Report> damaged = SlimBytes("no model", slim, LenetOptions());
  EXPECT_THAT(damaged, FailsWith(absl::StatusCode::kInvalidArgument, "the model's bytes"));
  EXPECT_EQ(ExitCodeOf(damaged), 3);
  EXPECT_EQ(slim, "as it was");

  const std::string out = folder.Write("out.onnx", "old");
  const absl::StatusOr<Report> missing = SlimFile(folder.Path("none.onnx"), out, LenetOptions());
  EXPECT_THAT(missing, FailsWith(absl::StatusCode::kNotFound, "none.onnx"));
  EXPECT_EQ(ExitCodeOf(missing), 3);
  EXPECT_EQ(FileBytes(out), "old");
}

TEST(Library, RefusalsChangeNothing) {
  Options options = LenetOptions();
  options.max_error = 1e-6;
  onnx::ModelProto model = Lenet();
  const absl::StatusOr<Report> report = Slim(model, options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->verdict, Report::Verdict::kRefused);
  EXPECT_THAT(report->reason, HasSubstr("1e-06"));
  EXPECT_EQ(ExitCodeOf(report), 4);
  EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString());
}

TEST(Library, ExternalDataNeedsAPath) {
  onnx::ModelProto model = Lenet();
  onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
  weight.clear_raw_data();
  weight.clear_float_data();
  weight.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& location = *weight.add_external_data();
  location.set_key("location");
  location.set_value("weights.bin");
  std::string slim;
  EXPECT_THAT(SlimBytes(model.SerializeAsString(), slim, LenetOptions()),
              FailsWith(absl::StatusCode::kInvalidArgument, "go from file to file"));
  EXPECT_THAT(Slim(model, LenetOptions()), FailsWith(absl::StatusCode::kInvalidArgument, "go from file to file"));
  Options options = LenetOptions();
  options.external_data = 1024;
  EXPECT_THAT(SlimBytes(FileBytes(TestData("lenet.onnx")), slim, options),
              FailsWith(absl::StatusCode::kInvalidArgument, "--external-data"));
}

// At every step, from the first to the last.
TEST(Library, StopsWhenItIsTold) {
  const TempFolder folder;
  int64_t steps = 0;
  const auto count = [&](absl::string_view, int64_t, int64_t) { return ++steps > 0; };
  onnx::ModelProto model = Lenet();
  ASSERT_THAT(Slim(model, LenetOptions(), count), IsOk());
  ASSERT_GT(steps, 5);
  for (const int64_t last : {int64_t{1}, steps / 4, steps / 2, steps}) {
    int64_t done = 0;
    const auto stop = [&](absl::string_view, int64_t, int64_t) { return ++done < last; };
    const absl::StatusOr<Report> stopped =
        SlimFile(TestData("lenet.onnx"), folder.Path("out.onnx"), LenetOptions(), stop);
    EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled) << last;
    EXPECT_EQ(ExitCodeOf(stopped), 130);
    EXPECT_EQ(done, last);
    EXPECT_THAT(folder.Names(), IsEmpty());

    done = 0;
    model = Lenet();
    EXPECT_EQ(Slim(model, LenetOptions(), stop).status().code(), absl::StatusCode::kCancelled) << last;
    EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString()) << last;
    done = 0;
    std::string slim = "as it was";
    EXPECT_EQ(SlimBytes(Lenet().SerializeAsString(), slim, LenetOptions(), stop).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(slim, "as it was");
  }
}

// Not even what a caller's function throws, on any of the job's threads.
TEST(Library, NothingIsThrown) {
  Options options = LenetOptions();
  options.threads = 2;
  for (const int64_t last : {1, 4, 9}) {
    int64_t done = 0;
    const auto broken = [&](absl::string_view, int64_t, int64_t) -> bool {
      if (++done == last) throw std::runtime_error("not mine");
      return true;
    };
    onnx::ModelProto model = Lenet();
    EXPECT_THAT(Slim(model, options, broken), FailsWith(absl::StatusCode::kInternal, "not mine"));
    EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString());
  }
  onnx::ModelProto model = Lenet();
  const absl::StatusOr<Report> full =
      Slim(model, options, [](absl::string_view, int64_t, int64_t) -> bool { throw std::bad_alloc(); });
  EXPECT_THAT(full, FailsWith(absl::StatusCode::kUnavailable, "out of memory"));
  EXPECT_EQ(ExitCodeOf(full), 75);
  EXPECT_EQ(model.SerializeAsString(), Lenet().SerializeAsString());
}

TEST(Library, PrintsNothingAndTellsTheLog) {
  std::vector<std::string> lines;
  Options options = LenetOptions();
  options.log = [&](absl::string_view line) { lines.emplace_back(line); };
  onnx::ModelProto model = Lenet();
  std::string slim;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const absl::StatusOr<Report> report = Slim(model, options);
  const absl::StatusOr<Report> damaged = SlimBytes(FileBytes(TestData("lenet.onnx")).substr(0, 3000), slim, options);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(report, IsOk());
  EXPECT_FALSE(damaged.ok());
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("--target-macs=0.6")));
  EXPECT_THAT(lines, ::testing::Contains("factorise"));
}

TEST(Library, WritesReportsAndPlansOfModelsInMemory) {
  const TempFolder folder;
  Options options = LenetOptions();
  options.reports = {folder.Path("slim.html"), folder.Path("slim.json")};
  options.plan_out = folder.Path("plan.json");
  onnx::ModelProto model = Lenet();
  const absl::StatusOr<Report> report = Slim(model, options);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(FileBytes(folder.Path("slim.json")), report->json);
  EXPECT_THAT(FileBytes(folder.Path("slim.html")), HasSubstr("<html"));
  onnx::ModelProto again = Lenet();
  Options by_plan = LenetOptions();
  by_plan.target_macs = std::nullopt;
  by_plan.plan = folder.Path("plan.json");
  ASSERT_THAT(Slim(again, by_plan), IsOk());
  EXPECT_EQ(again.SerializeAsString(), model.SerializeAsString());
}

}  // namespace
}  // namespace cnnopt
