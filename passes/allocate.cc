#include "passes/allocate.h"

#include <algorithm>
#include <numeric>
#include <tuple>

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

std::optional<Plan> MeetBudget(const Choices& choices, int64_t budget) {
  Plan plan(choices.size(), 0);
  int64_t cost = PlanCost(choices, plan);
  for (const Step& step : LagrangianPath(choices)) {
    if (cost <= budget) break;
    int& choice = plan[static_cast<size_t>(step.site)];
    const std::vector<Choice>& site = choices[static_cast<size_t>(step.site)];
    cost += site[static_cast<size_t>(step.choice)].cost - site[static_cast<size_t>(choice)].cost;
    choice = step.choice;
  }
  if (cost > budget) return std::nullopt;
  for (;;) {  // spend what is left
    double best_relief = 0;
    size_t best_site = 0;
    int best_choice = 0;
    for (size_t s = 0; s < choices.size(); ++s) {
      const Choice& now = choices[s][static_cast<size_t>(plan[s])];
      for (size_t c = 0; c < choices[s].size(); ++c) {
        const Choice& other = choices[s][c];
        const double relief = now.damage - other.damage;
        if (relief > best_relief && cost - now.cost + other.cost <= budget) {
          best_relief = relief;
          best_site = s;
          best_choice = static_cast<int>(c);
        }
      }
    }
    if (best_relief <= 0) return plan;
    cost += choices[best_site][static_cast<size_t>(best_choice)].cost -
            choices[best_site][static_cast<size_t>(plan[best_site])].cost;
    plan[best_site] = best_choice;
  }
}

}  // namespace cnnopt
