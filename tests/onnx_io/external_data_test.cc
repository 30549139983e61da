#include "onnx_io/external_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/model_file.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::FileBytes;
using testing::IsOk;
using testing::ModelFromText;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TempFolder;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kTooMuch = absl::StatusCode::kResourceExhausted;

onnx::TensorProto Tensor(const std::string& name, int64_t floats) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(floats);
  return tensor;
}

onnx::TensorProto External(const std::string& name, int64_t floats, const std::string& location, int64_t offset = 0) {
  onnx::TensorProto tensor = Tensor(name, floats);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair("location", location), std::pair("offset", absl::StrCat(offset))}) {
    tensor.add_external_data()->set_key(key);
    tensor.mutable_external_data()->rbegin()->set_value(value);
  }
  return tensor;
}

onnx::TensorProto Raw(const std::string& name, const std::string& bytes) {
  onnx::TensorProto tensor = Tensor(name, static_cast<int64_t>(bytes.size()) / 4);
  tensor.set_raw_data(bytes);
  return tensor;
}

onnx::ModelProto ModelWith(const std::vector<onnx::TensorProto>& initializers) {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] y) { y = Relu(x) })");
  for (const onnx::TensorProto& tensor : initializers) {
    *model.mutable_graph()->add_initializer() = tensor;
  }
  return model;
}

std::string Put(const TempFolder& folder, const std::string& name, const onnx::ModelProto& model) {
  return folder.Write(name, model.SerializeAsString());
}

// --- reading

TEST(ExternalData, IsLoadedFromManyFilesAndSharedRanges) {
  const TempFolder folder;
  folder.Write("one.bin", "0123456789abcdef");
  folder.Write("sub/two.bin", "ABCDEFGH");
  const std::string path = Put(folder, "m.onnx",
                               ModelWith({External("a", 4, "one.bin"), External("b", 2, "one.bin", 8),
                                          External("c", 2, "./sub/two.bin"), External("none", 0, "one.bin", 16)}));
  const absl::StatusOr<ModelFile> file = ReadModel(path);
  ASSERT_THAT(file, IsOk());
  const auto& tensors = file->proto.graph().initializer();
  EXPECT_EQ(tensors[0].raw_data(), "0123456789abcdef");
  EXPECT_EQ(tensors[1].raw_data(), "89abcdef");
  EXPECT_EQ(tensors[2].raw_data(), "ABCDEFGH");
  EXPECT_EQ(tensors[3].raw_data(), "");
  for (const onnx::TensorProto& tensor : tensors) {
    EXPECT_FALSE(tensor.has_data_location());
    EXPECT_EQ(tensor.external_data_size(), 0);
  }
  EXPECT_TRUE(file->had_external_data);
  EXPECT_EQ(file->bytes, static_cast<int64_t>(FileBytes(path).size()) + 16 + 8 + 8);
}

TEST(ExternalData, IsLoadedWhereverATensorStands) {
  const TempFolder folder;
  folder.Write("w", "0123456789abcdef");
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[4] x, bool c) => (float[4] y) {
      k = Constant<value = float[1] {1}>()
      y = If(c) <then_branch = t () => (float[4] a) { a = Relu(x) }, else_branch = e () => (float[4] b) { b = Neg(x) }>
    }
    <domain: "local", opset_import: ["" : 17]> F (a) => (s) { k = Constant<value = float[1] {1}>() s = Add(a, k) })");
  onnx::GraphProto& graph = *model.mutable_graph();
  *graph.mutable_node(0)->mutable_attribute(0)->mutable_t() = External("", 2, "w");
  *graph.mutable_node(1)->mutable_attribute(0)->mutable_g()->add_initializer() = External("inner", 1, "w", 4);
  *model.mutable_functions(0)->mutable_node(0)->mutable_attribute(0)->mutable_t() = External("", 1, "w", 8);
  *model.add_training_info()->mutable_algorithm()->add_initializer() = External("rate", 1, "w", 12);
  onnx::SparseTensorProto& sparse = *graph.add_sparse_initializer();
  sparse.add_dims(9);
  *sparse.mutable_values() = External("sparse", 1, "w");
  *sparse.mutable_indices() = Tensor("", 1);
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->add_int64_data(5);
  const absl::StatusOr<ModelFile> file = ReadModel(Put(folder, "m.onnx", model));
  ASSERT_THAT(file, IsOk());
  const onnx::GraphProto& read = file->proto.graph();
  EXPECT_EQ(read.node(0).attribute(0).t().raw_data(), "01234567");
  EXPECT_EQ(read.node(1).attribute(0).g().initializer(0).raw_data(), "4567");
  EXPECT_EQ(read.sparse_initializer(0).values().raw_data(), "0123");
  EXPECT_EQ(file->proto.functions(0).node(0).attribute(0).t().raw_data(), "89ab");
  EXPECT_EQ(file->proto.training_info(0).algorithm().initializer(0).raw_data(), "cdef");
}

