// Whole runs that decide for single layers, by flags, plans and configuration files.
#include <fstream>
#include <nlohmann/json.hpp>

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
using ::testing::StartsWith;
using testing::TempFolder;
using Json = nlohmann::ordered_json;

class ControlRun : public ::testing::Test {
 protected:
  // Slims the model and returns what the report says of each layer: its form and rank, or its reason.
  std::map<std::string, std::string> Layers(std::vector<std::string> flags) {
    const std::string report = folder_.Path("report.json");
    flags.insert(flags.end(), {lenet_, out_, samples_, "--no-latency", "--report=" + report});
    const Finished run = RunCnnopt(flags);
    EXPECT_EQ(run.code, 0) << run.err;
    std::map<std::string, std::string> layers;
    const Json json = Json::parse(FileBytes(report));
    for (const Json& layer : json["layers"]) {
      layers[layer["name"]] = layer["now"].is_null() ? layer["reason"] : layer["now"];
    }
    return layers;
  }
  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_.Path(name)) << text; }
  // The names of the first and the last layer that can be slimmed.
  std::vector<std::string> Names() {
    const Finished run = RunCnnopt({"inspect", lenet_, "--json", "--no-forms"});
    std::vector<std::string> names;
    const Json json = Json::parse(run.out);
    for (const Json& layer : json["models"][0]["layers"]) names.push_back(layer["name"]);
    return names;
  }

  TempFolder folder_;
  std::string out_ = folder_.Path("out.onnx");
  std::string lenet_ = testing::TestData("lenet.onnx");
  std::string samples_ = "--calibration=" + testing::TestData("mnist_samples.npy");
};

TEST_F(ControlRun, KeepsAndPinsWhatFlagsSay) {
  const std::vector<std::string> names = Names();
  ASSERT_GE(names.size(), 4u);
  Write("keep.txt", "^" + names[2] + "$\r\n\n");
  const auto layers = Layers({"--target-macs=0.7", "--layer=" + names[1] + "=spatial:rank=8", "--first-last=keep",
                              "--keep=@" + folder_.Path("keep.txt")});
  EXPECT_EQ(layers.at(names[1]), "spatial rank 8");
  EXPECT_THAT(layers.at(names.front()), HasSubstr("the first layer"));
  EXPECT_THAT(layers.at(names.back()), HasSubstr("the last layer"));
  EXPECT_THAT(layers.at(names[2]), HasSubstr("matches its name"));
}

TEST_F(ControlRun, APlanGivesTheSameBytes) {
  for (const char* asked : {"--target-macs=0.5", "--max-error=0.1"}) {
    ASSERT_EQ(
        RunCnnopt({lenet_, out_, samples_, asked, "--no-latency", "--plan-out=" + folder_.Path("plan.json")}).code, 0);
    const std::string bytes = FileBytes(out_);
    const Finished run = RunCnnopt({lenet_, out_, samples_, "--no-latency", "--plan=" + folder_.Path("plan.json")});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_TRUE(FileBytes(out_) == bytes) << asked;
  }
}

TEST_F(ControlRun, AnEditedPlanIsDoneAndRecordedAsSuch) {
  const std::string path = folder_.Path("plan.json");
  ASSERT_EQ(RunCnnopt({lenet_, out_, samples_, "--target-macs=0.5", "--no-latency", "--plan-out=" + path}).code, 0);
  Json plan = Json::parse(FileBytes(path));
  std::string kept;
  for (Json& layer : plan["layers"]) {
    if (layer["form"] == "keep" || !kept.empty()) continue;
    kept = layer["name"];
    layer.erase("rank");
    layer["form"] = "keep";
  }
  ASSERT_NE(kept, "");
  Write("plan.json", plan.dump());
  EXPECT_EQ(Layers({"--plan=" + path}).at(kept), "kept as asked");
  EXPECT_THAT(FileBytes(out_), HasSubstr("--plan=sha256:"));
}

TEST_F(ControlRun, AWrongPlanIsRefusedAndNamed) {
  Write("plan.json", R"({"schema": "cnnopt-plan/1", "layers": [{"name": "x", "form": "cp", "rank": 8}]})");
  const std::string plan = "--plan=" + folder_.Path("plan.json");
  const Finished unknown = RunCnnopt({lenet_, out_, samples_, plan});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no layer is called 'x'"));
  Write("plan.json", "[]");
  const Finished other = RunCnnopt({lenet_, out_, samples_, plan});
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.err, HasSubstr("plan.json': expected a plan"));
  const Finished both = RunCnnopt({lenet_, out_, samples_, plan, "--target-macs=0.5"});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, HasSubstr("--plan and --target-macs exclude each other"));
  EXPECT_FALSE(std::ifstream(out_).good());
}

TEST_F(ControlRun, AConfigurationFileHoldsFlagsAndTheCommandLineGoesBefore) {
  Write("a.toml",
        "# for the tests\ntarget-macs = 0.3\nno-latency = true\nquiet = false\nkeep = ['a', \"b\"]\nseed = 7\n");
  const std::string report = folder_.Path("r.json");
  const Finished run = RunCnnopt(
      {lenet_, out_, samples_, "--config=" + folder_.Path("a.toml"), "--target-macs=0.6", "--report=" + report});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out, "");
  EXPECT_TRUE(Json::parse(FileBytes(report))["latency"].is_null());
  EXPECT_THAT(Json::parse(FileBytes(report))["options"].dump(),
              StartsWith(R"(["--keep=a","--keep=b","--target-macs=0.6","--calibration=)"));
}

TEST_F(ControlRun, MistakesInAConfigurationFileAreNamed) {
  for (const auto& [text, message] :
       {std::pair("target-mcs = 0.5", "unknown option --target-mcs, did you mean --target-macs?"),
        std::pair("target-macs = 2", "--target-macs=2: expected a number above 0"),
        std::pair("[cnnopt]\ntarget-macs = 0.5", "found the table [cnnopt]"),
        std::pair("config = 'b'", "unknown option --config"),
        std::pair("target-macs = [0.5, 0.4]", "--target-macs is given twice"),
        std::pair("quiet = 3", "--quiet takes no value")}) {
    Write("a.toml", text);
    const Finished run = RunCnnopt({lenet_, out_, "--config=" + folder_.Path("a.toml")});
    EXPECT_EQ(run.code, 2) << text;
    EXPECT_THAT(run.err, HasSubstr(message)) << text;
  }
  EXPECT_EQ(RunCnnopt({lenet_, out_, "--config=" + folder_.Path("none.toml")}).code, 2);
}

TEST_F(ControlRun, TheLogTellsOfStagesAndErrors) {
  const std::string log = folder_.Path("log.txt");
  ASSERT_EQ(RunCnnopt({lenet_, out_, samples_, "--target-macs=0.6", "--no-latency", "-q", "--log-file=" + log}).code,
            0);
  const std::string good = FileBytes(log);
  for (const char* words : {"options: --target-macs=0.6", "factorise", "verify", "output error", "exit code 0"}) {
    EXPECT_THAT(good, HasSubstr(words));
  }
  ASSERT_EQ(RunCnnopt({testing::TestData("mnist_samples.npy"), out_, "--log-file=" + log}).code, 3);
  EXPECT_THAT(FileBytes(log), HasSubstr("error: "));
  const Finished unwritable = RunCnnopt({lenet_, out_, "--log-file=" + folder_.Path("no/log.txt")});
  EXPECT_EQ(unwritable.code, 74);
  EXPECT_THAT(unwritable.err, HasSubstr("no/log.txt"));
}

}  // namespace
}  // namespace cnnopt
