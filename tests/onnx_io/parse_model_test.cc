#include "onnx_io/parse_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::TempFolder;

onnx::TensorProto Bytes(const std::string& name, int64_t count, char content) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_raw_data(std::string(static_cast<size_t>(count), content));
  tensor.set_doc_string("after it");
  return tensor;
}

onnx::ModelProto ModelWith(const std::vector<onnx::TensorProto>& tensors) {
  onnx::ModelProto model;
  model.mutable_graph()->set_name("g");
  for (const onnx::TensorProto& tensor : tensors) *model.mutable_graph()->add_initializer() = tensor;
  model.set_producer_name("before or after");
  return model;
}

// A length-delimited field, its length in `length_bytes` bytes.
std::string Field(int number, const std::string& content, int length_bytes) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  size_t length = content.size();
  for (int i = 0; i < length_bytes; ++i, length >>= 7) {
    field.push_back(static_cast<char>((length & 0x7f) | (i + 1 < length_bytes ? 0x80 : 0)));
  }
  return field + content;
}

struct Parsed {
  onnx::ModelProto model;
  std::vector<WirePayload> payloads;
  absl::Status status;
};

Parsed Parse(const std::string& bytes) {
  const InputFile file = InputFile::OfBytes(bytes, "test");
  Parsed parsed;
  parsed.status = EstimateParsedBytes(file, *onnx::ModelProto::descriptor(), &parsed.payloads).status();
  if (parsed.status.ok()) parsed.status = ParseModel(file, parsed.payloads, parsed.model);
  return parsed;
}

onnx::ModelProto ParsedByProtobuf(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

TEST(ParseModel, ListsBigPayloadsOfInitializers) {
  onnx::ModelProto model = ModelWith({Bytes("big", kWirePayloadBytes, 'a'), Bytes("small", kWirePayloadBytes - 1, 'b'),
                                      Bytes("bigger", 3 * kWirePayloadBytes, 'c')});
  *model.mutable_graph()->add_node()->add_attribute()->mutable_t() = Bytes("elsewhere", kWirePayloadBytes, 'd');
  *model.add_training_info()->mutable_initialization()->add_initializer() = Bytes("too", kWirePayloadBytes, 'e');
  const std::string bytes = model.SerializeAsString();
  const Parsed parsed = Parse(bytes);
  ASSERT_THAT(parsed.status, IsOk());
  ASSERT_EQ(parsed.payloads.size(), 2);
  EXPECT_EQ(parsed.payloads[0].initializer, 0);
  EXPECT_EQ(parsed.payloads[1].initializer, 2);
  EXPECT_EQ(parsed.payloads[1].raw_data.value, 3 * kWirePayloadBytes);
  EXPECT_EQ(bytes.substr(static_cast<size_t>(parsed.payloads[1].raw_data.end()), 3 * kWirePayloadBytes),
            std::string(3 * kWirePayloadBytes, 'c'));
  EXPECT_EQ(parsed.model.SerializeAsString(), bytes);
}

TEST(ParseModel, OfAFieldGivenTwiceTheLastCountsAsForProtobuf) {
  const auto raw = [](int64_t count, char content) {
    return Field(9, std::string(static_cast<size_t>(count), content), 3);
  };
  const int64_t big = kWirePayloadBytes;
  const std::vector<std::string> tensors = {
      raw(big, 'a') + raw(big, 'b'),
      raw(big, 'a') + raw(1, 'b'),
      raw(1, 'a') + raw(big, 'b'),
      raw(big, 'a') + raw(0, 'b'),
      raw(big, 'a') + raw(big, 'b') + raw(big, 'c'),
      raw(big, 'a'),
  };
  std::string graph;
  for (const std::string& tensor : tensors) graph += Field(5, tensor, 4);
  const std::string bytes = Field(7, graph, 5);
  const Parsed parsed = Parse(bytes);
  ASSERT_THAT(parsed.status, IsOk());
  EXPECT_EQ(parsed.payloads.size(), 1);
  EXPECT_EQ(parsed.model.SerializeAsString(), ParsedByProtobuf(bytes).SerializeAsString());
}

TEST(ParseModel, GivesWhatProtobufGivesOfRandomModels) {
  std::mt19937 random(5);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int round = 0; round < 50; ++round) {
    std::string graph = Field(2, "g", 1);
    for (int64_t i = below(6); i > 0; --i) {
      // Numbers of every length a reader takes, the shortest among them.
      const std::string payload(static_cast<size_t>(below(4 * kWirePayloadBytes)), static_cast<char>('a' + below(26)));
      const std::string tensor =
          Field(8, absl::StrCat("t", i), 1) + Field(9, payload, static_cast<int>(3 + below(3))) + Field(12, "doc", 1);
      graph += Field(5, tensor, static_cast<int>(3 + below(3)));
      if (below(2) == 0) graph += Field(10, std::string(static_cast<size_t>(below(90000)), 'x'), 4);
    }
    const std::string bytes =
        Field(2, "producer", 1) + Field(7, graph, static_cast<int>(4 + below(2))) + Field(6, "doc", 2);
    const Parsed parsed = Parse(bytes);
    ASSERT_THAT(parsed.status, IsOk());
    ASSERT_EQ(parsed.model.SerializeAsString(), ParsedByProtobuf(bytes).SerializeAsString()) << "round " << round;
  }
}

TEST(ParseModel, OfAFileThatChangedSinceItWasScanned) {
  const TempFolder folder;
  const std::string two = ModelWith({Bytes("a", 70000, 'a'), Bytes("b", 70000, 'b')}).SerializeAsString();
  const std::string path = folder.Write("m.onnx", two);
  const absl::StatusOr<InputFile> file = InputFile::Open(path);
  ASSERT_THAT(file, IsOk());
  std::vector<WirePayload> payloads;
  ASSERT_THAT(EstimateParsedBytes(*file, *onnx::ModelProto::descriptor(), &payloads).status(), IsOk());
  ASSERT_EQ(payloads.size(), 2);
  onnx::ModelProto model;
  // Of the same size, but without the second tensor: protobuf may take it for a model.
  std::string other = two;
  other[static_cast<size_t>(payloads[1].tensor.position) - 1] = (10 << 3) | 2;  // now a doc_string
  std::ofstream(path, std::ios::binary) << other;  // the same file, not another of its name
  EXPECT_THAT(ParseModel(*file, payloads, model), FailsWith(absl::StatusCode::kUnavailable, "changed while"));
  std::ofstream(path, std::ios::binary) << two.substr(0, two.size() - 70001);
  EXPECT_FALSE(ParseModel(*file, payloads, model).ok());
}

TEST(ParseModel, OfOtherThings) {
  for (const std::string& bytes : {Field(2, "producer", 1), Field(7, Field(5, Field(9, "1234", 1) + "\x08", 1), 1)}) {
    EXPECT_EQ(Parse(bytes).status.code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace cnnopt
