// Samples of every kind but single arrays, which samples_test.cc covers.
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/checksum.h"
#include "runtime/samples.h"
#include "tests/testing/image_files.h"
#include "tests/testing/model.h"
#include "tests/testing/npy_files.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using absl::StatusCode;
using onnx::TensorProto;
using testing::Dict;
using ::testing::ElementsAre;
using testing::FailsWith;
using testing::GrayPng;
using testing::IsOk;
using testing::NpyFile;
using ::testing::Pair;
using testing::TempFolder;
using testing::ZipFile;

onnx::ModelProto Model(const std::string& inputs) {
  return testing::ModelFromText(absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (", inputs,
                                             ") => (float[1] y) <float[1] w = {1}> { y = Identity(w) }"));
}

// A .npy of these bytes.
std::string Bytes(const std::string& shape, const std::string& bytes, const std::string& descr = "u1") {
  return NpyFile(Dict(descr, shape), bytes);
}

class SampleFilesTest : public ::testing::Test {
 protected:
  absl::StatusOr<SampleSet> TryRead(const std::vector<std::string>& paths, const std::string& inputs,
                                    int64_t limit = 100, const ImageOptions& images = {},
                                    const std::map<std::string, Shape>& given = {}) {
    const onnx::ModelProto model = Model(inputs);
    const absl::StatusOr<SampleFiles> files = SampleFiles::Open(paths, model, images);
    if (!files.ok()) {
      return files.status();
    }
    const auto shapes = files->Shapes(given);
    if (!shapes.ok()) {
      return shapes.status();
    }
    shapes_ = *shapes;
    return files->Read(ModelInputs(model, *shapes).value(), limit);
  }
  // The bytes of one input in all samples.
  std::vector<std::string> Read(const std::vector<std::string>& paths, const std::string& inputs,
                                const std::string& name = "x", int64_t limit = 100) {
    absl::StatusOr<SampleSet> set = TryRead(paths, inputs, limit);
    EXPECT_THAT(set, IsOk());
    std::vector<std::string> bytes;
    if (set.ok()) {
      set_ = *std::move(set);
      for (const Sample& sample : set_.samples) {
        bytes.push_back(sample.at(name).bytes);
      }
    }
    return bytes;
  }
  void ExpectInvalid(const std::vector<std::string>& paths, const std::string& inputs, const std::string& part,
                     const std::map<std::string, Shape>& given = {}) {
    const absl::StatusOr<SampleSet> set = TryRead(paths, inputs, 100, {}, given);
    EXPECT_THAT(set, FailsWith(StatusCode::kInvalidArgument, part));
    EXPECT_EQ(set.status().message().find('\n'), absl::string_view::npos);
  }

  TempFolder folder_;
  std::map<std::string, Shape> shapes_;  // of the last reading
  SampleSet set_;
};

TEST_F(SampleFilesTest, AFolderOfArraysIsTheSamplesInNaturalOrder) {
  folder_.Write("s10.npy", Bytes("(2,)", "gh"));
  folder_.Write("s2.npy", Bytes("(1, 2)", "ef"));
  folder_.Write("s1.npy", Bytes("(2, 2)", "abcd"));
  folder_.Write("readme.md", "x");
  EXPECT_THAT(Read({folder_.path()}, "uint8[n,2] x"), ElementsAre("ab", "cd", "ef", "gh"));
  EXPECT_THAT(set_.files, ElementsAre(folder_.Path("s1.npy"), folder_.Path("s2.npy"), folder_.Path("s10.npy")));
  // A batch of two over the files' borders; the last row is left over in a batch of three.
  EXPECT_THAT(Read({folder_.path()}, "uint8[2,2] x"), ElementsAre("abcd", "efgh"));
  EXPECT_THAT(Read({folder_.path()}, "uint8[3,2] x"), ElementsAre("abcdef"));
  // Only the files of the samples chosen are read.
  EXPECT_THAT(Read({folder_.path()}, "uint8[n,2] x", "x", 2), ElementsAre("ab", "ef"));
  EXPECT_THAT(set_.files, ElementsAre(folder_.Path("s1.npy"), folder_.Path("s2.npy")));
}

