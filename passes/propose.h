// What could be done to each site: candidates of every form and rank, with cost and predicted error.
#ifndef CNNOPT_PASSES_PROPOSE_H_
#define CNNOPT_PASSES_PROPOSE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "passes/form.h"
#include "passes/site.h"

namespace cnnopt {

// A form to try, at one rank or at every rank that pays.
struct FormChoice {
  const Form* form = nullptr;
  std::optional<int64_t> rank;
};

// What may be done to a site.
struct SiteForms {
  std::vector<FormChoice> forms;  // to try
  bool pinned = false;            // there is one form, with a rank, and the site has to take it
  std::string reason;             // why there is none
};

// One way to have a site.
struct Candidate {
  const Form* form = nullptr;  // null: as it is
  int64_t rank = 0;
  double error = 0;  // relative error of the layer, see RankError
  std::optional<int64_t> macs;
  std::optional<int64_t> effort;  // see Effort; of sites that some form could take
  int64_t params = 0;
};

struct Proposal {
  // The first is where planning starts: "keep", without error, or of a pinned site its form, then the only candidate.
  std::vector<Candidate> candidates;
  std::string reason;  // why "keep" is the only one
};

// One proposal per site, fitted to `moments[site]` (one entry per group, or none: by weights only). Every candidate but
// "keep" has fewer parameters than the site and, where shapes are known and the site is not pinned, fewer MACs. A
// forced rank leaves at most one candidate beside "keep": the first form that applies and pays. `step` is called after
// each site, from any thread.
std::vector<Proposal> Propose(const std::vector<Site>& sites, const std::vector<SiteForms>& forms,
                              const std::vector<std::vector<Moments>>& moments, int threads,
                              const std::function<void()>& step);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_PROPOSE_H_
