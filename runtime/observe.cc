#include "runtime/observe.h"

#include <optional>
#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {

absl::Status ObserveValues(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& model,
                           const std::vector<std::string>& values, absl::Span<const Sample> samples, int threads,
                           const std::function<absl::Status(size_t, const std::vector<Tensor>&)>& visit) {
  if (samples.empty()) return absl::OkStatus();
  // Values the caller feeds need no run.
  SessionOptions options;
  options.threads = threads;
  options.own_outputs = false;
  for (const std::string& value : values) {
    if (samples.front().count(value) == 0) options.extra_outputs.push_back(value);
  }
  std::optional<Session> session;
  if (!options.extra_outputs.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(session, Session::Create(std::move(runtime), model, options));
  }
  for (size_t s = 0; s < samples.size(); ++s) {
    std::vector<Tensor> computed;
    if (session.has_value()) {
      CNNOPT_ASSIGN_OR_RETURN(computed, session->Run(samples[s]));
    }
    std::vector<Tensor> seen;
    size_t next = 0;
    for (const std::string& value : values) {
      const auto fed = samples[s].find(value);
      if (fed != samples[s].end()) {
        seen.push_back(fed->second);
      } else {
        seen.push_back(std::move(computed[next++]));
      }
    }
    CNNOPT_RETURN_IF_ERROR(visit(s, seen));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, Shape>> ObserveShapes(std::shared_ptr<const OnnxRuntime> runtime,
                                                           const onnx::ModelProto& model,
                                                           const std::vector<std::string>& values,
                                                           const Sample& sample) {
  std::map<std::string, Shape> shapes;
  const auto record = [&](size_t, const std::vector<Tensor>& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) shapes[values[i]] = tensors[i].shape;
    return absl::OkStatus();
  };
  CNNOPT_RETURN_IF_ERROR(ObserveValues(std::move(runtime), model, values, absl::MakeConstSpan(&sample, 1), 1, record));
  return shapes;
}

}  // namespace cnnopt
