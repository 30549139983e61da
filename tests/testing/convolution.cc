#include "tests/testing/convolution.h"

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "runtime/session.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {
namespace {

void AddTensor(onnx::GraphProto& graph, const std::string& name, const Shape& shape, const Matrix& values) {
  onnx::TensorProto* tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : shape) tensor->add_dims(dim);
  for (Eigen::Index i = 0; i < values.size(); ++i) tensor->add_float_data(static_cast<float>(values.data()[i]));
}

void AddValue(onnx::ValueInfoProto& info, const std::string& name, const Shape& shape) {
  info.set_name(name);
  info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : shape)
    info.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
}

void AddInts(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << "test set-up failed: " << value.status() << "\n";
    std::abort();
  }
  return *std::move(value);
}

}  // namespace

Matrix RandomMatrix(std::mt19937& random, int64_t rows, int64_t cols) {
  std::normal_distribution<double> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(random); });
}

Geometry Plain(std::vector<int64_t> kernel) {
  const std::vector<int64_t> ones(kernel.size(), 1), zeros(kernel.size(), 0);
  return {std::move(kernel), ones, ones, zeros, zeros};
}

Conv RandomConv(std::mt19937& random, const Geometry& geometry, int64_t in, int64_t out, int64_t groups, bool bias) {
  Conv conv{geometry.kernel,
            geometry.stride,
            geometry.dilation,
            geometry.pad_begin,
            geometry.pad_end,
            in,
            out,
            groups,
            {},
            {}};
  conv.weight = RandomMatrix(random, out, in / groups * conv.taps());
  if (bias) conv.bias = RandomMatrix(random, out, 1);
  return conv;
}

onnx::ModelProto ModelOf(const Conv& conv, const Shape& spatial) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("one_conv");
  Shape input = {1, conv.in_channels};
  input.insert(input.end(), spatial.begin(), spatial.end());
  AddValue(*graph.add_input(), "x", input);
  onnx::ValueInfoProto& output = *graph.add_output();
  output.set_name("y");
  output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type("Conv");
  node.set_name("conv");
  node.add_input("x");
  node.add_input("w");
  Shape shape = {conv.out_channels, conv.group_in_channels()};
  shape.insert(shape.end(), conv.kernel.begin(), conv.kernel.end());
  AddTensor(graph, "w", shape, conv.weight);
  if (conv.bias.size() > 0) {
    node.add_input("b");
    AddTensor(graph, "b", {conv.out_channels}, conv.bias);
  }
  node.add_output("y");
  std::vector<int64_t> pads = conv.pad_begin;
  pads.insert(pads.end(), conv.pad_end.begin(), conv.pad_end.end());
  AddInts(node, "pads", pads);
  AddInts(node, "strides", conv.stride);
  AddInts(node, "dilations", conv.dilation);
  onnx::AttributeProto* group = node.add_attribute();
  group->set_name("group");
  group->set_type(onnx::AttributeProto::INT);
  group->set_i(conv.groups);
  return model;
}

Moments RandomMoments(std::mt19937& random, int64_t size, int64_t dimensions, double noise) {
  const Matrix mixing = RandomMatrix(random, size, dimensions);
  Moments moments;
  moments.mean = RandomMatrix(random, size, 1);
  moments.covariance = mixing * mixing.transpose() / static_cast<double>(dimensions);
  moments.covariance.diagonal().array() += noise;
  moments.samples = 1000;
  return moments;
}

double RelativeDistance(const Matrix& a, const Matrix& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return 1e300;
  const double size = b.norm();
  return size > 0 ? (a - b).norm() / size : a.norm();
}

double RelativeError(const Conv& conv, const Replacement& replacement, const Moments& moments) {
  return std::sqrt(WeightedSquaredNorm(conv.weight - Compose(replacement).weight, moments) /
                   WeightedSquaredNorm(conv.weight, moments));
}

std::vector<double> RunModel(const onnx::ModelProto& model, const Shape& shape) {
  SessionOptions options;
  options.optimize = false;
  const Session session = OrDie(Session::Create(TestRuntime(), model, options));
  std::mt19937 random(7);
  const Matrix values = RandomMatrix(random, ElementCount(shape), 1);
  const Tensor input = OrDie(FromDoubles(absl::MakeConstSpan(values.data(), static_cast<size_t>(values.size())), shape,
                                         onnx::TensorProto::FLOAT));
  const std::vector<Tensor> outputs = OrDie(session.Run({{"x", input}}));
  return OrDie(ToDoubles(outputs.front()));
}

}  // namespace cnnopt::testing
