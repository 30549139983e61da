// Plans on disk: what became of each layer, to be read, edited and applied again. docs/control.md describes the format.
#ifndef CNNOPT_JOB_PLAN_FILE_H_
#define CNNOPT_JOB_PLAN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "passes/layer_rules.h"
#include "passes/slim.h"

namespace cnnopt {

struct PlanFile {
  std::vector<LayerChoice> layers;
  Bounds bounds;                      // that the result was held to
  std::vector<std::string> options;   // that made the plan, see CanonicalOptions
  std::vector<std::string> settings;  // those of them that a plan does not replace: samples, seed, ...
  std::string input_sha256;
  bool edited = false;  // `layers` are not those that were written
};

// The plan of a finished job.
std::vector<LayerChoice> PlanOf(const SlimReport& report);

// JSON, one '\n' at the end. Names that are not UTF-8 cannot be written: InvalidArgument.
absl::StatusOr<std::string> RenderPlan(const PlanFile& plan, const std::string& version);
// Errors: InvalidArgument, one line that names the field, what was expected and what was found.
absl::StatusOr<PlanFile> ParsePlan(const std::string& text);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_PLAN_FILE_H_
