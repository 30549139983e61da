#include "passes/swap.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

// Few: what lowers the error before the refit hardly ever shows in the accuracy after it.
constexpr int64_t kMostTrials = 12;
// Multiply-accumulates that all trials together may take.
constexpr int64_t kTrialMacs = 100'000'000'000;
// The share by which an error must fall: less is within what a few held-out samples show by chance.
constexpr double kLeastGain = 0.01;

// One site to a less harmful choice, another to a cheaper one.
struct Exchange {
  double change = 0;  // of the predicted damage
  size_t up = 0, down = 0;
  size_t up_to = 0, down_to = 0;

  bool operator<(const Exchange& other) const {
    return std::tie(change, up, down, up_to, down_to) <
           std::tie(other.change, other.up, other.down, other.up_to, other.down_to);
  }
};

// Whether the budgets, of which `room` is left, bear the exchange.
bool Pays(const std::vector<Budget>& budgets, const std::vector<int64_t>& room, const Plan& plan,
          const Exchange& exchange) {
  for (size_t b = 0; b < budgets.size(); ++b) {
    const std::vector<int64_t>& up = budgets[b].costs[exchange.up];
    const std::vector<int64_t>& down = budgets[b].costs[exchange.down];
    const int64_t more = up[exchange.up_to] - up[static_cast<size_t>(plan[exchange.up])];
    const int64_t less = down[static_cast<size_t>(plan[exchange.down])] - down[exchange.down_to];
    if (more - less > room[b]) return false;
  }
  return true;
}

// For every site, less harmful choice and other site: the exchange for the least harmful choice that pays for it. The
// least predicted damage comes first.
std::vector<Exchange> Exchanges(const SwapContext& context, const Plan& plan) {
  const auto own = [&](size_t site) { return context.damage[site][static_cast<size_t>(plan[site])]; };
  std::vector<int64_t> room;
  for (const Budget& budget : context.budgets) room.push_back(budget.most - PlanCost(budget.costs, plan));
  std::vector<Exchange> found;
  for (size_t up = 0; up < plan.size(); ++up) {
    for (size_t up_to = 0; up_to < context.damage[up].size(); ++up_to) {
      const double relief = own(up) - context.damage[up][up_to];
      for (size_t down = 0; down < plan.size() && relief > 0; ++down) {
        std::optional<Exchange> best;
        for (size_t down_to = 0; down_to < context.damage[down].size() && down != up; ++down_to) {
          const Exchange exchange{context.damage[down][down_to] - own(down) - relief, up, down, up_to, down_to};
          const bool moves = static_cast<int>(down_to) != plan[down];
          if (!moves || (best.has_value() && best->change <= exchange.change)) continue;
          if (Pays(context.budgets, room, plan, exchange)) best = exchange;
        }
        if (best.has_value()) found.push_back(*best);
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

absl::StatusOr<Plan> Swap(const SwapContext& context, Workbench& bench, Plan plan) {
  const size_t count = context.reference.samples.size();
  const auto error_of = [&](const Plan& trial) -> absl::StatusOr<double> {
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto model, bench.Build(trial));
    CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Measure(context.reference, model, count));
    return comparison.relative_error;
  };
  const int64_t most = std::clamp<int64_t>(
      kTrialMacs / std::max<int64_t>(context.macs, 1) / static_cast<int64_t>(count), 0, kMostTrials);
  if (most < 2) return plan;
  CNNOPT_ASSIGN_OR_RETURN(double least, error_of(plan));
  std::set<Plan> tried = {plan};
  int64_t trials = 1;
  for (bool moved = true; moved && trials < most;) {
    moved = false;
    for (const Exchange& exchange : Exchanges(context, plan)) {
      if (trials == most) break;
      Plan next = plan;
      next[exchange.up] = static_cast<int>(exchange.up_to);
      next[exchange.down] = static_cast<int>(exchange.down_to);
      if (!tried.insert(next).second) continue;
      if (context.progress) context.progress("swap", trials, most);
      ++trials;
      CNNOPT_ASSIGN_OR_RETURN(const double error, error_of(next));
      if (!(error < (1 - kLeastGain) * least)) continue;
      least = error;
      plan = std::move(next);
      moved = true;
      break;
    }
  }
  return plan;
}

}  // namespace cnnopt
