// Whole runs with several budgets: sweeps, and searches by the user's own score.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
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
using testing::TempFolder;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::ordered_json;

class SweepRun : public ::testing::Test {
 protected:
  Finished Run(std::vector<std::string> flags) {
    flags.insert(flags.end(), {lenet_, out_, samples_, "--no-latency"});
    return RunCnnopt(flags);
  }
  Json Report() { return Json::parse(FileBytes(folder_.Path("r.json"))); }

  TempFolder folder_;
  std::string out_ = folder_.Path("out.onnx");
  std::string report_ = "--report=" + folder_.Path("r.json");
  std::string lenet_ = testing::TestData("lenet.onnx");
  std::string samples_ = "--calibration=" + testing::TestData("mnist_samples.npy");
  // Prints the size of the model in kB: a score that falls with every layer that gets slimmer.
  std::string kilobytes_ = "--evaluate=wc -c < {model} | awk '{print \"kB\", $1 / 1000}'";
};

TEST_F(SweepRun, EachPointIsWhatItsBudgetAloneGives) {
  const Finished run = Run({"--sweep=0.7,0.4", report_});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(folder_.Names(), UnorderedElementsAre("out-0.7.onnx", "out-0.4.onnx", "r-0.7.json", "r-0.4.json"));
  EXPECT_THAT(run.out, HasSubstr("out-0.4.onnx"));
  const Json report = Json::parse(FileBytes(folder_.Path("r-0.4.json")));
  ASSERT_EQ(report["sweep"].size(), 2u);
  EXPECT_EQ(report["sweep"][1]["target"], 0.4);
  EXPECT_EQ(report["sweep"][1]["file"], "out-0.4.onnx");
  EXPECT_LE(report["sweep"][1]["macs"], report["sweep"][0]["macs"]);
  ASSERT_EQ(Run({"--target-macs=0.4"}).code, 0);
  EXPECT_TRUE(FileBytes(out_) == FileBytes(folder_.Path("out-0.4.onnx")));
}