TEST(ExternalData, IndicesOfSparseTensorsAreCheckedAfterLoading) {
  onnx::ModelProto model = ModelWith({});
  onnx::SparseTensorProto& sparse = *model.mutable_graph()->add_sparse_initializer();
  sparse.add_dims(9);
  *sparse.mutable_values() = Raw("sparse", "0123");
  *sparse.mutable_indices() = External("", 1, "w");
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  const TempFolder folder;
  const std::string path = Put(folder, "m.onnx", model);
  folder.Write("w", std::string("\x08\0\0\0\0\0\0\0", 8));
  EXPECT_THAT(ReadModel(path), IsOk());
  folder.Write("w", std::string("\x09\0\0\0\0\0\0\0", 8));
  EXPECT_THAT(ReadModel(path), FailsWith(kInvalid, "tensor 'sparse': index 9 of stored value 0"));
}

TEST(ExternalData, RangesMustLieInTheFile) {
  const TempFolder folder;
  folder.Write("w", "0123456789abcdef");
  const std::vector<std::pair<int64_t, int64_t>> beyond = {{5, 0}, {4, 1}, {1, 13}, {1, 16}, {1, INT64_MAX}, {0, 17}};
  for (const auto& [floats, offset] : beyond) {
    EXPECT_THAT(ReadModel(Put(folder, "m.onnx", ModelWith({External("a", floats, "w", offset)}))),
                FailsWith(kInvalid, absl::StrCat("tensor 'a': needs ", 4 * floats, " bytes at offset ", offset,
                                                 " of an external data file of 16 bytes")));
  }
  EXPECT_THAT(ReadModel(Put(folder, "m.onnx", ModelWith({External("a", int64_t{1} << 40, "w")}))),
              FailsWith(kInvalid, "tensor 'a': needs 4398046511104 bytes"));
}

struct BadPlace {
  const char* name;
  std::function<void(const TempFolder&)> make;  // in model/, where the model refers to "w"
  absl::StatusCode code;
  const char* message;
};
void PrintTo(const BadPlace& place, std::ostream* out) { *out << place.name; }
class Place : public ::testing::TestWithParam<BadPlace> {};

TEST_P(Place, IsRefused) {
  const TempFolder folder;
  folder.Write("secret", "0123456789abcdef");
  folder.Write("outside/w", "0123456789abcdef");
  const std::string path = Put(folder, "model/m.onnx", ModelWith({External("a", 4, "sub/w")}));
  GetParam().make(folder);
  EXPECT_THAT(ReadModel(path), FailsWith(GetParam().code, GetParam().message));
  EXPECT_THAT(ReadModel(path), FailsWith(GetParam().code, "tensor 'a'"));
}

