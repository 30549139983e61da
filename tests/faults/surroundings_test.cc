// Faults of the world around the program: disks that fill up, limits, signals at any moment, other writers.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/model_file.h"
#include "tests/faults/job.h"
#include "tests/testing/slim_checks.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::Job;
using testing::RunCnnopt;
using testing::RunOptions;
using testing::TempFolder;
using ::testing::UnorderedElementsAre;

constexpr int kSanitizerSlowdown =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    4;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    4;
#else
    1;
#endif
#else
    1;
#endif

// Sends `signal` at a random moment of a run that takes `seconds`.
RunOptions SignalWithin(double seconds, int signal, std::mt19937& random) {
  RunOptions options;
  const auto delay = static_cast<useconds_t>(std::uniform_real_distribution<double>(0, seconds * 1e6)(random));
  options.meanwhile = [delay, signal](pid_t child) {
    usleep(delay);
    kill(child, signal);
  };
  return options;
}

double SecondsOf(const Job& job) {
  const Finished run = job.Run();
  job.Reset();
  return run.seconds;
}

TEST(Surroundings, TerminatedAtRandomMoments) {
  const Job job(8 << 20);
  const double seconds = SecondsOf(job);
  std::mt19937 random(1);
  int ended = 0;
  for (int i = 0; i < 40 / kSanitizerSlowdown; ++i) {
    const Finished run = job.Run(SignalWithin(seconds, SIGTERM, random));
    // Before main the signal does what it does by default.
    EXPECT_TRUE(run.code == 143 || run.code == 0 || run.code == -SIGTERM) << run.code << run.err;
    ended += run.code == 143;
    job.ExpectOldOrNew(run);
    job.Reset();
  }
  EXPECT_GT(ended, 0);
}

TEST(Surroundings, KilledAtRandomMoments) {
  const Job job(4 << 20);
  const double seconds = SecondsOf(job);
  std::mt19937 random(2);
  int killed = 0;
  for (int i = 0; i < 24 / kSanitizerSlowdown; ++i) {
    const Finished run = job.Run(SignalWithin(seconds, SIGKILL, random));
    killed += run.code == -SIGKILL;
    job.ExpectWholeOut();
    const Finished next = job.Run();  // sweeps
    EXPECT_EQ(next.code, 0) << next.err;
    job.ExpectOldOrNew(next);
    job.Reset();
  }
  EXPECT_GT(killed, 0);
}

// A caller that ignores a signal, as nohup does, wants it ignored.
TEST(Surroundings, IgnoredSignalsStayIgnored) {
  const Job job(8 << 20);
  const double seconds = SecondsOf(job);
  struct sigaction ignore{}, before{};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(sigaction(SIGHUP, &ignore, &before), 0);
  for (int i = 1; i < 5; ++i) {
    RunOptions options;
    options.meanwhile = [&](pid_t child) {
      usleep(static_cast<useconds_t>(seconds * 2e5 * i));
      kill(child, SIGHUP);
    };
    const Finished run = job.Run(options);
    EXPECT_EQ(run.code, 0) << run.err;
    job.ExpectOldOrNew(run);
    job.Reset();
  }
  ASSERT_EQ(sigaction(SIGHUP, &before, nullptr), 0);
}

TEST(Surroundings, FileSizeLimits) {
  const Job job;
  const size_t size = job.new_out().size();
  constexpr size_t kSeconds = 200;  // by which two reports differ at most: they say how long each stage took
  size_t largest = 0;
  ASSERT_EQ(job.Run().code, 0);
  for (const std::string& name : job.folder().Names()) {
    if (absl::StartsWith(name, "out.onnx") || name == "r.json") {
      largest = std::max<size_t>(largest, std::filesystem::file_size(job.folder().Path(name)));
    }
  }
  job.Reset();
  ASSERT_GT(largest, size);
  for (const size_t limit :
       {size_t{0}, size_t{1}, size_t{100}, size - 1, size, size + 1, largest / 2, largest - kSeconds}) {
    SCOPED_TRACE(limit);
    RunOptions options;
    options.largest_file = limit;
    const Finished run = job.Run(options);
    EXPECT_EQ(run.code, 74) << run.err;
    job.ExpectOldOrNew(run);
    job.Reset();
  }
  RunOptions options;
  options.largest_file = largest + kSeconds;
  const Finished run = job.Run(options);
  EXPECT_EQ(run.code, 0) << run.err;
  job.ExpectOldOrNew(run);
}

