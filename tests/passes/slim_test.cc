#include "passes/slim.h"

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/borrow.h"
#include "onnx_io/model_file.h"
#include "passes/site.h"
#include "runtime/samples.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"
#include "tests/testing/slim_checks.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One 3x3 Conv 32 -> 32 whose weight is an initializer and, from IR 4 on, a caller may override it.
onnx::ModelProto OverridableModel() {
  std::mt19937 random(1);
  const testing::Geometry padded = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  onnx::ModelProto model = testing::ModelOf(testing::RandomConv(random, padded, 32, 32), {8, 8});
  onnx::ValueInfoProto& input = *model.mutable_graph()->add_input();
  input.set_name("w");
  input.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {32, 32, 3, 3}) {
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
  }
  return model;
}

SlimOptions HalfTheMacs() {
  SlimOptions options;
  options.passes = {{"dsc", std::nullopt}};
  options.target_macs = 0.5;
  options.input_shapes = {{"x", {1, 32, 8, 8}}};
  options.verify = Verify::kReport;
  options.measure_latency = false;
  options.runtime = testing::TestRuntime();
  return options;
}

TEST(Slim, KeepsAWeightThatACallerMayOverrideAndStillKnowsItsCost) {
  onnx::ModelProto model = OverridableModel();
  const std::string before = model.SerializeAsString();
  const absl::StatusOr<SlimReport> report = Slim(model, HalfTheMacs());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kRefused);
  EXPECT_THAT(report->reason, HasSubstr("cannot be reached"));
  ASSERT_EQ(report->layers.size(), 1);
  EXPECT_EQ(report->layers[0].reason, "its weight is not a constant");
  EXPECT_EQ(report->before.macs, 8 * 8 * 32 * 32 * 9);
  EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(Slim, SlimsItWhenToldThatItIsConstant) {
  for (const Fit fit : {Fit::kWeights, Fit::kSamples}) {
    onnx::ModelProto model = OverridableModel();
    SlimOptions options = HalfTheMacs();
    options.assume_constant = true;
    options.fit = fit;
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->verdict, Verdict::kSlimmed);
    EXPECT_LE(*report->after.macs, *report->before.macs / 2);
    ASSERT_EQ(model.graph().input_size(), 1);  // nobody is left to override
    EXPECT_EQ(model.graph().input(0).name(), "x");
  }
}

// One net per number of spatial axes, every form that has a meaning there, end to end.
struct AxesCase {
  std::string nodes;
  Shape input;
  testing::Weights weights;
  std::vector<std::string> forms;
};

class SlimAxes : public ::testing::TestWithParam<AxesCase> {};

TEST_P(SlimAxes, EveryFormWorks) {
  const AxesCase& param = GetParam();
  const std::vector<Sample> samples = testing::FewDirections(param.input, 6, 30);
  for (const std::string& form : param.forms) {
    onnx::ModelProto model = testing::RandomModel(param.nodes, param.input, param.weights);
    SlimOptions options = testing::BudgetOf(0.9, param.input, samples);
    options.passes = {{form, std::nullopt}};
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << form << ": " << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << form << ": " << report->reason;
    EXPECT_LE(*report->after.macs, 0.9 * static_cast<double>(*report->before.macs)) << form;
    EXPECT_TRUE(report->verified) << form;
    testing::ExpectCostsAreThoseOf(model, param.input, *report);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Axes, SlimAxes,
    ::testing::Values(AxesCase{R"(a = Conv<strides = [2], pads = [3, 1]>(x, k1) ra = Relu(a)
                    b = Conv<dilations = [2], pads = [0, 4], group = 2>(ra, k2, b2) rb = Relu(b)
                    c = Conv<pads = [2, 2]>(rb, k3) rc = Relu(c) y = Conv(rc, k4, b4))",
                               {1, 16, 60},
                               {{"k1", {32, 16, 5}},
                                {"k2", {48, 16, 3}},
                                {"b2", {48}},
                                {"k3", {32, 48, 5}},
                                {"k4", {48, 32, 1}},
                                {"b4", {48}}},
                               {"dsc", "cp", "bottleneck", "stack3x3"}},
                      AxesCase{R"(a = Conv(x, k1, b1) ra = Relu(a) y = Conv<strides = [2], group = 2>(ra, k2))",
                               {1, 64, 30},
                               {{"k1", {64, 64, 1}}, {"b1", {64}}, {"k2", {96, 32, 1}}},
                               {"low-rank"}},
                      AxesCase{R"(a = Conv<strides = [2, 1, 1], pads = [1, 0, 2, 0, 1, 1]>(x, k1, b1) ra = Relu(a)
                    b = Conv<dilations = [1, 2, 1], pads = [1, 2, 1, 1, 2, 0], group = 2>(ra, k2) rb = Relu(b)
                    y = Conv(rb, k3, b3))",
                               {1, 8, 9, 8, 7},
                               {{"k1", {24, 8, 3, 2, 3}},
                                {"b1", {24}},
                                {"k2", {32, 12, 3, 3, 2}},
                                {"k3", {40, 32, 1, 1, 1}},
                                {"b3", {40}}},
                               {"dsc", "cp", "bottleneck", "spatial"}},
                      AxesCase{R"(a = Conv<strides = [2, 1, 1]>(x, k1, b1) ra = Relu(a) y = Conv<group = 2>(ra, k2))",
                               {1, 64, 5, 4, 3},
                               {{"k1", {64, 64, 1, 1, 1}}, {"b1", {64}}, {"k2", {96, 32, 1, 1, 1}}},
                               {"low-rank"}}));

