// Whole runs of the program on the test models.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/checksum.h"
#include "onnx_io/model_file.h"
#include "passes/catalog.h"
#include "passes/slim.h"
#include "report/display.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RunCnnopt;
using testing::RunOnTerminal;
using testing::TempFolder;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::ordered_json;

std::map<std::string, std::string> Metadata(const std::string& path) {
  const absl::StatusOr<ModelFile> file = ReadModel(path);
  EXPECT_TRUE(file.ok()) << file.status();
  std::map<std::string, std::string> metadata;
  for (const auto& property : file->proto.metadata_props()) {
    EXPECT_TRUE(metadata.emplace(property.key(), property.value()).second) << property.key();
  }
  return metadata;
}

class SlimRun : public ::testing::Test {
 protected:
  Finished RunOk(const std::vector<std::string>& arguments) {
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, 0) << run.err << run.out;
    return run;
  }
  // A model in which there is nothing to slim.
  std::string PlainModel() {
    onnx::ModelProto model = testing::ModelFromText(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) })");
    const std::string path = folder_.Path("plain.onnx");
    EXPECT_TRUE(WriteModel(model, path).ok());
    return path;
  }

  TempFolder folder_;
  std::string out_ = folder_.Path("out.onnx");
  std::string resnet_ = testing::TestData("resnet.onnx");
  std::string samples_ = "--calibration=" + testing::TestData("cifar_samples.npy");
};

TEST_F(SlimRun, WritesASlimmerModelThatIsVerified) {
  const Finished run =
      RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency", "--report=" + folder_.Path("r.json")});
  EXPECT_EQ(run.err, "");
  EXPECT_LT(std::filesystem::file_size(out_), std::filesystem::file_size(resnet_));
  EXPECT_THAT(folder_.Names(), UnorderedElementsAre("out.onnx", "r.json"));
  const Json report = Json::parse(FileBytes(folder_.Path("r.json")));
  EXPECT_EQ(report["verdict"], "slimmed");
  EXPECT_EQ(report["verified"], true);
  EXPECT_EQ(report["samples"]["count"], 6);  // one in five of 32 is held out
  EXPECT_EQ(report["samples"]["fitted"], 26);
  EXPECT_EQ(report["samples"]["synthetic"], false);
  EXPECT_EQ(report["samples"]["path"], "cifar_samples.npy");
  EXPECT_LE(report["comparison"]["relative_error"].get<double>(), kDefaultMaxError);
  EXPECT_LT(report["totals"]["macs"]["after"].get<int64_t>(), report["totals"]["macs"]["before"].get<int64_t>());
}

