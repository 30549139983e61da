#include "onnx_io/validate_tensor.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "onnx_io/borrow.h"
#include "onnx_io/external_data.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;

absl::Status Invalid(absl::string_view message) { return absl::InvalidArgumentError(message); }

template <typename Dims>
std::string Show(const Dims& dims) {
  return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
}

std::string TypeName(int32_t data_type) {
  return TensorProto::DataType_IsValid(data_type)
             ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type))
             : absl::StrCat("data type ", data_type);
}

// The typed field that holds elements of `data_type`.
absl::string_view FieldOf(int32_t data_type) {
  switch (data_type) {
    case TensorProto::FLOAT:
    case TensorProto::COMPLEX64:
      return "float_data";
    case TensorProto::DOUBLE:
    case TensorProto::COMPLEX128:
      return "double_data";
    case TensorProto::INT64:
      return "int64_data";
    case TensorProto::UINT32:
    case TensorProto::UINT64:
      return "uint64_data";
    case TensorProto::STRING:
      return "string_data";
    default:
      return "int32_data";
  }
}

// How many entries of the typed field hold `count` elements; `count` is small enough for PayloadBytes.
int64_t EntriesOf(int32_t data_type, int64_t count) {
  switch (data_type) {
    case TensorProto::COMPLEX64:
    case TensorProto::COMPLEX128:
      return 2 * count;
    case TensorProto::INT2:
    case TensorProto::UINT2:
    case TensorProto::INT4:
    case TensorProto::UINT4:
    case TensorProto::FLOAT4E2M1:  // each entry is one byte of raw_data
      return PayloadBytes(data_type, count);
    default:
      return count;
  }
}

struct Field {
  absl::string_view name;
  int64_t entries;  // for raw_data: bytes
};

std::vector<Field> UsedFields(const TensorProto& tensor) {
  std::vector<Field> used;
  for (const Field& field :
       {Field{"raw_data", static_cast<int64_t>(tensor.raw_data().size())},
        Field{"float_data", tensor.float_data_size()}, Field{"double_data", tensor.double_data_size()},
        Field{"int32_data", tensor.int32_data_size()}, Field{"int64_data", tensor.int64_data_size()},
        Field{"uint64_data", tensor.uint64_data_size()}, Field{"string_data", tensor.string_data_size()}}) {
    if (field.entries > 0) {
      used.push_back(field);
    }
  }
  return used;
}

absl::Status ValidateExternal(const TensorProto& tensor, int64_t bytes) {
  if (tensor.data_type() == TensorProto::STRING) {
    return Invalid("strings cannot be external data");
  }
  if (Borrows(tensor)) {
    return tensor.external_data(1).value() == absl::StrCat(bytes) ? absl::OkStatus()
                                                                  : Invalid("borrows a payload of another size");
  }
  CNNOPT_ASSIGN_OR_RETURN(const ExternalRange range, ReadExternalRange(tensor));
  if (bytes < 0 && !range.length.has_value()) {
    return Invalid("external data of an unknown data type needs a length");
  }
  if (bytes >= 0 && range.length.value_or(bytes) != bytes) {
    return Invalid(absl::StrCat("external data has length ", *range.length, ", dims ", Show(tensor.dims()), " of ",
                                TypeName(tensor.data_type()), " need ", bytes));
  }
  return absl::OkStatus();
}

absl::Status ValidatePayload(const TensorProto& tensor, int64_t count, int64_t bytes) {
  const std::vector<Field> used = UsedFields(tensor);
  const bool external = tensor.data_location() == TensorProto::EXTERNAL;
  if (used.size() + (external ? 1 : 0) > 1) {
    return Invalid(absl::StrCat("has its payload in two places, ", used[0].name, " and ",
                                external ? "external data" : used[1].name));
  }
  if (external) {
    return ValidateExternal(tensor, bytes);
  }
  const bool strings = tensor.data_type() == TensorProto::STRING;
  if (bytes < 0 && !strings) {
    return absl::OkStatus();  // an unknown type: nothing to compare with
  }
  const std::string need = absl::StrCat("dims ", Show(tensor.dims()), " of ", TypeName(tensor.data_type()), " need ");
  if (used.empty()) {
    return count == 0 ? absl::OkStatus() : Invalid(absl::StrCat("has no payload, ", need, count, " elements"));
  }
  const Field& field = used[0];
  const bool raw = field.name == "raw_data";
  const absl::string_view expected = FieldOf(tensor.data_type());
  if (raw ? strings : field.name != expected) {
    return Invalid(absl::StrCat(TypeName(tensor.data_type()), " is in ", field.name, " instead of ", expected));
  }
  const int64_t needed = raw ? bytes : EntriesOf(tensor.data_type(), count);
  return field.entries == needed ? absl::OkStatus()
                                 : Invalid(absl::StrCat(field.name, " holds ", field.entries,
                                                        raw ? " bytes, " : " entries, ", need, needed));
}

