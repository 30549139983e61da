#include "onnx_io/validate_conv.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

using Dims = google::protobuf::RepeatedField<int64_t>;

// No real window, stride or pad comes near; products of two and sums of many stay in 64 bits.
constexpr int64_t kMaxAttribute = std::numeric_limits<int32_t>::max();

// A window operator: which inputs are its weight and bias, -1 for none. The weight is [out, in / group, kernel...], of
// a transposed convolution [in, out / group, kernel...].
struct WindowOp {
  const char* op_type;
  int weight;
  int bias;
  bool transposed = false;
};
constexpr WindowOp kWindowOps[] = {
    {"Conv", 1, 2},        {"ConvTranspose", 1, 2, true}, {"ConvInteger", 1, -1},  {"QLinearConv", 3, 8},
    {"DeformConv", 1, 3},  {"MaxPool", -1, -1},           {"AveragePool", -1, -1}, {"LpPool", -1, -1},
    {"MaxUnpool", -1, -1},
};

absl::Status Invalid(absl::string_view message) { return absl::InvalidArgumentError(message); }

template <typename Numbers>
std::string Show(const Numbers& numbers) {
  return absl::StrCat("[", absl::StrJoin(numbers, ","), "]");
}

// The attributes as numbers. Lists are empty where the node does not give them.
struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads, output_padding, output_shape;
  int64_t group = 1;
  std::string auto_pad;
  bool ceil_mode = false;  // of a pooling: a window may stick out at the end
  bool complete = true;    // false: an attribute refers to one of the function around the node
  int64_t axes = -1;       // spatial ones; -1: the node does not say
};

// An attribute that holds `type`; null when it is absent, or a reference into the enclosing function. IR 1 has no
// types.
absl::StatusOr<const onnx::AttributeProto*> Find(const onnx::NodeProto& node, absl::string_view name,
                                                 onnx::AttributeProto::AttributeType type, bool& complete) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  if (attribute == nullptr || !attribute->ref_attr_name().empty()) {
    complete = complete && attribute == nullptr;
    return nullptr;
  }
  if (attribute->type() != type && attribute->type() != onnx::AttributeProto::UNDEFINED) {
    return Invalid(absl::StrCat("attribute ", Quote(name), " has type ",
                                onnx::AttributeProto::AttributeType_Name(attribute->type()), ", expected ",
                                onnx::AttributeProto::AttributeType_Name(type)));
  }
  return attribute;
}

absl::Status CheckNumber(absl::string_view name, int64_t number, int64_t least) {
  return number >= least && number <= kMaxAttribute
             ? absl::OkStatus()
             : Invalid(absl::StrCat(name, " holds ", number, ", expected ", least, " to ", kMaxAttribute));
}

absl::Status ReadList(const onnx::NodeProto& node, absl::string_view name, int64_t least, bool& complete,
                      std::vector<int64_t>& list) {
  CNNOPT_ASSIGN_OR_RETURN(const onnx::AttributeProto* attribute,
                          Find(node, name, onnx::AttributeProto::INTS, complete));
  if (attribute == nullptr) {
    return absl::OkStatus();
  }
  for (const int64_t number : attribute->ints()) {
    CNNOPT_RETURN_IF_ERROR(CheckNumber(name, number, least));
  }
  list.assign(attribute->ints().begin(), attribute->ints().end());
  return absl::OkStatus();
}

absl::Status ReadNumber(const onnx::NodeProto& node, absl::string_view name, bool& complete, int64_t& number) {
  CNNOPT_ASSIGN_OR_RETURN(const onnx::AttributeProto* attribute, Find(node, name, onnx::AttributeProto::INT, complete));
  if (attribute != nullptr) {
    number = attribute->i();
    CNNOPT_RETURN_IF_ERROR(CheckNumber(name, number, 1));
  }
  return absl::OkStatus();
}

