#include "passes/cleanup/constant_op.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;

void SetDims(const Shape& shape, TensorProto& tensor) {
  tensor.clear_dims();
  tensor.mutable_dims()->Add(shape.begin(), shape.end());
}

// Appends `value` as an integer of type T; false: it is out of range.
template <typename T>
bool AppendInt(int64_t value, std::string& bytes) {
  const T narrow = static_cast<T>(value);
  if (static_cast<int64_t>(narrow) != value || (narrow < 0) != (value < 0)) {
    return false;
  }
  char buffer[sizeof(T)];
  std::memcpy(buffer, &narrow, sizeof(T));
  bytes.append(buffer, sizeof(T));
  return true;
}

bool AppendInt(int64_t value, int32_t data_type, std::string& bytes) {
  switch (data_type) {
    case TensorProto::BOOL:
      return AppendInt<int8_t>(value != 0 ? 1 : 0, bytes);
    case TensorProto::INT8:
      return AppendInt<int8_t>(value, bytes);
    case TensorProto::UINT8:
      return AppendInt<uint8_t>(value, bytes);
    case TensorProto::INT16:
      return AppendInt<int16_t>(value, bytes);
    case TensorProto::UINT16:
      return AppendInt<uint16_t>(value, bytes);
    case TensorProto::INT32:
      return AppendInt<int32_t>(value, bytes);
    case TensorProto::UINT32:
      return AppendInt<uint32_t>(value, bytes);
    case TensorProto::INT64:
      return AppendInt<int64_t>(value, bytes);
    case TensorProto::UINT64:
      return AppendInt<uint64_t>(value, bytes);
    default:
      return false;
  }
}

absl::Status Inexact(int32_t from, int32_t to) {
  return absl::UnimplementedError(absl::StrCat("a value has no exact counterpart in the cast from ",
                                               TensorProto::DataType_Name(from), " to ",
                                               TensorProto::DataType_Name(to)));
}

absl::StatusOr<TensorProto> CastToInts(const TensorProto& source, int32_t to) {
  std::vector<int64_t> values;
  if (IsFloating(source.data_type())) {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> floats, DecodeFloats(source));
    for (const double value : floats) {
      const bool whole = std::abs(value) < 0x1p63 && std::trunc(value) == value;
      if (!whole && (to != TensorProto::BOOL || std::isnan(value))) {
        return Inexact(source.data_type(), to);
      }
      values.push_back(whole ? static_cast<int64_t>(value) : 1);
    }
  } else {
    CNNOPT_ASSIGN_OR_RETURN(values, DecodeInts(source));
  }
  std::string bytes;
  for (const int64_t value : values) {
    if (!AppendInt(value, to, bytes)) {
      return Inexact(source.data_type(), to);
    }
  }
  TensorProto result;
  *result.mutable_dims() = source.dims();
  result.set_data_type(to);
  result.set_raw_data(std::move(bytes));
  return result;
}

absl::StatusOr<TensorProto> CastToFloats(const TensorProto& source, int32_t to) {
  std::vector<double> values;
  const int32_t from = source.data_type();
  if (IsFloating(from)) {
    CNNOPT_ASSIGN_OR_RETURN(values, DecodeFloats(source));
  } else {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> ints, DecodeInts(source));
    for (const int64_t value : ints) {
      if (value > int64_t{1} << 53 || value < -(int64_t{1} << 53)) {
        return Inexact(from, to);
      }
      values.push_back(static_cast<double>(value));
    }
  }
  TensorProto like;
  like.set_data_type(to);
  CNNOPT_ASSIGN_OR_RETURN(TensorProto result, EncodeFloats("", TensorShape(source), values, like));
  // These two are hardware conversions everywhere: to nearest even.
  const bool rounds_alike = (from == TensorProto::FLOAT && to == TensorProto::FLOAT16) ||
                            (from == TensorProto::DOUBLE && to == TensorProto::FLOAT);
  if (!rounds_alike) {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> back, DecodeFloats(result));
    for (size_t i = 0; i < values.size(); ++i) {
      if (back[i] != values[i] && !std::isnan(values[i])) {
        return Inexact(from, to);
      }
    }
  }
  return result;
}

