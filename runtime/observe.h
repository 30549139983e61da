// Looking inside a running model.
#ifndef CNNOPT_RUNTIME_OBSERVE_H_
#define CNNOPT_RUNTIME_OBSERVE_H_

#include <functional>
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

// Runs `model` on each sample and hands `values` (of the main graph, graph inputs included) to `visit`, in their order,
// with the sample's number. Nodes that the values do not depend on are left out. `visit` may end the run with an error.
absl::Status ObserveValues(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& model,
                           const std::vector<std::string>& values, absl::Span<const Sample> samples, int threads,
                           const std::function<absl::Status(size_t, const std::vector<Tensor>&)>& visit);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_OBSERVE_H_
