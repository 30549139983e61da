#include "onnx_io/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "Eigen/Core"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TensorProto Tensor(int32_t data_type, std::vector<int64_t> dims) {
  TensorProto tensor;
  tensor.set_name("t");
  tensor.set_data_type(data_type);
  tensor.mutable_dims()->Add(dims.begin(), dims.end());
  return tensor;
}

template <typename T>
std::string Bytes(std::vector<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ElementCount, OverflowAndNegativeGiveMinusOne) {
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(ElementCount({2, 3, 4}), 24);
  EXPECT_EQ(ElementCount({int64_t{1} << 32, int64_t{1} << 32}), -1);
  EXPECT_EQ(ElementCount({std::numeric_limits<int64_t>::max(), 2}), -1);
  EXPECT_EQ(ElementCount(std::vector<int64_t>(64, 2)), -1);
  EXPECT_EQ(ElementCount({3, -1}), -1);
  EXPECT_EQ(ElementCount({0, -1}), -1);
  EXPECT_EQ(ElementCount({5, 0, 7}), 0);
  EXPECT_EQ(ElementCount({int64_t{1} << 40, int64_t{1} << 40, 0}), 0);
  EXPECT_EQ(ElementCount({0, int64_t{1} << 40, int64_t{1} << 40}), 0);
}

TEST(PayloadBytes, EveryDataType) {
  const std::vector<std::pair<int32_t, int64_t>> bits = {
      {TensorProto::FLOAT, 32},         {TensorProto::UINT8, 8},          {TensorProto::INT8, 8},
      {TensorProto::UINT16, 16},        {TensorProto::INT16, 16},         {TensorProto::INT32, 32},
      {TensorProto::INT64, 64},         {TensorProto::BOOL, 8},           {TensorProto::FLOAT16, 16},
      {TensorProto::DOUBLE, 64},        {TensorProto::UINT32, 32},        {TensorProto::UINT64, 64},
      {TensorProto::COMPLEX64, 64},     {TensorProto::COMPLEX128, 128},   {TensorProto::BFLOAT16, 16},
      {TensorProto::FLOAT8E4M3FN, 8},   {TensorProto::FLOAT8E4M3FNUZ, 8}, {TensorProto::FLOAT8E5M2, 8},
      {TensorProto::FLOAT8E5M2FNUZ, 8}, {TensorProto::UINT4, 4},          {TensorProto::INT4, 4},
      {TensorProto::FLOAT4E2M1, 4},     {TensorProto::FLOAT8E8M0, 8},     {TensorProto::UINT2, 2},
      {TensorProto::INT2, 2},           {TensorProto::FLOAT6E2M3, 6},     {TensorProto::FLOAT6E3M2, 6}};
  // All but UNDEFINED and STRING are in the table, so that a new type in the library is not forgotten here.
  EXPECT_EQ(static_cast<int>(bits.size()) + 2, TensorProto::DataType_ARRAYSIZE);
  for (const auto& [data_type, width] : bits) {
    EXPECT_EQ(PayloadBytes(data_type, 5), (5 * width + 7) / 8) << TensorProto::DataType_Name(data_type);
    EXPECT_EQ(ElementBytes(data_type), width / 8) << TensorProto::DataType_Name(data_type);
  }
  EXPECT_EQ(PayloadBytes(TensorProto::STRING, 5), -1);
  EXPECT_EQ(PayloadBytes(TensorProto::DOUBLE, std::numeric_limits<int64_t>::max() / 2), -1);
}

TEST(StoredBytes, CountsWhicheverFieldIsUsed) {
  TensorProto tensor = Tensor(TensorProto::FLOAT16, {3});
  tensor.set_raw_data(std::string(6, '\0'));
  EXPECT_EQ(StoredBytes(tensor), 6);
  tensor.clear_raw_data();
  for (int i = 0; i < 3; ++i) {
    tensor.add_int32_data(i);
  }
  EXPECT_EQ(StoredBytes(tensor), 6);
  TensorProto doubles = Tensor(TensorProto::DOUBLE, {1});
  doubles.add_double_data(1);
  EXPECT_EQ(StoredBytes(doubles), 8);
  TensorProto strings = Tensor(TensorProto::STRING, {2});
  strings.add_string_data("ab");
  strings.add_string_data("c");
  EXPECT_EQ(StoredBytes(strings), 3);
}

