#include "runtime/samples.h"

#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model.h"
#include "tests/testing/npy_files.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using testing::Dict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::NpyFile;
using ::testing::Pair;
using testing::WriteTemp;
using testing::ZipFile;

// A .npy of the bytes 0, 1, 2, ...
std::string Counting(const Shape& shape, const std::string& descr = "u1") {
  std::string data(static_cast<size_t>(ElementCount(shape)), '\0');
  std::iota(data.begin(), data.end(), '\0');
  return NpyFile(Dict(descr, absl::StrCat("(", absl::StrJoin(shape, ","), shape.empty() ? ")" : ",)")), data);
}

onnx::ModelProto Model(const std::string& inputs) {
  return testing::ModelFromText(absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (", inputs,
                                             ") => (float[1] y) <float[1] w = {1}> { y = Identity(w) }"));
}

// The samples at `path` for `inputs`, all the model has.
absl::StatusOr<std::vector<Sample>> ReadSamples(const std::string& path, const std::vector<InputInfo>& inputs,
                                                int64_t limit) {
  onnx::ModelProto model;
  for (const InputInfo& input : inputs) {
    model.mutable_graph()->add_input()->set_name(input.name);
  }
  const absl::StatusOr<SampleFiles> files = SampleFiles::Open({path}, model);
  if (!files.ok()) {
    return files.status();
  }
  absl::StatusOr<SampleSet> set = files->Read(inputs, limit);
  return set.ok() ? absl::StatusOr<std::vector<Sample>>(std::move(set->samples)) : set.status();
}

absl::StatusOr<std::map<std::string, Shape>> SampleShapes(const std::string& path, const onnx::ModelProto& model) {
  const absl::StatusOr<SampleFiles> files = SampleFiles::Open({path}, model);
  return files.ok() ? files->Shapes() : files.status();
}

InputInfo Input(const std::string& name, const Shape& shape, int32_t data_type = TensorProto::UINT8) {
  return {name, data_type, shape};
}

std::vector<Sample> Read(const std::string& path, const std::vector<InputInfo>& inputs, int64_t limit = 100) {
  absl::StatusOr<std::vector<Sample>> samples = ReadSamples(path, inputs, limit);
  EXPECT_TRUE(samples.ok()) << samples.status();
  return samples.ok() ? *std::move(samples) : std::vector<Sample>();
}

void ExpectInvalid(const absl::Status& status, const std::string& part) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

// The first byte of each sample.
std::vector<int> Starts(const std::vector<Sample>& samples, const std::string& name = "x") {
  std::vector<int> starts;
  for (const Sample& sample : samples) {
    starts.push_back(sample.at(name).bytes[0]);
  }
  return starts;
}

TEST(SamplesTest, FirstAxisCountsSamples) {
  const std::vector<Sample> samples = Read(WriteTemp("a.npy", Counting({3, 2, 2})), {Input("x", {1, 2, 2})});
  EXPECT_THAT(Starts(samples), ElementsAre(0, 4, 8));
  EXPECT_THAT(samples[1].at("x").shape, ElementsAre(1, 2, 2));
  EXPECT_EQ(samples[1].at("x").bytes, "\4\5\6\7");
  EXPECT_EQ(samples[1].at("x").data_type, TensorProto::UINT8);
}

TEST(SamplesTest, BatchTakesSeveralRowsAndDropsTheRest) {
  const std::vector<Sample> samples = Read(WriteTemp("a.npy", Counting({7, 2})), {Input("x", {3, 2})});
  EXPECT_THAT(Starts(samples), ElementsAre(0, 6));
  EXPECT_THAT(samples[1].at("x").shape, ElementsAre(3, 2));
  ExpectInvalid(ReadSamples(WriteTemp("a.npy", Counting({2, 2})), {Input("x", {3, 2})}, 9).status(),
                "input 'x': expected at least 3 rows, found 2 in ");
}

TEST(SamplesTest, OneAxisLessOrMore) {
  EXPECT_THAT(Starts(Read(WriteTemp("a.npy", Counting({2, 2})), {Input("x", {1, 2, 2})})), ElementsAre(0));
  EXPECT_THAT(Starts(Read(WriteTemp("a.npy", Counting({2, 3, 2})), {Input("x", {3, 2})})), ElementsAre(0, 6));
  EXPECT_THAT(Starts(Read(WriteTemp("a.npy", Counting({4})), {Input("x", {})})), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Starts(Read(WriteTemp("a.npy", Counting({})), {Input("x", {})})), ElementsAre(0));
}

