#include "onnx_io/open_inputs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"

namespace cnnopt {
namespace {

constexpr int64_t kBatch = 1;
constexpr int64_t kChannels = 3;
constexpr int64_t kPixels = 224;
constexpr int64_t kPixelsOfVolumes = 32;  // 224 along three axes would take hundreds of megabytes a channel

// The axis of the channels: the second one, or the last when that has few and the second is open. 0: there is none.
size_t ChannelAxis(const Shape& shape) {
  if (shape.size() < 4) return 0;
  return shape[1] < 1 && shape.back() >= 1 && shape.back() <= 4 ? shape.size() - 1 : 1;
}

int64_t Guess(const Shape& shape, size_t axis) {
  if (axis == 0) return kBatch;
  if (axis == ChannelAxis(shape)) return kChannels;
  return shape.size() > 4 ? kPixelsOfVolumes : kPixels;
}

Shape Completed(const Shape& shape) {
  if (shape.empty()) return {kBatch, kChannels, kPixels, kPixels};
  Shape complete = shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] < 1) complete[axis] = Guess(shape, axis);
  }
  return complete;
}

// Input channels of a Conv that reads `value`; -1: there is none whose weight tells.
int64_t ConvChannels(const onnx::GraphProto& graph, const std::string& value) {
  for (const onnx::NodeProto& node : graph.node()) {
    if (!IsOp(node, "Conv") || Input(node, 0) != value) continue;
    for (const onnx::TensorProto& weight : graph.initializer()) {
      if (weight.name() == Input(node, 1) && weight.dims_size() > 2)
        return weight.dims(1) * IntAttribute(node, "group", 1);
    }
  }
  return -1;
}

// What the model tells of the sizes of `input`, -1 where it is silent.
Shape Told(const onnx::ValueInfoProto& input, const onnx::GraphProto& graph,
           const std::map<std::string, int64_t>& known) {
  Shape shape;
  for (const auto& dim : input.type().tensor_type().shape().dim()) {
    const auto size = known.find(dim.dim_param());
    shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value()
                    : size != known.end()                      ? size->second
                                                               : -1);
  }
  if (shape.size() > 2 && shape[1] < 1) shape[1] = ConvChannels(graph, input.name());
  return shape;
}

// "H", or "axis 2 of 'images'" of one without a name.
std::string AxisName(const onnx::ValueInfoProto& input, int axis) {
  const std::string& name = input.type().tensor_type().shape().dim(axis).dim_param();
  return name.empty() ? absl::StrCat("axis ", axis, " of ", Quote(input.name())) : OneLine(name);
}

// "H", "H and W", "H, W and C".
std::string Listed(const std::vector<std::string>& words) {
  if (words.size() < 2) return absl::StrJoin(words, "");
  return absl::StrCat(absl::StrJoin(words.begin(), words.end() - 1, ", "), " and ", words.back());
}

}  // namespace

std::string ShapeFlag(absl::string_view name, const Shape& shape) {
  return absl::StrCat("--input-shape=", OneLine(name), ":", absl::StrJoin(Completed(shape), ","));
}

std::string OpenInputsMessage(const std::vector<const onnx::ValueInfoProto*>& open, const onnx::GraphProto& graph,
                              std::map<std::string, int64_t> known) {
  std::vector<std::string> flags, guesses;
  for (const onnx::ValueInfoProto* input : open) {
    const Shape told = Told(*input, graph, known);
    const Shape shape = Completed(told);
    flags.push_back(ShapeFlag(input->name(), shape));
    if (told.empty()) guesses.push_back(absl::StrCat("the shape of ", Quote(input->name())));
    for (size_t axis = 0; axis < told.size(); ++axis) {
      if (told[axis] > 0) continue;
      const std::string& name = input->type().tensor_type().shape().dim(static_cast<int>(axis)).dim_param();
      if (!name.empty()) known.emplace(name, shape[axis]);  // the same size wherever the name comes back
      if (axis > 0) guesses.push_back(AxisName(*input, static_cast<int>(axis)));
    }
  }
  guesses.erase(std::unique(guesses.begin(), guesses.end()), guesses.end());
  return absl::StrCat("model has dynamic inputs: give ", absl::StrJoin(flags, " "),
                      guesses.empty()       ? ""
                      : guesses.size() == 1 ? absl::StrCat(", where ", guesses[0], " is a guess")
                                            : absl::StrCat(", where ", Listed(guesses), " are guesses"));
}

}  // namespace cnnopt
