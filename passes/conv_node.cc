// Conv <-> ONNX: ReadConv, ReadProduct and EmitReplacement.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "passes/conv.h"

namespace cnnopt {
namespace {

std::string ShapeText(absl::Span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ","), "]"); }

absl::StatusOr<std::vector<double>> ReadFinite(const onnx::TensorProto& tensor, absl::string_view role) {
  CNNOPT_ASSIGN_OR_RETURN(std::vector<double> values, DecodeFloats(tensor));
  const int64_t odd = std::count_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (odd > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", role, " '", tensor.name(), "' holds ", odd, " NaN or infinite values"));
  }
  return values;
}

// auto_pad, resolved into pad_begin and pad_end. SAME keeps ceil(size / stride) outputs; the odd pixel goes to the
// end for SAME_UPPER and to the beginning for SAME_LOWER (ONNX operator Conv).
absl::Status ResolveAutoPad(absl::string_view mode, const Shape* input_shape, Conv& conv) {
  const auto axes = conv.kernel.size();
  conv.pad_begin.assign(axes, 0);
  conv.pad_end.assign(axes, 0);
  if (mode == "VALID") return absl::OkStatus();
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    return absl::InvalidArgumentError(absl::StrCat("unknown auto_pad '", std::string(mode), "'"));
  }
  for (size_t a = 0; a < axes; ++a) {
    const int64_t extent = (conv.kernel[a] - 1) * conv.dilation[a] + 1;
    int64_t total = extent - 1;
    if (conv.stride[a] > 1) {
      if (input_shape == nullptr || input_shape->size() != axes + 2) {
        return absl::FailedPreconditionError(absl::StrCat("its padding (auto_pad=", std::string(mode), ", stride ",
                                                          conv.stride[a], ") depends on the input's size"));
      }
      const int64_t size = (*input_shape)[a + 2];
      // In an order that does not overflow, whatever the size that is declared.
      const int64_t outputs = size / conv.stride[a] + (size % conv.stride[a] != 0 ? 1 : 0);
      total = std::max<int64_t>((outputs - 1) * conv.stride[a] - size + extent, 0);
    }
    (mode == "SAME_UPPER" ? conv.pad_begin : conv.pad_end)[a] = total / 2;
    (mode == "SAME_UPPER" ? conv.pad_end : conv.pad_begin)[a] = total - total / 2;
  }
  return absl::OkStatus();
}

absl::Status ReadGeometry(const onnx::NodeProto& node, const Shape* input_shape, Conv& conv) {
  const auto axes = conv.kernel.size();
  conv.stride = IntsAttribute(node, "strides", std::vector<int64_t>(axes, 1));
  conv.dilation = IntsAttribute(node, "dilations", std::vector<int64_t>(axes, 1));
  const std::vector<int64_t> declared = IntsAttribute(node, "kernel_shape", conv.kernel);
  std::vector<int64_t> pads = IntsAttribute(node, "pads", std::vector<int64_t>(2 * axes, 0));
  if (declared != conv.kernel) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel_shape is ", ShapeText(declared), ", the weight's is ", ShapeText(conv.kernel)));
  }
  if (conv.stride.size() != axes || conv.dilation.size() != axes || pads.size() != 2 * axes) {
    return absl::InvalidArgumentError(absl::StrCat("strides, dilations or pads do not fit ", axes, " spatial axes"));
  }
  if (const onnx::AttributeProto* auto_pad = FindAttribute(node, "auto_pad");
      auto_pad != nullptr && !auto_pad->s().empty() && auto_pad->s() != "NOTSET") {
    return ResolveAutoPad(auto_pad->s(), input_shape, conv);
  }
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(axes);
  conv.pad_begin.assign(pads.begin(), middle);
  conv.pad_end.assign(middle, pads.end());
  return absl::OkStatus();
}

