#include "onnx_io/validate_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using testing::FailsWith;
using testing::IsOk;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int64_t kBig = int64_t{1} << 32;

TensorProto Tensor(int32_t type, const std::vector<int64_t>& dims) {
  TensorProto tensor;
  tensor.set_data_type(type);
  tensor.mutable_dims()->Add(dims.begin(), dims.end());
  return tensor;
}

absl::Status Validate(const TensorProto& tensor) { return ValidateTensor(tensor, Limits(), UnknownTypes::kRefuse); }

// Adds `count` entries to the typed field of that name.
void Fill(const std::string& field, int count, TensorProto& tensor) {
  for (int i = 0; i < count; ++i) {
    if (field == "float_data") {
      tensor.add_float_data(1);
    } else if (field == "double_data") {
      tensor.add_double_data(1);
    } else if (field == "int32_data") {
      tensor.add_int32_data(1);
    } else if (field == "int64_data") {
      tensor.add_int64_data(1);
    } else if (field == "uint64_data") {
      tensor.add_uint64_data(1);
    } else {
      tensor.add_string_data("s");
    }
  }
}

// How a data type stores 5 elements; no raw bytes: it cannot.
struct Storage {
  TensorProto::DataType type;
  int raw_bytes;
  const char* field;
  int entries;
};
void PrintTo(const Storage& storage, std::ostream* out) { *out << TensorProto::DataType_Name(storage.type); }
class EachType : public ::testing::TestWithParam<Storage> {};

TEST_P(EachType, HasAnExactPayload) {
  const Storage& storage = GetParam();
  for (const int surplus : {-1, 0, 1}) {
    TensorProto typed = Tensor(storage.type, {5});
    Fill(storage.field, storage.entries + surplus, typed);
    TensorProto raw = Tensor(storage.type, {5});
    raw.set_raw_data(std::string(static_cast<size_t>(std::max(0, storage.raw_bytes + surplus)), '\0'));
    if (surplus == 0) {
      EXPECT_THAT(Validate(typed), IsOk());
      EXPECT_EQ(Validate(raw).ok(), storage.raw_bytes > 0) << Validate(raw);
    } else {
      EXPECT_THAT(Validate(typed), FailsWith(kInvalid, "dims [5]"));
      EXPECT_FALSE(Validate(raw).ok());
    }
  }
}

TEST_P(EachType, RefusesAnotherField) {
  for (const char* field : {"float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data"}) {
    if (std::string(field) == GetParam().field) {
      continue;
    }
    TensorProto tensor = Tensor(GetParam().type, {5});
    Fill(field, 5, tensor);
    EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, std::string(field) + " instead of " + GetParam().field));
  }
}

INSTANTIATE_TEST_SUITE_P(
    ValidateTensor, EachType,
    ::testing::Values(
        Storage{TensorProto::FLOAT, 20, "float_data", 5}, Storage{TensorProto::DOUBLE, 40, "double_data", 5},
        Storage{TensorProto::FLOAT16, 10, "int32_data", 5}, Storage{TensorProto::BFLOAT16, 10, "int32_data", 5},
        Storage{TensorProto::UINT8, 5, "int32_data", 5}, Storage{TensorProto::INT8, 5, "int32_data", 5},
        Storage{TensorProto::UINT16, 10, "int32_data", 5}, Storage{TensorProto::INT16, 10, "int32_data", 5},
        Storage{TensorProto::BOOL, 5, "int32_data", 5}, Storage{TensorProto::INT32, 20, "int32_data", 5},
        Storage{TensorProto::INT64, 40, "int64_data", 5}, Storage{TensorProto::UINT32, 20, "uint64_data", 5},
        Storage{TensorProto::UINT64, 40, "uint64_data", 5}, Storage{TensorProto::COMPLEX64, 40, "float_data", 10},
        Storage{TensorProto::COMPLEX128, 80, "double_data", 10}, Storage{TensorProto::FLOAT8E4M3FN, 5, "int32_data", 5},
        Storage{TensorProto::FLOAT8E8M0, 5, "int32_data", 5}, Storage{TensorProto::INT4, 3, "int32_data", 3},
        Storage{TensorProto::UINT4, 3, "int32_data", 3}, Storage{TensorProto::FLOAT4E2M1, 3, "int32_data", 3},
        Storage{TensorProto::INT2, 2, "int32_data", 2}, Storage{TensorProto::FLOAT6E2M3, 4, "int32_data", 5},
        Storage{TensorProto::STRING, 0, "string_data", 5}),
    [](const auto& test) { return TensorProto::DataType_Name(test.param.type); });

TEST(ValidateTensor, RefusesImpossibleDims) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{
           {kBig, kBig}, {most, 2}, {-1}, {2, -3}, {0, -1}, {most}, {most / 4 + 1}, {1 << 30, 1 << 30, 1 << 3}}) {
    TensorProto tensor = Tensor(TensorProto::FLOAT, dims);
    tensor.set_raw_data("four");
    EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "are negative or too large"));
  }
}

