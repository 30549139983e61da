#include "tests/faults/job.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "onnx_io/checksum.h"
#include "onnx_io/model_file.h"
#include "tests/testing/slim_checks.h"
#include "tests/testing/status.h"

namespace cnnopt::testing {
namespace {

constexpr char kOldOut[] = "what OUT held before", kOldReport[] = "what the report held before";

}  // namespace

Job::Job(size_t extra_bytes)
    : arguments_{"in.onnx",      "out.onnx",    "--pass=dsc:rank=1", "--fit=weights",
                 "--verify=off", "--threads=1", "--report=r.json"} {
  onnx::ModelProto model = RandomModel("y = Conv<pads = [1,1,1,1]>(x, w)", {1, 16, 6, 6}, {{"w", {24, 16, 3, 3}}});
  model.mutable_graph()->set_doc_string(std::string(extra_bytes, 'd'));
  EXPECT_THAT(WriteModel(model, folder_.Path("in.onnx"), {.external_threshold = 0}), IsOk());
  Reset();
  old_names_ = folder_.Names();
  const Finished run = Run();
  EXPECT_EQ(run.code, 0) << run.err;
  new_out_ = FileBytes(folder_.Path("out.onnx"));
  new_names_ = folder_.Names();
  EXPECT_EQ(new_names_.size(), old_names_.size() + 1);  // OUT's data file
  EXPECT_THAT(ReadModel(folder_.Path("out.onnx")), IsOk());
  Reset();
}

void Job::Reset() const {
  folder_.Write("out.onnx", kOldOut);
  folder_.Write("r.json", kOldReport);
  for (const std::string& name : folder_.Names()) {
    if (absl::StartsWith(name, "out.onnx.") || absl::StartsWith(name, ".")) {
      std::filesystem::remove(folder_.Path(name));
    }
  }
}

Finished Job::Run(RunOptions options) const {
  options.folder = folder_.path();
  return RunCnnopt(arguments_, options);
}

bool Job::HasNewOut() const { return FileBytes(folder_.Path("out.onnx")) == new_out_; }

void Job::ExpectOldOrNew(const Finished& run, bool printed_too_late) const {
  const bool is_new = HasNewOut();
  if (!is_new) {
    EXPECT_EQ(FileBytes(folder_.Path("out.onnx")), kOldOut);
  }
  const std::string report = FileBytes(folder_.Path("r.json"));
  if (is_new) {
    EXPECT_TRUE(absl::StrContains(report, "\"slimmed\"")) << report;
  } else {
    EXPECT_EQ(report, kOldReport);
  }
  EXPECT_EQ(folder_.Names(), is_new ? new_names_ : old_names_);
  ExpectWholeOut();
  if (run.code >= 0 && run.code < 128) {  // a signal may come when all is done
    EXPECT_EQ(run.code == 0 || printed_too_late, is_new) << run.err;
  }
}

void Job::ExpectWholeOut() const {
  const std::string report = FileBytes(folder_.Path("r.json"));
  const bool old_report = report == kOldReport;
  if (!old_report) {
    const auto json = nlohmann::json::parse(report, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << report;
    EXPECT_EQ(json["output"]["sha256"], Sha256Hex(new_out_));
  }
  if (!HasNewOut()) {
    EXPECT_EQ(FileBytes(folder_.Path("out.onnx")), kOldOut);
    return;
  }
  EXPECT_FALSE(old_report);
  EXPECT_THAT(ReadModel(folder_.Path("out.onnx")), IsOk());
}

}  // namespace cnnopt::testing
