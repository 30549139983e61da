#include "onnx_io/tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/borrow.h"
#include "onnx_io/quote.h"
#include "onnx_io/small_float.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw_data is little endian and copied as it is");

// Bits of one element in raw_data; 0 for strings and unknown types.
int64_t ElementBits(int32_t data_type) {
  switch (data_type) {
    case TensorProto::UINT2:
    case TensorProto::INT2:
      return 2;
    case TensorProto::UINT4:
    case TensorProto::INT4:
    case TensorProto::FLOAT4E2M1:
      return 4;
    case TensorProto::FLOAT6E2M3:
    case TensorProto::FLOAT6E3M2:
      return 6;
    case TensorProto::UINT8:
    case TensorProto::INT8:
    case TensorProto::BOOL:
    case TensorProto::FLOAT8E4M3FN:
    case TensorProto::FLOAT8E4M3FNUZ:
    case TensorProto::FLOAT8E5M2:
    case TensorProto::FLOAT8E5M2FNUZ:
    case TensorProto::FLOAT8E8M0:
      return 8;
    case TensorProto::UINT16:
    case TensorProto::INT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 16;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 32;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
    case TensorProto::COMPLEX64:
      return 64;
    case TensorProto::COMPLEX128:
      return 128;
    default:
      return 0;
  }
}

template <typename T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <typename T>
void Append(T value, std::string& bytes) {
  char buffer[sizeof(T)];
  std::memcpy(buffer, &value, sizeof(T));
  bytes.append(buffer, sizeof(T));
}

// Calls f(T{}) with the C++ type that stores one element of `data_type`. Only types of whole bytes and not complex;
// 16-bit floats come as uint16_t.
template <typename F>
auto WithStorageType(int32_t data_type, F f) {
  switch (data_type) {
    case TensorProto::FLOAT:
      return f(float{});
    case TensorProto::DOUBLE:
      return f(double{});
    case TensorProto::INT8:
      return f(int8_t{});
    case TensorProto::INT16:
      return f(int16_t{});
    case TensorProto::UINT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return f(uint16_t{});
    case TensorProto::INT32:
      return f(int32_t{});
    case TensorProto::UINT32:
      return f(uint32_t{});
    case TensorProto::INT64:
      return f(int64_t{});
    case TensorProto::UINT64:
      return f(uint64_t{});
    default:
      return f(uint8_t{});
  }
}

absl::Status WrongSize(const TensorProto& tensor, int64_t found, int64_t expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", Quote(tensor.name()), " holds ", found, " bytes, its dims and type need ", expected));
}

// The typed field as raw_data would store it.
std::string PackTypedField(const TensorProto& tensor) {
  const auto pack = [&](const auto& field, auto type) {
    std::string bytes;
    bytes.reserve(static_cast<size_t>(field.size()) * sizeof(type));
    for (const auto value : field) {
      Append(static_cast<decltype(type)>(value), bytes);
    }
    return bytes;
  };
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
    case TensorProto::COMPLEX64:
      return pack(tensor.float_data(), float{});
    case TensorProto::DOUBLE:
    case TensorProto::COMPLEX128:
      return pack(tensor.double_data(), double{});
    case TensorProto::INT64:
      return pack(tensor.int64_data(), int64_t{});
    case TensorProto::UINT32:
      return pack(tensor.uint64_data(), uint32_t{});
    case TensorProto::UINT64:
      return pack(tensor.uint64_data(), uint64_t{});
    case TensorProto::FLOAT6E2M3:
    case TensorProto::FLOAT6E3M2: {  // one element per entry, but a stream of bits in raw_data
      std::string bytes(static_cast<size_t>(PayloadBytes(tensor.data_type(), tensor.int32_data_size())), '\0');
      for (int i = 0; i < tensor.int32_data_size() * 6; ++i) {
        const int bit = (tensor.int32_data(i / 6) >> (i % 6)) & 1;
        bytes[static_cast<size_t>(i / 8)] = static_cast<char>(bytes[static_cast<size_t>(i / 8)] | (bit << (i % 8)));
      }
      return bytes;
    }
    default:
      return WithStorageType(tensor.data_type(), [&](auto type) {
        return pack(tensor.int32_data(),
                    static_cast<std::conditional_t<(sizeof(type) > 4), int32_t, decltype(type)>>(type));
      });
  }
}

// The raw payload, checked against dims; a view of raw_data itself or of `buffer`.
absl::StatusOr<absl::string_view> CheckedPayload(const TensorProto& tensor, std::string& buffer) {
  const bool borrows = Borrows(tensor);
  if (tensor.data_location() == TensorProto::EXTERNAL && !borrows) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", Quote(tensor.name()), " has external data that is not loaded"));
  }
  const int64_t bits = ElementBits(tensor.data_type());
  if (bits == 0) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", Quote(tensor.name()), " has data type ", tensor.data_type()));
  }
  const int64_t count = ElementCount(TensorShape(tensor));
  const int64_t expected = count < 0 ? -1 : PayloadBytes(tensor.data_type(), count);
  if (expected < 0) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", Quote(tensor.name()), " has impossible dims [",
                                                   absl::StrJoin(tensor.dims(), ","), "]"));
  }
  const bool raw = borrows || tensor.has_raw_data();
  if (!raw) {
    buffer = PackTypedField(tensor);
  }
  const std::string& bytes = raw ? RawData(tensor) : buffer;
  if (static_cast<int64_t>(bytes.size()) != expected) {
    return WrongSize(tensor, static_cast<int64_t>(bytes.size()), expected);
  }
  return absl::string_view(bytes);
}