// Eigen's conversion is the independent reference.
TEST(Half, All65536CodesDecodeAndComeBack) {
  TensorProto tensor = Tensor(TensorProto::FLOAT16, {65536});
  std::vector<uint16_t> codes;
  for (int i = 0; i < 65536; ++i) {
    codes.push_back(static_cast<uint16_t>(i));
  }
  tensor.set_raw_data(Bytes(codes));
  const auto values = DecodeFloats(tensor);
  ASSERT_TRUE(values.ok()) << values.status();
  int nans = 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    const float reference = Eigen::half_impl::half_to_float(Eigen::half_impl::raw_uint16_to_half(codes[i]));
    if (std::isnan(reference)) {
      ++nans;
      ASSERT_TRUE(std::isnan((*values)[i])) << i;
    } else {
      ASSERT_EQ((*values)[i], reference) << i;
      ASSERT_EQ(std::signbit((*values)[i]), std::signbit(reference)) << i;
    }
  }
  EXPECT_EQ(nans, 2 * 1023);
  const auto back = EncodeFloats("t", {65536}, *values, tensor);
  ASSERT_TRUE(back.ok()) << back.status();
  for (size_t i = 0; i < codes.size(); ++i) {
    uint16_t code;
    std::memcpy(&code, back->raw_data().data() + 2 * i, 2);
    if (std::isnan((*values)[i])) {
      ASSERT_GT(code & 0x7fff, 0x7c00) << i;
    } else {
      ASSERT_EQ(code, codes[i]);
    }
  }
}

TEST(Bfloat16, All65536CodesDecodeAndComeBack) {
  TensorProto tensor = Tensor(TensorProto::BFLOAT16, {65536});
  for (int i = 0; i < 65536; ++i) {
    tensor.add_int32_data(i);
  }
  const auto values = DecodeFloats(tensor);
  ASSERT_TRUE(values.ok()) << values.status();
  const auto back = EncodeFloats("t", {65536}, *values, tensor);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->has_raw_data());
  ASSERT_EQ(back->int32_data_size(), 65536);
  for (int i = 0; i < 65536; ++i) {
    const uint32_t bits = static_cast<uint32_t>(i) << 16;
    float reference;
    std::memcpy(&reference, &bits, 4);
    const double value = (*values)[static_cast<size_t>(i)];
    if (std::isnan(reference)) {
      ASSERT_TRUE(std::isnan(value)) << i;
      ASSERT_GT(back->int32_data(i) & 0x7fff, 0x7f80) << i;
    } else {
      ASSERT_EQ(value, reference) << i;
      ASSERT_EQ(back->int32_data(i), i);
    }
  }
}

// Between any two neighbouring halves: just below, at and just above the middle.
TEST(Half, RoundsToNearestEven) {
  const TensorProto like = Tensor(TensorProto::FLOAT16, {0});
  TensorProto both = Tensor(TensorProto::FLOAT16, {2});
  for (int code = 0; code < 0x7bff; ++code) {
    both.set_raw_data(Bytes<uint16_t>({static_cast<uint16_t>(code), static_cast<uint16_t>(code + 1)}));
    const std::vector<double> pair = *DecodeFloats(both);
    const double middle = (pair[0] + pair[1]) / 2;
    const double even = code % 2 == 0 ? pair[0] : pair[1];
    // The first and last would round wrongly if they went through float.
    const auto rounded =
        EncodeFloats("t", {3}, {std::nextafter(middle, 0), middle, std::nextafter(middle, kInfinity)}, like);
    ASSERT_THAT(*DecodeFloats(*rounded), ElementsAre(pair[0], even, pair[1])) << code;
  }
}