TEST(ValidateTensor, RefusesMoreDimsThanTheLimit) {
  EXPECT_THAT(
      Validate(Tensor(TensorProto::FLOAT, std::vector<int64_t>(64, 2))),
      FailsWith(absl::StatusCode::kResourceExhausted, "the number of dims is 64, the limit is 16 (--max-rank)"));
  TensorProto most = Tensor(TensorProto::FLOAT, std::vector<int64_t>(16, 1));
  most.add_float_data(1);
  EXPECT_THAT(Validate(most), IsOk());
  most.add_dims(1);
  EXPECT_THAT(Validate(most), FailsWith(absl::StatusCode::kResourceExhausted, "is 17"));
}

TEST(ValidateTensor, RefusesADeclaredSizeWithoutTheBytes) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {1'000'000'000'000});
  tensor.set_raw_data("four");
  EXPECT_THAT(Validate(tensor),
              FailsWith(kInvalid, "raw_data holds 4 bytes, dims [1000000000000] of FLOAT need 4000000000000"));
}

TEST(ValidateTensor, RefusesNoneOrTwoPayloads) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {1});
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "has no payload, dims [1] of FLOAT need 1 elements"));
  tensor.add_float_data(1);
  EXPECT_THAT(Validate(tensor), IsOk());
  tensor.set_raw_data("");
  EXPECT_THAT(Validate(tensor), IsOk());
  tensor.set_raw_data("four");
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "in two places, raw_data and float_data"));
  tensor.clear_raw_data();
  tensor.set_data_location(TensorProto::EXTERNAL);
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "in two places, float_data and external data"));
}

TEST(ValidateTensor, EmptyTensorsAreLegalAndHoldNothing) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {kBig, kBig, 0});
  EXPECT_THAT(Validate(tensor), IsOk());
  tensor.add_float_data(1);
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "float_data holds 1 entries"));
}

TEST(ValidateTensor, UnknownTypesAreRefusedUnlessTheModelIsNewer) {
  TensorProto tensor = Tensor(999, {1});
  tensor.set_raw_data("123");
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "unknown data type 999"));
  EXPECT_THAT(ValidateTensor(tensor, Limits(), UnknownTypes::kAccept), IsOk());
  tensor.set_data_type(TensorProto::UNDEFINED);
  EXPECT_THAT(ValidateTensor(tensor, Limits(), UnknownTypes::kAccept), FailsWith(kInvalid, "unknown data type 0"));
}

TEST(ValidateTensor, RefusesSegments) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {1});
  tensor.add_float_data(1);
  tensor.mutable_segment()->set_begin(0);
  EXPECT_THAT(Validate(tensor), FailsWith(absl::StatusCode::kUnimplemented, "segment"));
}

TensorProto External(const std::vector<std::pair<std::string, std::string>>& entries) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {4});
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    tensor.add_external_data()->set_key(key);
    tensor.mutable_external_data()->rbegin()->set_value(value);
  }
  return tensor;
}

TEST(ValidateTensor, AcceptsWellFormedExternalData) {
  for (const char* location : {"weights.bin", "./weights.bin", "sub/folder/w", "a..b", "...", "C", "we:1"}) {
    EXPECT_THAT(Validate(External({{"location", location}})), IsOk()) << location;
  }
  EXPECT_THAT(Validate(External({{"location", "w"}, {"offset", "9223372036854775807"}, {"length", "16"}})), IsOk());
  EXPECT_THAT(Validate(External({{"location", "w"}, {"checksum", "da39"}, {"novel", "x"}})), IsOk());
}

TEST(ValidateTensor, RefusesLocationsThatLeaveTheFolder) {
  const std::vector<std::pair<std::string, const char*>> locations = {
      {"", "is empty"},
      {std::string("w\0", 2), "NUL"},
      {"/etc/passwd", "is absolute"},
      {"../w", "parent folder"},
      {"a/../w", "parent folder"},
      {"a/..", "parent folder"},
      {"a\\w", "backslash"},
      {"..\\w", "backslash"},
      {"C:w", "drive letter"},
      {std::string(5000, 'w'), "longer than a path"},
  };
  for (const auto& [location, message] : locations) {
    EXPECT_THAT(Validate(External({{"location", location}})), FailsWith(kInvalid, message));
  }
  EXPECT_THAT(Validate(External({{"offset", "0"}})), FailsWith(kInvalid, "no location"));
}

TEST(ValidateTensor, RefusesOddOffsetsAndLengths) {
  for (const char* number :
       {"18446744073709551615", "9223372036854775808", "-1", "+1", " 1", "1 ", "1e3", "0x10", ""}) {
    EXPECT_THAT(Validate(External({{"location", "w"}, {"offset", number}})),
                FailsWith(kInvalid, "is not a number of bytes"));
    EXPECT_THAT(Validate(External({{"location", "w"}, {"length", number}})),
                FailsWith(kInvalid, "is not a number of bytes"));
  }
  EXPECT_THAT(Validate(External({{"location", "w"}, {"length", "15"}})),
              FailsWith(kInvalid, "external data has length 15, dims [4] of FLOAT need 16"));
  EXPECT_THAT(Validate(External({{"location", "w"}, {"length", "17"}})), FailsWith(kInvalid, "length 17"));
  for (const char* key : {"location", "offset", "length", "checksum"}) {
    EXPECT_THAT(
        Validate(External({{"location", "w"}, {"offset", "0"}, {"length", "16"}, {"checksum", "1"}, {key, "0"}})),
        FailsWith(kInvalid, std::string("gives '") + key + "' twice"));
  }
}

