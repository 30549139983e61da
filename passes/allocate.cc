#include "passes/allocate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

namespace cnnopt {
namespace {

// Indices of the lower convex hull of (cost, damage), from choice 0 towards lower cost and higher damage.
std::vector<int> LowerHull(const std::vector<Choice>& choices) {
  std::vector<int> order(choices.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const Choice& x = choices[static_cast<size_t>(a)];
    const Choice& y = choices[static_cast<size_t>(b)];
    return std::tuple(-x.cost, x.damage, a) < std::tuple(-y.cost, y.damage, b);
  });
  const auto at = [&](int i) -> const Choice& { return choices[static_cast<size_t>(i)]; };
  std::vector<int> hull = {0};
  for (const int next : order) {
    if (at(next).cost >= at(hull.back()).cost) continue;  // no cheaper than what we have
    // Drop points above the line from their predecessor to the new one, and those the new one beats outright.
    while (hull.size() > 1) {
      const Choice& a = at(hull[hull.size() - 2]);
      const Choice& b = at(hull.back());
      const double to_b = (b.damage - a.damage) / static_cast<double>(a.cost - b.cost);
      const double to_next = (at(next).damage - a.damage) / static_cast<double>(a.cost - at(next).cost);
      if (to_b < to_next) break;
      hull.pop_back();
    }
    hull.push_back(next);
  }
  return hull;
}

// What is spent of each budget, kept up to date while sites move.
class Account {
 public:
  Account(const std::vector<std::vector<double>>& damage, const std::vector<Budget>& budgets)
      : damage_(damage), budgets_(budgets), plan_(damage.size(), 0) {
    for (const Budget& budget : budgets) spent_.push_back(PlanCost(budget.costs, plan_));
  }

  const Plan& plan() const { return plan_; }
  double Damage() const { return PlanDamage(damage_, plan_); }
  bool Holds() const { return Overdraft(0, plan_.empty() ? 0 : plan_[0]) <= 1; }

  void Move(size_t site, int choice) {
    for (size_t b = 0; b < budgets_.size(); ++b) spent_[b] += Change(b, site, choice);
    plan_[site] = choice;
  }

  // Moves sites until every budget holds or no single move helps, the one that helps most first.
  void RelieveWorst() {
    while (!Holds()) {
      double least = Overdraft(0, plan_[0]);
      size_t best_site = plan_.size();
      int best_choice = 0;
      ForEachMove([&](size_t site, int choice) {
        const double overdraft = Overdraft(site, choice);
        if (overdraft >= least) return;
        least = overdraft;
        best_site = site;
        best_choice = choice;
      });
      if (best_site == plan_.size()) return;
      Move(best_site, best_choice);
    }
  }

  // Moves sites to less harmful choices while every budget holds, the largest relief first.
  void SpendRest() {
    for (;;) {
      double best_relief = 0;
      size_t best_site = 0;
      int best_choice = 0;
      ForEachMove([&](size_t site, int choice) {
        const double relief = At(site, plan_[site]) - At(site, choice);
        if (relief <= best_relief || Overdraft(site, choice) > 1) return;
        best_relief = relief;
        best_site = site;
        best_choice = choice;
      });
      if (best_relief <= 0) return;
      Move(best_site, best_choice);
    }
  }

 private:
  double At(size_t site, int choice) const { return damage_[site][static_cast<size_t>(choice)]; }

  int64_t Change(size_t budget, size_t site, int choice) const {
    const std::vector<int64_t>& costs = budgets_[budget].costs[site];
    return costs[static_cast<size_t>(choice)] - costs[static_cast<size_t>(plan_[site])];
  }

  // The largest share of a budget that is spent once `site` has moved: 1 or less when all hold.
  double Overdraft(size_t site, int choice) const {
    double worst = 0;
    for (size_t b = 0; b < budgets_.size(); ++b) {
      const int64_t spent = spent_[b] + (plan_.empty() ? 0 : Change(b, site, choice));
      const int64_t most = budgets_[b].most;
      const double share = static_cast<double>(spent) / static_cast<double>(std::max<int64_t>(most, 1));
      worst = std::max(worst, spent <= most ? std::min(share, 1.0) : std::max(share, std::nextafter(1.0, 2.0)));
    }
    return worst;
  }

  template <typename Visit>
  void ForEachMove(const Visit& visit) const {
    for (size_t site = 0; site < plan_.size(); ++site) {
      for (size_t c = 0; c < damage_[site].size(); ++c) visit(site, static_cast<int>(c));
    }
  }