absl::Status ValidateIndices(const onnx::SparseTensorProto& sparse, int64_t stored) {
  const Shape shape(sparse.dims().begin(), sparse.dims().end());
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> indices, DecodeInts(sparse.indices()));
  const bool linear = sparse.indices().dims_size() == 1;
  const size_t width = linear ? 1 : shape.size();
  const int64_t dense = ElementCount(shape);
  int64_t last = -1;
  for (size_t i = 0; i < static_cast<size_t>(stored); ++i) {
    int64_t position = 0;  // less than `dense`, so no sum or product overflows
    for (size_t k = 0; k < width; ++k) {
      const int64_t index = indices[i * width + k];
      const int64_t extent = linear ? dense : shape[k];
      if (index < 0 || index >= extent) {
        return Invalid(absl::StrCat("index ", index, " of stored value ", i, " is outside dims ", Show(shape)));
      }
      position = linear ? index : position * extent + index;
    }
    if (position <= last) {
      return Invalid(absl::StrCat("the index of stored value ", i, " is not above the one before"));
    }
    last = position;
  }
  return absl::OkStatus();
}

const onnx::TensorShapeProto* ShapeOf(const onnx::TypeProto& type) {
  if (type.has_tensor_type() && type.tensor_type().has_shape()) {
    return &type.tensor_type().shape();
  }
  return type.has_sparse_tensor_type() && type.sparse_tensor_type().has_shape() ? &type.sparse_tensor_type().shape()
                                                                                : nullptr;
}

// The type inside `type`; null for a tensor.
const onnx::TypeProto* Inner(const onnx::TypeProto& type) {
  switch (type.value_case()) {
    case onnx::TypeProto::kSequenceType:
      return &type.sequence_type().elem_type();
    case onnx::TypeProto::kMapType:
      return &type.map_type().value_type();
    case onnx::TypeProto::kOptionalType:
      return &type.optional_type().elem_type();
    default:
      return nullptr;
  }
}

}  // namespace

absl::Status ValidateTensor(const TensorProto& tensor, const Limits& limits, UnknownTypes unknown) {
  if (tensor.dims_size() > limits.rank) {
    return LimitExceeded(&Limits::rank, limits, "the number of dims", tensor.dims_size());
  }
  const bool known = TensorProto::DataType_IsValid(tensor.data_type());
  if (tensor.data_type() <= 0 || (!known && unknown == UnknownTypes::kRefuse)) {
    return Invalid(absl::StrCat("has unknown data type ", tensor.data_type()));
  }
  if (tensor.has_segment()) {
    return absl::UnimplementedError("is only a segment of a tensor");
  }
  const int64_t count = ElementCount(TensorShape(tensor));
  const int64_t bytes = count < 0 || !known ? -1 : PayloadBytes(tensor.data_type(), count);
  const bool has_size = known && tensor.data_type() != TensorProto::STRING;
  if (count < 0 || (has_size && bytes < 0)) {
    return Invalid(absl::StrCat("dims ", Show(tensor.dims()), " are negative or too large"));
  }
  return ValidatePayload(tensor, count, bytes);
}

absl::Status ValidateSparseTensor(const onnx::SparseTensorProto& sparse, const Limits& limits, UnknownTypes unknown) {
  if (sparse.dims_size() > limits.rank) {
    return LimitExceeded(&Limits::rank, limits, "the number of dims", sparse.dims_size());
  }
  const Shape shape(sparse.dims().begin(), sparse.dims().end());
  if (ElementCount(shape) < 0) {
    return Invalid(absl::StrCat("dims ", Show(shape), " are negative or too large"));
  }
  const TensorProto& values = sparse.values();
  CNNOPT_RETURN_IF_ERROR(Annotate(ValidateTensor(values, limits, unknown), "values"));
  if (values.dims_size() != 1) {
    return Invalid(absl::StrCat("values have dims ", Show(values.dims()), ", expected one"));
  }
  const int64_t stored = values.dims(0);
  if (!sparse.has_indices()) {
    return stored == 0 ? absl::OkStatus() : Invalid("has values and no indices");
  }
  const TensorProto& indices = sparse.indices();
  CNNOPT_RETURN_IF_ERROR(Annotate(ValidateTensor(indices, limits, unknown), "indices"));
  const bool linear = indices.dims_size() == 1;
  const bool coordinates = indices.dims_size() == 2 && indices.dims(1) == sparse.dims_size();
  if (indices.data_type() != TensorProto::INT64 || (!linear && !coordinates) || indices.dims(0) != stored) {
    return Invalid(absl::StrCat("indices are ", TypeName(indices.data_type()), " ", Show(indices.dims()),
                                ", expected INT64 [", stored, "] or [", stored, ",", sparse.dims_size(), "]"));
  }
  return indices.data_location() == TensorProto::EXTERNAL ? absl::OkStatus() : ValidateIndices(sparse, stored);
}

absl::Status ValidateType(const onnx::TypeProto& type, const Limits& limits) {
  int64_t depth = 0;
  for (const onnx::TypeProto* inner = &type; inner != nullptr; inner = Inner(*inner)) {
    if (++depth > limits.depth + 1) {
      return LimitExceeded(&Limits::depth, limits, "the nesting of its type", depth - 1);
    }
    const onnx::TensorShapeProto* shape = ShapeOf(*inner);
    if (shape != nullptr && shape->dim_size() > limits.rank) {
      return LimitExceeded(&Limits::rank, limits, "the number of dims", shape->dim_size());
    }
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
