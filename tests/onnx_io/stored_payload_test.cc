// External payloads that are left in their file until someone looks at them.
#include "onnx_io/stored_payload.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/borrow.h"
#include "onnx_io/model_file.h"
#include "onnx_io/tensor.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::FileBytes;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::ModelFromText;
using testing::TempFolder;

constexpr int64_t kBig = int64_t{3} << 20;  // bytes, more than a piece of streaming
constexpr absl::StatusCode kGone = absl::StatusCode::kUnavailable;

std::string Pattern(int64_t bytes, int seed) {
  std::string content(static_cast<size_t>(bytes), '\0');
  for (size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<char>((i * 7 + i / 4096 + static_cast<size_t>(seed)) % 63);
  return content;
}

// "big" and "twin" of the same content, "other", and "small".
onnx::ModelProto BigModel() {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] y) { y = Relu(x) })");
  const auto add = [&](const std::string& name, const std::string& content) {
    onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(static_cast<int64_t>(content.size()) / 4);
    tensor.set_raw_data(content);
  };
  add("big", Pattern(kBig, 1));
  add("twin", Pattern(kBig, 1));
  add("other", Pattern(kBig, 2));
  add("small", Pattern(4096, 3));
  return model;
}

// BigModel with all payloads in a data file, at "m.onnx" in `folder`.
std::string PutBigModel(const TempFolder& folder) {
  onnx::ModelProto model = BigModel();
  const std::string path = folder.Path("m.onnx");
  EXPECT_THAT(WriteModel(model, path, {.external_threshold = 1024}), IsOk());
  return path;
}

std::string DataFile(const TempFolder& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".data") return entry.path();
  }
  return "";
}

const onnx::TensorProto& Initializer(const onnx::ModelProto& model, int i) { return model.graph().initializer(i); }

TEST(StoredPayload, IsReadWhenItIsLookedAt) {
  const TempFolder folder;
  const absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->stored.size(), 3);
  const onnx::TensorProto& big = Initializer(file->proto, 0);
  ASSERT_NE(StoredPayloadOf(big), nullptr);
  EXPECT_TRUE(Borrows(big));
  EXPECT_EQ(RawBytes(big), kBig);
  EXPECT_EQ(StoredBytes(big), kBig);
  EXPECT_EQ(SerializedBytes(file->proto), static_cast<int64_t>(BigModel().ByteSizeLong()));
  EXPECT_FALSE(StoredPayloadOf(big)->loaded());
  EXPECT_EQ(Initializer(file->proto, 3).raw_data(), Pattern(4096, 3));  // small ones are there
  EXPECT_TRUE(RawData(big) == Pattern(kBig, 1));
  EXPECT_TRUE(StoredPayloadOf(big)->loaded());
  EXPECT_FALSE(StoredPayloadOf(Initializer(file->proto, 1))->loaded());
  EXPECT_THAT(CheckStoredPayloads(file->proto), IsOk());
}

TEST(StoredPayload, IsLoadedAtOnceUnlessAskedFor) {
  const TempFolder folder;
  const absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder));
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE(file->stored.empty());
  EXPECT_TRUE(file->proto.SerializeAsString() == BigModel().SerializeAsString());
}

