// Conv <-> ONNX: ReadConv and EmitReplacement.
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
      const int64_t outputs = (size + conv.stride[a] - 1) / conv.stride[a];
      total = std::max<int64_t>((outputs - 1) * conv.stride[a] + extent - size, 0);
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

// `conv` as a Conv node from `input` to `output`, its weights added to `rewrite`.
absl::Status EmitConv(const Conv& conv, const std::string& input, const std::string& output,
                      const onnx::TensorProto& like, Rewrite& rewrite) {
  onnx::NodeProto& node = rewrite.insert.emplace_back();
  node.set_op_type("Conv");
  node.add_input(input);
  node.add_output(output);
  Shape shape = {conv.out_channels, conv.group_in_channels()};
  shape.insert(shape.end(), conv.kernel.begin(), conv.kernel.end());
  const absl::Span<const double> values(conv.weight.data(), static_cast<size_t>(conv.weight.size()));
  CNNOPT_ASSIGN_OR_RETURN(onnx::TensorProto weight, EncodeFloats(absl::StrCat(output, "_weight"), shape, values, like));
  node.add_input(weight.name());
  rewrite.weights.push_back(std::move(weight));
  if (conv.bias.size() > 0) {
    const absl::Span<const double> biases(conv.bias.data(), static_cast<size_t>(conv.bias.size()));
    CNNOPT_ASSIGN_OR_RETURN(onnx::TensorProto bias,
                            EncodeFloats(absl::StrCat(output, "_bias"), {conv.out_channels}, biases, like));
    node.add_input(bias.name());
    rewrite.weights.push_back(std::move(bias));
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

absl::StatusOr<Rewrite> EmitReplacement(const Replacement& replacement, const onnx::NodeProto& conv,
                                        const onnx::TensorProto& like, absl::string_view label) {
  const std::string& output = conv.output(0);
  const std::string stem = absl::StrCat(output, "_", std::string(label));
  const size_t branches = replacement.branches.size();
  Rewrite rewrite;
  rewrite.remove.push_back(output);
  std::string sum;  // of the branches so far
  for (size_t b = 0; b < branches; ++b) {
    const std::vector<Conv>& branch = replacement.branches[b];
    std::string value = conv.input(0);
    for (size_t s = 0; s < branch.size(); ++s) {
      const bool last = branches == 1 && s + 1 == branch.size();
      const std::string next = last ? output : absl::StrCat(stem, branches == 1 ? "" : absl::StrCat("_", b), "_", s);
      CNNOPT_RETURN_IF_ERROR(EmitConv(branch[s], value, next, like, rewrite));
      value = next;
    }
    if (b > 0) {
      onnx::NodeProto& add = rewrite.insert.emplace_back();
      add.set_op_type("Add");
      add.add_input(sum);
      add.add_input(value);
      value = b + 1 == branches ? output : absl::StrCat(stem, "_sum_", b);
      add.add_output(value);
    }
    sum = value;
  }
  for (onnx::NodeProto& node : rewrite.insert) {
    if (!conv.name().empty()) {
      const bool last = node.output(0) == output;
      node.set_name(last ? conv.name() : absl::StrCat(conv.name(), node.output(0).substr(output.size())));
    }
    if (conv.has_domain()) node.set_domain(conv.domain());
    if (conv.has_doc_string()) node.set_doc_string(conv.doc_string());
    *node.mutable_metadata_props() = conv.metadata_props();
  }
  return rewrite;
}

}  // namespace cnnopt
