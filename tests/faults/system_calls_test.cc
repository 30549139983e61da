// Every system call about files fails once, at every place where the program makes it, and signals arrive at each.
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/faults/job.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using testing::Job;
using testing::RunOptions;
using testing::TempFolder;

constexpr char kStrace[] = "/usr/bin/strace";

class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access(kStrace, X_OK) != 0) GTEST_SKIP() << kStrace << " is not installed (scripts/setup.sh --dev does)";
  }

  // Runs the job under strace. LeakSanitizer cannot look at a process that is traced already.
  Finished Trace(const std::string& expression, const std::vector<std::string>& injections) const {
    std::vector<std::string> arguments = {
        "-f", "-qq", "-y", "-o", log_.Path("log"), "-e", absl::StrCat("trace=", expression)};
    for (const std::string& injection : injections) {
      arguments.insert(arguments.end(), {"-e", absl::StrCat("inject=", injection)});
    }
    arguments.push_back(CNNOPT_BINARY);
    arguments.insert(arguments.end(), job_.arguments().begin(), job_.arguments().end());
    RunOptions options;
    options.program = kStrace;
    options.folder = job_.folder().path();
    options.environment = {{"ASAN_OPTIONS", "detect_leaks=0"}};
    return testing::RunCnnopt(arguments, options);
  }

  // Which calls of `call` (counted from 1 as strace does) the main thread makes once main has begun, about the files of
  // the job. What the loader and a sanitizer do for themselves is not ours.
  std::vector<int> CallsOf(const std::string& call) {
    const Finished run = Trace(absl::StrCat(call, ",rt_sigaction"), {});
    EXPECT_EQ(run.code, 0) << run.err;
    job_.ExpectOldOrNew(run);
    job_.Reset();
    std::istringstream log(FileBytes(log_.Path("log")));
    std::vector<int> calls;
    std::string main_thread;
    bool begun = false;
    int count = 0;
    for (std::string line; std::getline(log, line);) {
      const std::string thread = line.substr(0, line.find(' '));
      if (main_thread.empty()) main_thread = thread;
      if (thread != main_thread) continue;
      begun |= absl::StrContains(line, "rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN");
      if (!absl::StrContains(line, absl::StrCat(" ", call, "("))) continue;
      ++count;
      if (begun && Ours(line)) calls.push_back(count);
    }
    EXPECT_TRUE(begun);
    EXPECT_FALSE(calls.empty()) << call;
    return calls;
  }

  bool Ours(const std::string& line) const {
    if (absl::StrContains(line, "write(1<")) return false;  // what is printed has a test of its own
    return absl::StrContains(line, job_.folder().path()) || absl::StrContains(line, "\"in.onnx") ||
           absl::StrContains(line, "\"out.onnx") || absl::StrContains(line, "\"r.json") ||
           absl::StrContains(line, "\"./");
  }

  // Injects `what` into every such call, one after another; gives the exit codes seen.
  std::multiset<int> InjectEach(const std::string& call, const std::string& what) {
    std::multiset<int> codes;
    for (const int n : CallsOf(call)) {
      SCOPED_TRACE(absl::StrCat(call, " number ", n, ": ", what));
      const Finished run = Trace(call, {absl::StrCat(call, ":", what, ":when=", n)});
      EXPECT_TRUE(absl::StrContains(FileBytes(log_.Path("log")), "INJECTED") || absl::StrContains(what, "signal"));
      job_.ExpectOldOrNew(run);
      job_.Reset();
      codes.insert(run.code);
    }
    return codes;
  }

  // Every failure ends in one of `allowed`, and at least one run fails.
  void ExpectFailures(const std::string& call, const std::string& error, const std::set<int>& allowed) {
    const std::multiset<int> codes = InjectEach(call, absl::StrCat("error=", error));
    EXPECT_GT(codes.size(), codes.count(0)) << call;
    for (const int code : codes) {
      EXPECT_TRUE(code == 0 || allowed.count(code) == 1) << call << " " << error << ": " << code;
    }
  }
  void ExpectNoFailure(const std::string& call, const std::string& error) {
    const std::multiset<int> codes = InjectEach(call, absl::StrCat("error=", error));
    EXPECT_EQ(codes.size(), codes.count(0)) << call;
  }

  Job job_;
  TempFolder log_;
};

TEST_F(Faults, OfOpen) {
  ExpectFailures("openat", "EACCES", {3, 74});
  ExpectFailures("openat", "EMFILE", {3, 74});
}

TEST_F(Faults, OfRead) { ExpectFailures("pread64", "EIO", {3, 74}); }

