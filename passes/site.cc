#include "passes/site.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "passes/cost.h"

namespace cnnopt {
namespace {

std::optional<Shape> ShapeOf(const std::map<std::string, Shape>& shapes, const std::string& value) {
  const auto found = shapes.find(value);
  if (found == shapes.end()) return std::nullopt;
  return found->second;
}

std::string Times(absl::Span<const int64_t> numbers) { return absl::StrJoin(numbers, "x"); }

bool AllEqual(const std::vector<int64_t>& numbers, int64_t value) {
  for (const int64_t n : numbers) {
    if (n != value) return false;
  }
  return true;
}

// "3x3 64->128 /2 dilated 2 groups 4"
std::string DescribeConvolution(const onnx::NodeProto& node, const Shape& kernel, int64_t in, int64_t out) {
  std::string text = absl::StrCat(Times(kernel), " ", in, "->", out);
  const std::vector<int64_t> strides = IntsAttribute(node, "strides");
  const std::vector<int64_t> dilations = IntsAttribute(node, "dilations");
  const int64_t groups = IntAttribute(node, "group", 1);
  if (!AllEqual(strides, 1))
    absl::StrAppend(&text, " /", AllEqual(strides, strides[0]) ? absl::StrCat(strides[0]) : Times(strides));
  if (!AllEqual(dilations, 1)) {
    absl::StrAppend(&text, " dilated ",
                    AllEqual(dilations, dilations[0]) ? absl::StrCat(dilations[0]) : Times(dilations));
  }
  if (groups > 1) absl::StrAppend(&text, groups == in ? " depthwise" : absl::StrCat(" groups ", groups));
  return text;
}

int64_t ConstantElements(const GraphView& view, const std::string& value) {
  const onnx::TensorProto* constant = value.empty() ? nullptr : view.Constant(value);
  return constant == nullptr ? 0 : ElementCount(TensorShape(*constant));
}

// The shape of input 1, constant or not: what a layer costs does not depend on who sets its weight.
std::optional<Shape> WeightShape(const onnx::NodeProto& node, const std::map<std::string, Shape>& shapes,
                                 const GraphView& view) {
  const onnx::TensorProto* weight = view.Constant(Input(node, 1));
  return weight != nullptr ? TensorShape(*weight) : ShapeOf(shapes, Input(node, 1));
}

void FillConvolution(const onnx::NodeProto& node, const std::map<std::string, Shape>& shapes, const GraphView& view,
                     Site& site) {
  const bool transposed = node.op_type() == "ConvTranspose";
  const std::optional<Shape> weight = WeightShape(node, shapes, view);
  if (!weight.has_value() || weight->size() < 3) return;
  const Shape& dims = *weight;
  const Shape kernel(dims.begin() + 2, dims.end());
  const int64_t groups = IntAttribute(node, "group", 1);
  const int64_t in = transposed ? dims[0] : SaturatedProduct({dims[1], groups});
  const int64_t out = transposed ? SaturatedProduct({dims[1], groups}) : dims[0];
  site.was = DescribeConvolution(node, kernel, in, out);
  // A Conv computes each output element from one patch, a ConvTranspose spreads each input element over one.
  const std::optional<Shape>& positions = transposed ? site.input : site.result;
  if (positions.has_value() && (!site.input.has_value() || CostProduct({ElementCount(*site.input)}).has_value())) {
    site.macs = CostProduct({ElementCount(*positions), dims[1], ElementCount(kernel)});
  }
}

// MACs of Gemm and MatMul: output elements times the length of the inner sum.
void FillProduct(const onnx::NodeProto& node, const std::map<std::string, Shape>& shapes, const GraphView& view,
                 Site& site) {
  const std::optional<Shape> right = WeightShape(node, shapes, view);
  if (!right.has_value() || right->empty()) return;
  const bool transposed = node.op_type() == "Gemm" && IntAttribute(node, "transB", 0) != 0;
  const size_t last = right->size() - 1;
  const int64_t outputs = last == 0 ? 1 : (*right)[transposed ? 0 : last];
  const int64_t inner = last == 0 ? (*right)[0] : (*right)[transposed ? 1 : last - 1];
  site.was = absl::StrCat(inner, "->", outputs);
  if (site.result.has_value()) site.macs = CostProduct({ElementCount(*site.result), inner});
}

// Sites whose nodes share a name go by their outputs, which nothing shares.
void NameApart(std::vector<Site>& sites) {
  std::map<std::string, int> count;
  for (const Site& site : sites) ++count[site.name];
  for (Site& site : sites) {
    if (count[site.name] > 1) site.name = site.output;
  }
}

absl::StatusOr<Conv> ReadLayer(const Site& site, const onnx::NodeProto& node, const GraphView& view, int64_t opset,
                               const std::map<std::string, Shape>& fixed_shapes) {
  if (site.op == "ConvTranspose") return absl::UnimplementedError("no form for ConvTranspose");
  if (site.op == "Conv") {
    const std::optional<Shape> fixed = ShapeOf(fixed_shapes, Input(node, 0));
    CNNOPT_ASSIGN_OR_RETURN(Conv conv, ReadConv(node, view, fixed.has_value() ? &*fixed : nullptr));
    const auto dimensions = static_cast<size_t>(conv.axes()) + 2;
    if (site.input.has_value() && site.input->size() != dimensions) {
      return absl::InvalidArgumentError(
          absl::StrCat("its input has ", site.input->size(), " dimensions, expected ", dimensions));
    }
    return conv;
  }
  if (opset < 7) return absl::UnimplementedError(absl::StrCat("no form for ", site.op, " of opset 6 and earlier"));
  if (site.input.has_value() && site.input->empty()) return absl::InvalidArgumentError("its input is a scalar");
  return ReadProduct(node, view);
}

}  // namespace

std::vector<Site> FindSites(const GraphView& view, const std::map<std::string, Shape>& shapes) {
  std::vector<Site> sites;
  for (const onnx::NodeProto* node : view.nodes()) {
    const bool convolution = IsOp(*node, "Conv") || IsOp(*node, "ConvTranspose");
    if (!convolution && !IsOp(*node, "Gemm") && !IsOp(*node, "MatMul")) continue;
    if (node->output_size() == 0 || node->output(0).empty()) continue;
    Site site;
    site.output = node->output(0);
    site.name = node->name().empty() ? site.output : node->name();
    site.op = node->op_type();
    site.input = ShapeOf(shapes, Input(*node, 0));
    site.result = ShapeOf(shapes, site.output);
    for (int i = 0; i < node->input_size(); ++i) site.params += ConstantElements(view, node->input(i));
    if (convolution) {
      FillConvolution(*node, shapes, view, site);
    } else {
      FillProduct(*node, shapes, view, site);
    }
    sites.push_back(std::move(site));
  }
  NameApart(sites);
  return sites;
}

void ReadNumbers(const GraphView& view, int64_t opset, const std::map<std::string, Shape>& fixed_shapes,
                 std::vector<Site>& sites) {
  for (Site& site : sites) {
    absl::StatusOr<Conv> conv = ReadLayer(site, *view.Producer(site.output), view, opset, fixed_shapes);
    if (conv.ok()) {
      site.conv = *std::move(conv);
    } else {
      site.reason = std::string(conv.status().message());
    }
  }
}

std::optional<int64_t> TotalMacs(const std::vector<Site>& sites) {
  int64_t total = 0;
  for (const Site& site : sites) {
    if (!site.macs.has_value() || total > std::numeric_limits<int64_t>::max() - *site.macs) return std::nullopt;
    total += *site.macs;
  }
  return total;
}

int64_t TotalParameters(const onnx::GraphProto& graph) {
  int64_t total = 0;
  const auto add = [&total](const onnx::TensorProto& tensor) {
    if (IsFloating(tensor.data_type())) total += ElementCount(TensorShape(tensor));
  };
  for (const onnx::TensorProto& tensor : graph.initializer()) add(tensor);
  for (const onnx::NodeProto& node : graph.node()) {
    if (!IsOp(node, "Constant")) continue;
    const onnx::AttributeProto* value = FindAttribute(node, "value");
    if (value != nullptr && value->has_t()) add(value->t());
  }
  return total;
}

}  // namespace cnnopt
