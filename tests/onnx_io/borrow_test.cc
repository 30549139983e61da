#include "onnx_io/borrow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/model_file.h"
#include "onnx_io/shapes.h"
#include "onnx_io/tensor.h"
#include "onnx_io/validate.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::FileBytes;
using testing::IsOk;
using testing::ModelFromText;
using testing::TempFolder;

onnx::TensorProto Floats(const std::string& name, int64_t count, char content) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(count);
  tensor.set_raw_data(std::string(static_cast<size_t>(4 * count), content));
  return tensor;
}

// y = Relu(x), beside initializers "big0", "big1" ... of the given numbers of floats.
onnx::ModelProto Lender(const std::vector<int64_t>& counts) {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] y) { y = Relu(x) })");
  for (size_t i = 0; i < counts.size(); ++i) {
    *model.mutable_graph()->add_initializer() =
        Floats(absl::StrCat("big", i), counts[i], static_cast<char>('a' + static_cast<char>(i)));
  }
  return model;
}

const onnx::TensorProto& Initializer(const onnx::ModelProto& model, int i) { return model.graph().initializer(i); }

TEST(Borrow, RefersToBigPayloadsAndCopiesSmallOnes) {
  const onnx::ModelProto lender = Lender({256, 255});
  const onnx::ModelProto copy = Borrow(lender);
  EXPECT_TRUE(Borrows(Initializer(copy, 0)));
  EXPECT_FALSE(Initializer(copy, 0).has_raw_data());
  EXPECT_EQ(BorrowedPayload(Initializer(copy, 0)), &Initializer(lender, 0).raw_data());
  EXPECT_FALSE(Borrows(Initializer(copy, 1)));
  EXPECT_EQ(Initializer(copy, 1).SerializeAsString(), Initializer(lender, 1).SerializeAsString());
  EXPECT_FALSE(Borrows(Initializer(lender, 0)));
}

TEST(Borrow, LeavesFieldsThatThisLibraryDoesNotKnow) {
  onnx::ModelProto lender = Lender({300});
  onnx::TensorProto& tensor = *lender.mutable_graph()->mutable_initializer(0);
  tensor.mutable_unknown_fields()->AddVarint(5000, 7);
  tensor.set_doc_string("kept");
  onnx::ModelProto copy = Borrow(lender);
  TakeOver({&lender}, copy);
  EXPECT_EQ(copy.graph().initializer(0).unknown_fields().field_count(), 1);
  EXPECT_EQ(copy.graph().initializer(0).doc_string(), "kept");
}

TEST(Borrow, PayloadsAreReadThroughTheLoan) {
  const onnx::ModelProto lender = Lender({300});
  onnx::ModelProto copy = Borrow(lender);
  EXPECT_EQ(RawData(Initializer(copy, 0)), Initializer(lender, 0).raw_data());
  EXPECT_EQ(StoredBytes(Initializer(copy, 0)), 1200);
  const auto decoded = DecodeFloats(Initializer(copy, 0));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(*decoded, *DecodeFloats(Initializer(lender, 0)));
  const onnx::ModelProto second = copy;  // a copy of a borrower borrows from the same lender
  copy.Clear();
  EXPECT_EQ(RawData(Initializer(second, 0)), Initializer(lender, 0).raw_data());
  EXPECT_EQ(BorrowedPayload(Initializer(Borrow(second), 0)), &Initializer(lender, 0).raw_data());
}

TEST(Borrow, NewTensorsLikeABorrowerHaveRawData) {
  const onnx::ModelProto lender = Lender({300});
  const auto encoded = EncodeFloats("w", {2}, {1.0, 2.0}, Initializer(Borrow(lender), 0));
  ASSERT_THAT(encoded, IsOk());
  EXPECT_EQ(encoded->raw_data().size(), 8);
}