// However little address space there is, the program ends soon, well or with one line. Below about 95 MB the system
// cannot even load it, which is the loader's line and code.
TEST(Surroundings, AddressSpaceLimits) {
  if (kSanitizerSlowdown != 1) GTEST_SKIP() << "sanitizers take address space of their own";
  const Job job;
  constexpr int kCannotLoad = 127;
  std::set<int> codes;
  for (int megabytes = 60; megabytes <= 1500; megabytes += megabytes < 150 ? 3 : megabytes < 400 ? 20 : 150) {
    SCOPED_TRACE(megabytes);
    RunOptions options;
    options.address_space = rlim_t{1'000'000} * static_cast<rlim_t>(megabytes);
    options.most_seconds = 20;
    const Finished run = job.Run(options);
    EXPECT_TRUE(run.code == kCannotLoad || run.code == 75 || run.code == 0) << run.code;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), run.code == 0 ? 0 : 1) << run.err;
    if (run.code == 75) {
      EXPECT_EQ(run.err, "cnnopt: out of memory\n");
    }
    job.ExpectOldOrNew(run);
    job.Reset();
    codes.insert(run.code);
  }
  EXPECT_TRUE(codes.count(75) == 1 && codes.count(0) == 1);
}

// Gives this process a view of its own of what is mounted; "" when it may.
std::string OwnMounts() {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return "this user may not mount anything";
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? "" : "the root cannot be made private";
}

TEST(Surroundings, AFullDisk) {
  const Job job;
  if (const std::string why = OwnMounts(); !why.empty()) GTEST_SKIP() << why;
  const TempFolder disk;
  std::vector<std::string> arguments = job.arguments();
  arguments[0] = job.folder().Path("in.onnx");
  arguments[1] = disk.Path("out.onnx");
  arguments.back() = absl::StrCat("--report=", disk.Path("r.json"));
  std::set<int> codes;
  for (int pages = 2; pages <= 40; pages += 2) {
    SCOPED_TRACE(pages);
    const std::string size = absl::StrCat("size=", pages * 4096);
    ASSERT_EQ(mount("none", disk.path().c_str(), "tmpfs", 0, size.c_str()), 0);
    disk.Write("out.onnx", "old");
    const Finished run = RunCnnopt(arguments);
    codes.insert(run.code);
    if (run.code == 0) {
      EXPECT_EQ(FileBytes(disk.Path("out.onnx")), job.new_out());
      EXPECT_THAT(ReadModel(disk.Path("out.onnx")), IsOk());
    } else {
      EXPECT_EQ(run.code, 74);
      EXPECT_THAT(run.err, HasSubstr("No space left on device"));
      EXPECT_EQ(FileBytes(disk.Path("out.onnx")), "old");
      EXPECT_THAT(disk.Names(), UnorderedElementsAre("out.onnx"));
    }
    ASSERT_EQ(umount(disk.path().c_str()), 0);
  }
  EXPECT_EQ(codes, (std::set<int>{0, 74}));
}

