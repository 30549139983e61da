#include "passes/read_sites.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "onnx_io/shapes.h"

namespace cnnopt {
namespace {

// Shapes that hold for every run whatever the batch: those a model with fixed spatial sizes declares. Only Convs with
// auto_pad need them; without any, inference can be saved.
std::map<std::string, Shape> FixedShapes(const onnx::ModelProto& model, const GraphView& view) {
  const auto pads = [](const onnx::NodeProto* node) {
    return IsOp(*node, "Conv") && FindAttribute(*node, "auto_pad") != nullptr;
  };
  if (std::none_of(view.nodes().begin(), view.nodes().end(), pads)) return {};
  const absl::StatusOr<std::map<std::string, Shape>> inputs = InputShapes(model, {});
  return inputs.ok() ? InferShapes(model, *inputs) : std::map<std::string, Shape>();
}

}  // namespace

InputConstants InputsOf(const onnx::ModelProto& model, bool assume_constant) {
  return assume_constant || model.ir_version() < 4 ? InputConstants::kConstant : InputConstants::kOverridable;
}

std::vector<Site> ReadSites(const onnx::ModelProto& model, const GraphView& view,
                            const std::map<std::string, Shape>& shapes) {
  std::vector<Site> sites = FindSites(view, shapes);
  ReadNumbers(view, OpsetVersion(model), FixedShapes(model, view), sites);
  return sites;
}

}  // namespace cnnopt
