#include "tests/testing/expect_rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/shapes.h"
#include "onnx_io/tensor.h"
#include "onnx_io/text.h"
#include "onnx_io/validate.h"
#include "passes/cleanup/cleanup.h"
#include "runtime/session.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {
namespace {

// Rounding of one number of the dtype, as it is written.
double Rounding(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT:
      return 0x1p-23;
    case onnx::TensorProto::DOUBLE:
      return 1e-14;
    case onnx::TensorProto::FLOAT16:
      return 0x1p-10;
    case onnx::TensorProto::BFLOAT16:
      return 0x1p-7;
    default:
      return 0;
  }
}

// Largest difference, relative to the largest output, that rounding makes in a small network.
double NetworkRounding(int32_t data_type) { return 20 * Rounding(data_type); }

InputConstants InputsOf(const onnx::ModelProto& model) {
  return model.ir_version() < 4 ? InputConstants::kConstant : InputConstants::kOverridable;
}

CleanupResult RunPass(absl::string_view name, onnx::ModelProto& model) {
  for (const CleanupPass& pass : CleanupPasses()) {
    if (pass.name == name) {
      absl::StatusOr<CleanupResult> result = RunCleanup(model, {pass}, InputsOf(model));
      EXPECT_TRUE(result.ok()) << result.status();
      return result.ok() ? *std::move(result) : CleanupResult();
    }
  }
  ADD_FAILURE() << "no cleanup pass '" << name << "'";
  return {};
}

std::vector<double> Numbers(const onnx::TensorProto& tensor) {
  if (IsFloating(tensor.data_type())) {
    const absl::StatusOr<std::vector<double>> values = DecodeFloats(tensor);
    EXPECT_TRUE(values.ok()) << values.status();
    return values.value_or(std::vector<double>());
  }
  const absl::StatusOr<std::vector<int64_t>> values = DecodeInts(tensor);
  EXPECT_TRUE(values.ok()) << values.status();
  const std::vector<int64_t> ints = values.value_or(std::vector<int64_t>());
  return std::vector<double>(ints.begin(), ints.end());
}

void ExpectSameTensor(const onnx::TensorProto& actual, const onnx::TensorProto& expected) {
  SCOPED_TRACE(absl::StrCat("initializer '", expected.name(), "'"));
  EXPECT_EQ(actual.data_type(), expected.data_type());
  EXPECT_EQ(TensorShape(actual), TensorShape(expected));
  const std::vector<double> a = Numbers(actual), e = Numbers(expected);
  ASSERT_EQ(a.size(), e.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], e[i], Rounding(expected.data_type()) * std::abs(e[i])) << "element " << i;
  }
}

// A node without its name: "y = Conv(x, w) <attributes, sorted>".
std::string Line(const onnx::NodeProto& node) {
  std::vector<std::string> attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    attributes.push_back(attribute.ShortDebugString());
  }
  std::sort(attributes.begin(), attributes.end());
  return absl::StrCat(absl::StrJoin(node.output(), ", "), " = ", node.domain(), node.domain().empty() ? "" : ".",
                      node.op_type(), "(", absl::StrJoin(node.input(), ", "), ") <", absl::StrJoin(attributes, ", "),
                      ">");
}

std::vector<std::string> Lines(const onnx::GraphProto& graph) {
  std::vector<std::string> lines;
  for (const onnx::NodeProto& node : graph.node()) {
    lines.push_back(Line(node));
  }
  return lines;
}

std::map<std::string, const onnx::TensorProto*> ByName(const onnx::GraphProto& graph) {
  std::map<std::string, const onnx::TensorProto*> tensors;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    EXPECT_TRUE(tensors.emplace(tensor.name(), &tensor).second) << "two initializers '" << tensor.name() << "'";
  }
  return tensors;
}

std::vector<std::string> Names(const std::map<std::string, const onnx::TensorProto*>& tensors) {
  std::vector<std::string> names;
  for (const auto& entry : tensors) {
    names.push_back(entry.first);
  }
  return names;
}

void ExpectSameGraph(const onnx::GraphProto& actual, const onnx::GraphProto& expected) {
  EXPECT_EQ(absl::StrJoin(Lines(actual), "\n"), absl::StrJoin(Lines(expected), "\n"));
  const auto actual_weights = ByName(actual), expected_weights = ByName(expected);
  ASSERT_EQ(Names(actual_weights), Names(expected_weights));
  for (const auto& [name, tensor] : expected_weights) {
    ExpectSameTensor(*actual_weights.at(name), *tensor);
  }
}

// Inputs that a caller must feed, and outputs: name and type.
std::vector<std::string> Interface(const onnx::GraphProto& graph) {
  std::vector<std::string> lines;
  const auto weights = ByName(graph);
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (weights.count(input.name()) == 0) {
      lines.push_back("in " + input.ShortDebugString());
    }
  }
  for (const onnx::ValueInfoProto& output : graph.output()) {
    lines.push_back("out " + output.ShortDebugString());
  }
  return lines;
}

void ExpectValid(const onnx::ModelProto& model) {
  for (const absl::Status& status : {ValidateModel(model), CheckWithOnnx(model)}) {
    EXPECT_TRUE(status.ok()) << status << "\n" << PrintModel(model);
  }
}

