#include "passes/layer_report.h"

#include <map>

namespace cnnopt {

std::vector<LayerReport> ReportLayers(const std::vector<Site>& sites, const std::vector<Proposal>& proposals,
                                      const Plan& plan, const Workbench& bench, bool refitted,
                                      absl::string_view kept_reason) {
  std::vector<LayerReport> layers;
  for (size_t s = 0; s < sites.size(); ++s) {
    const Candidate& choice = proposals[s].candidates[static_cast<size_t>(plan[s])];
    LayerReport& layer = layers.emplace_back();
    layer.name = sites[s].name;
    layer.op = sites[s].op;
    layer.was = sites[s].was;
    layer.macs_before = layer.macs_after = sites[s].macs;
    layer.params_before = layer.params_after = sites[s].params;
    const std::string failure = bench.Failure(s, plan[s]);
    if (choice.form != nullptr && failure.empty()) {
      layer.now = choice.form->Label(choice.rank);
      layer.form = std::string(choice.form->variant());
      layer.rank = choice.rank;
      layer.macs_after = choice.macs;
      layer.params_after = choice.params;
      layer.weight_error = choice.error;
      layer.refitted = refitted && bench.Refitted(s, plan[s]);
    } else if (!failure.empty()) {
      layer.reason = failure;
    } else {
      layer.reason = proposals[s].candidates.size() > 1 ? std::string(kept_reason) : proposals[s].reason;
      layer.refitted = refitted && bench.Refitted(s, plan[s]);
    }
  }
  return layers;
}

std::string MainReason(const std::vector<LayerReport>& layers) {
  std::map<std::string, int64_t> cost;
  for (const LayerReport& layer : layers) cost[layer.reason] += layer.macs_before.value_or(layer.params_before);
  std::string reason = "the model has no Conv, ConvTranspose, Gemm or MatMul";
  int64_t most = -1;
  for (const auto& [text, macs] : cost) {
    if (macs > most) {
      most = macs;
      reason = text;
    }
  }
  return reason;
}

}  // namespace cnnopt
