// From a folder of models to a manifest.
#ifndef CNNOPT_BATCH_PLAN_H_
#define CNNOPT_BATCH_PLAN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "batch/manifest.h"

namespace cnnopt {

struct PlanRequest {
  std::string zoo, out;  // folders; `out` may be empty
  std::string version;
  std::vector<std::string> options;  // as flags
  bool test_data = true;             // look for test_data_set_* beside models
  int64_t shards = 0;                // 0: ShardsFor
};

// `options` with the paths they name made absolute, and the digest of what stands there. Errors: as DigestPath.
struct SettledOptions {
  std::vector<std::string> options;
  std::string sha256;
};
absl::StatusOr<SettledOptions> SettleOptions(const std::vector<std::string>& options);

// Looks at every model of the zoo; `progress` gets how many of how many are done, and ends the planning by returning
// false. Errors: as FindModels; NotFound (no model), Cancelled.
absl::StatusOr<Manifest> PlanZoo(const PlanRequest& request, const std::function<bool(int64_t, int64_t)>& progress);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_PLAN_H_
