// Plans under a budget of multiplications whose savings arrive as time.
//
//   multiplications      1.0 |##########|   ->  |####|        what the budget asks for
//   time                 1.0 |##########|   ->  |#####|       what arrives: at least 0.9 of it, if accuracy allows
//
// Layers of few channels, many stages and large maps take longer than their multiplications say (see Effort). Of two
// plans that take as many multiplications and harm about as much, the one that is faster is wanted.
//
//   sum over sites of effort(choice)  <=  E / (M a) * sum over sites of macs(choice)
//
// where E and M are what the original's sites take and `a` is the share that arrives. Both sums are linear in the
// choices, so this is one more budget. Over the slimmed sites alone, both sums leave out the sites that are kept.
#ifndef CNNOPT_PASSES_ARRIVAL_H_
#define CNNOPT_PASSES_ARRIVAL_H_

#include <optional>
#include <vector>

#include "passes/allocate.h"
#include "passes/propose.h"

namespace cnnopt {

// The sites that are counted.
enum class Over { kAll, kSlimmed };

// The budget that plans hold whose reduction of effort is at least `arrives` (above 0) times their reduction of MACs,
// over sites whose effort is known. "Keep everything" holds it for arrives <= 1. Over slimmed sites it takes them to
// have been as fast as all sites together, so that it is held about.
Budget ArrivalBudget(const std::vector<Proposal>& proposals, double arrives, Over over);

// What arrives of `plan`: its reduction of effort as a share of its reduction of MACs, over the same sites; 1 where
// none is known.
double ArrivalOf(const std::vector<Proposal>& proposals, const Plan& plan, Over over);

// The least share that plans under a budget of multiplications are made for.
inline constexpr double kLeastArrival = 0.8;
// What arrives of `plan` where that is less and can be felt: the sites take a millisecond or more.
std::optional<double> PoorArrival(const std::vector<Proposal>& proposals, const Plan& plan);

struct BudgetedPlan {
  Plan plan;
  std::vector<Budget> budgets;  // that it holds
};

// MeetBudgets under `budgets` and the strictest arrival budget, from 0.9 down to kLeastArrival, that costs no more than
// half as much damage again (damages are squares: a fifth of error); under `budgets` alone where none does. Where
// little arrives of it over the slimmed sites alone, the sites take a millisecond or more and there is little damage, a
// plan of which more does, for up to three times the damage. Nullopt as there.
std::optional<BudgetedPlan> MeetBudgetsInTime(const std::vector<std::vector<double>>& damage,
                                              const std::vector<Budget>& budgets,
                                              const std::vector<Proposal>& proposals);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_ARRIVAL_H_