void AddInts(onnx::NodeProto& node, absl::string_view name, absl::Span<const int64_t> values) {
  onnx::AttributeProto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

onnx::NodeProto& AddNode(absl::string_view op_type, const std::string& input, const std::string& output,
                         Rewrite& rewrite) {
  onnx::NodeProto& node = rewrite.insert.emplace_back();
  node.set_op_type(std::string(op_type));
  node.add_input(input);
  node.add_output(output);
  return node;
}

// A new weight that `node` reads.
absl::Status AddWeight(const std::string& name, const Shape& shape, const double* values, const onnx::TensorProto& like,
                       onnx::NodeProto& node, Rewrite& rewrite) {
  const absl::Span<const double> span(values, static_cast<size_t>(ElementCount(shape)));
  CNNOPT_ASSIGN_OR_RETURN(onnx::TensorProto weight, EncodeFloats(name, shape, span, like));
  node.add_input(weight.name());
  rewrite.weights.push_back(std::move(weight));
  return absl::OkStatus();
}

// `conv` as a Conv node from `input` to `output`, its weights added to `rewrite`.
absl::Status EmitConv(const Conv& conv, const std::string& input, const std::string& output,
                      const onnx::TensorProto& like, Rewrite& rewrite) {
  onnx::NodeProto& node = AddNode("Conv", input, output, rewrite);
  Shape shape = {conv.out_channels, conv.group_in_channels()};
  shape.insert(shape.end(), conv.kernel.begin(), conv.kernel.end());
  CNNOPT_RETURN_IF_ERROR(AddWeight(absl::StrCat(output, "_weight"), shape, conv.weight.data(), like, node, rewrite));
  if (conv.bias.size() > 0) {
    CNNOPT_RETURN_IF_ERROR(
        AddWeight(absl::StrCat(output, "_bias"), {conv.out_channels}, conv.bias.data(), like, node, rewrite));
  }
  std::vector<int64_t> pads = conv.pad_begin;
  pads.insert(pads.end(), conv.pad_end.begin(), conv.pad_end.end());
  AddInts(node, "dilations", conv.dilation);
  onnx::AttributeProto* group = node.add_attribute();
  group->set_name("group");
  group->set_type(onnx::AttributeProto::INT);
  group->set_i(conv.groups);
  AddInts(node, "kernel_shape", conv.kernel);
  AddInts(node, "pads", pads);
  AddInts(node, "strides", conv.stride);
  return absl::OkStatus();
}

// The same without spatial axes, in the place of a Gemm (`gemm`) or a MatMul. A Gemm without C only exists from opset
// 11 on, so that a MatMul takes its place.
absl::Status EmitProduct(const Conv& conv, bool gemm, const std::string& input, const std::string& output,
                         const onnx::TensorProto& like, Rewrite& rewrite) {
  const bool biased = conv.bias.size() > 0, separate = biased && !gemm;
  const std::string product = separate ? absl::StrCat(output, "_product") : output;
  onnx::NodeProto& node = AddNode(biased && gemm ? "Gemm" : "MatMul", input, product, rewrite);
  const Matrix weight = conv.weight.transpose();
  CNNOPT_RETURN_IF_ERROR(AddWeight(absl::StrCat(output, "_weight"), {conv.in_channels, conv.out_channels},
                                   weight.data(), like, node, rewrite));
  if (!biased) return absl::OkStatus();
  onnx::NodeProto& reader = separate ? AddNode("Add", product, output, rewrite) : node;
  return AddWeight(absl::StrCat(output, "_bias"), {conv.out_channels}, conv.bias.data(), like, reader, rewrite);
}

// A constant C of a Gemm: one number per column, or one for all.
absl::StatusOr<Vector> ReadRow(const onnx::TensorProto& bias, int64_t columns) {
  const Shape shape = TensorShape(bias);
  const int64_t count = ElementCount(shape);
  if (count != 1 && (count != columns || shape.back() != columns)) {
    return absl::UnimplementedError(
        absl::StrCat("its bias is ", ShapeText(shape), ", not one number for each of ", columns, " outputs"));
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ReadFinite(bias, "bias"));
  if (count == 1) return Vector(Vector::Constant(columns, values.front()));
  return Vector(Eigen::Map<const Vector>(values.data(), columns));
}

// What makes a Gemm more than a product: alpha, beta and C.
absl::Status ReadScaleAndBias(const onnx::NodeProto& node, const GraphView& view, Conv& conv) {
  const double alpha = FloatAttribute(node, "alpha", 1), beta = FloatAttribute(node, "beta", 1);
  if (!std::isfinite(alpha) || !std::isfinite(beta)) {
    return absl::InvalidArgumentError(absl::StrCat("its alpha is ", alpha, " and its beta ", beta));
  }
  conv.weight *= alpha;
  if (Input(node, 2).empty()) return absl::OkStatus();
  const onnx::TensorProto* bias = view.Constant(Input(node, 2));
  if (bias == nullptr) return absl::FailedPreconditionError("its bias is not a constant");
  CNNOPT_ASSIGN_OR_RETURN(conv.bias, ReadRow(*bias, conv.out_channels));
  conv.bias *= beta;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Conv> ReadConv(const onnx::NodeProto& node, const GraphView& view, const Shape* input_shape) {
  const onnx::TensorProto* weight = view.Constant(Input(node, 1));
  if (weight == nullptr) return absl::FailedPreconditionError("its weight is not a constant");
  if (weight->dims_size() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("its weight '", weight->name(), "' has ", weight->dims_size(), " dimensions, expected 3 or more"));
  }
  if (!IsFloating(weight->data_type())) return absl::UnimplementedError("its weight is not a floating-point tensor");
  Conv conv;
  conv.groups = IntAttribute(node, "group", 1);
  conv.out_channels = weight->dims(0);
  conv.in_channels = weight->dims(1) * conv.groups;
  conv.kernel.assign(weight->dims().begin() + 2, weight->dims().end());
  if (conv.groups < 1 || conv.out_channels < 1 || conv.in_channels < 1 || conv.taps() < 1 ||
      conv.out_channels % conv.groups != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", ShapeText(TensorShape(*weight)), " does not fit group ", conv.groups));
  }
  CNNOPT_RETURN_IF_ERROR(ReadGeometry(node, input_shape, conv));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ReadFinite(*weight, "weight"));
  conv.weight = Eigen::Map<const Matrix>(values.data(), conv.out_channels, weight->dims(1) * conv.taps());
  if (!Input(node, 2).empty()) {
    const onnx::TensorProto* bias = view.Constant(Input(node, 2));
    if (bias == nullptr) return absl::FailedPreconditionError("its bias is not a constant");
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> biases, ReadFinite(*bias, "bias"));
    if (static_cast<int64_t>(biases.size()) != conv.out_channels) {
      return absl::InvalidArgumentError(
          absl::StrCat("its bias has ", biases.size(), " elements, expected ", conv.out_channels));
    }
    conv.bias = Eigen::Map<const Vector>(biases.data(), conv.out_channels);
  }
  return conv;
}