TEST_F(SlimRun, TheReportShowsWhatTheChoiceWasMadeFromAndTheWorstSamples) {
  RunOk({resnet_, out_, samples_, "--target-macs=0.6", "--no-latency", "--report=" + folder_.Path("r.json"),
         "--report=" + folder_.Path("r.html"), "--report=" + folder_.Path("r.md"),
         "--report=" + folder_.Path("r.csv")});
  const Json report = Json::parse(FileBytes(folder_.Path("r.json")));
  const Json& curve = report["curve"];
  EXPECT_EQ(curve["unit"], "macs");
  EXPECT_EQ(curve["points"][0]["cost"], report["totals"]["macs"]["before"]);
  EXPECT_EQ(curve["points"][0]["error"], 0);
  EXPECT_GT(curve["points"].size(), 20u);
  EXPECT_EQ(curve["chosen"]["cost"], report["totals"]["macs"]["after"]);
  EXPECT_GT(curve["chosen"]["error"].get<double>(), 0);
  const Json& worst = report["worst_samples"];
  ASSERT_EQ(worst.size(), 6u);  // as many as are held out
  EXPECT_GE(worst[0]["relative_error"].get<double>(), report["comparison"]["relative_error"].get<double>());
  for (const Json& sample : worst) {
    EXPECT_EQ(sample["index"].get<int>() % 5, 4) << sample;
  }
  const std::string page = FileBytes(folder_.Path("r.html"));
  EXPECT_THAT(page, HasSubstr("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr(absl::StrCat("Input of sample ", worst[0]["index"].get<int>())));
  EXPECT_THAT(FileBytes(folder_.Path("r.md")), HasSubstr("**slimmed**"));
  EXPECT_THAT(FileBytes(folder_.Path("r.csv")), HasSubstr("\r\n/f/f.0/Conv,Conv,"));
}

TEST_F(SlimRun, ABudgetOfTimeIsMet) {
  const std::string times = folder_.Path("times.json");
  RunOk(
      {resnet_, out_, samples_, "--target-latency=0.7", "--cost-cache=" + times, "--report=" + folder_.Path("r.json")});
  const Json report = Json::parse(FileBytes(folder_.Path("r.json")));
  const Json measured = Json::parse(FileBytes(times))["nanoseconds"];
  ASSERT_EQ(measured.size(), 1u);  // machine
  EXPECT_THAT(measured.begin().key(), HasSubstr("1 thread"));
  EXPECT_GT(measured.front().size(), 10u);
  EXPECT_THAT(report.dump(), Not(HasSubstr("cost-cache")));  // what it was told has no part in what it made
  ASSERT_EQ(report["budgets"].size(), 1u);
  EXPECT_EQ(report["budgets"][0]["unit"], "nanoseconds");
  EXPECT_LE(report["budgets"][0]["reached"].get<double>(), 1.2 * report["budgets"][0]["limit"].get<double>());
  EXPECT_LT(report["latency"]["ratio"].get<double>(), 0.9);
  EXPECT_EQ(report["latency"]["threads"], 1);
}

TEST_F(SlimRun, TheReportHoldsTheNumbersOnTheScreen) {
  const Finished run = RunOk({resnet_, out_, "--pass=dsc", samples_, "-v", "--report=" + folder_.Path("r.json")});
  const Json report = Json::parse(FileBytes(folder_.Path("r.json")));
  for (const char* total : {"macs", "params"}) {
    for (const char* when : {"before", "after"}) {
      EXPECT_THAT(run.out, HasSubstr(HumanCount(report["totals"][total][when].get<int64_t>()))) << total << when;
    }
  }
  EXPECT_THAT(run.out, HasSubstr(HumanBytes(report["totals"]["bytes"]["after"].get<int64_t>())));
  EXPECT_THAT(run.out, HasSubstr(absl::StrFormat("%.4f", report["comparison"]["relative_error"].get<double>())));
  EXPECT_THAT(run.out, HasSubstr(absl::StrFormat("%#.3g ms", report["latency"]["before_ms"].get<double>())));
  for (const Json& layer : report["layers"]) {
    EXPECT_THAT(run.out, HasSubstr(layer["name"].get<std::string>()));
    EXPECT_THAT(run.out, HasSubstr(layer[layer["now"].is_null() ? "reason" : "now"].get<std::string>()));
  }
  for (const Json& cleanup : report["cleanups"]) {
    EXPECT_THAT(run.out, HasSubstr(cleanup.get<std::string>()));
  }
  EXPECT_EQ(report["input"]["sha256"], Sha256Hex(FileBytes(resnet_)));
  EXPECT_EQ(report["output"]["sha256"], Sha256Hex(FileBytes(out_)));
  EXPECT_EQ(report["output"]["bytes"], static_cast<int64_t>(std::filesystem::file_size(out_)));
}

TEST_F(SlimRun, SameCommandSameBytesWhateverThreadsAndPlace) {
  const std::string other = folder_.Path("sub");
  std::filesystem::create_directory(other);
  std::filesystem::copy(resnet_, other + "/renamed.onnx");
  std::filesystem::copy(testing::TestData("cifar_samples.npy"), other + "/s.npy");
  RunOk({resnet_, out_, "--pass=dsc", samples_, "--threads=1", "--no-latency", "-q"});
  RunOk({other + "/renamed.onnx", other + "/o.onnx", "--calibration=" + other + "/s.npy", "--threads=2", "--pass=dsc"});
  EXPECT_EQ(FileBytes(out_), FileBytes(other + "/o.onnx"));
  EXPECT_NE(FileBytes(out_), FileBytes(resnet_));
}

TEST_F(SlimRun, DryRunWritesNothing) {
  const Finished with_out = RunOk({resnet_, out_, "--pass=dsc", samples_, "--dry-run", "--no-latency"});
  EXPECT_THAT(folder_.Names(), IsEmpty());
  EXPECT_THAT(with_out.out, HasSubstr("nothing written (dry run)"));
  EXPECT_THAT(with_out.out, HasSubstr("verified         yes"));
  const Finished without_out = RunOk({resnet_, "--pass=dsc", samples_, "--dry-run", "--no-latency"});
  EXPECT_THAT(without_out.out, HasSubstr("verified         yes"));
}

TEST_F(SlimRun, QuietPrintsNothing) {
  const Finished run = RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency", "-q"});
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "");
  EXPECT_TRUE(std::filesystem::exists(out_));
}

TEST_F(SlimRun, NoTerminalNoColorsNoBar) {
  const Finished run = RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency"});
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(run.err, "");
}

TEST_F(SlimRun, ATerminalGetsColorsAndABarThatIsWiped) {
  const std::vector<std::string> arguments = {resnet_, out_, "--pass=dsc", samples_, "--no-latency"};
  const Finished colored = RunOnTerminal(arguments);
  EXPECT_EQ(colored.code, 0);
  EXPECT_THAT(colored.out, HasSubstr("\x1b[32mdsc rank"));
  EXPECT_THAT(colored.out, HasSubstr("factorise"));
  EXPECT_THAT(colored.out, HasSubstr("\r\x1b[K" + resnet_ + " -> "));
  const Finished plain = RunOnTerminal(arguments, {{"NO_COLOR", "1"}});
  EXPECT_THAT(plain.out, Not(HasSubstr("\x1b[32m")));
  EXPECT_THAT(plain.out, HasSubstr("factorise"));
  EXPECT_THAT(RunOnTerminal(arguments, {{"TERM", "dumb"}}).out, Not(HasSubstr("\x1b")));
  std::vector<std::string> quiet = arguments;
  quiet.push_back("-q");
  EXPECT_EQ(RunOnTerminal(quiet).out, "");
}

TEST_F(SlimRun, SyntheticSamplesAreCalledThat) {
  const Finished run = RunOk({resnet_, out_, "--pass=dsc", "--samples=3", "--no-latency"});
  EXPECT_THAT(run.out, HasSubstr("1 made up"));
}

TEST_F(SlimRun, ProvenanceNamesTheInputAndTheOptionsButNoPlace) {
  RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency"});
  std::map<std::string, std::string> metadata = Metadata(out_);
  EXPECT_EQ(metadata["cnnopt.input_sha256"], Sha256Hex(FileBytes(resnet_)));
  EXPECT_THAT(metadata["cnnopt.options"], HasSubstr("--pass=dsc --calibration=sha256:"));
  EXPECT_THAT(FileBytes(out_), Not(HasSubstr(folder_.path())));
  EXPECT_TRUE(metadata.count("cnnopt.version"));

  // Slimmed again, the newest run is recorded, once.
  const std::string again = folder_.Path("again.onnx");
  RunOk({out_, again, "--pass=dsc:rank=1", samples_, "--no-latency", "--verify=report"});
  EXPECT_NE(FileBytes(again), FileBytes(out_));
  EXPECT_EQ(Metadata(again)["cnnopt.input_sha256"], Sha256Hex(FileBytes(out_)));

  RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency", "--no-provenance"});
  EXPECT_THAT(Metadata(out_), Not(::testing::Contains(::testing::Key("cnnopt.version"))));
}

TEST_F(SlimRun, NothingToGainWritesTheInputsOwnBytes) {
  const std::string plain = PlainModel();
  const Finished run = RunOk({plain, out_});
  EXPECT_EQ(FileBytes(out_), FileBytes(plain));
  EXPECT_THAT(run.out, HasSubstr("\nnothing to gain here: "));
}

TEST_F(SlimRun, ExactRewritesThatFindNothingSayThatNoFormWasAskedFor) {
  const Finished run = RunOk({resnet_, out_, "--pass=fold-scale", "--verify=off"});
  EXPECT_EQ(FileBytes(out_), FileBytes(resnet_));
  EXPECT_THAT(run.out, HasSubstr("\nnothing to gain here: no form was asked for\n"));
}

TEST_F(SlimRun, FailIfUnchangedWritesNothing) {
  const std::string plain = PlainModel();
  folder_.Write("out.onnx", "old");
  const Finished run = RunCnnopt({plain, out_, "--fail-if-unchanged", "--report=" + folder_.Path("r.json")});
  EXPECT_EQ(run.code, 5);
  EXPECT_TRUE(absl::StartsWith(run.err, "cnnopt: nothing written, nothing to gain: ")) << run.err;
  EXPECT_EQ(FileBytes(out_), "old");
  EXPECT_EQ(Json::parse(FileBytes(folder_.Path("r.json")))["verdict"], "unchanged");
  EXPECT_EQ(Json::parse(FileBytes(folder_.Path("r.json")))["output"]["written"], false);
}

TEST_F(SlimRun, ABudgetOutOfReachIsRefused) {
  folder_.Write("out.onnx", "old");
  const Finished run =
      RunCnnopt({resnet_, out_, "--pass=dsc", "--target-macs=0.001", samples_, "--report=" + folder_.Path("r.json")});
  EXPECT_EQ(run.code, 4);
  EXPECT_TRUE(absl::StartsWith(run.err, "cnnopt: nothing written: ")) << run.err;
  EXPECT_EQ(FileBytes(out_), "old");
  const Json report = Json::parse(FileBytes(folder_.Path("r.json")));
  EXPECT_EQ(report["verdict"], "refused");
  EXPECT_EQ(report["output"]["written"], false);
}

// Bytes of all files in the folder but `report`.
int64_t BytesWritten(const TempFolder& folder) {
  int64_t bytes = 0;
  for (const std::string& name : folder.Names()) {
    if (name != "r.json") bytes += static_cast<int64_t>(std::filesystem::file_size(folder.Path(name)));
  }
  return bytes;
}

TEST_F(SlimRun, ATargetSizeHoldsForTheFilesThatAreWritten) {
  const std::string report = "--report=" + folder_.Path("r.json");
  for (const std::string& flag :
       {std::string("--no-provenance"), std::string("--quiet"), std::string("--external-data")}) {
    SCOPED_TRACE(flag);
    for (const std::string& name : folder_.Names()) std::filesystem::remove(folder_.Path(name));
    RunOk({resnet_, out_, "--pass=dsc", samples_, "--target-size=1.2MB", "--no-latency", report, flag});
    EXPECT_EQ(folder_.Names().size(), flag == "--external-data" ? 3u : 2u);
    EXPECT_LE(BytesWritten(folder_), 1'200'000);
    EXPECT_GT(BytesWritten(folder_), 1'100'000);
    const Json budgets = Json::parse(FileBytes(folder_.Path("r.json")))["budgets"];
    EXPECT_EQ(budgets[0]["unit"], "bytes");
    EXPECT_EQ(budgets[0]["limit"], 1'200'000);
    EXPECT_EQ(budgets[0]["reached"], BytesWritten(folder_));
  }
}

TEST_F(SlimRun, SeveralBudgetsHoldTogether) {
  const std::string report = folder_.Path("r.json");
  const Finished run = RunOk({resnet_, out_, "--pass=dsc", samples_, "--target-macs=0.8", "--target-params=0.6",
                              "--no-latency", "--report=" + report});
  const Json json = Json::parse(FileBytes(report));
  EXPECT_LE(json["totals"]["macs"]["after"].get<double>(), 0.8 * json["totals"]["macs"]["before"].get<double>());
  EXPECT_LE(json["totals"]["params"]["after"].get<double>(), 0.6 * json["totals"]["params"]["before"].get<double>());
  EXPECT_EQ(json["budgets"].size(), 2u);
  EXPECT_THAT(run.out, HasSubstr("(budget " + HumanCount(json["budgets"][1]["limit"].get<int64_t>())));
}

TEST_F(SlimRun, ASizeOutOfReachIsRefusedWithTheLeast) {
  const Finished run = RunCnnopt({resnet_, out_, "--pass=dsc", "--target-size=10KB", samples_});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("cnnopt: nothing written: target-size 10000 bytes cannot be reached: the least"));
  EXPECT_THAT(folder_.Names(), IsEmpty());
}

