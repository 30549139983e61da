// The shapes of --input-shape, given to the model's inputs.
#ifndef CNNOPT_JOB_INPUT_SHAPES_H_
#define CNNOPT_JOB_INPUT_SHAPES_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// `shapes` with the nameless one, "", given to the only input that a caller must feed. Errors: InvalidArgument when
// there are more of them, or when that one has a shape by name too.
absl::StatusOr<std::map<std::string, Shape>> NamedShapes(std::map<std::string, Shape> shapes,
                                                         const onnx::GraphProto& graph);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_INPUT_SHAPES_H_