absl::StatusOr<TensorProto> Cast(const onnx::NodeProto& node, const TensorProto& source) {
  const auto to = static_cast<int32_t>(IntAttribute(node, "to", TensorProto::UNDEFINED));
  if (to == source.data_type()) {
    return source;
  }
  if (IsFloating(to)) {
    return CastToFloats(source, to);
  }
  if (ElementBytes(to) > 0) {
    return CastToInts(source, to);
  }
  return absl::UnimplementedError(absl::StrCat("it casts to data type ", to));
}

// The permutation of `node`, by default the reverse; nullopt: it is none.
std::optional<std::vector<int64_t>> Permutation(const onnx::NodeProto& node, int64_t rank) {
  std::vector<int64_t> perm = IntsAttribute(node, "perm");
  if (FindAttribute(node, "perm") == nullptr) {
    for (int64_t axis = rank - 1; axis >= 0; --axis) {
      perm.push_back(axis);
    }
  }
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t axis = 0; axis < static_cast<int64_t>(sorted.size()); ++axis) {
    if (sorted[static_cast<size_t>(axis)] != axis) {
      return std::nullopt;
    }
  }
  return static_cast<int64_t>(perm.size()) == rank ? std::optional(perm) : std::nullopt;
}

absl::StatusOr<TensorProto> Transpose(const onnx::NodeProto& node, const TensorProto& source) {
  const Shape shape = TensorShape(source);
  const size_t rank = shape.size();
  const auto width = static_cast<size_t>(ElementBytes(source.data_type()));
  const std::optional<std::vector<int64_t>> perm = Permutation(node, static_cast<int64_t>(rank));
  if (!perm.has_value() || width == 0) {
    return absl::UnimplementedError("its permutation or data type is not understood");
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::string bytes, RawPayload(source));
  Shape new_shape(rank), stride(rank), index(rank, 0);  // stride of each new axis in the source, in elements
  for (size_t axis = 0; axis < rank; ++axis) {
    const auto old_axis = static_cast<size_t>((*perm)[axis]);
    new_shape[axis] = shape[old_axis];
    stride[axis] = ElementCount(absl::MakeConstSpan(shape).subspan(old_axis + 1));
  }
  std::string moved(bytes.size(), '\0');
  int64_t from = 0;
  for (size_t to = 0; to < bytes.size() / width; ++to) {
    std::memcpy(&moved[to * width], &bytes[static_cast<size_t>(from) * width], width);
    for (size_t axis = rank; axis-- > 0;) {  // counts up like the digits of a number
      from += stride[axis];
      if (++index[axis] < new_shape[axis]) {
        break;
      }
      from -= stride[axis] * new_shape[axis];
      index[axis] = 0;
    }
  }
  TensorProto result;
  result.set_data_type(source.data_type());
  SetDims(new_shape, result);
  result.set_raw_data(std::move(moved));
  return result;
}

// `requested` with 0 (copy) and -1 (the rest) resolved for a tensor of `shape`.
absl::StatusOr<Shape> ResolveShape(const Shape& shape, const std::vector<int64_t>& requested, bool allow_zero) {
  Shape result;
  int64_t rest_axis = -1;
  for (size_t axis = 0; axis < requested.size(); ++axis) {
    int64_t dim = requested[axis];
    if (dim == 0 && !allow_zero && axis < shape.size()) {
      dim = shape[axis];
    }
    if (dim == -1 && rest_axis < 0) {
      rest_axis = static_cast<int64_t>(axis);
      dim = 1;
    }
    result.push_back(dim);
  }
  const int64_t known = ElementCount(result);
  const int64_t count = ElementCount(shape);
  const bool unclear = rest_axis >= 0 && known == 0;  // -1 could be anything
  if (rest_axis >= 0 && known > 0) {
    result[static_cast<size_t>(rest_axis)] = count / known;
  }
  if (unclear || ElementCount(result) != count) {
    return absl::UnimplementedError(
        absl::StrCat("[", absl::StrJoin(shape, ","), "] has no reshape to [", absl::StrJoin(requested, ","), "]"));
  }
  return result;
}

