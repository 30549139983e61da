#include "passes/curve.h"

#include <algorithm>
#include <cmath>

namespace cnnopt {
namespace {

CurvePoint PointOf(const Choices& choices, const Plan& plan) {
  return {PlanCost(choices, plan), std::sqrt(std::max(PlanDamage(choices, plan), 0.0))};
}

// Every plan along the path, one step at a time: building each from the start would take quadratic time.
std::vector<CurvePoint> WalkPath(const Choices& choices) {
  Plan plan(choices.size(), 0);
  int64_t cost = PlanCost(choices, plan);
  double damage = PlanDamage(choices, plan);
  std::vector<CurvePoint> points = {PointOf(choices, plan)};
  for (const Step& step : LagrangianPath(choices)) {
    const auto site = static_cast<size_t>(step.site);
    const Choice& from = choices[site][static_cast<size_t>(plan[site])];
    const Choice& to = choices[site][static_cast<size_t>(step.choice)];
    cost += to.cost - from.cost;
    damage += to.damage - from.damage;
    plan[site] = step.choice;
    points.push_back({cost, std::sqrt(std::max(damage, 0.0))});
  }
  return points;
}

// The points that stand nearest behind each of evenly spaced costs, and both ends.
std::vector<CurvePoint> ThinOut(const std::vector<CurvePoint>& points, size_t most) {
  if (points.size() <= most) return points;
  const auto first = static_cast<double>(points.front().cost);
  const double stride = (first - static_cast<double>(points.back().cost)) / static_cast<double>(most - 1);
  std::vector<CurvePoint> kept;
  for (const CurvePoint& point : points) {
    const double due = first - stride * static_cast<double>(kept.size());
    if (kept.size() < most - 1 && static_cast<double>(point.cost) <= due) kept.push_back(point);
  }
  if (kept.back().cost != points.back().cost) kept.push_back(points.back());
  return kept;
}

}  // namespace

std::optional<Curve> MakeCurve(const PlainCosts& costs, const std::vector<std::vector<double>>& damage,
                               const std::optional<Plan>& chosen) {
  if (damage.size() != costs.costs.size()) return std::nullopt;
  const Choices choices = MakeChoices(costs.costs, damage);
  Curve curve;
  curve.in_macs = costs.in_macs;
  curve.points = ThinOut(WalkPath(choices), kMostCurvePoints);
  if (curve.points.size() < 2) return std::nullopt;
  if (chosen.has_value()) curve.chosen = PointOf(choices, *chosen);
  return curve;
}

}  // namespace cnnopt