TEST_F(SampleFilesTest, FilesOfWholeInputs) {
  folder_.Write("0.npy", Bytes("(1, 2, 2)", "abcd"));
  folder_.Write("1.npy", Bytes("(2, 2, 2)", "efghijkl"));
  EXPECT_THAT(Read({folder_.path()}, "uint8[2,2] x"), ElementsAre("abcd", "efgh", "ijkl"));
  folder_.Write("2.npy", Bytes("(2, 2)", "mnop"));
  ExpectInvalid({folder_.path()}, "uint8[2,2] x", "expected whole inputs of type UINT8 as in ");
}

TEST_F(SampleFilesTest, ArraysOfAFolderMustBeAlike) {
  folder_.Write("0.npy", Bytes("(2,)", "ab"));
  folder_.Write("1.npy", Bytes("(3,)", "abc"));
  ExpectInvalid({folder_.path()}, "uint8[n,k] x", "expected [N,2], found [3] in " + folder_.Path("1.npy"));
  folder_.Write("1.npy", Bytes("(2,)", "ab", "i1"));
  ExpectInvalid({folder_.path()}, "uint8[n,2] x", "found rows of type INT8 in " + folder_.Path("1.npy"));
  folder_.Write("1.npy", NpyFile(Dict("|O", "(2,)"), "ab"));
  ExpectInvalid({folder_.path()}, "uint8[n,2] x", "1.npy': object arrays are not read: they would need unpickling");
}

TEST_F(SampleFilesTest, AFolderOfArraysForSeveralInputs) {
  const std::string inputs = "uint8[n,2] x, uint8[n,1] mask";
  const std::vector<std::vector<std::string>> layouts = {
      {"x.npy", "mask.npy"}, {"eeg.x.npy", "eeg.mask.npy"}, {"x/all.npy", "mask/all.npy"}, {"1/x.npy", "2/mask.npy"}};
  for (const std::vector<std::string>& layout : layouts) {
    SCOPED_TRACE(layout[0]);
    const TempFolder folder;
    folder.Write(layout[0], Bytes("(2, 2)", "abcd"));
    folder.Write(layout[1], Bytes("(2, 1)", "yz"));
    EXPECT_THAT(Read({folder.path()}, inputs), ElementsAre("ab", "cd"));
    EXPECT_THAT(Read({folder.path()}, inputs, "mask"), ElementsAre("y", "z"));
    folder.Write("labels.npy", Bytes("(2, 1)", "01"));
    ExpectInvalid({folder.path()}, inputs, "labels.npy' belongs to no input by its name: expected 'x', 'mask'");
  }
}

TEST_F(SampleFilesTest, NamesOfInputsInNamesOfFiles) {
  onnx::ModelProto model = Model("uint8[n,1] a, uint8[n,1] b");
  model.mutable_graph()->mutable_input(0)->set_name("scope/x:0");
  model.mutable_graph()->mutable_input(1)->set_name("0");
  const std::vector<InputInfo> inputs = {{"scope/x:0", TensorProto::UINT8, {1, 1}}, {"0", TensorProto::UINT8, {1, 1}}};
  folder_.Write("scope_x_0.npy", Bytes("(1, 1)", "a"));
  folder_.Write("p.0.npy", Bytes("(1, 1)", "b"));
  const SampleSet set = SampleFiles::Open({folder_.path()}, model)->Read(inputs, 9).value();
  EXPECT_EQ(set.samples.at(0).at("scope/x:0").bytes, "a");
  EXPECT_EQ(set.samples.at(0).at("0").bytes, "b");
  model.mutable_graph()->mutable_input(1)->set_name("scope_x_0");
  EXPECT_THAT(SampleFiles::Open({folder_.path()}, model),
              FailsWith(StatusCode::kInvalidArgument, "have the same name in files, 'scope_x_0'"));
  // The longest name that fits owns a file.
  model.mutable_graph()->mutable_input(0)->set_name("signal");
  model.mutable_graph()->mutable_input(1)->set_name("raw.signal");
  const TempFolder other;
  other.Write("eeg.raw.signal.npy", Bytes("(1, 1)", "r"));
  EXPECT_THAT(SampleFiles::Open({other.path()}, model),
              FailsWith(StatusCode::kInvalidArgument, "no .npy file for input 'signal' in "));
  other.Write("eeg.signal.npy", Bytes("(1, 1)", "s"));
  EXPECT_THAT(SampleFiles::Open({other.path()}, model), IsOk());
}