// The integers of attribute `name`, or of the second input where the operator set has it there; nullopt: neither.
absl::StatusOr<std::optional<std::vector<int64_t>>> Parameter(const onnx::NodeProto& node, const char* name,
                                                              const TensorProto* parameter) {
  if (parameter != nullptr) {
    CNNOPT_ASSIGN_OR_RETURN(std::vector<int64_t> values, DecodeInts(*parameter));
    return values;
  }
  if (FindAttribute(node, name) == nullptr) {
    return std::nullopt;
  }
  return IntsAttribute(node, name);
}

absl::StatusOr<Shape> Squeezed(const Shape& shape, const std::optional<std::vector<int64_t>>& axes) {
  const auto rank = static_cast<int64_t>(shape.size());
  std::vector<bool> drop(shape.size(), false);
  for (size_t axis = 0; axis < shape.size() && !axes.has_value(); ++axis) {
    drop[axis] = shape[axis] == 1;
  }
  for (const int64_t axis : axes.value_or(std::vector<int64_t>())) {
    const int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank || shape[static_cast<size_t>(at)] != 1) {
      return absl::UnimplementedError(absl::StrCat("axis ", axis, " cannot be squeezed"));
    }
    drop[static_cast<size_t>(at)] = true;
  }
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (!drop[axis]) {
      result.push_back(shape[axis]);
    }
  }
  return result;
}

absl::StatusOr<Shape> Unsqueezed(const Shape& shape, const std::optional<std::vector<int64_t>>& axes) {
  const auto rank = static_cast<int64_t>(shape.size() + axes.value_or(std::vector<int64_t>()).size());
  std::vector<bool> added(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes.value_or(std::vector<int64_t>())) {
    const int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank || added[static_cast<size_t>(at)]) {
      return absl::UnimplementedError(absl::StrCat("axis ", axis, " cannot be added"));
    }
    added[static_cast<size_t>(at)] = true;
  }
  Shape result;
  size_t next = 0;
  for (const bool one : added) {
    result.push_back(one ? 1 : shape[next++]);
  }
  return result;
}

absl::StatusOr<Shape> NewShape(const onnx::NodeProto& node, const Shape& shape, const TensorProto* parameter) {
  if (IsOp(node, "Reshape")) {
    CNNOPT_ASSIGN_OR_RETURN(const auto requested, Parameter(node, "shape", parameter));
    if (!requested.has_value()) {
      return absl::UnimplementedError("its shape is not known");
    }
    return ResolveShape(shape, *requested, IntAttribute(node, "allowzero", 0) != 0);
  }
  CNNOPT_ASSIGN_OR_RETURN(const auto axes, Parameter(node, "axes", parameter));
  return IsOp(node, "Squeeze") ? Squeezed(shape, axes) : Unsqueezed(shape, axes);
}

}  // namespace

bool IsConstantOp(const onnx::NodeProto& node) {
  for (const char* op : {"Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze"}) {
    if (IsOp(node, op)) {
      return true;
    }
  }
  return false;
}

int64_t ConstantOpBytes(const onnx::NodeProto& node, const TensorProto& source) {
  if (!IsOp(node, "Cast")) {
    return StoredBytes(source);
  }
  const auto to = static_cast<int32_t>(IntAttribute(node, "to", TensorProto::UNDEFINED));
  return PayloadBytes(to, ElementCount(TensorShape(source)));
}

absl::Status ApplyConstantOp(const onnx::NodeProto& node, const TensorProto* parameter, int64_t opset,
                             TensorProto& tensor) {
  if (IsOp(node, "Cast")) {
    if (opset < 6) {
      return absl::UnimplementedError("a Cast of opset 5 and earlier names its type by a string");
    }
    CNNOPT_ASSIGN_OR_RETURN(tensor, Cast(node, tensor));
    return absl::OkStatus();
  }
  if (IsOp(node, "Transpose")) {
    CNNOPT_ASSIGN_OR_RETURN(tensor, Transpose(node, tensor));
    return absl::OkStatus();
  }
  CNNOPT_ASSIGN_OR_RETURN(const Shape shape, NewShape(node, TensorShape(tensor), parameter));
  SetDims(shape, tensor);
  return absl::OkStatus();
}

}  // namespace cnnopt
