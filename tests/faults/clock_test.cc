// The clock says nothing about the result: whole jobs in other years, time zones and at other speeds of time.
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using testing::RunCnnopt;
using testing::RunOptions;
using testing::TempFolder;
using Json = nlohmann::json;

// The library that gives a program another clock (package libfaketime), for programs with threads.
std::optional<std::string> FakeClock() {
  std::error_code none;
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib", none)) {
    const std::string path = (folder.path() / "faketime/libfaketimeMT.so.1").string();
    if (std::filesystem::exists(path, none)) return path;
  }
  return std::nullopt;
}

constexpr bool kSanitized =
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    true;
#else
    false;
#endif
#else
    false;
#endif

// A job with everything in it: samples, a budget, both models run and compared. Then its files, by name; of the report
// all but how long the stages took.
std::vector<std::pair<std::string, std::string>> FilesOfAJob(const RunOptions& options) {
  const TempFolder folder;
  const Finished run =
      RunCnnopt({absl::StrCat(CNNOPT_TESTDATA, "/lenet.onnx"), folder.Path("out.onnx"), "--target-macs=0.6",
                 "--external-data=1K", absl::StrCat("--calibration=", CNNOPT_TESTDATA, "/mnist_samples.npy"),
                 "--no-latency", "--threads=2", absl::StrCat("--plan-out=", folder.Path("plan.json")),
                 absl::StrCat("--report=", folder.Path("r.json")), absl::StrCat("--report=", folder.Path("r.csv"))},
                options);
  EXPECT_EQ(run.code, 0) << run.err;
  std::vector<std::pair<std::string, std::string>> files = {{"what is printed", run.out}};
  for (const std::string& name : folder.Names()) {
    std::string bytes = FileBytes(folder.Path(name));
    if (name == "r.json") {
      Json report = Json::parse(bytes);
      EXPECT_FALSE(report.at("stages").empty());
      for (Json& stage : report["stages"]) stage.erase("seconds");
      bytes = report.dump();
    }
    files.emplace_back(name, bytes);
  }
  for (auto& [name, bytes] : files) {  // the folder has another name each time
    for (size_t at; (at = bytes.find(folder.path())) != std::string::npos;) bytes.replace(at, folder.path().size(), "");
  }
  return files;
}

TEST(Clock, SaysNothingAboutTheResult) {
  const auto files = FilesOfAJob({});
  ASSERT_EQ(files.size(), 6u);  // what is printed, OUT, its data, the plan, two reports
  const std::optional<std::string> fake = FakeClock();
  if (kSanitized) GTEST_SKIP() << "sanitizers want to be the first library that is loaded";
  if (!fake.has_value()) GTEST_SKIP() << "libfaketime is not installed (scripts/setup.sh --dev does)";
  const std::vector<std::pair<const char*, const char*>> clocks = {
      {"@1999-12-31 23:59:58", "America/St_Johns"}, {"@2038-01-19 03:14:06", "Pacific/Kiritimati"}, {"+0 x50", "UTC"}};
  for (const auto& [clock, zone] : clocks) {
    SCOPED_TRACE(clock);
    RunOptions options;
    options.environment = {{"LD_PRELOAD", *fake}, {"FAKETIME", clock}, {"TZ", zone}};
    if (*clock == '@') {  // the program is really told another time
      RunOptions date = options;
      date.program = "/bin/date";
      EXPECT_EQ(RunCnnopt({"+%Y"}, date).out.substr(0, 4), std::string(clock).substr(1, 4));
    }
    const auto again = FilesOfAJob(options);
    ASSERT_EQ(again.size(), files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      EXPECT_TRUE(again[i] == files[i]) << files[i].first << ":\n"
                                        << files[i].second.substr(0, 3000) << "\n"
                                        << again[i].second.substr(0, 3000);
    }
  }
}

}  // namespace
}  // namespace cnnopt
