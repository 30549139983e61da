#include "runtime/lend.h"

#include <cstdint>
#include <set>
#include <string>

#include "google/protobuf/util/field_mask_util.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

// Everything of `model` except the main graph's initializers. By field mask, so that fields a newer onnx adds come
// along by themselves.
onnx::ModelProto CopyWithoutInitializers(const onnx::ModelProto& model) {
  using google::protobuf::util::FieldMaskUtil;
  google::protobuf::FieldMask initializers;
  initializers.add_paths("graph.initializer");
  google::protobuf::FieldMask rest;
  FieldMaskUtil::Subtract<onnx::ModelProto>(FieldMaskUtil::GetFieldMaskForAllFields<onnx::ModelProto>(), initializers,
                                            &rest);
  onnx::ModelProto copy;
  FieldMaskUtil::MergeMessageTo(model, rest, FieldMaskUtil::MergeOptions(), &copy);
  copy.mutable_unknown_fields()->MergeFrom(model.unknown_fields());
  copy.mutable_graph()->mutable_unknown_fields()->MergeFrom(model.graph().unknown_fields());
  return copy;
}

// Initializers a caller can override, and so ONNX Runtime's to read: from IR 4 on those that are also inputs.
std::set<std::string> Overridable(const onnx::ModelProto& model) {
  std::set<std::string> names;
  if (model.ir_version() >= 4) {
    for (const onnx::ValueInfoProto& input : model.graph().input()) {
      names.insert(input.name());
    }
  }
  return names;
}

bool CanLend(const onnx::TensorProto& tensor, size_t min_bytes) {
  const int64_t count = ElementCount(TensorShape(tensor));
  return tensor.raw_data().size() >= min_bytes && tensor.data_location() == onnx::TensorProto::DEFAULT &&
         ElementBytes(tensor.data_type()) > 0 && count >= 0 &&
         PayloadBytes(tensor.data_type(), count) == static_cast<int64_t>(tensor.raw_data().size());
}

void AddStub(const onnx::TensorProto& tensor, onnx::GraphProto& graph) {
  onnx::TensorProto& stub = *graph.add_initializer();
  stub.set_name(tensor.name());
  stub.set_data_type(tensor.data_type());
  *stub.mutable_dims() = tensor.dims();
  stub.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& location = *stub.add_external_data();
  location.set_key("location");
  location.set_value("lent");  // never opened
}

}  // namespace

LentModel Lend(const onnx::ModelProto& model, size_t min_bytes) {
  LentModel result{CopyWithoutInitializers(model), {}};
  const std::set<std::string> overridable = Overridable(model);
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (CanLend(tensor, min_bytes) && overridable.count(tensor.name()) == 0) {
      AddStub(tensor, *result.model.mutable_graph());
      result.lent.push_back(&tensor);
    } else {
      *result.model.mutable_graph()->add_initializer() = tensor;
    }
  }
  return result;
}

}  // namespace cnnopt