// Weights that stand in their file until they are looked at give the same bytes; when it became shorter meanwhile,
// nothing comes of them.
TEST(Slim, OfStoredPayloadsIsThatOfLoadedOnes) {
  std::mt19937 random(1);
  const testing::TempFolder folder;
  const testing::Geometry padded = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  onnx::ModelProto model = testing::ModelOf(testing::RandomConv(random, padded, 256, 128), {4, 4});
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {  // data files hold raw payloads
    if (tensor.float_data_size() == 0) continue;
    const auto bytes = static_cast<size_t>(tensor.float_data_size()) * sizeof(float);
    tensor.set_raw_data(tensor.float_data().data(), bytes);
    tensor.clear_float_data();
  }
  ASSERT_THAT(WriteModel(model, folder.Path("m.onnx"), {.external_threshold = 1024}), testing::IsOk());
  SlimOptions options = HalfTheMacs();
  options.fit = Fit::kWeights;
  options.input_shapes = {{"x", {1, 256, 4, 4}}};
  std::vector<std::string> results;
  for (const bool leave_stored : {false, true}) {
    absl::StatusOr<ModelFile> file = ReadModel(folder.Path("m.onnx"), {}, {.leave_stored = leave_stored});
    ASSERT_THAT(file, testing::IsOk());
    EXPECT_EQ(file->stored.size(), leave_stored ? 1 : 0);
    const absl::StatusOr<SlimReport> report = Slim(file->proto, options);
    ASSERT_THAT(report, testing::IsOk());
    EXPECT_EQ(report->verdict, Verdict::kSlimmed);
    ASSERT_THAT(WriteModel(file->proto, folder.Path("out.onnx")), testing::IsOk());
    results.push_back(testing::FileBytes(folder.Path("out.onnx")));
  }
  EXPECT_TRUE(results[0] == results[1]);

  absl::StatusOr<ModelFile> file = ReadModel(folder.Path("m.onnx"), {}, {.leave_stored = true});
  ASSERT_THAT(file, testing::IsOk());
  for (const std::string& name : folder.Names()) {
    if (absl::EndsWith(name, ".data")) std::filesystem::resize_file(folder.Path(name), 5000);
  }
  EXPECT_THAT(Slim(file->proto, options), testing::FailsWith(absl::StatusCode::kUnavailable, "while it was read"));
}

// The biases that a refit brings would cost nodes: a kept MatMul stays as it is, a kept Gemm is refitted.
TEST(Slim, RefitsAKeptGemmButNoKeptMatMul) {
  const Shape input = {1, 64};
  const std::vector<Sample> samples = testing::FewDirections(input, 20, 200);
  for (const bool gemm : {true, false}) {
    onnx::ModelProto model = testing::RandomModel(
        gemm ? "a = Gemm(x, w1) r = Relu(a) y = Gemm(r, w2)" : "a = MatMul(x, w1) r = Relu(a) y = MatMul(r, w2)", input,
        {{"w1", {64, 64}}, {"w2", {64, 8}}});
    const absl::StatusOr<SlimReport> report = Slim(model, testing::BudgetOf(0.45, input, samples));
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    ASSERT_EQ(report->layers.size(), 2);
    EXPECT_EQ(report->layers[1].now, "");
    EXPECT_EQ(report->layers[1].refitted, gemm);
    std::vector<std::string> types;
    for (const onnx::NodeProto& node : model.graph().node()) types.push_back(node.op_type());
    if (gemm) {
      EXPECT_THAT(types, ElementsAre("MatMul", "Gemm", "Relu", "Gemm"));
    } else {
      EXPECT_THAT(types, ElementsAre("MatMul", "MatMul", "Add", "Relu", "MatMul"));
    }
  }
}