absl::Status ReadAutoPad(const onnx::NodeProto& node, Window& window) {
  CNNOPT_ASSIGN_OR_RETURN(const onnx::AttributeProto* attribute,
                          Find(node, "auto_pad", onnx::AttributeProto::STRING, window.complete));
  window.auto_pad = attribute == nullptr ? "" : attribute->s();
  for (const char* known : {"", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}) {
    if (window.auto_pad == known) {
      return absl::OkStatus();
    }
  }
  return Invalid(
      absl::StrCat("auto_pad is ", Quote(window.auto_pad), ", expected NOTSET, SAME_UPPER, SAME_LOWER or VALID"));
}

// `list`, where given, has `per_axis` numbers for each spatial axis; the first list tells how many axes there are.
absl::Status CheckLength(absl::string_view name, const std::vector<int64_t>& list, int64_t per_axis, int64_t& axes) {
  const auto length = static_cast<int64_t>(list.size());
  if (length == 0) {
    return absl::OkStatus();
  }
  if (axes < 0 && length % per_axis == 0) {
    axes = length / per_axis;
  }
  return length == per_axis * axes
             ? absl::OkStatus()
             : Invalid(absl::StrCat(name, " ", Show(list), axes < 0 ? " has an odd length" : " does not fit ",
                                    axes < 0 ? "" : absl::StrCat(axes, " spatial axes")));
}

absl::StatusOr<Window> ReadWindow(const onnx::NodeProto& node) {
  Window window;
  bool& complete = window.complete;
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "kernel_shape", 1, complete, window.kernel));
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "strides", 1, complete, window.strides));
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "dilations", 1, complete, window.dilations));
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "pads", 0, complete, window.pads));
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "output_padding", 0, complete, window.output_padding));
  CNNOPT_RETURN_IF_ERROR(ReadList(node, "output_shape", 1, complete, window.output_shape));
  CNNOPT_RETURN_IF_ERROR(ReadNumber(node, "group", complete, window.group));
  CNNOPT_RETURN_IF_ERROR(ReadAutoPad(node, window));
  window.ceil_mode = IntAttribute(node, "ceil_mode", 0) != 0;
  if (ElementCount(window.kernel) < 0) {
    return Invalid(absl::StrCat("kernel_shape ", Show(window.kernel), " is too large"));
  }
  CNNOPT_RETURN_IF_ERROR(CheckLength("kernel_shape", window.kernel, 1, window.axes));
  CNNOPT_RETURN_IF_ERROR(CheckLength("strides", window.strides, 1, window.axes));
  CNNOPT_RETURN_IF_ERROR(CheckLength("dilations", window.dilations, 1, window.axes));
  CNNOPT_RETURN_IF_ERROR(CheckLength("pads", window.pads, 2, window.axes));
  CNNOPT_RETURN_IF_ERROR(CheckLength("output_padding", window.output_padding, 1, window.axes));
  return window;
}

// The weight against the attributes; fills in the kernel.
absl::Status CheckWeight(const WindowOp& op, const Dims& weight, Window& window) {
  const int64_t axes = weight.size() - 2;
  if (axes < 1 || (window.axes >= 0 && window.axes != axes)) {
    return Invalid(absl::StrCat("weight has dims ", Show(weight), ", expected ",
                                window.axes >= 0 ? absl::StrCat(window.axes + 2) : "at least 3", " of them"));
  }
  const std::vector<int64_t> kernel(weight.begin() + 2, weight.end());
  if (!window.kernel.empty() && window.kernel != kernel) {
    return Invalid(absl::StrCat("kernel_shape is ", Show(window.kernel), ", the weight has dims ", Show(weight)));
  }
  for (const int64_t extent : kernel) {
    CNNOPT_RETURN_IF_ERROR(CheckNumber("the weight's kernel", extent, 1));
  }
  // Of a weight without elements it may be anything, and is multiplied by the group.
  CNNOPT_RETURN_IF_ERROR(CheckNumber("the weight's second dim", weight.Get(1), 0));
  window.kernel = kernel;
  window.axes = axes;
  if (weight.Get(0) % window.group != 0) {
    return Invalid(absl::StrCat("group ", window.group, " does not divide the ", weight.Get(0),
                                op.transposed ? " input" : " output", " channels"));
  }
  return absl::OkStatus();
}