TEST_F(SampleFilesTest, APathForEachInput) {
  const std::string x = folder_.Write("x=1.npy", Bytes("(2, 2)", "abcd"));
  const std::string mask = folder_.Write("m.npy", Bytes("(2, 1)", "yz"));
  const std::string both = folder_.Write(
      "both.npz", ZipFile({{"x.npy", Bytes("(2, 2)", "abcd")}, {"mask.npy", Bytes("(2, 1)", "yz")}}, true));
  const std::string inputs = "uint8[n,2] x, uint8[n,1] mask";
  EXPECT_THAT(Read({"mask=" + mask, "x=" + x}, inputs), ElementsAre("ab", "cd"));
  EXPECT_THAT(set_.files, ElementsAre(x, mask));                               // in the order of the inputs
  EXPECT_THAT(Read({"x=" + x, mask}, inputs, "mask"), ElementsAre("y", "z"));  // the rest needs no name
  EXPECT_THAT(Read({"x=" + x}, "uint8[n,2] x"), ElementsAre("ab", "cd"));
  EXPECT_THAT(Read({x}, "uint8[n,2] x"), ElementsAre("ab", "cd"));
  EXPECT_THAT(Read({both}, inputs, "mask"), ElementsAre("y", "z"));
  EXPECT_THAT(set_.files, ElementsAre(both));
  ExpectInvalid({"x=" + x}, inputs, "no samples for 'mask': expected NAME=PATH for each");
  ExpectInvalid({"x=" + x, "x=" + x}, inputs, "input 'x' is given samples twice");
  ExpectInvalid({x, mask}, inputs, "name no input: expected NAME=PATH with one of 'x', 'mask'");
  ExpectInvalid({"x=" + x, "mask=" + mask, both}, inputs, "is for no input");
  ExpectInvalid({x}, inputs, "holds one array, the model has the inputs 'x', 'mask'");
  EXPECT_THAT(TryRead({"z=" + x}, "uint8[n,2] x"), FailsWith(StatusCode::kNotFound, "z="));
  const std::string three = folder_.Write("three.npy", Bytes("(3, 1)", "xyz"));
  ExpectInvalid({"x=" + x, "mask=" + three}, inputs,
                "expected 2 samples as the other inputs have, found 3 in " + three);
}

// A tensor as the model zoo writes it.
std::string Tensor(const std::vector<int64_t>& dims, const std::string& bytes, int32_t type = TensorProto::UINT8) {
  TensorProto tensor;
  tensor.mutable_dims()->Add(dims.begin(), dims.end());
  tensor.set_data_type(type);
  tensor.set_raw_data(bytes);
  return tensor.SerializeAsString();
}