// No covariance of tens of thousands of inputs: it would take all memory there is.
TEST(Slim, FitsVeryWideLayersByWeightsOnly) {
  const Shape input = {1, 10'000};
  onnx::ModelProto model = testing::RandomModel("y = Gemm(x, w)", input, {{"w", {10'000, 24}}});
  SlimOptions options = testing::BudgetOf(0.8, input, testing::FewDirections(input, 4, 10));
  options.verify = Verify::kReport;
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kSlimmed);
  EXPECT_EQ(report->layers[0].now, "low-rank rank 16");
  EXPECT_THAT(report->warnings, Contains(HasSubstr("y: fitted by weights only")));
}

// A limit on memory leaves no room for what the layers see: weights alone must do, and the report says so.
TEST(Slim, FitsByWeightsOnlyBeyondItsMemory) {
  const Shape input = {1, 64};
  onnx::ModelProto model = testing::RandomModel("y = Gemm(x, w)", input, {{"w", {64, 64}}});
  SlimOptions options = testing::BudgetOf(0.8, input, testing::FewDirections(input, 4, 40));
  options.verify = Verify::kReport;
  options.max_memory = 64 * 64 * 8;  // half of it is too little
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kSlimmed);
  EXPECT_THAT(report->warnings, Contains(HasSubstr("y: fitted by weights only: its covariance passes the limit")));
}

// Two 3x3 Convs and a classifier on top; `axes` are the sizes of the image, "h,w" when open.
onnx::ModelProto SmallClassifier(const std::string& axes, int64_t classes = 10) {
  std::mt19937 random(3);
  onnx::ModelProto model = testing::ModelFromText(absl::StrCat(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,16,)", axes, R"(] x) => (float[1,)", classes, R"(] y) {
           a = Conv<pads = [1,1,1,1]>(x, w1)
           b = Relu(a)
           c = Conv<pads = [1,1,1,1]>(b, w2)
           d = GlobalAveragePool(c)
           e = Flatten(d)
           y = Gemm(e, w3)
         })"));
  const std::pair<std::string, Shape> weights[] = {
      {"w1", {32, 16, 3, 3}}, {"w2", {32, 32, 3, 3}}, {"w3", {32, classes}}};
  for (const auto& [name, shape] : weights) {
    const Matrix values = testing::RandomMatrix(random, ElementCount(shape), 1) * 0.2;
    onnx::TensorProto like;
    like.set_data_type(onnx::TensorProto::FLOAT);
    const absl::Span<const double> span(values.data(), static_cast<size_t>(values.size()));
    absl::StatusOr<onnx::TensorProto> tensor = EncodeFloats(name, shape, span, like);
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    *model.mutable_graph()->add_initializer() = *std::move(tensor);
  }
  return model;
}

SlimOptions NoLatency() {
  SlimOptions options;
  options.input_shapes = {{"x", {1, 16, 8, 8}}};
  options.measure_latency = false;
  options.runtime = testing::TestRuntime();
  options.bounds.max_error = 10;  // the weights are random, errors are large
  return options;
}

TEST(SlimBudgets, ParametersAndBytesHoldInTheModelThatComesOut) {
  for (const Fit fit : {Fit::kWeights, Fit::kSamples}) {  // a fit to samples gives the layers biases they did not have
    onnx::ModelProto model = SmallClassifier("8,8");
    const auto bytes = static_cast<int64_t>(model.ByteSizeLong());
    SlimOptions options = NoLatency();
    options.fit = fit;
    options.target_params = 0.6;
    options.target_size = FileSize{0, bytes * 65 / 100};
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    const int64_t params = TotalParameters(model.graph());
    EXPECT_LE(params, report->before.params * 6 / 10);
    EXPECT_GT(params, report->before.params * 4 / 10);  // and little is left unused
    EXPECT_LE(static_cast<int64_t>(model.ByteSizeLong()), bytes * 65 / 100);
    ASSERT_EQ(report->budgets.size(), 2u);
    EXPECT_EQ(report->budgets[0].unit, BudgetUnit::kParams);
    EXPECT_EQ(report->budgets[0].reached, params);
    EXPECT_EQ(report->budgets[1].limit, bytes * 65 / 100);
    EXPECT_EQ(report->budgets[1].reached, static_cast<int64_t>(model.ByteSizeLong()));
  }
}

TEST(SlimBudgets, AFileSizeCountsWhatTheCallerAdds) {
  SlimOptions options = NoLatency();
  options.target_size = FileSize{0.7, 0};
  std::vector<int64_t> sizes;
  for (const int64_t added : {0, 15'000}) {
    onnx::ModelProto model = SmallClassifier("8,8");
    const auto before = static_cast<int64_t>(model.ByteSizeLong());
    options.file_bytes = [&](const onnx::ModelProto& slim) { return SerializedBytes(slim) + added; };
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    sizes.push_back(static_cast<int64_t>(model.ByteSizeLong()));
    EXPECT_LE(sizes.back() + added, before * 7 / 10);
    EXPECT_EQ(report->budgets.front().reached, sizes.back() + added);
  }
  EXPECT_LT(sizes[1], sizes[0]);
}

// 32 channels through 8 on a large map: 8 take as long as a whole vector of 16.
TEST(SlimBudgets, SaysWhereMultiplicationsAreNotTime) {
  std::mt19937 random(1);
  const testing::Geometry pointwise = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}};
  onnx::ModelProto thin = testing::ModelOf(testing::RandomConv(random, pointwise, 32, 32), {256, 256});
  SlimOptions options;
  options.passes = {{"low-rank", std::nullopt}};
  options.bounds.max_error = 1;
  options.input_shapes = {{"x", {1, 32, 256, 256}}};
  options.fit = Fit::kWeights;
  options.measure_latency = false;
  options.synthetic_samples = 2;
  options.runtime = testing::TestRuntime();
  const auto warned = Contains(HasSubstr("of the saving in multiplications arrives as time"));
  for (const bool in_macs : {true, false}) {
    onnx::ModelProto model = thin;
    (in_macs ? options.target_macs : options.target_params) = 0.6;
    (in_macs ? options.target_params : options.target_macs) = std::nullopt;
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    if (in_macs) {
      EXPECT_THAT(report->warnings, warned);
    } else {
      EXPECT_THAT(report->warnings, ::testing::Not(warned));
    }
  }
}

TEST(SlimBudgets, OutOfReachNamesTheLeastThereIs) {
  SlimOptions options = NoLatency();
  options.target_size = FileSize{0, 5'000};
  onnx::ModelProto model = SmallClassifier("8,8");
  const std::string before = model.SerializeAsString();
  const absl::StatusOr<SlimReport> refused = Slim(model, options);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->verdict, Verdict::kRefused);
  EXPECT_EQ(model.SerializeAsString(), before);
  EXPECT_EQ(refused->budgets.front().reached, std::nullopt);
  const std::string start = "target-size 5000 bytes cannot be reached: the least that these passes could give is ";
  ASSERT_THAT(refused->reason, ::testing::StartsWith(start));
  // And with the figure it gives, the run goes through.
  options.target_size->bytes = std::stoll(refused->reason.substr(start.size()));
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
  EXPECT_LE(static_cast<int64_t>(model.ByteSizeLong()), options.target_size->bytes);
}

TEST(SlimBudgets, ParametersAndBytesNeedNoShapes) {
  SlimOptions options = NoLatency();
  options.input_shapes.clear();
  options.runtime = nullptr;
  options.verify = Verify::kOff;
  options.fit = Fit::kWeights;
  options.target_params = 0.5;
  options.target_size = FileSize{0.6, 0};
  onnx::ModelProto model = SmallClassifier("h,w");
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
  EXPECT_EQ(report->before.macs, std::nullopt);
  EXPECT_LE(TotalParameters(model.graph()), report->before.params / 2);
  options.target_macs = 0.5;
  const absl::StatusOr<SlimReport> unknown = Slim(model, options);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("--input-shape"));
}

