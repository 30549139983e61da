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

// The plan for a total cost of at most `budget`: the first on the path that meets it, then, as the last step
// usually overshoots, sites are moved to less harmful choices while the budget still holds, the largest relief first.
// Nullopt when even the cheapest plan costs more.
std::optional<Plan> MeetBudget(const Choices& choices, int64_t budget);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_ALLOCATE_H_