TEST_F(SlimRun, AgreementDecidesAndIsReportedWithItsSamples) {
  const std::string report = folder_.Path("r.json");
  const Finished run =
      RunOk({resnet_, out_, "--pass=dsc", samples_, "--min-agreement=0.8", "--no-latency", "--report=" + report});
  EXPECT_THAT(run.out, HasSubstr("% of 6  (bound 80 %)"));
  const Json json = Json::parse(FileBytes(report));
  EXPECT_EQ(json["min_agreement"], 0.8);
  EXPECT_TRUE(json["bound"].is_null());
  EXPECT_EQ(json["comparison"]["top1_rows"], 6);
  EXPECT_GT(json["comparison"]["relative_error"].get<double>(), kDefaultMaxError);
  EXPECT_LT(json["totals"]["macs"]["after"].get<double>(), 0.9 * json["totals"]["macs"]["before"].get<double>());
  const Finished refused = RunCnnopt({PlainModel(), out_, "--min-agreement=0.8"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("no output has a top-1"));
}

TEST_F(SlimRun, WithoutRuntimeWhenNothingIsRun) {
  const std::vector<std::vector<std::string>> cases = {{"--fit=weights", "--pass=dsc:rank=2"},
                                                       {"--pass=fold-batch-norm"},
                                                       {"--fit=weights", "--pass=dsc", "--target-macs=0.9"},
                                                       {"--fit=weights", "--pass=dsc", "--target-size=0.9"}};
  for (const std::vector<std::string>& flags : cases) {
    SCOPED_TRACE(flags.back());
    std::vector<std::string> arguments = {resnet_, out_, "--verify=off", "--ort=/nonexistent"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Finished run = RunOk(arguments);
    EXPECT_THAT(run.out, HasSubstr("verified         no"));
    EXPECT_NE(FileBytes(out_), FileBytes(resnet_));
    arguments[2] = "--verify=enforce";
    EXPECT_EQ(RunCnnopt(arguments).code, 2);
  }
}

TEST_F(SlimRun, TimeIsNotMeasuredWithoutRuntimeWhateverIsKnownOfIt) {
  const Finished run = RunCnnopt({resnet_, out_, "--verify=off", "--pass=fold-batch-norm", "--target-latency=0.5",
                                  "--cost-cache=" + folder_.Path("times.json")});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("time cannot be measured without ONNX Runtime"));
}

TEST_F(SlimRun, LeavingOutTheComparisonAloneDoesNotChangeTheFit) {
  const Finished missing =
      RunCnnopt({resnet_, out_, "--verify=off", "--ort=/nonexistent", "--pass=dsc", "--target-macs=0.9"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("--fit=weights"));
}

TEST_F(SlimRun, OverItselfUnderForce) {
  const std::string in = folder_.Path("in.onnx");
  std::filesystem::copy(resnet_, in);
  RunOk({in, in, "--force", "--pass=dsc", samples_, "--no-latency"});
  EXPECT_LT(std::filesystem::file_size(in), std::filesystem::file_size(resnet_));
  const std::string plain = PlainModel();
  const std::string bytes = FileBytes(plain);
  RunOk({plain, plain, "--force"});
  EXPECT_EQ(FileBytes(plain), bytes);
}

TEST_F(SlimRun, ExternalDataOnRequestAndWhenTheInputHadIt) {
  RunOk({resnet_, out_, "--pass=dsc", samples_, "--no-latency", "--external-data=4K"});
  ASSERT_EQ(folder_.Names().size(), 2u);
  EXPECT_LT(std::filesystem::file_size(out_), 200'000u);
  const std::string inside = folder_.Path("inside.onnx");
  RunOk({resnet_, inside, "--pass=dsc", samples_, "--no-latency"});
  EXPECT_EQ(folder_.Names().size(), 3u);
  EXPECT_GT(std::filesystem::file_size(inside), 200'000u);

  const std::string next = folder_.Path("next.onnx");
  RunOk({out_, next, "--pass=dsc", samples_, "--no-latency", "--max-error=1e-9"});
  EXPECT_EQ(folder_.Names().size(), 5u) << "next.onnx and its data";
  EXPECT_LT(std::filesystem::file_size(next), 200'000u);
}

TEST_F(SlimRun, OpenSizesAreSettledByAFlagOrTheSamples) {
  onnx::ModelProto model = testing::ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Relu(x) })");
  const std::string open = folder_.Path("open.onnx");
  ASSERT_TRUE(WriteModel(model, open).ok());
  for (const std::vector<std::string>& flags : {std::vector<std::string>{}, {"--verify=off", "--target-macs=0.5"}}) {
    std::vector<std::string> arguments = {open, out_};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Finished refused = RunCnnopt(arguments);
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr("--input-shape"));
  }
  const std::string report = folder_.Path("r.json");
  for (const std::string& flag :
       {std::string("--input-shape=1,3,32,32"), std::string("--input-shape=x:1,3,32,32"), samples_}) {
    SCOPED_TRACE(flag);
    RunOk({open, out_, flag, "--report=" + report});
    EXPECT_EQ(Json::parse(FileBytes(report))["input"]["shapes"]["x"], Json({1, 3, 32, 32}));
  }
}

TEST_F(SlimRun, ANamelessShapeNeedsASingleInput) {
  onnx::ModelProto model = testing::ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[n,h] x, float[n,h] z) => (float[n,h] y) { y = Add(x, z) })");
  const std::string two = folder_.Path("two.onnx");
  ASSERT_TRUE(WriteModel(model, two).ok());
  const Finished run = RunCnnopt({two, out_, "--input-shape=1,4"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("the model has 2 inputs, name one: x, z"));
}

TEST(Commands, HelpVersionAndPasses) {
  const Finished help = RunCnnopt({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("--target-macs"));
  EXPECT_EQ(RunCnnopt({"--version"}).out, "cnnopt 0.1.0\n");
  const Finished passes = RunCnnopt({"passes"});
  EXPECT_EQ(passes.code, 0);
  for (const PassEntry& entry : Catalog()) {
    EXPECT_THAT(passes.out, HasSubstr(entry.name));
  }
}

}  // namespace
}  // namespace cnnopt