TEST(ValidateTensor, RefusesExternalStrings) {
  TensorProto tensor = External({{"location", "w"}});
  tensor.set_data_type(TensorProto::STRING);
  EXPECT_THAT(Validate(tensor), FailsWith(kInvalid, "strings cannot be external data"));
}

// Three values in a dense [2,4].
onnx::SparseTensorProto Sparse(const std::vector<int64_t>& indices, const std::vector<int64_t>& index_dims) {
  onnx::SparseTensorProto sparse;
  sparse.add_dims(2);
  sparse.add_dims(4);
  *sparse.mutable_values() = Tensor(TensorProto::FLOAT, {3});
  Fill("float_data", 3, *sparse.mutable_values());
  *sparse.mutable_indices() = Tensor(TensorProto::INT64, index_dims);
  sparse.mutable_indices()->mutable_int64_data()->Add(indices.begin(), indices.end());
  return sparse;
}

absl::Status Validate(const onnx::SparseTensorProto& sparse) {
  return ValidateSparseTensor(sparse, Limits(), UnknownTypes::kRefuse);
}

TEST(ValidateSparseTensor, AcceptsBothKindsOfIndices) {
  EXPECT_THAT(Validate(Sparse({0, 3, 7}, {3})), IsOk());
  EXPECT_THAT(Validate(Sparse({0, 0, 0, 3, 1, 3}, {3, 2})), IsOk());
}

TEST(ValidateSparseTensor, RefusesIndicesOutsideOrOutOfOrder) {
  EXPECT_THAT(Validate(Sparse({0, 3, 8}, {3})), FailsWith(kInvalid, "index 8 of stored value 2 is outside dims [2,4]"));
  EXPECT_THAT(Validate(Sparse({-1, 3, 7}, {3})), FailsWith(kInvalid, "index -1 of stored value 0"));
  EXPECT_THAT(Validate(Sparse({0, 0, 2, 0, 1, 3}, {3, 2})), FailsWith(kInvalid, "index 2 of stored value 1"));
  EXPECT_THAT(Validate(Sparse({0, 7, 3}, {3})), FailsWith(kInvalid, "stored value 2 is not above"));
  EXPECT_THAT(Validate(Sparse({0, 3, 3}, {3})), FailsWith(kInvalid, "stored value 2 is not above"));
}

TEST(ValidateSparseTensor, RefusesPartsThatDisagree) {
  EXPECT_THAT(Validate(Sparse({0, 3}, {2})), FailsWith(kInvalid, "expected INT64 [3] or [3,2]"));
  EXPECT_THAT(Validate(Sparse({0, 0, 0, 0, 0, 0, 0, 0, 0}, {3, 3})), FailsWith(kInvalid, "indices are INT64 [3,3]"));
  onnx::SparseTensorProto sparse = Sparse({0, 3, 7}, {3});
  sparse.mutable_indices()->set_data_type(TensorProto::UINT64);
  sparse.mutable_indices()->clear_int64_data();
  Fill("uint64_data", 3, *sparse.mutable_indices());
  EXPECT_THAT(Validate(sparse), FailsWith(kInvalid, "indices are UINT64"));
  sparse.clear_indices();
  EXPECT_THAT(Validate(sparse), FailsWith(kInvalid, "values and no indices"));
  sparse = Sparse({0, 3, 7}, {3});
  sparse.mutable_values()->add_dims(1);
  EXPECT_THAT(Validate(sparse), FailsWith(kInvalid, "values have dims [3,1]"));
  sparse = Sparse({0, 3, 7}, {3});
  sparse.mutable_values()->add_float_data(1);
  EXPECT_THAT(Validate(sparse), FailsWith(kInvalid, "values: float_data holds 4"));
  sparse = Sparse({0, 3, 7}, {3});
  sparse.set_dims(0, kBig);
  sparse.set_dims(1, kBig);
  EXPECT_THAT(Validate(sparse), FailsWith(kInvalid, "are negative or too large"));
}

TEST(ValidateType, RefusesShapesOfTooManyDims) {
  onnx::TypeProto type;
  auto& shape = *type.mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->mutable_shape();
  for (int i = 0; i < 16; ++i) {
    shape.add_dim();
  }
  EXPECT_THAT(ValidateType(type, Limits()), IsOk());
  shape.add_dim();
  EXPECT_THAT(ValidateType(type, Limits()),
              FailsWith(absl::StatusCode::kResourceExhausted, "is 17, the limit is 16 (--max-rank)"));
}

}  // namespace
}  // namespace cnnopt
