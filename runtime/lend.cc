#include "runtime/lend.h"

#include <cstdint>
#include <set>
#include <string>

#include "onnx_io/borrow.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

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
  const int64_t bytes = RawBytes(tensor);
  return bytes >= static_cast<int64_t>(min_bytes) &&
         (tensor.data_location() == onnx::TensorProto::DEFAULT || Borrows(tensor)) &&
         ElementBytes(tensor.data_type()) > 0 && count >= 0 && PayloadBytes(tensor.data_type(), count) == bytes;
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
      onnx::TensorProto& copy = *result.model.mutable_graph()->add_initializer();
      copy = tensor;
      MakeOwn(copy);
    }
  }
  return result;
}

}  // namespace cnnopt
