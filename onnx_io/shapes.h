// Shapes by onnx's own inference.
#ifndef CNNOPT_ONNX_IO_SHAPES_H_
#define CNNOPT_ONNX_IO_SHAPES_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// Shape of every graph input that has no initializer, with `given` filled in and each unknown first dimension
// taken as batch 1. Errors: InvalidArgument when a given name is no input or its rank or fixed dimensions differ,
// or when another dimension stays unknown: the message shows the flags that would help,
// "model has dynamic inputs: give --input-shape=images:1,3,224,224", see open_inputs.h.
absl::StatusOr<std::map<std::string, Shape>> InputShapes(const onnx::ModelProto& model,
                                                         const std::map<std::string, Shape>& given);

// Every value's shape that onnx's inference can tell when the inputs have `inputs` shapes. Never fails: what it
// cannot infer is absent, and so are the outputs of nested graphs and calls where there are too many of them. `model`
// is not changed; big payloads are not copied.
std::map<std::string, Shape> InferShapes(const onnx::ModelProto& model, const std::map<std::string, Shape>& inputs);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_SHAPES_H_