INSTANTIATE_TEST_SUITE_P(
    ExternalData, Place,
    ::testing::Values(BadPlace{"Missing", [](const TempFolder&) {}, absl::StatusCode::kNotFound, "sub/w"},
                      BadPlace{"Folder",
                               [](const TempFolder& f) { std::filesystem::create_directories(f.Path("model/sub/w")); },
                               kInvalid, "is a folder"},
                      BadPlace{"Pipe",
                               [](const TempFolder& f) {
                                 std::filesystem::create_directory(f.Path("model/sub"));
                                 ASSERT_EQ(mkfifo(f.Path("model/sub/w").c_str(), 0600), 0);
                               },
                               kInvalid, "is a pipe"},
                      BadPlace{"Device", [](const TempFolder& f) { f.Link("model/sub/w", "/dev/zero"); }, kInvalid,
                               "link out of the model's folder"},
                      BadPlace{"LinkOut", [](const TempFolder& f) { f.Link("model/sub/w", f.Path("secret")); },
                               kInvalid, "link out of the model's folder"},
                      BadPlace{"RelativeLinkOut", [](const TempFolder& f) { f.Link("model/sub/w", "../../secret"); },
                               kInvalid, "link out of the model's folder"},
                      BadPlace{"LinkedParent", [](const TempFolder& f) { f.Link("model/sub", "../outside"); }, kInvalid,
                               "link out of the model's folder"},
                      BadPlace{"LinkToASiblingWithTheSamePrefix",
                               [](const TempFolder& f) {
                                 f.Write("model-2/w", "0123456789abcdef");
                                 f.Link("model/sub", "../model-2");
                               },
                               kInvalid, "link out of the model's folder"},
                      BadPlace{"LinkInACircle", [](const TempFolder& f) { f.Link("model/sub/w", "w"); },
                               absl::StatusCode::kUnavailable, "sub/w"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ExternalData, LinksInsideTheFolderAreFollowed) {
  const TempFolder folder;
  folder.Write("store/blob", "0123");
  folder.Link("w", "store/blob");
  EXPECT_THAT(ReadModel(Put(folder, "m.onnx", ModelWith({External("a", 1, "w")}))), IsOk());
}

// How model hubs keep files: snapshots/<version>/ holds links into blobs/.
TEST(ExternalData, StoresOfLinksAreFollowed) {
  const TempFolder folder;
  folder.Write("blobs/1", ModelWith({External("a", 1, "m.onnx.data")}).SerializeAsString());
  folder.Write("blobs/2", "0123");
  const std::string path = folder.Link("snapshots/v1/m.onnx", "../../blobs/1");
  folder.Link("snapshots/v1/m.onnx.data", "../../blobs/2");
  const absl::StatusOr<ModelFile> file = ReadModel(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->proto.graph().initializer(0).raw_data(), "0123");
}

TEST(ExternalData, ALinkedModelFindsTheDataBesideTheRealOne) {
  const TempFolder folder;
  Put(folder, "real/m.onnx", ModelWith({External("a", 1, "w")}));
  folder.Write("real/w", "0123");
  EXPECT_THAT(ReadModel(folder.Link("mine/model.onnx", "../real/m.onnx")), IsOk());
}

TEST(ExternalData, MemoryIsLimitedBeforeAnyIsTaken) {
  const TempFolder folder;
  folder.Write("w", "");
  std::filesystem::resize_file(folder.Path("w"), uintmax_t{1} << 40);  // a hole
  onnx::ModelProto model = ModelWith({External("a", int64_t{1} << 20, "w"), External("b", int64_t{1} << 37, "w")});
  EXPECT_THAT(ReadModel(Put(folder, "m.onnx", model)),
              FailsWith(kTooMuch, "tensor 'b': external data takes more than"));
  EXPECT_THAT(LoadExternalData(model, folder.Path("m.onnx"), int64_t{1} << 30),
              FailsWith(kTooMuch, "--max-model-memory"));
  onnx::ModelProto small = ModelWith({External("a", 25, "w"), External("b", 25, "w")});
  EXPECT_THAT(LoadExternalData(small, folder.Path("m.onnx"), 199), FailsWith(kTooMuch, "tensor 'b'"));
  EXPECT_THAT(LoadExternalData(small, folder.Path("m.onnx"), 200), IsOk());
}

TEST(InputFile, NoticesThatTheFileChanged) {
  const TempFolder folder;
  const std::string path = folder.Write("w", "0123456789");
  const absl::StatusOr<InputFile> file = InputFile::Open(path);
  ASSERT_THAT(file, IsOk());
  char buffer[10];
  EXPECT_THAT(file->ReadAllAt(0, buffer, 10), IsOk());
  EXPECT_THAT(file->CheckUnchanged(), IsOk());
  std::filesystem::resize_file(path, 5);
  EXPECT_THAT(file->ReadAllAt(0, buffer, 10), FailsWith(absl::StatusCode::kUnavailable, "became shorter"));
  EXPECT_THAT(file->CheckUnchanged(), FailsWith(absl::StatusCode::kUnavailable, "changed from 10 to 5 bytes"));
}

// --- writing

// The range of an external tensor, as the file has it.
ExternalRange RangeOf(const std::string& path, int initializer) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(FileBytes(path)));
  const onnx::TensorProto& tensor = model.graph().initializer(initializer);
  EXPECT_EQ(tensor.data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_FALSE(tensor.has_raw_data());
  return *ReadExternalRange(tensor);
}

TEST(ExternalPayloads, ComeBackAsTheyWere) {
  const std::string big(size_t{3} << 20, 'b');
  onnx::ModelProto model = ModelWith({Raw("a", "0123"), Raw("big", big), Raw("a again", "0123"), Raw("small", "")});
  onnx::TensorProto& stale = *model.mutable_graph()->mutable_initializer(0);
  stale.set_data_location(onnx::TensorProto::DEFAULT);
  stale.add_external_data()->set_key("location");
  const std::string before = model.SerializeAsString();
  const TempFolder folder;
  const std::string path = folder.Path("m.onnx");
  ASSERT_THAT(WriteModel(model, path, {.external_threshold = 0}), IsOk());
  EXPECT_EQ(model.SerializeAsString(), before);

  const ExternalRange first = RangeOf(path, 0), second = RangeOf(path, 1), third = RangeOf(path, 2);
  EXPECT_THAT(folder.Names(), ElementsAre("m.onnx", first.location));
  EXPECT_TRUE(absl::StartsWith(first.location, "m.onnx.") && absl::EndsWith(first.location, ".data")) << first.location;
  EXPECT_EQ(first.offset, 0);
  EXPECT_EQ(second.offset, 4096);  // a page
  EXPECT_EQ(third.offset, 0);      // equal payloads are written once
  EXPECT_EQ(second.length, 3 << 20);
  EXPECT_EQ(static_cast<int64_t>(FileBytes(folder.Path(first.location)).size()), 4096 + (3 << 20));

  const absl::StatusOr<ModelFile> file = ReadModel(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE(file->had_external_data);
  EXPECT_EQ(file->proto.graph().initializer(0).raw_data(), "0123");
  EXPECT_EQ(file->proto.graph().initializer(1).raw_data(), big);
  EXPECT_EQ(file->proto.graph().initializer(2).raw_data(), "0123");
}

TEST(ExternalPayloads, GoWhereTheThresholdSays) {
  onnx::ModelProto model = ModelWith({Raw("a", "0123"), Raw("b", "01234567"), Raw("c", "0123456789ab")});
  onnx::TensorProto& typed = *model.mutable_graph()->add_initializer();
  typed = Tensor("typed", 4);
  typed.mutable_float_data()->Resize(4, 1);
  const TempFolder folder;
  const std::string path = folder.Path("m.onnx");
  ASSERT_THAT(WriteModel(model, path, {.external_threshold = 8}), IsOk());
  onnx::ModelProto written;
  ASSERT_TRUE(written.ParseFromString(FileBytes(path)));
  std::vector<bool> external;
  for (const onnx::TensorProto& tensor : written.graph().initializer()) {
    external.push_back(tensor.data_location() == onnx::TensorProto::EXTERNAL);
  }
  EXPECT_THAT(external, ElementsAre(false, true, true, false));
  EXPECT_EQ(RangeOf(path, 1).offset, 0);
  EXPECT_EQ(RangeOf(path, 2).offset, 64);
  ASSERT_THAT(WriteModel(model, path, {.external_threshold = 13}), IsOk());
  EXPECT_EQ(FileBytes(path), model.SerializeAsString());
}

TEST(WrittenBytes, AreThoseOfTheFilesWritten) {
  const WriteOptions all_ways[] = {
      {}, {.external_threshold = 1}, {.external_threshold = 100}, {.protobuf_bytes = 5000}};
  for (const WriteOptions& options : all_ways) {
    onnx::ModelProto model = ModelWith({Raw("a", "0123"), Raw("b", std::string(5000, 'b')), Raw("c", "4567"),
                                        Raw("d", "0123"), Raw("e", std::string(3 << 20, 'e'))});
    const std::string before = model.SerializeAsString();
    const TempFolder folder;
    const std::string path = folder.Path("m.onnx");
    const absl::StatusOr<int64_t> bytes = WrittenBytes(model, path, options);
    ASSERT_THAT(bytes, IsOk());
    EXPECT_EQ(model.SerializeAsString(), before);
    EXPECT_THAT(folder.Names(), ::testing::IsEmpty());
    ASSERT_THAT(WriteModel(model, path, options), IsOk());
    size_t written = 0;
    for (const std::string& name : folder.Names()) written += FileBytes(folder.Path(name)).size();
    EXPECT_EQ(*bytes, static_cast<int64_t>(written));
  }
}

TEST(ExternalPayloads, AreWrittenWhenTheModelWouldBeTooLarge) {
  onnx::ModelProto model = ModelWith({Raw("w", std::string(4096, 'w')), Raw("shape", "0123")});
  const auto whole = static_cast<int64_t>(model.ByteSizeLong());
  const TempFolder folder;
  const std::string path = folder.Path("m.onnx");
  ASSERT_THAT(WriteModel(model, path, {.protobuf_bytes = whole}), IsOk());
  EXPECT_THAT(folder.Names(), ElementsAre("m.onnx"));
  ASSERT_THAT(WriteModel(model, path, {.protobuf_bytes = whole - 1}), IsOk());
  EXPECT_THAT(folder.Names(), SizeIs(2));
  EXPECT_EQ(RangeOf(path, 0).offset, 0);
  EXPECT_EQ(ReadModel(path)->proto.SerializeAsString(), model.SerializeAsString());
  EXPECT_THAT(WriteModel(model, path, {.protobuf_bytes = 100}), FailsWith(kTooMuch, "100 fit into one file"));
  EXPECT_EQ(ReadModel(path)->proto.SerializeAsString(), model.SerializeAsString());
}

TEST(ExternalPayloads, SameModelSameBytesAnywhere) {
  onnx::ModelProto model = ModelWith({Raw("a", "0123"), Raw("b", "4567")});
  const TempFolder one, two;
  for (const TempFolder* folder : {&one, &two}) {
    ASSERT_THAT(WriteModel(model, folder->Path("m.onnx"), {.external_threshold = 1}), IsOk());
  }
  ASSERT_EQ(one.Names(), two.Names());
  for (const std::string& name : one.Names()) {
    EXPECT_EQ(FileBytes(one.Path(name)), FileBytes(two.Path(name)));
  }
}

TEST(ExternalPayloads, AnotherModelNeverTouchesTheDataOfTheOldOne) {
  onnx::ModelProto first = ModelWith({Raw("a", "0123")}), second = ModelWith({Raw("a", "4567")});
  const TempFolder folder;
  const std::string path = folder.Path("m.onnx");
  ASSERT_THAT(WriteModel(first, path, {.external_threshold = 1}), IsOk());
  std::filesystem::copy_file(path, folder.Path("copy.onnx"));
  ASSERT_THAT(WriteModel(second, path, {.external_threshold = 1}), IsOk());
  EXPECT_EQ(ReadModel(path)->proto.graph().initializer(0).raw_data(), "4567");
  EXPECT_EQ(ReadModel(folder.Path("copy.onnx"))->proto.graph().initializer(0).raw_data(), "0123");
}

TEST(ExternalPayloads, AFailureLeavesNoDataFile) {
  onnx::ModelProto model = ModelWith({Raw("a", "0123")});
  const TempFolder folder;
  ASSERT_THAT(WriteModel(model, folder.Path("m.onnx"), {.external_threshold = 1}), IsOk());
  const std::string data = RangeOf(folder.Path("m.onnx"), 0).location;
  // The data file's name is taken by a folder: its rename fails.
  std::filesystem::remove(folder.Path(data));
  std::filesystem::create_directory(folder.Path(data));
  folder.Write("m.onnx", "old");
  EXPECT_THAT(WriteModel(model, folder.Path("m.onnx"), {.external_threshold = 1}), Not(IsOk()));
  EXPECT_EQ(FileBytes(folder.Path("m.onnx")), "old");
  EXPECT_THAT(folder.Names(), ElementsAre("m.onnx", data));
  EXPECT_EQ(model.graph().initializer(0).raw_data(), "0123");
}

}  // namespace
}  // namespace cnnopt