TEST(EncodeFloats, OverflowIsAnErrorOnlyWhereRoundingGivesInfinity) {
  const struct {
    int32_t data_type;
    double largest, first_overflow;
  } kCases[] = {{TensorProto::FLOAT16, 65519.99, 65520},
                {TensorProto::BFLOAT16, 0x1.fefffffp+127, 0x1.ffp+127},
                {TensorProto::FLOAT, 0x1.fffffefp+127, 0x1.ffffffp+127}};
  for (const auto& c : kCases) {
    const TensorProto like = Tensor(c.data_type, {0});
    EXPECT_TRUE(EncodeFloats("t", {2}, {c.largest, -c.largest}, like).ok()) << c.data_type;
    const auto overflow = EncodeFloats("weight", {1}, {-c.first_overflow}, like);
    EXPECT_EQ(overflow.status().code(), absl::StatusCode::kOutOfRange) << c.data_type;
    EXPECT_THAT(std::string(overflow.status().message()), HasSubstr("weight"));
    const auto special = EncodeFloats("t", {3}, {kInfinity, -kInfinity, std::nan("")}, like);
    ASSERT_TRUE(special.ok());
    const std::vector<double> back = *DecodeFloats(*special);
    EXPECT_EQ(back[0], kInfinity);
    EXPECT_EQ(back[1], -kInfinity);
    EXPECT_TRUE(std::isnan(back[2]));
  }
}

TEST(EncodeFloats, KeepsDtypeAndField) {
  TensorProto typed_float = Tensor(TensorProto::FLOAT, {1});
  typed_float.add_float_data(1);
  TensorProto typed_double = Tensor(TensorProto::DOUBLE, {1});
  typed_double.add_double_data(1);
  TensorProto typed_half = Tensor(TensorProto::FLOAT16, {1});
  typed_half.add_int32_data(0x3c00);
  for (const TensorProto& like : {typed_float, typed_double, typed_half, Tensor(TensorProto::FLOAT, {0}),
                                  Tensor(TensorProto::DOUBLE, {0}), Tensor(TensorProto::BFLOAT16, {0})}) {
    const auto tensor = EncodeFloats("w", {2, 2}, {1, -2.5, 0, 0.125}, like);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->name(), "w");
    EXPECT_EQ(tensor->data_type(), like.data_type());
    EXPECT_EQ(TensorShape(*tensor), (Shape{2, 2}));
    EXPECT_EQ(tensor->has_raw_data(), like.dims(0) == 0);
    EXPECT_EQ(StoredBytes(*tensor), PayloadBytes(like.data_type(), 4));
    EXPECT_THAT(*DecodeFloats(*tensor), ElementsAre(1, -2.5, 0, 0.125));
  }
}

