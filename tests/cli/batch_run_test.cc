// `cnnopt batch run` on a folder as its users run it.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "batch/child_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/checksum.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunCnnopt;
using testing::RunOptions;
using testing::TempFolder;
using testing::TestData;
using Json = nlohmann::ordered_json;

// Quick options: nothing is run, no time is measured.
const std::vector<std::string> kQuick = {"--fit=weights", "--verify=off", "--target-macs=0.9", "--pass=dsc",
                                         "--threads=1"};

std::vector<std::string> Words(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The lines of OUT's report by path, the head left out.
std::map<std::string, Json> Report(const TempFolder& out) {
  std::map<std::string, Json> lines;
  for (const absl::string_view line :
       absl::StrSplit(FileBytes(out.Path("cnnopt-batch.jsonl")), '\n', absl::SkipEmpty())) {
    const Json json = Json::parse(line);
    if (json.contains("path")) lines[json["path"]] = json;
  }
  return lines;
}

// A program that does something else for models of certain names, else what cnnopt does. It gets IN and OUT last.
std::string Wrapper(const TempFolder& folder) {
  const std::string path = folder.Write(
      "wrapper.sh", absl::StrCat("#!/bin/sh\n"
                                 "case \"$*\" in\n"
                                 "*/hangs.onnx*) exec sleep 1000 ;;\n"
                                 "*/dies.onnx*) kill -SEGV $$ ;;\n"
                                 "*/eats.onnx*) exec python3 -c 'x = [bytes(1 << 24) for i in range(10000)]' ;;\n"
                                 "esac\nexec ",
                                 CNNOPT_BINARY, " \"$@\"\n"));
  chmod(path.c_str(), 0755);
  return path;
}

TEST(BatchRun, MirrorsTheTreeAndKeepsOtherFilesOut) {
  const TempFolder zoo, out;
  zoo.Write("a/lenet.onnx", FileBytes(TestData("lenet.onnx")));
  zoo.Write("b/c/again.onnx", FileBytes(TestData("lenet.onnx")));
  zoo.Write("README.md", "text");
  zoo.Write("bad.onnx", "no model");
  zoo.Write("pointer.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  const Finished run = RunCnnopt(Words({"batch", "run", zoo.path(), out.path()}, kQuick));
  EXPECT_EQ(run.code, 6) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2 slimmed, 0 unchanged, 2 rejected, 0 crashed"));
  EXPECT_THAT(run.err, HasSubstr("pointer.onnx: rejected: a Git LFS pointer"));
  EXPECT_EQ(FileBytes(out.Path("README.md")), "");
  // The same bytes as of the main job.
  const TempFolder alone;
  ASSERT_EQ(RunCnnopt(Words({TestData("lenet.onnx"), alone.Path("o.onnx")}, kQuick)).code, 0);
  EXPECT_EQ(FileBytes(out.Path("a/lenet.onnx")), FileBytes(alone.Path("o.onnx")));
  EXPECT_EQ(FileBytes(out.Path("b/c/again.onnx")), FileBytes(alone.Path("o.onnx")));

  const std::map<std::string, Json> report = Report(out);
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(report.at("a/lenet.onnx")["status"], "ok");
  EXPECT_EQ(report.at("a/lenet.onnx")["output_sha256"], Sha256Hex(FileBytes(alone.Path("o.onnx"))));
  EXPECT_LT(report.at("a/lenet.onnx")["macs_after"], report.at("a/lenet.onnx")["macs_before"]);
  EXPECT_EQ(report.at("bad.onnx")["status"], "rejected");
  EXPECT_EQ(report.at("bad.onnx")["code"], 3);
  const std::string page = FileBytes(out.Path("cnnopt-batch.html"));
  EXPECT_THAT(page, HasSubstr("a Git LFS pointer"));
  EXPECT_THAT(page, HasSubstr("a/lenet.onnx"));
}

TEST(BatchRun, ASecondRunDoesOnlyWhatIsNotDone) {
  const TempFolder zoo, out;
  for (const char* name : {"a.onnx", "b.onnx", "c.onnx"}) zoo.Write(name, FileBytes(TestData("lenet.onnx")));
  const std::vector<std::string> words = Words({"batch", "run", zoo.path(), out.path()}, kQuick);
  ASSERT_EQ(RunCnnopt(words).code, 0);
  const std::string whole = FileBytes(out.Path("a.onnx"));
  EXPECT_THAT(RunCnnopt(words).out, HasSubstr("3 slimmed, 0 unchanged, 0 rejected, 0 crashed; 3 of them before"));

  unlink(out.Path("a.onnx").c_str());                       // gone
  out.Write("b.onnx", whole.substr(1));                     // damaged
  zoo.Write("c.onnx", FileBytes(TestData("resnet.onnx")));  // another input
  const Finished run = RunCnnopt(words);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("before")));
  EXPECT_EQ(FileBytes(out.Path("a.onnx")), whole);
  EXPECT_EQ(FileBytes(out.Path("b.onnx")), whole);
  EXPECT_NE(FileBytes(out.Path("c.onnx")), whole);

  EXPECT_THAT(RunCnnopt(words).out, HasSubstr("3 of them before"));
  std::vector<std::string> others = words;
  others.push_back("--no-cleanup");
  EXPECT_THAT(RunCnnopt(others).out, Not(HasSubstr("before")));
}

