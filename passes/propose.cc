#include "passes/propose.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "passes/cost.h"
#include "passes/parallel.h"

namespace cnnopt {
namespace {

// Of the site as `layer`. Unknown where MACs are, and where no machine could run it: CostProduct has the bound,
// under which many still have a sum.
template <typename Layer>  // a Conv or a Replacement
std::optional<int64_t> EffortOf(const Site& site, const Layer& layer) {
  if (!site.macs.has_value() || !site.input.has_value()) return std::nullopt;
  const Shape input = LayerShape(*site.conv, *site.input);
  return CostProduct({Effort(layer, Shape(input.begin() + 2, input.end()), input[0])});
}

Candidate Price(const Site& site, const Form* form, RankError choice) {
  Candidate candidate;
  candidate.form = form;
  candidate.rank = choice.rank;
  candidate.error = choice.error;
  const Replacement outline = form->Outline(*site.conv, choice.rank);
  candidate.params = ParameterCount(outline);
  if (site.macs.has_value() && site.input.has_value()) {
    const Shape input = LayerShape(*site.conv, *site.input);
    candidate.macs = Macs(outline, Shape(input.begin() + 2, input.end()), input[0]);
  }
  candidate.effort = EffortOf(site, outline);
  return candidate;
}

bool Cheaper(const Candidate& candidate, const Site& site) {
  if (candidate.params >= ParameterCount(*site.conv)) return false;
  return !candidate.macs.has_value() || *candidate.macs < *site.macs;
}

// Errors of every rank that pays, or of the one asked for, if it does.
std::vector<RankError> Ranks(const FormChoice& choice, const Conv& conv, absl::Span<const Moments> moments) {
  if (!choice.rank.has_value()) return choice.form->Candidates(conv, moments);
  const std::vector<int64_t> paying = choice.form->PayingRanks(conv);
  if (std::find(paying.begin(), paying.end(), *choice.rank) == paying.end()) return {};
  return choice.form->Errors(conv, moments, {*choice.rank});
}

std::string WhyNoForm(const SiteForms& asked) { return asked.reason.empty() ? "no form was asked for" : asked.reason; }

Proposal ProposeFor(const Site& site, const SiteForms& asked, absl::Span<const Moments> moments) {
  const std::vector<FormChoice>& forms = asked.forms;
  Proposal proposal;
  if (asked.pinned) {
    const Form* form = forms.front().form;
    proposal.candidates = {Price(site, form, form->Errors(*site.conv, moments, {*forms.front().rank}).front())};
    return proposal;
  }
  Candidate keep;
  keep.macs = site.macs;
  keep.params = site.params;
  proposal.candidates.push_back(keep);
  if (!site.conv.has_value()) {
    proposal.reason = site.reason.empty() ? WhyNoForm(asked) : site.reason;
    return proposal;
  }
  proposal.candidates.front().effort = EffortOf(site, *site.conv);
  bool applied = false;  // some form has a meaning here, whether it pays or not
  for (const FormChoice& choice : forms) {
    const absl::Status applies = choice.form->Applies(*site.conv);
    if (!applies.ok()) {
      if (proposal.reason.empty()) proposal.reason = std::string(applies.message());
      continue;
    }
    applied = true;
    for (const RankError& rank : Ranks(choice, *site.conv, moments)) {
      const Candidate candidate = Price(site, choice.form, rank);
      if (Cheaper(candidate, site)) proposal.candidates.push_back(candidate);
    }
    if (choice.rank.has_value() && proposal.candidates.size() > 1) return proposal;
  }
  if (applied) {
    proposal.reason = forms.front().rank.has_value()
                          ? absl::StrCat("rank ", *forms.front().rank, " is not cheaper than the layer")
                          : "no rank is cheaper than the layer";
  } else if (proposal.reason.empty()) {
    proposal.reason = WhyNoForm(asked);
  }
  return proposal;
}

// About how long a site takes: with the square of its patches and with its outputs.
double Work(const Site& site) {
  if (!site.conv.has_value()) return 0;
  const auto width = static_cast<double>(site.conv->group_in_channels() * site.conv->taps());
  return width * width * static_cast<double>(site.conv->out_channels);
}

}  // namespace

std::vector<Proposal> Propose(const std::vector<Site>& sites, const std::vector<SiteForms>& forms,
                              const std::vector<std::vector<Moments>>& moments, int threads,
                              const std::function<void()>& step) {
  std::vector<Proposal> proposals(sites.size());
  // The longest first, so that no thread is left alone with one at the end.
  std::vector<size_t> order(sites.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double more = Work(sites[a]), less = Work(sites[b]);
    return more != less ? more > less : a < b;
  });
  ParallelFor(static_cast<int64_t>(sites.size()), threads, [&](int64_t i) {
    const size_t s = order[static_cast<size_t>(i)];
    proposals[s] = ProposeFor(sites[s], forms[s], moments[s]);
    step();
  });
  return proposals;
}

}  // namespace cnnopt