TEST(Borrow, MakeOwnEndsOneLoan) {
  const onnx::ModelProto lender = Lender({300});
  onnx::ModelProto copy = Borrow(lender);
  MakeOwn(*copy.mutable_graph()->mutable_initializer(0));
  EXPECT_EQ(copy.SerializeAsString(), lender.SerializeAsString());
}

TEST(Borrow, ShapesAreInferredFromBorrowedNumbers) {
  onnx::ModelProto lender = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]> g (float[2,3] x) => (y) { y = Reshape(x, to) })");
  onnx::TensorProto& to = *lender.mutable_graph()->add_initializer();
  to.set_name("to");
  to.set_data_type(onnx::TensorProto::INT64);
  to.add_dims(2);
  const int64_t numbers[] = {3, 2};
  to.set_raw_data(std::string(reinterpret_cast<const char*>(numbers), sizeof(numbers)));
  const onnx::ModelProto copy = Borrow(lender, 1);
  ASSERT_TRUE(Borrows(Initializer(copy, 0)));
  EXPECT_EQ(InferShapes(copy, {}).at("y"), Shape({3, 2}));
}

TEST(Borrow, ValidationComparesTheSize) {
  const onnx::ModelProto lender = Lender({300});
  onnx::ModelProto copy = Borrow(lender);
  EXPECT_THAT(ValidateModel(copy), IsOk());
  copy.mutable_graph()->mutable_initializer(0)->set_dims(0, 301);
  EXPECT_THAT(ValidateModel(copy),
              FailsWith(absl::StatusCode::kInvalidArgument, "'big0': borrows a payload of another size"));
}

// --- the end of a loan

TEST(TakeOver, MovesPayloadsOutOfTheLender) {
  onnx::ModelProto lender = Lender({300, 10});
  const std::string before = lender.SerializeAsString();
  onnx::ModelProto copy = Borrow(lender);
  const char* const bytes = Initializer(lender, 0).raw_data().data();
  TakeOver({&lender}, copy);
  EXPECT_EQ(copy.SerializeAsString(), before);
  EXPECT_EQ(Initializer(copy, 0).raw_data().data(), bytes);
  EXPECT_FALSE(Initializer(lender, 0).has_raw_data());
}

TEST(TakeOver, SeveralBorrowersOfOnePayloadAllGetIt) {
  onnx::ModelProto lender = Lender({300});
  const std::string payload = Initializer(lender, 0).raw_data();
  onnx::ModelProto copy = Borrow(lender);
  *copy.mutable_graph()->add_initializer() = copy.graph().initializer(0);
  TakeOver({&lender}, copy);
  EXPECT_EQ(Initializer(copy, 0).raw_data(), payload);
  EXPECT_EQ(Initializer(copy, 1).raw_data(), payload);
}

TEST(TakeOver, FromALenderThatBorrowsItselfAndFromItsOwn) {
  onnx::ModelProto first = Lender({300});
  onnx::ModelProto second = Borrow(first);
  *second.mutable_graph()->add_initializer() = Floats("own", 400, 'z');
  const char* const bytes = Initializer(second, 1).raw_data().data();
  onnx::ModelProto copy = Borrow(second);
  TakeOver({&first, &second}, copy);
  EXPECT_EQ(copy.SerializeAsString(), [&] {
    onnx::ModelProto expected = Lender({300});
    *expected.mutable_graph()->add_initializer() = Floats("own", 400, 'z');
    return expected.SerializeAsString();
  }());
  EXPECT_EQ(Initializer(copy, 1).raw_data().data(), bytes);
  EXPECT_FALSE(Initializer(first, 0).has_raw_data());
  EXPECT_FALSE(Initializer(second, 1).has_raw_data());
}

TEST(TakeOver, CopiesWhatOthersLent) {
  const onnx::ModelProto other = Lender({300});
  onnx::ModelProto lender, copy = Borrow(other);
  TakeOver({&lender}, copy);
  EXPECT_EQ(copy.SerializeAsString(), other.SerializeAsString());
  EXPECT_EQ(Initializer(other, 0).raw_data().size(), 1200);
}

