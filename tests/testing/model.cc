#include "tests/testing/model.h"

#include <cstdlib>
#include <iostream>

#include "onnx_io/tensor.h"
#include "onnx_io/text.h"

namespace cnnopt::testing {

onnx::ModelProto ModelFromText(absl::string_view text) {
  absl::StatusOr<onnx::ModelProto> model = ParseModel(text);
  if (!model.ok()) {
    std::cerr << "test model does not parse: " << model.status() << "\n" << text << "\n";
    std::abort();
  }
  return *std::move(model);
}

onnx::ModelProto WithFloatType(onnx::ModelProto model, int32_t data_type) {
  onnx::TensorProto like;
  like.set_data_type(data_type);
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {
    if (tensor.data_type() == onnx::TensorProto::FLOAT) {
      tensor = EncodeFloats(tensor.name(), TensorShape(tensor), DecodeFloats(tensor).value(), like).value();
    }
  }
  for (auto* infos : {model.mutable_graph()->mutable_input(), model.mutable_graph()->mutable_output()}) {
    for (onnx::ValueInfoProto& info : *infos) {
      onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
      type.set_elem_type(type.elem_type() == onnx::TensorProto::FLOAT ? data_type : type.elem_type());
    }
  }
  return model;
}

std::string TestData(absl::string_view name) { return std::string(CNNOPT_TESTDATA "/") + std::string(name); }

}  // namespace cnnopt::testing