TEST_F(SweepRun, ASignalLeavesNothingOfTheModelThatIsScored) {
  const TempFolder models;
  testing::RunOptions options;
  options.environment = {{"TMPDIR", models.path()}};
  options.meanwhile = [&](pid_t child) {
    const std::string mark = folder_.Path("begun");
    for (int i = 0; i < 3000 && !std::filesystem::exists(mark); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(models.Names().size(), 1u);
    kill(child, SIGTERM);
  };
  const Finished run = RunCnnopt({lenet_, out_, samples_, "--no-latency", "--max-drop=1",
                                  "--evaluate=touch " + folder_.Path("begun") + "; sleep 60; cat {model}"},
                                 options);
  EXPECT_EQ(run.code, 143) << run.err;
  EXPECT_THAT(models.Names(), ::testing::IsEmpty());
}

TEST_F(SweepRun, APointOutOfReachIsNamedAndTheOthersAreWritten) {
  const Finished run = Run({"--sweep=0.5,0.001"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(folder_.Names(), UnorderedElementsAre("out-0.5.onnx"));
  EXPECT_THAT(run.err, HasSubstr("target 0.001: target-macs 0.001 cannot be reached"));
  EXPECT_EQ(Run({"--sweep=0.002,0.001"}).code, 4);
}

TEST_F(SweepRun, TheSearchFindsTheSlimmestModelThatKeepsTheScore) {
  const Finished run = Run({kilobytes_, "--max-drop=250", report_});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json report = Report();
  const double before = report["score"]["before"], after = report["score"]["after"];
  EXPECT_NEAR(before, static_cast<double>(std::filesystem::file_size(lenet_)) / 1000, 1);
  EXPECT_GE(after, before - 250);
  // What was found is what its budget alone gives.
  const std::string found = FileBytes(out_);
  std::string target;
  for (const Json& option : report["options"]) {
    if (option.get<std::string>().find("--target-macs=") == 0) target = option;
  }
  // No smaller budget that was tried kept the score.
  const double found_at = std::stod(target.substr(target.find('=') + 1));
  int smaller = 0;
  for (const Json& trial : report["sweep"]) {
    if (trial["target"] >= found_at) continue;
    ++smaller;
    EXPECT_TRUE(trial["score"].is_null() || trial["score"] < before - 250) << trial;
  }
  EXPECT_GT(smaller, 0);
  ASSERT_EQ(Run({target}).code, 0);
  EXPECT_TRUE(FileBytes(out_) == found) << target;
}

TEST_F(SweepRun, AScoreThatNothingKeepsLeavesTheModelAsItIs) {
  const Finished run = Run({kilobytes_, "--max-drop=0", report_});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(FileBytes(out_) == FileBytes(lenet_));
  EXPECT_EQ(Report()["verdict"], "unchanged");
  EXPECT_THAT(Report()["reason"], HasSubstr("no budget keeps the score"));
  // Where lower is better a smaller file is one.
  EXPECT_EQ(Run({kilobytes_, "--max-drop=0", "--lower-is-better"}).code, 0);
  EXPECT_LT(std::filesystem::file_size(out_), std::filesystem::file_size(lenet_) / 2);
}

TEST_F(SweepRun, ACommandThatFailsHangsOrIsSilentEndsTheRun) {
  for (const auto& [command, message] :
       {std::pair("exit 7", "exit code 7"), std::pair("echo fine", "printed no number"),
        std::pair(":", "and nothing else"), std::pair("sleep 60", "longer than 0.3 s"),
        std::pair("kill -TERM $$", "signal 15")}) {
    const Finished run = Run({absl::StrCat("--evaluate=", command), "--max-drop=1", "--evaluate-timeout=0.3"});
    EXPECT_EQ(run.code, 2) << command;
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
}

TEST_F(SweepRun, LabelsScoreTheSamplesThatNothingElseSees) {
  std::ofstream(folder_.Path("labels.txt")) << [] {
    std::string lines;
    for (int i = 0; i < 32; ++i) absl::StrAppend(&lines, i % 10, "\n");
    return lines;
  }();
  const std::string labels = "--labels=" + folder_.Path("labels.txt");
  const Finished run = Run({labels, "--max-drop=100", report_});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(Report()["samples"]["count"].get<int>() + Report()["samples"]["fitted"].get<int>(), 16);
  const double before = Report()["score"]["before"];
  EXPECT_EQ(before * 16 / 100, std::round(before * 16 / 100));
  EXPECT_EQ(Run({labels, "--max-drop=1", "--samples=32"}).code, 3);
  std::ofstream(folder_.Path("labels.txt")) << "1\n";
  const Finished few = Run({labels, "--max-drop=1", "--samples=4"});
  EXPECT_EQ(few.code, 3);
  EXPECT_THAT(few.err, HasSubstr("holds 1 labels, expected one for each of the 32 samples"));
}

TEST_F(SweepRun, FlagsThatContradictEachOtherAreNamed) {
  for (const auto& [flags, message] : std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{"--evaluate=x"}, "--evaluate needs --max-drop"},
           {{"--max-drop=1"}, "--max-drop is for"},
           {{"--sweep=0.5", "--target-macs=0.5"}, "--sweep and --target-macs exclude each other"},
           {{"--evaluate=x", "--max-drop=1", "--plan=p.json"}, "--evaluate and --plan exclude"},
           {{"--evaluate=x", "--max-drop=1", "--labels=y"}, "--evaluate and --labels exclude"},
           {{"--sweep=0.5,0.5"}, "0.5 is given twice"},
           {{"--sweep=0.5,2"}, "expected a number above 0 and at most 1"},
           {{"--sweep=0.5", "--pass=dsc:rank=1"}, "--sweep and rank= exclude"},
           {{"--max-drop=-1", "--evaluate=x"}, "expected a number from 0 on"}}) {
    const Finished run = Run(flags);
    EXPECT_EQ(run.code, 2) << message;
    EXPECT_THAT(run.err, HasSubstr(message));
  }
}

}  // namespace
}  // namespace cnnopt