// Integers of 2 or 4 bits, packed from the least significant bit up.
std::vector<int64_t> UnpackBits(absl::string_view bytes, int64_t bits, int64_t count, bool is_signed) {
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[static_cast<size_t>(i * bits / 8)]);
    int64_t value = (byte >> (i * bits % 8)) & ((1 << bits) - 1);
    if (is_signed && value >= (1 << (bits - 1))) {
      value -= 1 << bits;
    }
    values[static_cast<size_t>(i)] = value;
  }
  return values;
}

bool IsInteger(int32_t data_type) {
  switch (data_type) {
    case TensorProto::BOOL:
    case TensorProto::INT2:
    case TensorProto::UINT2:
    case TensorProto::INT4:
    case TensorProto::UINT4:
    case TensorProto::INT8:
    case TensorProto::UINT8:
    case TensorProto::INT16:
    case TensorProto::UINT16:
    case TensorProto::INT32:
    case TensorProto::UINT32:
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return true;
    default:
      return false;
  }
}

// From half way between the largest float and 2^128 on, rounding would give infinity.
bool FitsFloat(double value) { return !std::isfinite(value) || std::abs(value) < 0x1.ffffffp+127; }

// Calls write(number) with every value as its storage type; returns the first one that overflows.
template <typename Write>
std::optional<double> RoundAll(size_t count, absl::FunctionRef<double(size_t)> value_of, int32_t data_type,
                               Write write) {
  for (size_t i = 0; i < count; ++i) {
    const double value = value_of(i);
    if (data_type == TensorProto::DOUBLE) {
      write(value);
    } else if (data_type == TensorProto::FLOAT) {
      if (!FitsFloat(value)) return value;
      write(static_cast<float>(value));
    } else {
      const SmallFloat& format = data_type == TensorProto::FLOAT16 ? kHalf : kBfloat16;
      const uint16_t bits = ToBits(value, format);
      if (std::isfinite(value) && (bits & 0x7fff) == format.infinity) return value;
      write(bits);
    }
  }
  return std::nullopt;
}

void AddTyped(double value, TensorProto& tensor) { tensor.add_double_data(value); }
void AddTyped(float value, TensorProto& tensor) { tensor.add_float_data(value); }
void AddTyped(uint16_t bits, TensorProto& tensor) { tensor.add_int32_data(bits); }

}  // namespace

int64_t ElementCount(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  bool overflow = false;
  for (const int64_t dim : shape) {
    if (dim < 0) {
      return -1;
    }
    // A zero anywhere makes the product zero, whatever the others are.
    overflow = overflow || (dim != 0 && count > std::numeric_limits<int64_t>::max() / dim);
    count = overflow && dim != 0 ? count : count * dim;
    if (dim == 0) {
      count = 0;
    }
  }
  return overflow && count != 0 ? -1 : count;
}

Shape TensorShape(const TensorProto& tensor) { return Shape(tensor.dims().begin(), tensor.dims().end()); }

int64_t ElementBytes(int32_t data_type) { return ElementBits(data_type) / 8; }

int64_t PayloadBytes(int32_t data_type, int64_t count) {
  const int64_t bits = ElementBits(data_type);
  if (bits == 0 || count < 0 || count > (std::numeric_limits<int64_t>::max() - 7) / bits) {
    return -1;
  }
  return (count * bits + 7) / 8;
}

int64_t StoredBytes(const TensorProto& tensor) {
  if (tensor.has_raw_data() || Borrows(tensor)) {
    return RawBytes(tensor);
  }
  int64_t bytes = 0;
  for (const std::string& text : tensor.string_data()) {
    bytes += static_cast<int64_t>(text.size());
  }
  // Types of less than a byte share entries, or take one each: a byte per entry either way.
  const int64_t small = std::max<int64_t>(1, std::min<int64_t>(4, ElementBytes(tensor.data_type())));
  const int64_t wide = tensor.data_type() == TensorProto::UINT32 ? 4 : 8;
  return bytes + 4 * int64_t{tensor.float_data_size()} + 8 * int64_t{tensor.double_data_size()} +
         8 * int64_t{tensor.int64_data_size()} + wide * tensor.uint64_data_size() + small * tensor.int32_data_size();
}

bool IsFloating(int32_t data_type) {
  return data_type == TensorProto::FLOAT || data_type == TensorProto::DOUBLE || data_type == TensorProto::FLOAT16 ||
         data_type == TensorProto::BFLOAT16;
}