TEST_F(SampleFilesTest, OnnxTestData) {
  folder_.Write("test_data_set_0/input_0.pb", Tensor({1, 2}, "ab"));
  folder_.Write("test_data_set_0/input_1.pb", Tensor({1, 1}, "x"));
  folder_.Write("test_data_set_0/output_0.pb", "whatever");
  folder_.Write("test_data_set_10/input_0.pb", Tensor({1, 2}, "ef"));
  folder_.Write("test_data_set_10/input_1.pb", Tensor({1, 1}, "z"));
  folder_.Write("test_data_set_2/input_0.pb", Tensor({1, 2}, "cd"));
  folder_.Write("test_data_set_2/input_1.pb", Tensor({1, 1}, "y"));
  // Initializers that are also inputs do not count.
  const std::string inputs = "uint8[n,2] x, float[1] w, uint8[n,1] mask";
  EXPECT_THAT(Read({folder_.path()}, inputs), ElementsAre("ab", "cd", "ef"));
  EXPECT_THAT(Read({folder_.path() + "/"}, inputs, "mask"), ElementsAre("x", "y", "z"));
  EXPECT_THAT(Read({folder_.Path("test_data_set_2")}, inputs, "mask"), ElementsAre("y"));
  EXPECT_THAT(Read({folder_.path()}, inputs, "mask", 2), ElementsAre("x", "y"));
  EXPECT_THAT(set_.files,
              ElementsAre(folder_.Path("test_data_set_0/input_0.pb"), folder_.Path("test_data_set_2/input_0.pb"),
                          folder_.Path("test_data_set_0/input_1.pb"), folder_.Path("test_data_set_2/input_1.pb")));
  EXPECT_THAT(Read({folder_.path()}, "uint8[3,2] x, uint8[3,1] mask"), ElementsAre("abcdef"));
  EXPECT_THAT(Read({"x=" + folder_.Path("test_data_set_0/input_0.pb"), "mask=" + folder_.Path("test_data_set_10")},
                   inputs, "mask"),
              ElementsAre("z"));
  ExpectInvalid({folder_.path()}, "uint8[n,2] x", "input_1.pb' is for no input: the model has 1");
  ExpectInvalid({folder_.path()}, inputs + ", uint8[n] z", "no test_data_set_0/input_2.pb for input 'z' in ");
}

TEST_F(SampleFilesTest, OnnxTestDataSettlesShapesAndConverts) {
  TensorProto typed;
  typed.add_dims(2);
  typed.add_dims(3);
  typed.set_data_type(TensorProto::INT64);
  for (int i = 0; i < 6; ++i) {
    typed.add_int64_data(i);
  }
  folder_.Write("input_0.pb", typed.SerializeAsString());
  const SampleSet set = TryRead({folder_.path()}, "float[n,k] x").value();
  EXPECT_THAT(shapes_, ElementsAre(Pair("x", Shape{1, 3})));
  ASSERT_EQ(set.samples.size(), 2u);
  EXPECT_THAT(ToDoubles(set.samples[1].at("x")).value(), ElementsAre(3, 4, 5));
}

TEST_F(SampleFilesTest, OnnxTestDataThatIsWrong) {
  const auto expect = [&](const std::string& bytes, const std::string& part) {
    folder_.Write("input_0.pb", bytes);
    ExpectInvalid({folder_.path()}, "uint8[n,2] x", part);
  };
  expect("", "input_0.pb': not an ONNX tensor");
  expect("hello world", "input_0.pb': not an ONNX tensor");
  const std::string good = Tensor({1, 2}, "ab");
  for (size_t size = 1; size < good.size(); ++size) {
    folder_.Write("input_0.pb", good.substr(0, size));
    EXPECT_FALSE(TryRead({folder_.path()}, "uint8[n,2] x").ok()) << size;
  }
  expect(Tensor({1, 2}, "abc"), "input_0.pb': ");
  expect(Tensor({1, int64_t{1} << 62}, "ab"), "input_0.pb': ");
  expect(Tensor({1, 3}, "abc"), "input 'x': expected [N,2], found [1,3] in " + folder_.Path("input_0.pb"));
  expect(Tensor({0, 2}, ""), "holds an empty tensor");
  folder_.Write("input_0.pb", good);
  folder_.Write("test_data_set_1/input_0.pb", Tensor({2, 2}, "abcd"));
  ExpectInvalid({folder_.path()}, "uint8[n,2] x", "expected UINT8 [1,2] as in ");
}