TEST(SamplesTest, EvenSelection) {
  const std::string path = WriteTemp("a.npy", Counting({10, 1}));
  const std::vector<InputInfo> inputs = {Input("x", {1, 1})};
  EXPECT_THAT(Starts(Read(path, inputs, 4)), ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(Starts(Read(path, inputs, 1)), ElementsAre(0));
  EXPECT_THAT(Starts(Read(path, inputs, 10)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_TRUE(Read(path, inputs, 0).empty());
}

TEST(SamplesTest, ConvertsToTheInputsType) {
  const std::string path = WriteTemp("a.npy", NpyFile(Dict("<f4", "(2, 1)"), FromDoubles({1.5, -2}, {2, 1}, 1)->bytes));
  for (const int32_t type : {TensorProto::FLOAT, TensorProto::FLOAT16, TensorProto::DOUBLE, TensorProto::INT64}) {
    const std::vector<Sample> samples = Read(path, {Input("x", {1, 1}, type)});
    ASSERT_EQ(samples.size(), 2u);
    EXPECT_EQ(samples[1].at("x").data_type, type);
    EXPECT_THAT(ToDoubles(samples[0].at("x")).value(), ElementsAre(type == TensorProto::INT64 ? 2 : 1.5));
    EXPECT_THAT(ToDoubles(samples[1].at("x")).value(), ElementsAre(-2));
  }
  const std::vector<Sample> samples = Read(WriteTemp("a.npy", Counting({3, 1})), {Input("x", {1, 1}, 1)});
  EXPECT_THAT(ToDoubles(samples[2].at("x")).value(), ElementsAre(2));
}

TEST(SamplesTest, SeveralInputs) {
  const std::string path =
      WriteTemp("a.npz", ZipFile({{"a.npy", Counting({2, 3})}, {"b.npy", Counting({4, 1})}}, true));
  const std::vector<Sample> samples = Read(path, {Input("a", {1, 3}), Input("b", {2, 1})});
  EXPECT_THAT(Starts(samples, "a"), ElementsAre(0, 3));
  EXPECT_THAT(Starts(samples, "b"), ElementsAre(0, 2));
  ExpectInvalid(ReadSamples(path, {Input("a", {1, 3}), Input("b", {1, 1})}, 9).status(),
                "input 'b': expected 2 samples as the other inputs have, found 4 in ");
  ExpectInvalid(ReadSamples(path, {Input("a", {1, 3})}, 9).status(), "array 'b' in ");
  ExpectInvalid(ReadSamples(path, {Input("a", {1, 3}), Input("b", {1, 1}), Input("c", {1})}, 9).status(),
                "no array for input 'c' in ");
  const std::string npy = WriteTemp("a.npy", Counting({2, 3}));
  ExpectInvalid(ReadSamples(npy, {Input("a", {1, 3}), Input("b", {2, 1})}, 9).status(),
                "holds one array, the model has the inputs 'a', 'b'");
}

TEST(SamplesTest, ShapesThatDoNotFit) {
  const std::string path = WriteTemp("cifar.npy", Counting({5, 1, 2, 2}));
  ExpectInvalid(ReadSamples(path, {Input("image", {1, 3, 4, 4})}, 9).status(),
                "input 'image': expected [N,3,4,4], found [5,1,2,2] in " + path);
  ExpectInvalid(ReadSamples(path, {Input("image", {1, 2})}, 9).status(), "expected [N,2], found [5,1,2,2]");
  ExpectInvalid(ReadSamples(path, {Input("image", {2, 2, 2})}, 9).status(), "expected [N,2,2], found [5,1,2,2]");
  ExpectInvalid(ReadSamples(path, {Input("image", {1, 5, 1, 2, 2, 3})}, 9).status(), "expected [N,5,1,2,2,3]");
  ExpectInvalid(ReadSamples(path, {Input("image", {0, 1, 2, 2})}, 9).status(), "takes no samples");
  ExpectInvalid(ReadSamples(WriteTemp("a.npy", Counting({0, 2})), {Input("x", {1, 2})}, 9).status(),
                "expected at least 1 rows, found 0");
  EXPECT_EQ(ReadSamples("/nowhere.npy", {Input("x", {1})}, 9).status().code(), absl::StatusCode::kNotFound);
}

TEST(SampleShapesTest, FileSettlesWhatTheModelLeavesOpen) {
  const std::string path = WriteTemp("a.npy", Counting({5, 3, 2, 2}));
  const auto shapes = [&path](const std::string& input) { return SampleShapes(path, Model(input)).value(); };
  EXPECT_THAT(shapes("float[n,3,h,w] x"), ElementsAre(Pair("x", Shape{1, 3, 2, 2})));
  EXPECT_THAT(shapes("float[4,3,h,w] x"), ElementsAre(Pair("x", Shape{4, 3, 2, 2})));
  EXPECT_THAT(shapes("float[1,n,3,h,w] x"), ElementsAre(Pair("x", Shape{1, 5, 3, 2, 2})));
  EXPECT_THAT(shapes("float[3,h,w] x"), ElementsAre(Pair("x", Shape{3, 2, 2})));
  EXPECT_THAT(shapes("float[n,3,h,w] x, float[1] w"), ElementsAre(Pair("x", Shape{1, 3, 2, 2})));
  EXPECT_THAT(shapes("float[] x"), ElementsAre(Pair("x", Shape{1, 3, 2, 2})));
  ExpectInvalid(SampleShapes(path, Model("float[n,4,h,w] x")).status(),
                "input 'x': expected [N,4,?,?], found [5,3,2,2] in " + path);
  ExpectInvalid(SampleShapes(path, Model("float[n] x, float[n] z")).status(), "the inputs 'x', 'z'");
}

TEST(SampleShapesTest, EveryInputOfANpz) {
  const std::string path =
      WriteTemp("a.npz", ZipFile({{"a.npy", Counting({2, 3})}, {"b.npy", Counting({4, 1})}}, true));
  EXPECT_THAT(SampleShapes(path, Model("float[n,k] a, float[2,k] b")).value(),
              ElementsAre(Pair("a", Shape{1, 3}), Pair("b", Shape{2, 1})));
  ExpectInvalid(SampleShapes(path, Model("float[n,k] a")).status(), "array 'b' in ");
}

TEST(ModelInputsTest, InputsThatHaveAShape) {
  const onnx::ModelProto model = Model("float16[n,3] b, int64[n] a, float[1] w");
  const std::vector<InputInfo> inputs = ModelInputs(model, {{"a", {1}}, {"b", {1, 3}}}).value();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].name, "b");
  EXPECT_EQ(inputs[0].data_type, TensorProto::FLOAT16);
  EXPECT_THAT(inputs[0].shape, ElementsAre(1, 3));
  EXPECT_EQ(inputs[1].data_type, TensorProto::INT64);
  const absl::Status status = ModelInputs(Model("seq(float[1]) s"), {{"s", {1}}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'s'"));
}

}  // namespace
}  // namespace cnnopt