TEST(SlimBudgets, RefusesNonsense) {
  const auto message = [](const SlimOptions& options) {
    onnx::ModelProto model = SmallClassifier("8,8");
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(report.status().message());
  };
  SlimOptions options = NoLatency();
  options.target_params = 1.5;
  EXPECT_THAT(message(options), HasSubstr("target-params is 1.5"));
  options = NoLatency();
  options.target_size = FileSize{-1, 0};
  EXPECT_THAT(message(options), HasSubstr("target-size is -1"));
  options.target_size = FileSize{0, 0};
  EXPECT_THAT(message(options), HasSubstr("target-size is 0 bytes"));
  options = NoLatency();
  options.bounds.min_agreement = 0;
  EXPECT_THAT(message(options), HasSubstr("min-agreement is 0"));
  options = NoLatency();
  options.passes = {{"dsc", 2}};
  options.target_size = FileSize{0.5, 0};
  EXPECT_THAT(message(options), HasSubstr("contradict"));
}

TEST(SlimBounds, AgreementIsHeldAndIsNotTheErrorBound) {
  std::vector<int64_t> macs;
  for (const double least : {1.0, 0.25}) {
    onnx::ModelProto model = SmallClassifier("8,8");
    SlimOptions options = NoLatency();
    options.bounds = {std::nullopt, least};
    options.synthetic_samples = 100;
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_EQ(report->verdict, Verdict::kSlimmed) << report->reason;
    EXPECT_TRUE(report->verified);
    EXPECT_EQ(report->bounds.max_error, std::nullopt);
    EXPECT_EQ(report->comparison->top1_rows, 20);
    EXPECT_GE(*report->comparison->top1_agreement, least);
    EXPECT_THAT(report->warnings, ::testing::IsEmpty());
    macs.push_back(*report->after.macs);
  }
  EXPECT_LT(macs[1], macs[0]);
}

