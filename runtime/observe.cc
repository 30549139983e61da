#include "runtime/observe.h"

#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {

absl::StatusOr<std::map<std::string, Shape>> ObserveShapes(std::shared_ptr<const OnnxRuntime> runtime,
                                                           const onnx::ModelProto& model,
                                                           const std::vector<std::string>& values,
                                                           const Sample& sample) {
  SessionOptions options;
  options.extra_outputs = values;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(std::move(runtime), model, options));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, session.Run(sample));
  std::map<std::string, Shape> shapes;
  for (size_t i = 0; i < outputs.size(); ++i) shapes[session.output_names()[i]] = outputs[i].shape;
  return shapes;
}

}  // namespace cnnopt
