// The models that onnx tests its own backends with, about a thousand with stored inputs and outputs, from Debian's
// package libonnx-testdata: nothing crashes, what is written is what was read, and slim models give the stored outputs.
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "onnx_io/model_file.h"
#include "onnx_io/tensor.h"
#include "onnx_io/validate.h"
#include "onnx_io/validate_tensor.h"
#include "passes/slim.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;
using testing::FileBytes;
using testing::IsOk;
using testing::TempFolder;

constexpr char kCorpus[] = "/usr/share/libonnx-testdata/data";
constexpr int kModels = 1072;  // that the package of Debian 12 holds

// Paths of all models, sorted.
std::vector<fs::path> Models() {
  std::vector<fs::path> models;
  std::error_code missing;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpus, missing)) {
    if (entry.path().filename() == "model.onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

class Conformance : public ::testing::Test {
 protected:
  void SetUp() override {
    if (models_.empty()) GTEST_SKIP() << "libonnx-testdata is not installed (scripts/setup.sh --dev does)";
    EXPECT_GE(models_.size(), 1000u);
  }
  void Count(const std::string& outcome) { ++outcomes_[outcome]; }
  void PrintOutcomes() const {
    for (const auto& [outcome, count] : outcomes_) std::cout << "  " << count << "  " << outcome << "\n";
  }

  std::vector<fs::path> models_ = Models();
  std::map<std::string, int> outcomes_;
};

TEST_F(Conformance, WhatIsReadAndWrittenIsTheSame) {
  const TempFolder folder;
  for (const fs::path& path : models_) {
    SCOPED_TRACE(path.string());
    absl::StatusOr<ModelFile> first = ReadModel(path.string());
    if (!first.ok()) {
      Count(absl::StrCat("refused: ", std::string(first.status().message()).substr(path.string().size() + 4, 60)));
      continue;
    }
    const std::string copy = folder.Path("m.onnx");
    ASSERT_THAT(WriteModel(first->proto, copy), IsOk());
    const absl::StatusOr<ModelFile> second = ReadModel(copy);
    ASSERT_THAT(second, IsOk());
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(first->proto, second->proto));
    // Of these files all have their nodes in order, so that the file itself says the same.
    onnx::ModelProto original;
    ASSERT_TRUE(original.ParseFromString(FileBytes(path.string())));
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(original, second->proto));
    Count("equal");
  }
  PrintOutcomes();
  EXPECT_GE(outcomes_["equal"], std::min<int>(kModels, static_cast<int>(models_.size())));
}

// One model with its stored values. Those of all inputs but the first become weights.
struct Case {
  onnx::ModelProto model;
  Sample sample;
  std::vector<std::string> names;
  std::vector<Tensor> outputs;
};

std::optional<onnx::TensorProto> StoredTensor(const fs::path& path) {
  onnx::TensorProto tensor;
  std::error_code missing;
  if (!fs::exists(path, missing) || !tensor.ParseFromString(FileBytes(path.string()))) return std::nullopt;
  // A file of a sequence or an optional may parse as some tensor.
  if (!ValidateTensor(tensor, Limits(), UnknownTypes::kRefuse).ok()) return std::nullopt;
  return tensor;
}

std::optional<Tensor> StoredValue(const fs::path& path) {
  const std::optional<onnx::TensorProto> proto = StoredTensor(path);
  if (!proto.has_value() || ElementBytes(proto->data_type()) == 0) return std::nullopt;
  const absl::StatusOr<std::string> payload = RawPayload(*proto);
  if (!payload.ok()) return std::nullopt;
  return Tensor{proto->data_type(), TensorShape(*proto), *payload};
}

bool HasInitializer(const onnx::GraphProto& graph, const std::string& name) {
  return std::any_of(graph.initializer().begin(), graph.initializer().end(),
                     [&](const onnx::TensorProto& tensor) { return tensor.name() == name; });
}