absl::StatusOr<std::string> RawPayload(const TensorProto& tensor) {
  std::string buffer;
  CNNOPT_ASSIGN_OR_RETURN(const absl::string_view bytes, CheckedPayload(tensor, buffer));
  return std::string(bytes);
}

absl::StatusOr<FloatView> FloatView::Of(const TensorProto& tensor) {
  if (!IsFloating(tensor.data_type())) {
    return absl::UnimplementedError(absl::StrCat("tensor ", Quote(tensor.name()), " has data type ", tensor.data_type(),
                                                 ", not a float of 16 to 64 bits"));
  }
  FloatView view;
  view.data_type_ = tensor.data_type();
  view.width_ = static_cast<size_t>(ElementBytes(tensor.data_type()));
  view.packed_ = std::make_unique<std::string>();
  CNNOPT_ASSIGN_OR_RETURN(view.bytes_, CheckedPayload(tensor, *view.packed_));
  return view;
}

double FloatView::operator[](size_t i) const {
  const char* element = bytes_.data() + i * width_;
  switch (data_type_) {
    case TensorProto::FLOAT:
      return Load<float>(element);
    case TensorProto::DOUBLE:
      return Load<double>(element);
    case TensorProto::FLOAT16:
      return FromBits(Load<uint16_t>(element), kHalf);
    default:
      return FromBits(Load<uint16_t>(element), kBfloat16);
  }
}

absl::StatusOr<std::vector<double>> DecodeFloats(const TensorProto& tensor) {
  CNNOPT_ASSIGN_OR_RETURN(const FloatView view, FloatView::Of(tensor));
  std::vector<double> values(view.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = view[i];
  return values;
}

absl::StatusOr<std::vector<int64_t>> DecodeInts(const TensorProto& tensor) {
  if (!IsInteger(tensor.data_type())) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", Quote(tensor.name()), " has data type ", tensor.data_type(), ", not an integer"));
  }
  std::string buffer;
  CNNOPT_ASSIGN_OR_RETURN(const absl::string_view bytes, CheckedPayload(tensor, buffer));
  const int64_t bits = ElementBits(tensor.data_type());
  if (bits < 8) {
    const bool is_signed = tensor.data_type() == TensorProto::INT4 || tensor.data_type() == TensorProto::INT2;
    return UnpackBits(bytes, bits, ElementCount(TensorShape(tensor)), is_signed);
  }
  std::vector<int64_t> values(bytes.size() / static_cast<size_t>(bits / 8));
  WithStorageType(tensor.data_type(), [&](auto type) {
    using Storage = decltype(type);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<int64_t>(Load<Storage>(bytes.data() + i * sizeof(Storage)));
    }
  });
  if (tensor.data_type() == TensorProto::UINT64) {
    for (const int64_t value : values) {
      if (value < 0) {
        return absl::OutOfRangeError(absl::StrCat("tensor ", Quote(tensor.name()), " holds a value beyond int64"));
      }
    }
  }
  return values;
}

absl::StatusOr<TensorProto> EncodeFloats(absl::string_view name, absl::Span<const int64_t> shape,
                                         absl::Span<const double> values, const TensorProto& like) {
  if (ElementCount(shape) != static_cast<int64_t>(values.size())) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", Quote(name), ": ", values.size(), " values for shape [",
                                                   absl::StrJoin(shape, ","), "]"));
  }
  return EncodeFloats(name, shape, [&](size_t i) { return values[i]; }, like);
}

absl::StatusOr<TensorProto> EncodeFloats(absl::string_view name, absl::Span<const int64_t> shape,
                                         absl::FunctionRef<double(size_t)> value, const TensorProto& like) {
  if (!IsFloating(like.data_type())) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", Quote(name), ": data type ", like.data_type(), " is not a float of 16 to 64 bits"));
  }
  const int64_t elements = ElementCount(shape);
  if (elements < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", Quote(name), ": impossible shape [", absl::StrJoin(shape, ","), "]"));
  }
  const auto count = static_cast<size_t>(elements);
  TensorProto tensor;
  tensor.set_name(std::string(name));
  tensor.set_data_type(like.data_type());
  tensor.mutable_dims()->Add(shape.begin(), shape.end());
  const bool typed = like.float_data_size() + like.double_data_size() + like.int32_data_size() > 0;
  std::optional<double> overflow;
  if (typed) {
    overflow = RoundAll(count, value, like.data_type(), [&](auto number) { AddTyped(number, tensor); });
  } else {
    std::string& bytes = *tensor.mutable_raw_data();
    bytes.resize(count * static_cast<size_t>(ElementBytes(like.data_type())));
    char* next = bytes.data();
    overflow = RoundAll(count, value, like.data_type(), [&](auto number) {
      std::memcpy(next, &number, sizeof(number));
      next += sizeof(number);
    });
  }
  if (overflow.has_value()) {
    return absl::OutOfRangeError(absl::StrCat("tensor ", Quote(name), ": ", *overflow, " does not fit into ",
                                              TensorProto::DataType_Name(like.data_type())));
  }
  return tensor;
}

}  // namespace cnnopt
