// The contract of a cleanup pass: an exact rewrite, decided on a read-only view and applied elsewhere.
#ifndef CNNOPT_PASSES_CLEANUP_CLEANUP_H_
#define CNNOPT_PASSES_CLEANUP_CLEANUP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/rewrite.h"

namespace cnnopt {

// What a pass leaves behind besides its rewrites: why it let a node be that it might have been expected to change.
struct Declined {
  std::string node;    // Describe(node)
  std::string reason;  // "its output is also read by 'add1'"
};
struct PassContext {
  int64_t opset = 0;  // of the standard operator set
  // Bytes by which folding may still make the model bigger, whatever it folds: a small file can ask for a lot.
  int64_t growth_left = 16 << 20;
  std::vector<Declined> declined;
};

struct CleanupPass {
  std::string name;     // "fold-batch-norm"
  std::string summary;  // for help and docs
  // Rewrites that remove disjoint sets of nodes. Empty: nothing (more) to do. Never fails because of an odd node.
  absl::StatusOr<std::vector<Rewrite>> (*plan)(const GraphView& view, PassContext& context);
};

// All cleanup passes in the order they run.
const std::vector<CleanupPass>& CleanupPasses();

absl::StatusOr<std::vector<Rewrite>> PlanFoldConstants(const GraphView& view, PassContext& context);
absl::StatusOr<std::vector<Rewrite>> PlanFoldBatchNorm(const GraphView& view, PassContext& context);
absl::StatusOr<std::vector<Rewrite>> PlanFoldScale(const GraphView& view, PassContext& context);

struct CleanupResult {
  std::vector<std::string> applied;  // Rewrite::why of each that has one
  std::vector<Declined> declined;
};
// Runs `passes` in turn, over and over until none finds anything more, and tells why nodes were let be in the end. All
// or nothing: on an error the model is unchanged.
absl::StatusOr<CleanupResult> RunCleanup(onnx::ModelProto& model, const std::vector<CleanupPass>& passes,
                                         InputConstants inputs);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CLEANUP_CLEANUP_H_
