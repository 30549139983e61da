#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/session.h"
#include "tests/testing/model.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

// The library is opened once per process, so each of these needs a process of its own.
class OnnxRuntimeProcessTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
using OnnxRuntimeProcessDeathTest = OnnxRuntimeProcessTest;

// Ends the process, successfully when `ok`; else with `what` on stderr.
void End(bool ok, const std::string& what) {
  std::cerr << (ok ? "passed" : what) << std::endl;
  std::exit(ok ? 0 : 1);
}

void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& part) {
  End(status.code() == code && status.message().find(part) != absl::string_view::npos, status.ToString());
}

TEST(OnnxRuntimeTest, OpensOnceForAllThreads) {
  std::vector<std::shared_ptr<const OnnxRuntime>> runtimes(8);
  std::vector<std::thread> threads;
  for (std::shared_ptr<const OnnxRuntime>& runtime : runtimes) {
    threads.emplace_back([&runtime] { runtime = *OnnxRuntime::Open(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::shared_ptr<const OnnxRuntime>& runtime : runtimes) {
    EXPECT_EQ(runtime, runtimes.front());
  }
  EXPECT_THAT(runtimes.front()->version(), ::testing::StartsWith("1."));
}

TEST(OnnxRuntimeTest, OtherLibraryInTheSameProcess) {
  ASSERT_NE(testing::TestRuntime(), nullptr);
  const absl::StatusOr<std::shared_ptr<const OnnxRuntime>> other = OnnxRuntime::Open("/nowhere/libother.so");
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("'/nowhere/libother.so' was asked for"));
}

// Without a word of the old one's own on stderr.
TEST_F(OnnxRuntimeProcessDeathTest, OldLibraryThenTheRightOne) {
  const auto steps = [] {
    ::testing::internal::CaptureStderr();
    const absl::Status old = OnnxRuntime::Open(CNNOPT_OLD_RUNTIME).status();
    const std::string printed = ::testing::internal::GetCapturedStderr();
    if (!printed.empty() || !OnnxRuntime::Open().ok()) End(false, printed);
    ExpectError(old, absl::StatusCode::kFailedPrecondition, "is older than 1.");
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

TEST_F(OnnxRuntimeProcessDeathTest, MissingLibraryThenTheRightOne) {
  const auto steps = [] {
    const absl::Status missing = OnnxRuntime::Open("/nowhere/libonnxruntime.so").status();
    const bool named = missing.message().find("'/nowhere/libonnxruntime.so'") != absl::string_view::npos &&
                       missing.message().find("--ort") != absl::string_view::npos;
    End(absl::IsNotFound(missing) && named && OnnxRuntime::Open().ok(), missing.ToString());
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

TEST_F(OnnxRuntimeProcessDeathTest, VariableNamesTheLibrary) {
  const auto steps = [] {
    setenv("CNNOPT_ORT", "/elsewhere/libonnxruntime.so", 1);
    ExpectError(OnnxRuntime::Open().status(), absl::StatusCode::kNotFound, "'/elsewhere/libonnxruntime.so'");
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

TEST_F(OnnxRuntimeProcessDeathTest, AnotherLibraryIsNoOnnxRuntime) {
  const auto steps = [] {
    ExpectError(OnnxRuntime::Open("libz.so.1").status(), absl::StatusCode::kFailedPrecondition,
                "'libz.so.1' is not an ONNX Runtime library");
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

TEST_F(OnnxRuntimeProcessDeathTest, FileThatIsNoLibrary) {
  const auto steps = [] {
    static const testing::TempFolder folder;  // static: removed by exit()
    const std::string path = folder.Write("text.so", "no library\n");
    ExpectError(OnnxRuntime::Open(path).status(), absl::StatusCode::kNotFound, path);
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

// Official builds of ONNX Runtime send usage data unless told not to; what they keep for that appears in the
// cache folder when the environment is made.
TEST_F(OnnxRuntimeProcessDeathTest, NothingIsWrittenToTheCacheFolder) {
  const auto steps = [] {
    static const testing::TempFolder home;
    setenv("HOME", home.path().c_str(), 1);
    setenv("XDG_CACHE_HOME", home.path().c_str(), 1);
    unsetenv("ORT_DISABLE_TELEMETRY");
    const auto runtime = OnnxRuntime::Open();
    const onnx::ModelProto model = testing::ModelFromText(
        "<ir_version: 8, opset_import: [\"\" : 17]> g (float[2] x) => (float[2] y) { y = Relu(x) }");
    const bool ran = runtime.ok() && Session::Create(*runtime, model).ok();
    const char* variable = std::getenv("ORT_DISABLE_TELEMETRY");
    End(ran && variable != nullptr && std::string(variable) == "1" && home.Names().empty(),
        "no session, or files in the cache folder");
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

TEST_F(OnnxRuntimeProcessDeathTest, UsersOwnTelemetryChoiceStays) {
  const auto steps = [] {
    setenv("ORT_DISABLE_TELEMETRY", "true", 1);
    const bool opened = OnnxRuntime::Open().ok();
    End(opened && std::string(std::getenv("ORT_DISABLE_TELEMETRY")) == "true", "variable overwritten");
  };
  EXPECT_EXIT(steps(), ExitedWithCode(0), "passed");
}

}  // namespace
}  // namespace cnnopt