// Seeded inputs that fit the model: normal numbers, or 0 and 1 for integers and bools.
Sample RandomSample(const onnx::ModelProto& model) {
  const auto shapes = InputShapes(model, {});
  EXPECT_TRUE(shapes.ok()) << shapes.status();
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  Sample sample;
  for (const onnx::ValueInfoProto& input : model.graph().input()) {
    if (!shapes.ok() || shapes->count(input.name()) == 0) {
      continue;
    }
    const int32_t data_type = input.type().tensor_type().elem_type();
    std::vector<double> values(static_cast<size_t>(ElementCount(shapes->at(input.name()))));
    for (double& value : values) {
      value = normal(random);
      value = IsFloating(data_type) ? value : (value > 0 ? 1 : 0);
    }
    const absl::StatusOr<Tensor> tensor = FromDoubles(values, shapes->at(input.name()), data_type);
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    sample[input.name()] = tensor.value_or(Tensor());
  }
  return sample;
}

std::vector<Tensor> Outputs(const onnx::ModelProto& model, const Sample& sample) {
  SessionOptions options;
  options.optimize = false;
  const absl::StatusOr<Session> session = Session::Create(TestRuntime(), model, options);
  EXPECT_TRUE(session.ok()) << session.status() << "\n" << PrintModel(model);
  if (!session.ok()) {
    return {};
  }
  absl::StatusOr<std::vector<Tensor>> outputs = session->Run(sample);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? *std::move(outputs) : std::vector<Tensor>();
}

void ExpectSameOutputs(const onnx::ModelProto& before, const onnx::ModelProto& after) {
  const Sample sample = RandomSample(before);
  const std::vector<Tensor> a = Outputs(before, sample), b = Outputs(after, sample);
  ASSERT_EQ(a.size(), static_cast<size_t>(before.graph().output_size()));
  ASSERT_EQ(b.size(), a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(b[i].data_type, a[i].data_type);
    ASSERT_EQ(b[i].shape, a[i].shape);
    const std::vector<double> x = ToDoubles(a[i]).value(), y = ToDoubles(b[i]).value();
    double largest = 0, difference = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      ASSERT_TRUE(std::isfinite(x[k])) << "the test model makes no finite numbers";
      largest = std::max(largest, std::abs(x[k]));
      difference = std::max(difference, std::isfinite(y[k]) ? std::abs(x[k] - y[k]) : HUGE_VAL);
    }
    EXPECT_LE(difference, NetworkRounding(a[i].data_type) * largest) << "output " << i;
  }
}

}  // namespace

void ExpectSameFunction(const onnx::ModelProto& before, const onnx::ModelProto& after) {
  ExpectValid(before);
  ExpectValid(after);
  EXPECT_EQ(Interface(after.graph()), Interface(before.graph()));
  ExpectSameOutputs(before, after);
}

void ExpectRewrite(absl::string_view pass, const onnx::ModelProto& before, const onnx::ModelProto& after, Run run) {
  onnx::ModelProto actual = before;
  const CleanupResult result = RunPass(pass, actual);
  EXPECT_FALSE(result.applied.empty()) << pass << " did nothing";
  ExpectSameGraph(actual.graph(), after.graph());
  EXPECT_LT(actual.graph().node_size(), before.graph().node_size());
  if (run == Run::kYes) {
    ExpectSameFunction(before, actual);
  } else {
    ExpectValid(actual);
    EXPECT_EQ(Interface(actual.graph()), Interface(before.graph()));
  }
  onnx::ModelProto again = actual;
  EXPECT_THAT(RunPass(pass, again).applied, ::testing::IsEmpty()) << "a second run changes the result";
  EXPECT_EQ(again.SerializeAsString(), actual.SerializeAsString());
  onnx::ModelProto repeated = before;
  RunPass(pass, repeated);
  EXPECT_EQ(repeated.SerializeAsString(), actual.SerializeAsString()) << "not deterministic";
}

void ExpectRewrite(absl::string_view pass, absl::string_view before, absl::string_view after, Run run) {
  ExpectRewrite(pass, ModelFromText(before), ModelFromText(after), run);
}

void ExpectDeclined(absl::string_view pass, const onnx::ModelProto& model, absl::string_view reason) {
  onnx::ModelProto actual = model;
  const CleanupResult result = RunPass(pass, actual);
  EXPECT_THAT(result.applied, ::testing::IsEmpty());
  EXPECT_EQ(actual.SerializeAsString(), model.SerializeAsString());
  std::vector<std::string> reasons;
  for (const Declined& declined : result.declined) {
    reasons.push_back(absl::StrCat(declined.node, ": ", declined.reason));
  }
  EXPECT_THAT(reasons, ::testing::Contains(::testing::HasSubstr(std::string(reason))));
}

void ExpectDeclined(absl::string_view pass, absl::string_view model, absl::string_view reason) {
  ExpectDeclined(pass, ModelFromText(model), reason);
}

void ExpectLeftAlone(absl::string_view pass, absl::string_view text) {
  const onnx::ModelProto model = ModelFromText(text);
  onnx::ModelProto actual = model;
  const CleanupResult result = RunPass(pass, actual);
  EXPECT_THAT(result.applied, ::testing::IsEmpty());
  EXPECT_THAT(result.declined, ::testing::IsEmpty());
  EXPECT_EQ(actual.SerializeAsString(), model.SerializeAsString());
}

}  // namespace cnnopt::testing