TEST(Surroundings, AReadOnlyDisk) {
  const Job job;
  if (const std::string why = OwnMounts(); !why.empty()) GTEST_SKIP() << why;
  const TempFolder disk;
  ASSERT_EQ(mount("none", disk.path().c_str(), "tmpfs", 0, "size=1m"), 0);
  disk.Write("out.onnx", "old");
  ASSERT_EQ(mount("none", disk.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
  const Finished run = RunCnnopt(
      {job.folder().Path("in.onnx"), disk.Path("out.onnx"), "--pass=dsc:rank=1", "--fit=weights", "--verify=off"});
  EXPECT_EQ(run.code, 74);
  EXPECT_THAT(run.err, HasSubstr("ead-only"));
  EXPECT_EQ(FileBytes(disk.Path("out.onnx")), "old");
  ASSERT_EQ(umount(disk.path().c_str()), 0);
}

TEST(Surroundings, TwoWritersOfOneOut) {
  const Job job;
  const TempFolder folder;
  const std::string out = folder.Path("out.onnx");
  const std::string in = job.folder().Path("in.onnx");
  const auto arguments = [&](const char* rank) {
    return std::vector<std::string>{in, out, rank, "--fit=weights", "--verify=off", "--external-data=0", "-q"};
  };
  ASSERT_EQ(RunCnnopt(arguments("--pass=dsc:rank=1")).code, 0);
  const std::string first = FileBytes(out);
  ASSERT_EQ(RunCnnopt(arguments("--pass=dsc:rank=2")).code, 0);
  const std::string second = FileBytes(out);
  ASSERT_NE(first, second);
  const std::vector<std::string> names = folder.Names();
  for (int i = 0; i < 20 / kSanitizerSlowdown; ++i) {
    RunOptions options;
    options.meanwhile = [&](pid_t) { EXPECT_EQ(RunCnnopt(arguments("--pass=dsc:rank=2")).code, 0); };
    EXPECT_EQ(RunCnnopt(arguments("--pass=dsc:rank=1"), options).code, 0);
    const std::string now = FileBytes(out);
    EXPECT_TRUE(now == first || now == second);
    EXPECT_THAT(ReadModel(out), IsOk());
    EXPECT_EQ(folder.Names(), names);
  }
}

TEST(Surroundings, StreamsThatCannotBeWritten) {
  const Job job;
  const auto run = [&](const RunOptions& options, int code) {
    const Finished finished = job.Run(options);
    EXPECT_EQ(finished.code, code) << finished.err;
    job.ExpectOldOrNew(finished, code == 74);
    job.Reset();
  };
  RunOptions full;
  full.stdout_path = "/dev/full";
  run(full, 74);
  RunOptions closed;
  closed.close_stdout = true;
  run(closed, 74);
  // Without stdin, stdout and stderr the files opened first get their numbers.
  const std::string line =
      absl::StrCat("cd ", job.folder().path(), " && exec ", CNNOPT_BINARY, " $0 $1 $2 $3 $4 <&- >&- 2>&-");
  RunOptions shell;
  shell.program = "/bin/sh";
  const Finished finished =
      RunCnnopt({"-c", line, "in.onnx", "out.onnx", "--pass=dsc:rank=1", "--fit=weights", "--verify=off"}, shell);
  EXPECT_EQ(finished.code, 74);
  EXPECT_THAT(ReadModel(job.folder().Path("out.onnx")), IsOk());
}

// Time zone, language, folder and the number of threads.
TEST(Surroundings, TheSameBytesAnywhere) {
  const Job job(1000);
  for (const char* locale : {"C", "de_DE.UTF-8", "tr_TR.UTF-8", "ar_EG.UTF-8", "no such locale"}) {
    RunOptions options;
    options.environment = {{"LC_ALL", locale}, {"LANG", locale}, {"TZ", "Asia/Kathmandu"}, {"TMPDIR", "/nonexistent"}};
    const Finished run = job.Run(options);
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_TRUE(job.HasNewOut()) << locale;
    job.Reset();
  }
  std::vector<std::string> arguments = job.arguments();
  arguments[5] = "--threads=2";
  RunOptions options;
  options.folder = job.folder().path();
  EXPECT_EQ(RunCnnopt(arguments, options).code, 0);
  EXPECT_TRUE(job.HasNewOut());
  const TempFolder elsewhere;
  for (const std::string& name : job.folder().Names()) {
    if (absl::StartsWith(name, "in.")) std::filesystem::copy(job.folder().Path(name), elsewhere.Path(name));
  }
  options.folder = elsewhere.path();
  EXPECT_EQ(RunCnnopt(job.arguments(), options).code, 0);
  EXPECT_EQ(FileBytes(elsewhere.Path("out.onnx")), job.new_out());
}

}  // namespace
}  // namespace cnnopt