TEST(SlimBounds, AgreementNextToABudgetIsCheckedAtTheEnd) {
  onnx::ModelProto model = SmallClassifier("8,8");
  SlimOptions options = NoLatency();
  options.target_macs = 0.1;
  options.bounds.min_agreement = 1;
  options.synthetic_samples = 100;
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->verdict, Verdict::kRefused);
  EXPECT_THAT(report->reason, HasSubstr("on 20 held-out samples, the bound is 1"));
}

TEST(SlimBounds, TooFewSamplesForTheAgreementAreWarnedAbout) {
  onnx::ModelProto model = SmallClassifier("8,8");
  SlimOptions options = NoLatency();
  options.bounds.min_agreement = 0.9;
  options.synthetic_samples = 25;  // 5 held out
  const absl::StatusOr<SlimReport> report = Slim(model, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->warnings, ::testing::Contains(HasSubstr("min-agreement 0.9 is finer than 5 held-out samples")));
}

TEST(SlimBounds, NothingToGainOnMadeUpSamplesIsNotTheLastWord) {
  for (const bool real : {false, true}) {
    onnx::ModelProto model = SmallClassifier("8,8");
    SlimOptions options = NoLatency();
    options.bounds.max_error = 1e-9;
    if (real) {
      const absl::StatusOr<std::vector<InputInfo>> inputs = ModelInputs(model, {{"x", {1, 16, 8, 8}}});
      ASSERT_TRUE(inputs.ok()) << inputs.status();
      options.samples = *SyntheticSamples(*inputs, 10, 5);
    }
    const absl::StatusOr<SlimReport> report = Slim(model, options);
    ASSERT_TRUE(report.ok()) << report.status();
    const auto warned = ::testing::Contains(HasSubstr("judged on made-up samples"));
    if (real) {
      EXPECT_THAT(report->warnings, ::testing::Not(warned));
    } else {
      EXPECT_THAT(report->warnings, warned);
    }
  }
}

TEST(SlimBounds, AgreementNeedsAClassifierAndARuntime) {
  onnx::ModelProto model = SmallClassifier("8,8", 1);  // a single number is no choice
  SlimOptions options = NoLatency();
  options.bounds.min_agreement = 0.9;
  const absl::StatusOr<SlimReport> no_classes = Slim(model, options);
  EXPECT_EQ(no_classes.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(no_classes.status().message()), HasSubstr("no output has a top-1"));
  options.runtime = nullptr;
  options.verify = Verify::kOff;
  options.target_params = 0.5;
  EXPECT_EQ(Slim(model, options).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace cnnopt