TEST_F(Faults, OfWrite) {
  for (const char* error : {"ENOSPC", "EIO", "EDQUOT"}) ExpectFailures("write", error, {74});
}

TEST_F(Faults, OfFsync) {
  for (const char* error : {"EIO", "ENOSPC"}) ExpectFailures("fsync", error, {74});
}

TEST_F(Faults, OfRename) { ExpectFailures("rename", "EIO", {74}); }

// File systems that cannot exchange two names, with hard links and without.
TEST_F(Faults, OfExchange) {
  ExpectNoFailure("renameat2", "EINVAL");
  for (const bool links : {true, false}) {
    std::vector<std::string> injections = {"renameat2:error=EINVAL"};
    if (!links) injections.emplace_back("link,linkat:error=EPERM");
    const Finished whole = Trace("rename,renameat2,link,linkat", injections);
    EXPECT_EQ(whole.code, 0) << whole.err;
    job_.ExpectOldOrNew(whole);
    job_.Reset();
    const int renames = links ? 4 : 5;  // two or three in place of the exchange, the data file and OUT
    for (int n = 1; n <= renames; ++n) {
      SCOPED_TRACE(absl::StrCat("rename ", n, links ? " with links" : ""));
      std::vector<std::string> all = injections;
      all.push_back(absl::StrCat("rename:error=EIO:when=", n));
      const Finished run = Trace("rename,renameat2,link,linkat", all);
      EXPECT_EQ(run.code, 74) << run.err;
      job_.ExpectOldOrNew(run);
      job_.Reset();
    }
  }
}

// With hard links the report, too, is the old or the new one whenever the process is killed in place of an exchange.
TEST_F(Faults, KilledWhileNamesAreExchanged) {
  for (int n = 1; n <= 4; ++n) {
    SCOPED_TRACE(n);
    EXPECT_EQ(
        Trace("rename,renameat2", {"renameat2:error=EINVAL", absl::StrCat("rename:signal=SIGKILL:when=", n)}).code,
        -SIGKILL);
    job_.ExpectWholeOut();
    EXPECT_NE(FileBytes(job_.folder().Path("r.json")), "");
    const Finished next = job_.Run();
    EXPECT_EQ(next.code, 0) << next.err;
    job_.ExpectOldOrNew(next);
    job_.Reset();
  }
}

TEST_F(Faults, OfClose) { ExpectFailures("close", "EIO", {74}); }

TEST_F(Faults, OfStat) { ExpectFailures("newfstatat", "EIO", {3, 74}); }

// File systems without locks, permissions or sorted folders.
TEST_F(Faults, OfWhatNeedNotWork) {
  ExpectNoFailure("flock", "ENOLCK");
  ExpectNoFailure("fchmod", "EPERM");
  ExpectNoFailure("getdents64", "EIO");
}

TEST_F(Faults, InterruptedCallsAreRepeated) {
  for (const char* call : {"openat", "pread64", "write", "fsync"}) ExpectNoFailure(call, "EINTR");
}

// SIGKILL leaves at worst a temporary file, which the next run sweeps.
TEST_F(Faults, KilledAtEveryCall) {
  for (const char* call : {"openat", "write", "fsync", "renameat2", "rename"}) {
    int leftovers = 0;
    for (const int n : CallsOf(call)) {
      SCOPED_TRACE(absl::StrCat(call, " number ", n));
      const size_t before = job_.folder().Names().size();
      EXPECT_EQ(Trace(call, {absl::StrCat(call, ":signal=SIGKILL:when=", n)}).code, -SIGKILL);
      job_.ExpectWholeOut();
      leftovers += job_.folder().Names().size() > before;
      const Finished next = job_.Run();
      EXPECT_EQ(next.code, 0) << next.err;
      job_.ExpectOldOrNew(next);
      job_.Reset();
    }
    EXPECT_GT(leftovers, 0) << call;
  }
}

TEST_F(Faults, SignalsAtEveryCall) {
  for (const char* call : {"openat", "pread64", "write", "fsync", "rename", "close"}) {
    for (const auto& [signal, code] : {std::pair("SIGTERM", 143), std::pair("SIGINT", 130)}) {
      const std::multiset<int> codes = InjectEach(call, absl::StrCat("signal=", signal));
      EXPECT_GT(codes.count(code), 0u) << call;
      EXPECT_EQ(codes.count(code) + codes.count(0), codes.size()) << call;  // 0: nothing was left to do
    }
  }
}

}  // namespace
}  // namespace cnnopt
