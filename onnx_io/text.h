// Model <-> ONNX's own text form, for tests and dumps.
#ifndef CNNOPT_ONNX_IO_TEXT_H_
#define CNNOPT_ONNX_IO_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// Parses the text form, e.g. `<ir_version: 8, opset_import: ["" : 17]> g (float[1,3,8,8] x) => (float[1,4,6,6] y)
// <float[4,3,3,3] w = {...}> { y = Conv(x, w) }`. Errors: InvalidArgument with the parser's message.
absl::StatusOr<onnx::ModelProto> ParseModel(absl::string_view text);
// Prints a model, payloads included.
std::string PrintModel(const onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_TEXT_H_