  const std::vector<std::vector<double>>& damage_;
  const std::vector<Budget>& budgets_;
  Plan plan_;
  std::vector<int64_t> spent_;
};

// All ways to give `parts` budgets weights that add up to kWeights.
constexpr int64_t kWeights = 12;
std::vector<std::vector<int64_t>> Mixtures(int parts, int64_t left = kWeights) {
  if (parts <= 1) return {std::vector<int64_t>(static_cast<size_t>(parts), left)};
  std::vector<std::vector<int64_t>> all;
  for (int64_t first = 0; first <= left; ++first) {
    for (std::vector<int64_t>& rest : Mixtures(parts - 1, left - first)) {
      rest.insert(rest.begin(), first);
      all.push_back(std::move(rest));
    }
  }
  return all;
}

// One cost for all budgets: the weighted sum of what each choice takes of each budget. One budget's costs as they are.
Costs Mix(const std::vector<Budget>& budgets, const std::vector<int64_t>& weights) {
  if (budgets.size() == 1) return budgets.front().costs;
  constexpr double kUnit = 1e9;  // of a budget; finer than any cost that matters
  Costs mixed = budgets.front().costs;
  for (size_t s = 0; s < mixed.size(); ++s) {
    for (size_t c = 0; c < mixed[s].size(); ++c) {
      double share = 0;
      for (size_t b = 0; b < budgets.size(); ++b) {
        share += static_cast<double>(weights[b] * budgets[b].costs[s][c]) /
                 static_cast<double>(std::max<int64_t>(budgets[b].most, 1));
      }
      mixed[s][c] = std::llround(kUnit * share);
    }
  }
  return mixed;
}

}  // namespace

int64_t PlanCost(const Choices& choices, const Plan& plan) {
  int64_t cost = 0;
  for (size_t s = 0; s < choices.size(); ++s) cost += choices[s][static_cast<size_t>(plan[s])].cost;
  return cost;
}

double PlanDamage(const Choices& choices, const Plan& plan) {
  double damage = 0;
  for (size_t s = 0; s < choices.size(); ++s) damage += choices[s][static_cast<size_t>(plan[s])].damage;
  return damage;
}

double PlanDamage(const std::vector<std::vector<double>>& damage, const Plan& plan) {
  double total = 0;
  for (size_t s = 0; s < damage.size(); ++s) total += damage[s][static_cast<size_t>(plan[s])];
  return total;
}

std::vector<Step> LagrangianPath(const Choices& choices) {
  struct PricedStep {
    double price = 0;  // damage per unit of cost saved
    Step step;
    size_t order = 0;
  };
  std::vector<PricedStep> steps;
  for (size_t s = 0; s < choices.size(); ++s) {
    const std::vector<int> hull = LowerHull(choices[s]);
    for (size_t h = 1; h < hull.size(); ++h) {
      const Choice& from = choices[s][static_cast<size_t>(hull[h - 1])];
      const Choice& to = choices[s][static_cast<size_t>(hull[h])];
      const double price = (to.damage - from.damage) / static_cast<double>(from.cost - to.cost);
      steps.push_back({price, {static_cast<int>(s), hull[h]}, 0});
    }
  }
  // Along one hull prices rise, and equal ones must keep their order.
  for (size_t i = 0; i < steps.size(); ++i) steps[i].order = i;
  std::sort(steps.begin(), steps.end(), [](const PricedStep& a, const PricedStep& b) {
    return std::tuple(a.price, a.order) < std::tuple(b.price, b.order);
  });
  std::vector<Step> path;
  path.reserve(steps.size());
  for (const PricedStep& step : steps) path.push_back(step.step);
  return path;
}

Plan PlanAt(const Choices& choices, const std::vector<Step>& path, size_t count) {
  Plan plan(choices.size(), 0);
  for (size_t i = 0; i < count; ++i) plan[static_cast<size_t>(path[i].site)] = path[i].choice;
  return plan;
}

int64_t PlanCost(const Costs& costs, const Plan& plan) {
  int64_t cost = 0;
  for (size_t s = 0; s < costs.size(); ++s) cost += costs[s][static_cast<size_t>(plan[s])];
  return cost;
}

Choices MakeChoices(const Costs& costs, const std::vector<std::vector<double>>& damage) {
  Choices choices;
  for (size_t s = 0; s < costs.size(); ++s) {
    std::vector<Choice>& site = choices.emplace_back();
    for (size_t c = 0; c < costs[s].size(); ++c) site.push_back({costs[s][c], damage[s][c]});
  }
  return choices;
}

std::optional<Plan> MeetBudgets(const std::vector<std::vector<double>>& damage, const std::vector<Budget>& budgets) {
  if (std::any_of(budgets.begin(), budgets.end(), [](const Budget& budget) { return budget.most < 0; }))
    return std::nullopt;
  std::optional<Plan> best;
  for (const std::vector<int64_t>& weights : Mixtures(static_cast<int>(budgets.size()))) {
    Account account(damage, budgets);
    const Choices choices = MakeChoices(Mix(budgets, weights), damage);
    for (const Step& step : LagrangianPath(choices)) {
      if (account.Holds()) break;
      account.Move(static_cast<size_t>(step.site), step.choice);
    }
    account.RelieveWorst();
    if (!account.Holds()) continue;
    account.SpendRest();
    if (!best.has_value() || account.Damage() < PlanDamage(damage, *best)) best = account.plan();
  }
  return best;
}

}  // namespace cnnopt
