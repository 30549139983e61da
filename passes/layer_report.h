// What became of each layer, for the report.
#ifndef CNNOPT_PASSES_LAYER_REPORT_H_
#define CNNOPT_PASSES_LAYER_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

// One line per site: what was done, or why nothing was.
std::vector<LayerReport> ReportLayers(const std::vector<Site>& sites, const std::vector<Proposal>& proposals,
                                      const Plan& plan, const Workbench& bench, bool refitted,
                                      absl::string_view kept_reason);

// The most common reason among kept layers that cost something, for "nothing to gain here, because".
std::string MainReason(const std::vector<LayerReport>& layers);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_LAYER_REPORT_H_