TEST(BatchRun, OutputsAreNotTakenForModels) {
  const TempFolder zoo;
  zoo.Write("a.onnx", FileBytes(TestData("lenet.onnx")));
  const std::vector<std::string> words = Words({"batch", "run", zoo.path(), zoo.Path("slim")}, kQuick);
  ASSERT_EQ(RunCnnopt(words).code, 0);
  EXPECT_THAT(RunCnnopt(words).out, HasSubstr("1 slimmed, 0 unchanged, 0 rejected, 0 crashed; 1 of them before"));
  const TempFolder out;  // elsewhere now: those in slim/ are outputs all the same
  EXPECT_THAT(RunCnnopt(Words({"batch", "run", zoo.path(), out.path()}, kQuick)).out, HasSubstr("1 slimmed, 0"));
  EXPECT_THAT(RunCnnopt({"batch", "run", zoo.path(), zoo.path()}).err, HasSubstr("same folder"));
}

TEST(BatchRun, ACrashAHangAndAGluttonStopNothing) {
  const TempFolder zoo, out, tools;
  for (const char* name : {"dies.onnx", "eats.onnx", "fine.onnx", "hangs.onnx"}) {
    zoo.Write(name, FileBytes(TestData("lenet.onnx")));
  }
  const std::vector<std::string> words =
      Words({"batch", "run", zoo.path(), out.path(), absl::StrCat("--program=", Wrapper(tools)), "--timeout=3",
             "--memory=600MB", "--jobs=2"},
            kQuick);
  const Finished run = RunCnnopt(words);
  EXPECT_EQ(run.code, 6) << run.err;
  std::map<std::string, Json> report = Report(out);
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(report["fine.onnx"]["status"], "ok");
  EXPECT_EQ(report["hangs.onnx"]["reason"], "it took longer than 3 s");
  EXPECT_EQ(report["dies.onnx"]["code"], -SIGSEGV);
  if (kLimitsAddressSpace) {
    EXPECT_THAT(std::string(report["eats.onnx"]["reason"]), HasSubstr("MemoryError"));
  }
  for (const char* name : {"dies.onnx", "eats.onnx", "hangs.onnx"}) {
    EXPECT_EQ(report[name]["status"], "crashed") << name;
    EXPECT_EQ(report[name]["crashes"].size(), 2u) << name;  // each is tried twice
  }
  // Then they are left alone.
  const Finished second = RunCnnopt(words);
  EXPECT_EQ(second.code, 6);
  EXPECT_THAT(second.out, HasSubstr("4 of them before"));
}

TEST(BatchRun, TestDataBesideAModelIsItsCalibration) {
  const TempFolder zoo, out;
  zoo.Write("a/net.onnx", FileBytes(TestData("lenet.onnx")));
  // A tensor of 1x1x28x28 zeros: dims, data_type 1, raw_data.
  std::string tensor("\x08\x01\x08\x01\x08\x1c\x08\x1c\x10\x01\x4a\xc0\x18", 13);
  for (int n = 0; n < 784; ++n) tensor.append("\0\0\x80\x3f", 4);
  for (const char* set : {"a/test_data_set_0", "a/test_data_set_1", "a/test_data_set_2"}) {
    zoo.Write(absl::StrCat(set, "/input_0.pb"), tensor);
  }
  const std::vector<std::string> words = {
      "batch", "run", zoo.path(), out.path(), "--no-latency", "--target-macs=0.9", "--max-error=1"};
  const Finished run = RunCnnopt(words);
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_THAT(FileBytes(out.Path("a/net.onnx")), HasSubstr("--calibration=sha256:"));
  EXPECT_THAT(RunCnnopt(words).out, HasSubstr("1 of them before"));
  zoo.Write("a/test_data_set_1/input_0.pb", tensor);
  EXPECT_THAT(RunCnnopt(words).out, HasSubstr("1 of them before"));
  tensor.back() = '\x40';
  zoo.Write("a/test_data_set_1/input_0.pb", tensor);
  EXPECT_THAT(RunCnnopt(words).out, Not(HasSubstr("before")));
}

