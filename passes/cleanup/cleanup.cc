#include "passes/cleanup/cleanup.h"

#include <optional>
#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

// Each pass folds whole chains at once; only chains in which different passes take turns need more sweeps. The bound
// keeps a file made of such a chain from costing more than linear time.
constexpr int kMaxSweeps = 16;

}  // namespace

const std::vector<CleanupPass>& CleanupPasses() {
  static const auto* const passes = new std::vector<CleanupPass>{
      {"fold-constants", "turn Constant nodes into weights; fold Identity, Cast, Transpose and Reshape of weights",
       PlanFoldConstants},
      {"fold-batch-norm", "fold BatchNormalization into the convolution before it", PlanFoldBatchNorm},
      {"fold-scale", "fold Mul, Div, Add and Sub by a constant per channel into the convolution before them",
       PlanFoldScale},
  };
  return *passes;
}

absl::StatusOr<CleanupResult> RunCleanup(onnx::ModelProto& model, const std::vector<CleanupPass>& passes,
                                         InputConstants inputs) {
  std::optional<onnx::ModelProto> edited;  // a copy, made when there is something to change
  CleanupResult result;
  PassContext context;
  context.opset = OpsetVersion(model);
  bool found = true;
  for (int sweep = 0; sweep < kMaxSweeps && found; ++sweep) {
    found = false;
    result.declined.clear();
    for (const CleanupPass& pass : passes) {
      const onnx::ModelProto& current = edited.has_value() ? *edited : model;
      CNNOPT_ASSIGN_OR_RETURN(const GraphView view, GraphView::Create(current.graph(), inputs));
      context.declined.clear();
      CNNOPT_ASSIGN_OR_RETURN(std::vector<Rewrite> rewrites, pass.plan(view, context));
      result.declined.insert(result.declined.end(), context.declined.begin(), context.declined.end());
      if (rewrites.empty()) {
        continue;
      }
      found = true;
      for (const Rewrite& rewrite : rewrites) {
        if (!rewrite.why.empty()) {
          result.applied.push_back(rewrite.why);
        }
      }
      if (!edited.has_value()) {
        edited = model;
      }
      CNNOPT_RETURN_IF_ERROR(ApplyRewrites(std::move(rewrites), *edited));
    }
  }
  if (edited.has_value()) {
    model.Swap(&*edited);
  }
  return result;
}

}  // namespace cnnopt