absl::StatusOr<Conv> ReadProduct(const onnx::NodeProto& node, const GraphView& view) {
  const bool gemm = IsOp(node, "Gemm");
  const onnx::TensorProto* weight = view.Constant(Input(node, 1));
  if (view.Constant(Input(node, 0)) != nullptr) {
    return absl::UnimplementedError(weight == nullptr ? "its constant is the left operand"
                                                      : "both its operands are constants");
  }
  if (weight == nullptr) return absl::FailedPreconditionError("its weight is not a constant");
  if (weight->dims_size() != 2) {
    return absl::UnimplementedError(
        absl::StrCat("its weight '", weight->name(), "' has ", weight->dims_size(), " dimensions, expected 2"));
  }
  if (!IsFloating(weight->data_type())) return absl::UnimplementedError("its weight is not a floating-point tensor");
  if (gemm && IntAttribute(node, "transA", 0) != 0) {
    return absl::UnimplementedError("its left operand is transposed (transA)");
  }
  const int64_t rows = weight->dims(0), columns = weight->dims(1);
  if (rows < 1 || columns < 1) {
    return absl::InvalidArgumentError(absl::StrCat("its weight is ", ShapeText(TensorShape(*weight))));
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ReadFinite(*weight, "weight"));
  const Eigen::Map<const Matrix> stored(values.data(), rows, columns);
  const bool transposed = gemm && IntAttribute(node, "transB", 0) != 0;
  Conv conv = PointwiseOutline(0, transposed ? columns : rows, transposed ? rows : columns);
  conv.weight = transposed ? Matrix(stored) : Matrix(stored.transpose());
  if (gemm) CNNOPT_RETURN_IF_ERROR(ReadScaleAndBias(node, view, conv));
  return conv;
}

absl::StatusOr<Rewrite> EmitReplacement(const Replacement& replacement, const onnx::NodeProto& layer,
                                        const onnx::TensorProto& like, absl::string_view label) {
  const std::string& output = layer.output(0);
  const std::string stem = absl::StrCat(output, "_", std::string(label));
  const size_t branches = replacement.branches.size();
  Rewrite rewrite;
  rewrite.remove.push_back(output);
  std::string sum;  // of the branches so far
  for (size_t b = 0; b < branches; ++b) {
    const std::vector<Conv>& branch = replacement.branches[b];
    std::string value = layer.input(0);
    for (size_t s = 0; s < branch.size(); ++s) {
      const bool last = branches == 1 && s + 1 == branch.size();
      const std::string next = last ? output : absl::StrCat(stem, branches == 1 ? "" : absl::StrCat("_", b), "_", s);
      CNNOPT_RETURN_IF_ERROR(branch[s].axes() > 0
                                 ? EmitConv(branch[s], value, next, like, rewrite)
                                 : EmitProduct(branch[s], IsOp(layer, "Gemm"), value, next, like, rewrite));
      value = next;
    }
    if (b > 0) {
      const std::string whole = b + 1 == branches ? output : absl::StrCat(stem, "_sum_", b);
      AddNode("Add", sum, whole, rewrite).add_input(value);
      value = whole;
    }
    sum = value;
  }
  for (onnx::NodeProto& node : rewrite.insert) {
    if (!layer.name().empty()) {
      const bool last = node.output(0) == output;
      node.set_name(last ? layer.name() : absl::StrCat(layer.name(), node.output(0).substr(output.size())));
    }
    if (layer.has_domain()) node.set_domain(layer.domain());
    if (layer.has_doc_string()) node.set_doc_string(layer.doc_string());
    *node.mutable_metadata_props() = layer.metadata_props();
  }
  return rewrite;
}

}  // namespace cnnopt