// nullopt: some value is no dense tensor of numbers.
std::optional<Case> ReadCase(const fs::path& path) {
  const absl::StatusOr<ModelFile> file = ReadModel(path.string());
  if (!file.ok()) return std::nullopt;
  Case result;
  result.model = file->proto;
  onnx::GraphProto& graph = *result.model.mutable_graph();
  const fs::path values = path.parent_path() / "test_data_set_0";
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
  int stored = 0;
  for (const onnx::ValueInfoProto& input : file->proto.graph().input()) {
    if (HasInitializer(file->proto.graph(), input.name())) {
      *kept.Add() = input;
      continue;
    }
    const fs::path place = values / absl::StrCat("input_", stored++, ".pb");
    const std::optional<Tensor> value = StoredValue(place);
    if (!value.has_value() || !input.type().has_tensor_type()) return std::nullopt;
    if (stored == 1) {
      result.sample[input.name()] = *value;
      *kept.Add() = input;
      continue;
    }
    onnx::TensorProto& weight = *graph.add_initializer();
    weight = *StoredTensor(place);
    weight.set_name(input.name());
    if (result.model.ir_version() < 4) *kept.Add() = input;  // where every weight is listed as an input too
  }
  graph.mutable_input()->Swap(&kept);
  for (int i = 0; i < graph.output_size(); ++i) {
    const std::optional<Tensor> value = StoredValue(values / absl::StrCat("output_", i, ".pb"));
    if (!value.has_value()) return std::nullopt;
    result.names.push_back(graph.output(i).name());
    result.outputs.push_back(*value);
  }
  return result;
}

// Relative distance of what `model` computes from the stored outputs; nullopt when it cannot be run.
std::optional<double> Distance(const Case& stored, const onnx::ModelProto& model) {
  const absl::StatusOr<Session> session = Session::Create(testing::TestRuntime(), model);
  if (!session.ok()) return std::nullopt;
  const absl::StatusOr<std::vector<Tensor>> outputs = session->Run(stored.sample);
  if (!outputs.ok()) return std::nullopt;
  const absl::StatusOr<Comparison> comparison = Compare(stored.names, {stored.outputs}, {*outputs});
  return comparison.ok() ? comparison->relative_error : HUGE_VAL;
}

constexpr double kMaxError = 1e-3;

TEST_F(Conformance, SlimModelsGiveTheStoredOutputs) {
  for (const fs::path& path : models_) {
    SCOPED_TRACE(path.string());
    const std::optional<Case> stored = ReadCase(path);
    if (!stored.has_value()) {
      Count("left out: values that are no dense tensors of numbers");
      continue;
    }
    const std::optional<double> before = Distance(*stored, stored->model);
    if (!before.has_value() || *before > kMaxError) {
      Count(before.has_value() ? "left out: ONNX Runtime gives other outputs for the original"
                               : "left out: ONNX Runtime cannot run the original with constant weights");
      continue;
    }
    SlimOptions options;
    options.bounds.max_error = kMaxError;
    options.samples = {stored->sample};
    for (const auto& [name, value] : stored->sample) options.input_shapes[name] = value.shape;
    options.runtime = testing::TestRuntime();
    options.threads = 1;
    options.measure_latency = false;
    onnx::ModelProto slim = stored->model;
    const absl::StatusOr<SlimReport> report = Slim(slim, options);
    if (!report.ok()) {
      Count(absl::StrCat("not slimmed: ", report.status().message()));
      continue;
    }
    EXPECT_THAT(ValidateModel(slim), IsOk());
    const std::optional<double> after = Distance(*stored, slim);
    const bool right = after.has_value() && *after <= *before + kMaxError;
    EXPECT_TRUE(right) << "error " << after.value_or(HUGE_VAL) << ", of the original " << *before;
    Count(!right                                   ? "WRONG"
          : report->verdict == Verdict::kSlimmed   ? "right: slimmed"
          : report->verdict == Verdict::kUnchanged ? "right: nothing to gain"
                                                   : "right: refused");
  }
  PrintOutcomes();
  EXPECT_EQ(outcomes_["WRONG"], 0);
  EXPECT_GE(outcomes_["right: slimmed"] + outcomes_["right: nothing to gain"], 900);
  EXPECT_GE(outcomes_["right: slimmed"], 10);
}

}  // namespace
}  // namespace cnnopt
