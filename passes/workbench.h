// Where slim models are made and measured: a plan in, a model or its distance from the original out.
#ifndef CNNOPT_PASSES_WORKBENCH_H_
#define CNNOPT_PASSES_WORKBENCH_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/rewrite.h"
#include "passes/allocate.h"
#include "passes/propose.h"
#include "passes/site.h"
#include "runtime/compare.h"
#include "runtime/session.h"

namespace cnnopt {

// The samples a model is judged on and what the original makes of them.
struct Reference {
  std::shared_ptr<const OnnxRuntime> runtime;
  std::vector<Sample> samples;
  std::vector<std::string> names;  // of the outputs
  Outputs outputs;
  int threads = 1;
};
// Runs `original` on `samples`.
absl::StatusOr<Reference> MakeReference(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& original,
                                        std::vector<Sample> samples, int threads);
// Runs `model` on the first `count` of the reference's samples and compares.
absl::StatusOr<Comparison> Measure(const Reference& reference, const onnx::ModelProto& model, size_t count);

// A model with its sites, what they see and what could be done to them. Borrows all; remembers every fit it has made.
class Workbench {
 public:
  // `view` is the index of `model` that the sites were found with.
  Workbench(const onnx::ModelProto& model, const GraphView& view, const std::vector<Site>& sites,
            const std::vector<Proposal>& proposals, const std::vector<std::vector<Moments>>& moments, int threads)
      : model_(model), view_(view), sites_(sites), proposals_(proposals), moments_(moments), threads_(threads) {}

  // The model with every site replaced as `plan` says, which borrows (onnx_io/borrow.h) from this bench's. Sites whose
  // weights do not fit into their dtype stay as they are; Failure tells. Errors: Internal when the result is not a
  // valid model.
  absl::StatusOr<onnx::ModelProto> Build(const Plan& plan);
  // Fits these (site, candidate) that have no fit yet, in parallel, for the Builds to come.
  void FitAhead(std::vector<std::pair<size_t, int>> wanted);
  // Why this candidate could not be built; empty when it was.
  std::string Failure(size_t site, int choice) const;
  // Whether this candidate leaves the site as it is.
  bool Keeps(size_t site, int choice) const {
    return proposals_[site].candidates[static_cast<size_t>(choice)].form == nullptr;
  }
  // Whether `plan` keeps every site.
  bool KeepsAll(const Plan& plan) const;
  // Whether Refit was called for this candidate.
  bool Refitted(size_t site, int choice) const;
  // The numbers of a candidate as they are now; of a kept site its own convolution.
  absl::StatusOr<Replacement> Fitted(size_t site, int choice);
  // Puts other numbers in their place: from now on Build uses these, for kept sites too.
  absl::Status Refit(size_t site, int choice, Replacement replacement);
  // A bench that remembers the fits of `plan` only: what is refitted there is not refitted here.
  Workbench Only(const Plan& plan) const;

 private:
  // A candidate as numbers and as nodes, or why there are none.
  struct Fit {
    absl::Status status;
    Replacement replacement;
    Rewrite rewrite;
    bool refitted = false;
  };
  Fit MakeFit(size_t site, int choice) const;
  void Emit(size_t site, int choice, Fit& fit) const;

  const onnx::ModelProto& model_;
  const GraphView& view_;
  const std::vector<Site>& sites_;
  const std::vector<Proposal>& proposals_;
  const std::vector<std::vector<Moments>>& moments_;
  int threads_;
  std::map<std::pair<size_t, int>, Fit> fits_;
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_WORKBENCH_H_
