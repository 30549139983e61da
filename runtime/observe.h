// Looking inside a running model.
#ifndef CNNOPT_RUNTIME_OBSERVE_H_
#define CNNOPT_RUNTIME_OBSERVE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "runtime/session.h"

namespace cnnopt {

// The shapes that `values` of the main graph have when `model` runs on `sample`: for shapes that are computed, or of
// operators whose rules inference does not know.
absl::StatusOr<std::map<std::string, Shape>> ObserveShapes(std::shared_ptr<const OnnxRuntime> runtime,
                                                           const onnx::ModelProto& model,
                                                           const std::vector<std::string>& values,
                                                           const Sample& sample);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_OBSERVE_H_
