#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/session.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using ::testing::ElementsAre;

std::vector<double> ThereAndBack(const std::vector<double>& values, int32_t data_type) {
  const absl::StatusOr<Tensor> tensor = FromDoubles(values, {static_cast<int64_t>(values.size())}, data_type);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->data_type, data_type);
  EXPECT_EQ(static_cast<int64_t>(tensor->bytes.size()), static_cast<int64_t>(values.size()) * ElementBytes(data_type));
  const absl::StatusOr<std::vector<double>> back = ToDoubles(*tensor);
  EXPECT_TRUE(back.ok()) << back.status();
  return *back;
}

TEST(NumbersTest, BytesAreLittleEndian) {
  EXPECT_EQ(FromDoubles({1.5}, {1}, TensorProto::FLOAT)->bytes, std::string("\0\0\xc0\x3f", 4));
  EXPECT_EQ(FromDoubles({1.5}, {1}, TensorProto::FLOAT16)->bytes, std::string("\0\x3e", 2));
  EXPECT_EQ(FromDoubles({1.5}, {1}, TensorProto::BFLOAT16)->bytes, std::string("\xc0\x3f", 2));
  EXPECT_EQ(FromDoubles({-2}, {1}, TensorProto::INT32)->bytes, "\xfe\xff\xff\xff");
  EXPECT_EQ(FromDoubles({7, 0, -1}, {3}, TensorProto::BOOL)->bytes, std::string("\1\0\1", 3));
}

TEST(NumbersTest, FloatsRoundAndSaturate) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(ThereAndBack({0.1, 1e300}, TensorProto::DOUBLE), ElementsAre(0.1, 1e300));
  EXPECT_THAT(ThereAndBack({0.1, 1e300, -infinity}, TensorProto::FLOAT),
              ElementsAre(double{0.1f}, std::numeric_limits<float>::max(), -infinity));
  EXPECT_THAT(ThereAndBack({2049, 1e5, -1e5, infinity}, TensorProto::FLOAT16),
              ElementsAre(2048, 65504, -65504, infinity));
  EXPECT_THAT(ThereAndBack({257, -1e39}, TensorProto::BFLOAT16), ElementsAre(256, -0x1.fep127));
  EXPECT_TRUE(std::isnan(ThereAndBack({std::nan("")}, TensorProto::FLOAT16)[0]));
}

TEST(NumbersTest, IntegersRoundAndSaturate) {
  const std::vector<double> values = {0.5, 1.5, -2.5, 300, -300, std::nan("")};
  EXPECT_THAT(ThereAndBack(values, TensorProto::INT8), ElementsAre(0, 2, -2, 127, -128, 0));
  EXPECT_THAT(ThereAndBack(values, TensorProto::UINT8), ElementsAre(0, 2, 0, 255, 0, 0));
  EXPECT_THAT(ThereAndBack({40000, -40000}, TensorProto::INT16), ElementsAre(32767, -32768));
  EXPECT_THAT(ThereAndBack({70000, -1}, TensorProto::UINT16), ElementsAre(65535, 0));
  EXPECT_THAT(ThereAndBack({1e10, -1e10}, TensorProto::INT32), ElementsAre(2147483647, -2147483648.0));
  EXPECT_THAT(ThereAndBack({1e10, -1}, TensorProto::UINT32), ElementsAre(4294967295, 0));
  EXPECT_EQ(FromDoubles({1e30, -1e30, -5}, {3}, TensorProto::INT64)->bytes,
            std::string("\xff\xff\xff\xff\xff\xff\xff\x7f\0\0\0\0\0\0\0\x80\xfb\xff\xff\xff\xff\xff\xff\xff", 24));
  EXPECT_EQ(FromDoubles({1e30, -1}, {2}, TensorProto::UINT64)->bytes,
            std::string("\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 16));
}

TEST(NumbersTest, Errors) {
  EXPECT_EQ(FromDoubles({1, 2}, {3}, TensorProto::FLOAT).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FromDoubles({1}, {1}, TensorProto::STRING).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ToDoubles({TensorProto::STRING, {1}, ""}).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ToDoubles({TensorProto::FLOAT, {2}, "1234"}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cnnopt