TEST_F(SampleFilesTest, RawBytes) {
  const std::string path = folder_.Write("x.bin", "PKabcdefghij");  // which start as a zip does
  EXPECT_THAT(Read({path}, "uint8[n,2,2] x"), ElementsAre("PKab", "cdef", "ghij"));
  EXPECT_THAT(Read({path}, "uint8[n,2,2] x", "x", 2), ElementsAre("PKab", "cdef"));
  EXPECT_THAT(Read({path}, "uint8[3,2] x"), ElementsAre("PKabcd", "efghij"));
  EXPECT_THAT(Read({path}, "float[n] x"), ElementsAre("PKab", "cdef", "ghij"));
  ExpectInvalid({path}, "uint8[n,5] x",
                "expected a multiple of 5 bytes, the size of input 'x' with shape [1,5], found 12 bytes");
  ExpectInvalid({path}, "float[n,2] x", "expected a multiple of 8 bytes");
  ExpectInvalid({folder_.Write("none.bin", "")}, "uint8[n,5] x", "found 0 bytes");
  ExpectInvalid({path}, "uint8[n,k] x", "raw bytes have no shape");
  EXPECT_EQ(TryRead({path}, "uint8[n,k] x", 100, {}, {{"x", {1, 6}}})->samples.size(), 2u);
  ExpectInvalid({path}, "uint8[n] x, uint8[n] z", "holds raw bytes, the model has the inputs 'x', 'z'");
}

TEST_F(SampleFilesTest, FoldersAndFilesOfNoKindOrSeveral) {
  ExpectInvalid({folder_.path()}, "uint8[n] x",
                "is a folder with no samples: expected arrays (.npy, .npz), ONNX test data "
                "(test_data_set_*/input_*.pb), images (.png, .jpg, .jpeg, or a .txt that lists them)");
  ExpectInvalid({folder_.Write("a.csv", "1,2")}, "uint8[n] x", "a.csv' holds no samples: expected ");
  folder_.Write("a.npy", Bytes("(1,)", "a"));
  folder_.Write("a.png", GrayPng(1, 1, {1}));
  ExpectInvalid({folder_.path()}, "uint8[n] x", "expected samples of one kind, found arrays (.npy, .npz) and images");
  // Other names: the first bytes tell.
  EXPECT_THAT(Read({folder_.Write("array", Bytes("(2,)", "ab"))}, "uint8[n] x"), ElementsAre("a", "b"));
  EXPECT_THAT(Read({folder_.Write("picture", GrayPng(1, 1, {'a'}))}, "uint8[n,1,1,1] x"), ElementsAre("a"));
}

TEST_F(SampleFilesTest, SamplesBeyondTheLimitOfMemory) {
  const std::string path = folder_.Write("x.npy", Bytes("(2, 1)", "ab"));
  const onnx::ModelProto model = Model("uint8[n,1] x");
  const SampleFiles files = SampleFiles::Open({path}, model).value();
  const std::string zip = folder_.Write("big.npz", ZipFile({{"x.npy", Bytes("(1000000, 1000000)", "ab")}}, true));
  const SampleFiles big = SampleFiles::Open({zip}, Model("uint8[n,1000000] x")).value();
  EXPECT_THAT(big.Read({{"x", TensorProto::UINT8, {1, 1'000'000}}}, 1'000'000),
              FailsWith(StatusCode::kResourceExhausted, "give a smaller --samples"));
  EXPECT_THAT(big.Read({{"x", TensorProto::UINT8, {1, 1'000'000}}}, 10),
              FailsWith(StatusCode::kInvalidArgument, "the .npy data ends too early"));
}

TEST_F(SampleFilesTest, TheDigestIsOfContentInOrder) {
  const std::string a = folder_.Write("a", "1");
  const std::string b = folder_.Write("b", "2");
  EXPECT_EQ(ContentSha256({a}).value(), Sha256Hex("1"));
  const std::string both = ContentSha256({a, b}).value();
  EXPECT_EQ(both, Sha256Hex(Sha256Hex("1") + "\n" + Sha256Hex("2") + "\n"));
  EXPECT_NE(both, ContentSha256({b, a}).value());
  EXPECT_EQ(both, ContentSha256({folder_.Write("c", "1"), folder_.Write("d", "2")}).value());
  EXPECT_THAT(ContentSha256({a, folder_.Path("missing")}), FailsWith(StatusCode::kNotFound, "missing"));
}

}  // namespace
}  // namespace cnnopt
