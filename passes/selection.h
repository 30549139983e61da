// From the names a user gives to the forms and cleanup passes that run.
#ifndef CNNOPT_PASSES_SELECTION_H_
#define CNNOPT_PASSES_SELECTION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "passes/cleanup/cleanup.h"
#include "passes/propose.h"
#include "passes/slim.h"

namespace cnnopt {

struct Selection {
  std::vector<FormChoice> forms;
  std::vector<CleanupPass> cleanups;
  bool forced_rank = false;  // a form has its rank given
};

// No names: everything. Forms alone: these, and every cleanup pass if `cleanup`. Cleanup passes alone: only these.
// Errors: InvalidArgument for an unknown name (with the nearest known one) or a rank that makes no sense.
absl::StatusOr<Selection> SelectPasses(const std::vector<PassChoice>& choices, bool cleanup);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_SELECTION_H_
