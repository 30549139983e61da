// A walk through a running model, front to back, that computes every node once.
#ifndef CNNOPT_RUNTIME_FRONTIER_H_
#define CNNOPT_RUNTIME_FRONTIER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "runtime/session.h"

namespace cnnopt {

// Remembers, for each sample, the values at the frontier between the nodes that ran and those that did not: what the
// latter still read. Asking for values further on runs only the nodes in between.
class Frontier {
 public:
  // Borrows `samples`. Values are remembered as long as they take at most `most_bytes`; beyond that the frontier stays
  // where it was and later steps run more nodes again.
  Frontier(std::shared_ptr<const OnnxRuntime> runtime, absl::Span<const Sample> samples, int threads,
           int64_t most_bytes);

  // Hands `values` (of the main graph, graph inputs included) of each sample to `visit`, in their order, with the
  // sample's number. `model` may differ from that of an earlier call in nodes that no value asked for so far depends
  // on. `visit` may end the run with an error.
  absl::Status Advance(const onnx::ModelProto& model, const std::vector<std::string>& values,
                       const std::function<absl::Status(size_t, const std::vector<const Tensor*>&)>& visit);

  int64_t remembered_bytes() const;  // of all samples

 private:
  bool Fits(const std::vector<std::string>& live, const Sample& computed, const Sample& remembered) const;
  std::vector<std::string> Given(const onnx::GraphProto& graph, const std::vector<std::string>& missing);

  std::shared_ptr<const OnnxRuntime> runtime_;
  absl::Span<const Sample> samples_;
  int threads_;
  int64_t most_bytes_;
  std::set<std::string> done_;      // every value that has been computed
  std::vector<Sample> remembered_;  // per sample: the frontier; the same names in all
};

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_FRONTIER_H_