// --- files

TEST(SerializedBytes, AreThoseOfTheLender) {
  for (const int64_t floats : {1, 4, 25, 31, 32, 33, 64, 4000, 4090, 4096, 4100, 600'000}) {  // around varints
    const onnx::ModelProto lender = Lender({floats, 1});
    const auto bytes = static_cast<int64_t>(lender.ByteSizeLong());
    EXPECT_EQ(SerializedBytes(lender), bytes) << floats;
    EXPECT_EQ(SerializedBytes(Borrow(lender, 1)), bytes) << floats;
  }
}

TEST(PayloadsInPlace, TheModelIsThatOfTheLenderMeanwhile) {
  onnx::ModelProto lender = Lender({300, 2000, 3});
  const std::string before = lender.SerializeAsString();
  onnx::ModelProto copy = Borrow(lender);
  {
    const PayloadsInPlace in_place(copy);
    EXPECT_EQ(copy.SerializeAsString(), before);
  }
  EXPECT_TRUE(Borrows(Initializer(copy, 0)));
  EXPECT_TRUE(Borrows(Initializer(copy, 1)));
  EXPECT_EQ(BorrowedPayload(Initializer(copy, 1)), &Initializer(lender, 1).raw_data());
  EXPECT_EQ(lender.SerializeAsString(), before);
}

TEST(PayloadsInPlace, SeveralBorrowersOfOnePayload) {
  onnx::ModelProto lender = Lender({300});
  onnx::ModelProto copy = Borrow(lender);
  *copy.mutable_graph()->add_initializer() = copy.graph().initializer(0);
  {
    const PayloadsInPlace in_place(copy);
    EXPECT_EQ(Initializer(copy, 0).raw_data(), Initializer(copy, 1).raw_data());
    EXPECT_EQ(Initializer(copy, 0).raw_data().size(), 1200);
  }
  EXPECT_EQ(Initializer(lender, 0).raw_data().size(), 1200);
}

TEST(WriteModel, OfABorrowerWritesTheLendersFiles) {
  const TempFolder folder;
  onnx::ModelProto lender = Lender({300, 2000, 3});
  onnx::ModelProto copy = Borrow(lender);
  for (const int64_t threshold : {-1, 2000}) {
    WriteOptions options;
    options.external_threshold = threshold;
    const std::string a = folder.path() + "/a.onnx";
    ASSERT_THAT(WriteModel(lender, a, options), IsOk());
    const std::string expected = FileBytes(a);
    ASSERT_THAT(WriteModel(copy, a, options), IsOk());
    EXPECT_EQ(FileBytes(a), expected);
    EXPECT_EQ(*WrittenBytes(copy, a, options), *WrittenBytes(lender, a, options));
    EXPECT_TRUE(Borrows(Initializer(copy, 0)));
    EXPECT_EQ(Initializer(lender, 1).raw_data().size(), 8000);
  }
}

// --- hostile files

TEST(ReadModel, AFileCannotBorrow) {
  const TempFolder folder;
  const onnx::ModelProto lender = Lender({300});
  const std::string bytes = Borrow(lender).SerializeAsString();
  const std::string path = folder.Write("m.onnx", bytes);
  EXPECT_THAT(ReadModel(path).status(), FailsWith(absl::StatusCode::kInvalidArgument, "'big0'"));
  EXPECT_THAT(ReadModel(path).status(), FailsWith(absl::StatusCode::kInvalidArgument, "has no location"));
  EXPECT_THAT(ReadModelBytes(bytes).status(), FailsWith(absl::StatusCode::kInvalidArgument, "'big0'"));
  EXPECT_THAT(CheckModel(Borrow(lender)).status(), FailsWith(absl::StatusCode::kInvalidArgument, "'big0'"));
}

}  // namespace
}  // namespace cnnopt