TEST(StoredPayload, ManyThreadsSeeTheSame) {
  const TempFolder folder;
  const absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  std::vector<const std::string*> seen(4);
  std::vector<std::thread> threads;
  for (const std::string*& each : seen) {
    threads.emplace_back([&each, &file] { each = &RawData(Initializer(file->proto, 2)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string* each : seen) EXPECT_EQ(each, seen.front());
  EXPECT_TRUE(*seen.front() == Pattern(kBig, 2));
}

TEST(StoredPayload, IsCopiedFromFileToFile) {
  const TempFolder folder, out;
  const std::string path = PutBigModel(folder);
  absl::StatusOr<ModelFile> file = ReadModel(path, {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  onnx::ModelProto copy = Borrow(file->proto);
  EXPECT_THAT(WriteModel(copy, out.Path("m.onnx"), {.external_threshold = 1024}), IsOk());
  EXPECT_TRUE(FileBytes(out.Path("m.onnx")) == FileBytes(path));
  EXPECT_TRUE(FileBytes(DataFile(out)) == FileBytes(DataFile(folder)));
  for (const auto& stored : file->stored) EXPECT_FALSE(stored->loaded());
  // The model is the same afterwards, and once some of it was looked at.
  ASSERT_NE(StoredPayloadOf(Initializer(copy, 0)), nullptr);
  EXPECT_TRUE(RawData(Initializer(copy, 0)) == Pattern(kBig, 1));
  const TempFolder again;
  EXPECT_THAT(WriteModel(copy, again.Path("m.onnx"), {.external_threshold = 1024}), IsOk());
  EXPECT_TRUE(FileBytes(DataFile(again)) == FileBytes(DataFile(folder)));
  const absl::StatusOr<int64_t> bytes = WrittenBytes(copy, again.Path("m.onnx"), {.external_threshold = 1024});
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(*bytes, static_cast<int64_t>(FileBytes(path).size() + FileBytes(DataFile(folder)).size()));
}

TEST(StoredPayload, ComesIntoAFileOfItsOwn) {
  const TempFolder folder, out;
  absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  onnx::ModelProto inlined = BigModel();
  for (const int64_t threshold : {int64_t{-1}, kBig + 1}) {
    EXPECT_THAT(WriteModel(file->proto, out.Path("in.onnx"), {.external_threshold = threshold}), IsOk());
    EXPECT_THAT(WriteModel(inlined, out.Path("same.onnx")), IsOk());
    EXPECT_TRUE(FileBytes(out.Path("in.onnx")) == FileBytes(out.Path("same.onnx"))) << threshold;
    EXPECT_NE(StoredPayloadOf(Initializer(file->proto, 0)), nullptr);
  }
  // Too big for one protobuf: written externally without being asked.
  EXPECT_THAT(WriteModel(file->proto, out.Path("m.onnx"), {.protobuf_bytes = 10000}), IsOk());
  EXPECT_TRUE(FileBytes(out.Path("m.onnx")) == FileBytes(folder.Path("m.onnx")));
}

TEST(StoredPayload, StaysStoredWhenLoansEnd) {
  const TempFolder folder;
  absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  onnx::ModelProto copy = Borrow(file->proto);
  EXPECT_TRUE(Borrows(Initializer(copy, 3)));
  TakeOver({&file->proto}, copy);
  EXPECT_NE(StoredPayloadOf(Initializer(copy, 0)), nullptr);
  EXPECT_FALSE(StoredPayloadOf(Initializer(copy, 0))->loaded());
  EXPECT_EQ(Initializer(copy, 3).raw_data(), Pattern(4096, 3));
  MakeOwn(*copy.mutable_graph()->mutable_initializer(0));
  EXPECT_FALSE(Borrows(Initializer(copy, 0)));
  EXPECT_TRUE(Initializer(copy, 0).raw_data() == Pattern(kBig, 1));
}

TEST(StoredPayload, OfAFileThatBecameShorterIsNeverWritten) {
  const TempFolder folder, out;
  absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), {}, {.leave_stored = true});
  ASSERT_THAT(file, IsOk());
  out.Write("m.onnx", "old");
  std::filesystem::resize_file(DataFile(folder), 5000);
  EXPECT_THAT(CheckStoredPayloads(file->proto), FailsWith(kGone, "tensor 'big'"));
  const std::string& content = RawData(Initializer(file->proto, 0));
  EXPECT_EQ(content.size(), kBig);
  EXPECT_TRUE(std::all_of(content.begin(), content.end(), [](char c) { return c == '\0'; }));
  for (const int64_t threshold : {int64_t{-1}, int64_t{1024}}) {
    EXPECT_THAT(WriteModel(file->proto, out.Path("m.onnx"), {.external_threshold = threshold}),
                FailsWith(kGone, "while it was read"));
  }
  EXPECT_EQ(FileBytes(out.Path("m.onnx")), "old");
  EXPECT_EQ(DataFile(out), "");
}

TEST(StoredPayload, CountsTowardsTheLimitOfMemory) {
  const TempFolder folder;
  Limits limits;
  limits.memory_bytes = 3 * kBig;
  const absl::StatusOr<ModelFile> file = ReadModel(PutBigModel(folder), limits, {.leave_stored = true});
  EXPECT_THAT(file, FailsWith(absl::StatusCode::kResourceExhausted, "--max-model-memory"));
}

// A file cannot pass for a marked tensor.
TEST(StoredPayload, IsNotBelievedOfAFile) {
  const TempFolder folder;
  onnx::ModelProto model = BigModel();
  onnx::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(0);
  StoredPayload nowhere(nullptr, 0, kBig);
  tensor.clear_raw_data();
  MarkStored(nowhere, tensor);
  const std::string path = folder.Write("m.onnx", model.SerializeAsString());
  for (const bool leave_stored : {false, true}) {
    EXPECT_THAT(ReadModel(path, {}, {.leave_stored = leave_stored}),
                FailsWith(absl::StatusCode::kInvalidArgument, "location"));
  }
}

}  // namespace
}  // namespace cnnopt