TEST(BatchRun, SignalsEndItCleanlyAndTheNextRunGoesOn) {
  const TempFolder tools;
  for (const int signal : {SIGINT, SIGTERM}) {
    const TempFolder zoo, out;
    for (const char* name : {"a.onnx", "b.onnx", "hangs.onnx"}) zoo.Write(name, FileBytes(TestData("lenet.onnx")));
    const std::vector<std::string> words = Words(
        {"batch", "run", zoo.path(), out.path(), "--jobs=2", "--grace=4", absl::StrCat("--program=", Wrapper(tools))},
        kQuick);
    RunOptions options;
    options.most_seconds = 60;
    options.meanwhile = [&](pid_t child) {
      for (int tenths = 0; tenths < 300 && FileBytes(out.Path("b.onnx.cnnopt.json")).empty(); ++tenths) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
      kill(child, signal);
    };
    const Finished run = RunCnnopt(words, options);
    EXPECT_EQ(run.code, signal == SIGINT ? 130 : 75) << run.err;
    EXPECT_THAT(run.out, HasSubstr("1 were not run"));
    EXPECT_THAT(run.err, HasSubstr("goes on where it was"));
    EXPECT_EQ(Report(out).size(), 2u);
    EXPECT_EQ(FileBytes(out.Path("hangs.onnx.cnnopt.json")), "");  // nothing is held against it
    unlink(zoo.Path("hangs.onnx").c_str());
    EXPECT_THAT(RunCnnopt(words).out, HasSubstr("2 of them before"));
  }
}

TEST(BatchRun, ATerminalShowsHowFarTheWholeIs) {
  const TempFolder zoo, out;
  for (const char* name : {"a.onnx", "b.onnx", "c.onnx"}) zoo.Write(name, FileBytes(TestData("lenet.onnx")));
  const Finished run = testing::RunOnTerminal(Words({"batch", "run", zoo.path(), out.path(), "--jobs=1"}, kQuick));
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("0/3"));
  EXPECT_THAT(run.out, HasSubstr("3 slimmed"));
  EXPECT_THAT(RunCnnopt(Words({"batch", "run", zoo.path(), out.path()}, kQuick)).err, "");
}

TEST(BatchRun, UsageErrorsStartNothing) {
  const TempFolder zoo, out;
  zoo.Write("a.onnx", FileBytes(TestData("lenet.onnx")));
  const struct {
    std::vector<std::string> more;
    const char* says;
  } cases[] = {{{"--target-macs=2"}, "--target-macs=2"},
               {{"--target-macs=0.5", "--pass=dsc:rank=1"}, "exclude each other"},
               {{"--shard=0"}, "are for a manifest"},
               {{"--program=/nowhere"}, "--program=/nowhere"},
               {{"--ort=/nowhere"}, "/nowhere"},
               {{"--report=x.json"}, "unknown option --report"},
               {{"--jobs=-1"}, "--jobs=-1"}};
  for (const auto& c : cases) {
    const Finished run = RunCnnopt(Words({"batch", "run", zoo.path(), out.path()}, c.more));
    EXPECT_EQ(run.code, 2) << c.says;
    EXPECT_THAT(run.err, HasSubstr(c.says));
  }
  EXPECT_TRUE(out.Names().empty());
  EXPECT_EQ(RunCnnopt({"batch", "run", zoo.Path("none"), out.path()}).code, 3);
  EXPECT_THAT(RunCnnopt({"batch"}).err, HasSubstr("expected run, plan, status or merge"));
  EXPECT_THAT(RunCnnopt({"batch", "--help"}).out, HasSubstr("cnnopt batch run"));
}

}  // namespace
}  // namespace cnnopt