TEST(EncodeFloats, RefusesShapeAndTypeMistakes) {
  EXPECT_EQ(EncodeFloats("t", {3}, {1, 2}, Tensor(TensorProto::FLOAT, {0})).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeFloats("t", {1}, {1}, Tensor(TensorProto::INT32, {0})).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(DecodeFloats, RefusesWrongPayloadsAndTypes) {
  TensorProto tensor = Tensor(TensorProto::FLOAT, {2});
  tensor.set_raw_data(std::string(7, '\0'));
  EXPECT_EQ(DecodeFloats(tensor).status().code(), absl::StatusCode::kInvalidArgument);
  tensor.set_raw_data(std::string(9, '\0'));
  EXPECT_EQ(DecodeFloats(tensor).status().code(), absl::StatusCode::kInvalidArgument);
  tensor.clear_raw_data();
  EXPECT_EQ(DecodeFloats(tensor).status().code(), absl::StatusCode::kInvalidArgument);
  // A huge declared size must cost nothing.
  EXPECT_EQ(DecodeFloats(Tensor(TensorProto::FLOAT, {1'000'000'000'000})).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeFloats(Tensor(TensorProto::FLOAT, {-1})).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeFloats(Tensor(TensorProto::INT32, {0})).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(DecodeFloats(Tensor(TensorProto::FLOAT8E5M2, {0})).status().code(), absl::StatusCode::kUnimplemented);
  TensorProto external = Tensor(TensorProto::FLOAT, {2});
  external.set_data_location(TensorProto::EXTERNAL);
  EXPECT_EQ(DecodeFloats(external).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(DecodeInts, EveryWidthFromRawData) {
  const auto decode = [](int32_t data_type, int64_t count, const std::string& raw) {
    TensorProto tensor = Tensor(data_type, {count});
    tensor.set_raw_data(raw);
    const auto values = DecodeInts(tensor);
    EXPECT_TRUE(values.ok()) << values.status();
    return values.ok() ? *values : std::vector<int64_t>();
  };
  EXPECT_THAT(decode(TensorProto::INT8, 2, "\xff\x7f"), ElementsAre(-1, 127));
  EXPECT_THAT(decode(TensorProto::UINT8, 2, "\xff\x7f"), ElementsAre(255, 127));
  EXPECT_THAT(decode(TensorProto::BOOL, 2, std::string("\x01\x00", 2)), ElementsAre(1, 0));
  EXPECT_THAT(decode(TensorProto::INT16, 2, Bytes<int16_t>({-300, 5})), ElementsAre(-300, 5));
  EXPECT_THAT(decode(TensorProto::UINT16, 1, Bytes<int16_t>({-1})), ElementsAre(65535));
  EXPECT_THAT(decode(TensorProto::INT32, 2, Bytes<int32_t>({-70000, 5})), ElementsAre(-70000, 5));
  EXPECT_THAT(decode(TensorProto::UINT32, 1, Bytes<int32_t>({-1})), ElementsAre(4294967295));
  EXPECT_THAT(decode(TensorProto::INT64, 1, Bytes<int64_t>({-(int64_t{1} << 40)})), ElementsAre(-(int64_t{1} << 40)));
  EXPECT_THAT(decode(TensorProto::UINT64, 1, Bytes<uint64_t>({7})), ElementsAre(7));
  EXPECT_THAT(decode(TensorProto::INT4, 3, "\x8f\x07"), ElementsAre(-1, -8, 7));
  EXPECT_THAT(decode(TensorProto::UINT4, 3, "\x8f\x07"), ElementsAre(15, 8, 7));
  EXPECT_THAT(decode(TensorProto::INT2, 5, "\xe4\x03"), ElementsAre(0, 1, -2, -1, -1));
  EXPECT_THAT(decode(TensorProto::UINT2, 5, "\xe4\x03"), ElementsAre(0, 1, 2, 3, 3));
}

TEST(DecodeInts, TypedFields) {
  TensorProto small = Tensor(TensorProto::INT8, {2});
  small.add_int32_data(-3);
  small.add_int32_data(4);
  EXPECT_THAT(*DecodeInts(small), ElementsAre(-3, 4));
  TensorProto wide = Tensor(TensorProto::UINT32, {1});
  wide.add_uint64_data(4000000000);
  EXPECT_THAT(*DecodeInts(wide), ElementsAre(4000000000));
  TensorProto longs = Tensor(TensorProto::INT64, {2});
  longs.add_int64_data(-1);
  longs.add_int64_data(int64_t{1} << 50);
  EXPECT_THAT(*DecodeInts(longs), ElementsAre(-1, int64_t{1} << 50));
  TensorProto nibbles = Tensor(TensorProto::INT4, {3});
  nibbles.add_int32_data(0x8f);
  nibbles.add_int32_data(0x07);
  EXPECT_THAT(*DecodeInts(nibbles), ElementsAre(-1, -8, 7));
  TensorProto beyond = Tensor(TensorProto::UINT64, {1});
  beyond.add_uint64_data(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(DecodeInts(beyond).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(DecodeInts(Tensor(TensorProto::FLOAT, {0})).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(RawPayload, PacksTypedFields) {
  TensorProto six = Tensor(TensorProto::FLOAT6E2M3, {5});
  for (const int code : {0x01, 0x02, 0x04, 0x08, 0x3f}) {
    six.add_int32_data(code);
  }
  // 6 bits each, from the least significant bit up.
  EXPECT_EQ(*RawPayload(six), std::string("\x81\x40\x20\x3f", 4));
  TensorProto complex = Tensor(TensorProto::COMPLEX64, {1});
  complex.add_float_data(1);
  complex.add_float_data(2);
  EXPECT_EQ(*RawPayload(complex), Bytes<float>({1, 2}));
  EXPECT_EQ(RawPayload(Tensor(TensorProto::STRING, {0})).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace cnnopt
