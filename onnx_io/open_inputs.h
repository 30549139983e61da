// What a caller is told when a model leaves sizes of its inputs open: the flag that settles them, ready to be pasted.
#ifndef CNNOPT_ONNX_IO_OPEN_INPUTS_H_
#define CNNOPT_ONNX_IO_OPEN_INPUTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// "--input-shape=images:1,3,224,224": `shape` with a guess for every size below 1: batch 1, 3 channels, 224 pixels
// (32 where there are three spatial axes). An empty shape, of unknown rank, is taken for a picture's.
std::string ShapeFlag(absl::string_view name, const Shape& shape);

// "model has dynamic inputs: give --input-shape=images:1,3,224,224, where H and W are guesses": one flag for each of
// `open`, inputs of `graph`. Sizes that the model tells are taken from it, the channels from a Conv that reads the
// input where nothing else does; `known` are the sizes of named dimensions.
std::string OpenInputsMessage(const std::vector<const onnx::ValueInfoProto*>& open, const onnx::GraphProto& graph,
                              std::map<std::string, int64_t> known);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_OPEN_INPUTS_H_