absl::Status CheckBias(const WindowOp& op, const Dims& weight, const Dims& bias, const Window& window) {
  const int64_t channels = op.transposed ? weight.Get(1) * window.group : weight.Get(0);
  return bias.size() == 1 && bias.Get(0) == channels
             ? absl::OkStatus()
             : Invalid(absl::StrCat("bias has dims ", Show(bias), ", expected [", channels, "]"));
}

// The input [batch, channels, spatial...] against the kernel; unknown extents are negative or 0.
absl::Status CheckInput(const WindowOp& op, const Dims& input, const Dims* weight, const Window& window) {
  if (window.axes >= 0 && input.size() != window.axes + 2) {
    return Invalid(absl::StrCat("input has dims ", Show(input), ", expected ", window.axes + 2, " of them"));
  }
  if (weight != nullptr && input.size() > 1 && input.Get(1) > 0) {
    const int64_t channels = op.transposed ? weight->Get(0) : weight->Get(1) * window.group;
    if (input.Get(1) != channels) {
      return Invalid(absl::StrCat("input has ", input.Get(1), " channels, weight ", Show(*weight), " and group ",
                                  window.group, " need ", channels));
    }
  }
  const bool same = window.auto_pad == "SAME_UPPER" || window.auto_pad == "SAME_LOWER";
  if (op.transposed || same || window.ceil_mode || window.kernel.empty()) {
    return absl::OkStatus();
  }
  const bool padded = window.auto_pad != "VALID" && !window.pads.empty();
  for (int i = 0; i < window.axes; ++i) {
    const auto at = static_cast<size_t>(i);
    const auto opposite = at + static_cast<size_t>(window.axes);
    const int64_t pads = padded ? window.pads[at] + window.pads[opposite] : 0;
    const int64_t reach = (window.kernel[at] - 1) * (window.dilations.empty() ? 1 : window.dilations[at]) + 1;
    const int64_t extent = input.Get(i + 2);
    if (extent > 0 && extent < reach - pads) {
      return Invalid(absl::StrCat("kernel reaches over ", reach, " positions of axis ", i + 2, ", the input has ",
                                  extent, " and ", pads, " of padding"));
    }
  }
  return absl::OkStatus();
}

const WindowOp* FindWindowOp(const onnx::NodeProto& node) {
  for (const WindowOp& op : kWindowOps) {
    if (IsOp(node, op.op_type)) {
      return &op;
    }
  }
  return nullptr;
}

const Dims* DimsOfInput(const onnx::NodeProto& node, int input, DimsOfValue dims) {
  const bool given = input >= 0 && input < node.input_size() && !node.input(input).empty();
  return given ? dims(node.input(input)) : nullptr;
}

}  // namespace

absl::Status ValidateWindow(const onnx::NodeProto& node, DimsOfValue constant, DimsOfValue input) {
  const WindowOp* op = FindWindowOp(node);
  if (op == nullptr) {
    return absl::OkStatus();
  }
  CNNOPT_ASSIGN_OR_RETURN(Window window, ReadWindow(node));
  if (!window.complete) {
    return absl::OkStatus();
  }
  const Dims* weight = DimsOfInput(node, op->weight, constant);
  const Dims* bias = DimsOfInput(node, op->bias, constant);
  const Dims* data = DimsOfInput(node, 0, input);
  if (weight != nullptr) {
    CNNOPT_RETURN_IF_ERROR(CheckWeight(*op, *weight, window));
    if (bias != nullptr) {
      CNNOPT_RETURN_IF_ERROR(CheckBias(*op, *weight, *bias, window));
    }
  }
  return data == nullptr ? absl::OkStatus() : CheckInput(*op, *data, weight, window);
}

}  // namespace cnnopt
