// Tensor <-> double.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "runtime/session.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;

onnx::TensorProto AsProto(const Tensor& tensor) {
  TensorProto proto;
  proto.set_data_type(tensor.data_type);
  proto.mutable_dims()->Add(tensor.shape.begin(), tensor.shape.end());
  proto.set_raw_data(tensor.bytes);
  return proto;
}

double LargestFinite(int32_t floating_type) {
  switch (floating_type) {
    case TensorProto::FLOAT16:
      return 65504;
    case TensorProto::BFLOAT16:
      return 0x1.fep127;
    case TensorProto::FLOAT:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

absl::StatusOr<std::string> EncodeSaturated(absl::Span<const double> values, int32_t floating_type) {
  const double largest = LargestFinite(floating_type);
  std::vector<double> saturated(values.begin(), values.end());
  for (double& value : saturated) {
    if (std::isfinite(value)) {
      value = std::clamp(value, -largest, largest);
    }
  }
  TensorProto like;
  like.set_data_type(floating_type);
  like.set_raw_data("");
  CNNOPT_ASSIGN_OR_RETURN(TensorProto encoded,
                          EncodeFloats("", {static_cast<int64_t>(values.size())}, saturated, like));
  return std::move(*encoded.mutable_raw_data());
}

// Rounds to nearest even; NaN becomes 0.
template <typename Integer>
std::string EncodeIntegers(absl::Span<const double> values) {
  using Limits = std::numeric_limits<Integer>;
  // Both powers of two, so exact as double, which Limits::max() of 64 bits is not.
  const double lowest = static_cast<double>(Limits::min());
  const double beyond = std::ldexp(1.0, Limits::digits);
  std::string bytes(values.size() * sizeof(Integer), '\0');
  for (size_t i = 0; i < values.size(); ++i) {
    const double rounded = std::nearbyint(values[i]);
    Integer integer = 0;
    if (rounded >= beyond) {
      integer = Limits::max();
    } else if (rounded >= lowest) {
      integer = static_cast<Integer>(rounded);
    } else if (rounded < lowest) {
      integer = Limits::min();
    }
    std::memcpy(&bytes[i * sizeof(Integer)], &integer, sizeof(Integer));
  }
  return bytes;
}

std::string EncodeBools(absl::Span<const double> values) {
  std::string bytes;
  for (const double value : values) {
    bytes.push_back(value != 0 ? '\1' : '\0');
  }
  return bytes;
}

absl::StatusOr<std::string> Encode(absl::Span<const double> values, int32_t data_type) {
  switch (data_type) {
    case TensorProto::FLOAT:
    case TensorProto::DOUBLE:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return EncodeSaturated(values, data_type);
    case TensorProto::INT8:
      return EncodeIntegers<int8_t>(values);
    case TensorProto::INT16:
      return EncodeIntegers<int16_t>(values);
    case TensorProto::INT32:
      return EncodeIntegers<int32_t>(values);
    case TensorProto::INT64:
      return EncodeIntegers<int64_t>(values);
    case TensorProto::UINT8:
      return EncodeIntegers<uint8_t>(values);
    case TensorProto::UINT16:
      return EncodeIntegers<uint16_t>(values);
    case TensorProto::UINT32:
      return EncodeIntegers<uint32_t>(values);
    case TensorProto::UINT64:
      return EncodeIntegers<uint64_t>(values);
    case TensorProto::BOOL:
      return EncodeBools(values);
    default:
      return absl::UnimplementedError(absl::StrCat("cannot make numbers of data type ", data_type));
  }
}

}  // namespace

absl::StatusOr<std::vector<double>> ToDoubles(const Tensor& tensor) {
  const TensorProto proto = AsProto(tensor);
  if (IsFloating(tensor.data_type)) {
    return DecodeFloats(proto);
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, DecodeInts(proto));
  return std::vector<double>(integers.begin(), integers.end());
}

absl::StatusOr<Tensor> FromDoubles(absl::Span<const double> values, Shape shape, int32_t data_type) {
  if (ElementCount(shape) != static_cast<int64_t>(values.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", ElementCount(shape), " values for the shape, found ", values.size()));
  }
  CNNOPT_ASSIGN_OR_RETURN(std::string bytes, Encode(values, data_type));
  return Tensor{data_type, std::move(shape), std::move(bytes)};
}

}  // namespace cnnopt
