#include "runtime/frontier.h"

#include <map>
#include <optional>
#include <utility>

#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"

namespace cnnopt {
namespace {

// Values of `done` that a node outside of it reads.
std::vector<std::string> Live(const onnx::GraphProto& graph, const std::set<std::string>& done) {
  std::set<std::string> live;
  const auto read = [&](absl::string_view value) {
    const auto found = done.find(std::string(value));
    if (found != done.end()) live.insert(*found);
  };
  for (const onnx::NodeProto& node : graph.node()) {
    bool ran = node.output_size() > 0;
    for (const std::string& output : node.output()) ran = ran && (output.empty() || done.count(output) > 0);
    if (ran) continue;
    for (const std::string& input : node.input()) read(input);
    for (const absl::string_view input : OuterReads(node)) read(input);
  }
  return {live.begin(), live.end()};
}

int64_t BytesOf(const Sample& sample) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : sample) bytes += static_cast<int64_t>(tensor.bytes.size());
  return bytes;
}

}  // namespace

Frontier::Frontier(std::shared_ptr<const OnnxRuntime> runtime, absl::Span<const Sample> samples, int threads,
                   int64_t most_bytes)
    : runtime_(std::move(runtime)),
      samples_(samples),
      threads_(threads),
      most_bytes_(most_bytes),
      remembered_(samples.size()) {}

int64_t Frontier::remembered_bytes() const {
  int64_t bytes = 0;
  for (const Sample& sample : remembered_) bytes += BytesOf(sample);
  return bytes;
}

// Whether the values `live` of one sample, computed now or remembered, may be kept of every sample.
bool Frontier::Fits(const std::vector<std::string>& live, const Sample& computed, const Sample& remembered) const {
  int64_t bytes = 0;
  for (const std::string& value : live) {
    const auto found = computed.find(value);
    const Tensor& tensor = found != computed.end() ? found->second : remembered.at(value);
    if (tensor.data_type == onnx::TensorProto::UNDEFINED) return false;  // no tensor: cannot be fed
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  return bytes <= most_bytes_ / static_cast<int64_t>(samples_.size());
}

// The remembered values that a run for `missing` may be fed with. A node that makes one of them and another value that
// is needed would run again and make it twice: then the run starts from the samples.
std::vector<std::string> Frontier::Given(const onnx::GraphProto& graph, const std::vector<std::string>& missing) {
  std::vector<std::string> given;
  for (const auto& [name, tensor] : remembered_.front()) given.push_back(name);
  for (const int n : Ancestors(graph, missing, given)) {
    for (const std::string& output : graph.node(n).output()) {
      if (remembered_.front().count(output) > 0) return {};
    }
  }
  return given;
}

absl::Status Frontier::Advance(const onnx::ModelProto& model, const std::vector<std::string>& values,
                               const std::function<absl::Status(size_t, const std::vector<const Tensor*>&)>& visit) {
  if (samples_.empty()) return absl::OkStatus();
  const auto known = [this](const std::string& value) {
    return samples_.front().count(value) > 0 || remembered_.front().count(value) > 0;
  };
  std::vector<std::string> missing;
  for (const std::string& value : values) {
    if (!known(value)) missing.push_back(value);
  }
  const std::vector<std::string> given = Given(model.graph(), missing);
  std::set<std::string> done = done_;
  for (const int n : Ancestors(model.graph(), missing, given)) {
    for (const std::string& output : model.graph().node(n).output()) {
      if (!output.empty()) done.insert(output);
    }
  }
  const std::vector<std::string> live = Live(model.graph(), done);
  SessionOptions options;
  options.threads = threads_;
  options.own_outputs = false;
  std::set<std::string> wanted(missing.begin(), missing.end());
  for (const std::string& value : live) {
    if (!known(value)) wanted.insert(value);
  }
  options.extra_outputs.assign(wanted.begin(), wanted.end());
  const auto give = [&options](const std::string& name, const Tensor& tensor) {
    options.given[name] = {tensor.data_type, tensor.shape.size()};
  };
  for (const std::string& value : given) give(value, remembered_.front().at(value));
  for (const auto& [name, tensor] : samples_.front()) give(name, tensor);
  std::optional<Session> session;
  if (!options.extra_outputs.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(session, Session::Create(runtime_, model, options));
  }
  bool keep = false;  // whether the new frontier fits; the first sample speaks for all
  for (size_t s = 0; s < samples_.size(); ++s) {
    const auto fed = [&](const std::string& name) -> const Tensor& {
      const auto sample = samples_[s].find(name);
      return sample != samples_[s].end() ? sample->second : remembered_[s].at(name);
    };
    Sample computed;
    if (session.has_value()) {
      Sample feed;
      for (const std::string& name : session->input_names()) feed[name] = fed(name);
      CNNOPT_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, session->Run(feed));
      for (size_t i = 0; i < outputs.size(); ++i) computed[options.extra_outputs[i]] = std::move(outputs[i]);
    }
    std::vector<const Tensor*> seen;
    for (const std::string& value : values) {
      const auto found = computed.find(value);
      seen.push_back(found != computed.end() ? &found->second : &fed(value));
    }
    CNNOPT_RETURN_IF_ERROR(visit(s, seen));
    if (s == 0) keep = Fits(live, computed, remembered_.front());
    if (!keep) continue;
    Sample next;
    for (const std::string& value : live) {
      const auto found = computed.find(value);
      next[value] = std::move(found != computed.end() ? found->second : remembered_[s].at(value));
    }
    remembered_[s] = std::move(next);
  }
  if (keep) done_ = std::move(done);
  return absl::OkStatus();
}

}  // namespace cnnopt
