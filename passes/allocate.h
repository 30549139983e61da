// One budget, many layers: which candidate each site takes.
#ifndef CNNOPT_PASSES_ALLOCATE_H_
#define CNNOPT_PASSES_ALLOCATE_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace cnnopt {

// One way to have a site: what it costs and how much it harms the output. Damages of different sites add up.
struct Choice {
  int64_t cost = 0;
  double damage = 0;
};

// Per site its choices; choice 0 is "keep", with damage 0.
using Choices = std::vector<std::vector<Choice>>;
// Per site the index of its choice.
using Plan = std::vector<int>;

int64_t PlanCost(const Choices& choices, const Plan& plan);
double PlanDamage(const Choices& choices, const Plan& plan);
double PlanDamage(const std::vector<std::vector<double>>& damage, const Plan& plan);

// The Lagrangian path: for a price lambda per unit of cost, every site takes the choice with the least
// damage + lambda cost. As lambda grows from 0, sites move one by one along the lower convex hull of their choices;
// the plans met on the way are returned in that order, from "keep everything" to the cheapest. Each is the plan of
// least damage among all plans of its cost or less. O(n log n) in the number of choices, plus the plans themselves.
struct Step {
  int site = 0;
  int choice = 0;  // the site's choice from here on
};
std::vector<Step> LagrangianPath(const Choices& choices);
// The plan after the first `count` steps.
Plan PlanAt(const Choices& choices, const std::vector<Step>& path, size_t count);

// What each choice costs in one unit: [site][choice].
using Costs = std::vector<std::vector<int64_t>>;
int64_t PlanCost(const Costs& costs, const Plan& plan);
// Costs in that unit, with `damage[site][choice]`.
Choices MakeChoices(const Costs& costs, const std::vector<std::vector<double>>& damage);

struct Budget {
  Costs costs;
  int64_t most = 0;  // that all sites together may cost
};

// A plan of little damage that keeps within every budget. Under one budget: the first plan on the path that does;
// then, as the last step usually overshoots, sites are moved to less harmful choices while the budget still holds, the
// largest relief first. Under several: the same for many mixtures of the costs, each as a share of its budget, and the
// plan of least damage found. Where a path ends before every budget holds, sites are moved on so that the budget
// overdrawn most is relieved. Nullopt when no plan was found; under one budget there is none then.
std::optional<Plan> MeetBudgets(const std::vector<std::vector<double>>& damage, const std::vector<Budget>& budgets);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_ALLOCATE_H_
