#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "batch/plan.h"
#include "cli/batch_commands.h"
#include "cli/batch_flags.h"
#include "cli/batch_setup.h"
#include "cli/progress.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {

absl::StatusOr<ExitCode> RunBatchPlan(const SlimArguments& arguments, const Console& console) {
  CNNOPT_RETURN_IF_ERROR(CheckMainOptions(arguments));
  PlanRequest request;
  request.zoo = arguments.positions[0];
  CNNOPT_ASSIGN_OR_RETURN(request.version, From(Origin::kUsage, VersionOf(arguments.batch.program)));
  request.options = ResultOptions(arguments.given);
  request.test_data = arguments.batch.test_data && arguments.calibration.empty();
  request.shards = arguments.batch.shards;
  std::optional<ProgressBar> bar;
  if (!arguments.quiet && console.progress_width > 0) bar.emplace(console.err, console.progress_width);
  CNNOPT_ASSIGN_OR_RETURN(Manifest manifest, From(Origin::kInput, PlanZoo(request, [&](int64_t done, int64_t total) {
                                                    if (bar.has_value()) bar->Show("looking at models", done, total);
                                                    return true;
                                                  })));
  bar.reset();
  console.out << RenderManifest(manifest);
  if (!arguments.quiet) {
    double cost = 0;
    for (const ZooModel& model : manifest.models) cost += model.cost;
    console.err << "cnnopt: " << manifest.models.size() << " models in " << manifest.shards
                << (manifest.shards == 1 ? " shard" : " shards, 0 to ");
    if (manifest.shards > 1) console.err << manifest.shards - 1;
    console.err << ", very roughly " << static_cast<int64_t>(cost / 60) + 1 << " minutes of one processor\n";
  }
  return kExitDone;
}

}  // namespace cnnopt
