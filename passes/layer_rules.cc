#include "passes/layer_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "passes/nearest.h"
#include "passes/propose.h"

namespace cnnopt {
namespace {

// Compiled patterns, and which of them have matched a name.
class Patterns {
 public:
  static absl::StatusOr<Patterns> Create(const std::vector<std::string>& texts) {
    Patterns patterns;
    RE2::Options options;
    options.set_log_errors(false);
    for (const std::string& text : texts) {
      auto& pattern = patterns.patterns_.emplace_back(std::make_unique<RE2>(text, options), false);
      if (pattern.first->ok()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is no regular expression: ", pattern.first->error()));
    }
    return patterns;
  }

  bool empty() const { return patterns_.empty(); }
  // The first pattern that matches in `name`, or null.
  const std::string* Match(const std::string& name) {
    const std::string* first = nullptr;
    for (auto& [pattern, used] : patterns_) {
      if (!RE2::PartialMatch(name, *pattern)) continue;
      used = true;
      if (first == nullptr) first = &pattern->pattern();
    }
    return first;
  }
  void WarnOfUnused(absl::string_view rule, std::vector<std::string>& warnings) const {
    for (const auto& [pattern, used] : patterns_) {
      if (!used) warnings.push_back(absl::StrCat(rule, " '", pattern->pattern(), "' matches no layer"));
    }
  }

 private:
  std::vector<std::pair<std::unique_ptr<RE2>, bool>> patterns_;
};

// The forms that `word` names: one variant, or all that share a name.
std::vector<const Form*> FormsCalled(absl::string_view word) {
  std::vector<const Form*> forms;
  for (const Form* form : AllForms()) {
    if (form->name() == word || form->variant() == word) forms.push_back(form);
  }
  return forms;
}

absl::Status UnknownForm(const LayerChoice& choice) {
  std::set<std::string> known = {"keep"};
  for (const Form* form : AllForms()) {
    known.emplace(form->name());
    known.emplace(form->variant());
  }
  const std::string nearest = Nearest(choice.form, {known.begin(), known.end()});
  return absl::InvalidArgumentError(absl::StrCat("layer '", choice.name, "': unknown form '", choice.form, "', ",
                                                 nearest.empty() ? "" : absl::StrCat("did you mean '", nearest, "'? "),
                                                 "expected one of ", absl::StrJoin(known, ", ")));
}

// Ranks of channels come in steps that depend on the layer; between its ends every multiple of 8 will do.
bool Pays(int64_t rank, const std::vector<int64_t>& paying) {
  if (std::find(paying.begin(), paying.end(), rank) != paying.end()) return true;
  return !paying.empty() && paying.front() % 8 == 0 && rank % 8 == 0 && rank > 0 && rank < paying.back();
}

// A layer's own form, of several variants the first that has a meaning and, with a rank, pays.
absl::StatusOr<SiteForms> OwnForms(const LayerChoice& choice, const Site& site) {
  if (!site.conv.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("layer '", choice.name, "' cannot be slimmed: ", site.reason));
  }
  SiteForms own;
  std::string objection;
  for (const Form* form : FormsCalled(choice.form)) {
    const absl::Status applies = form->Applies(*site.conv);
    if (!applies.ok()) {
      if (objection.empty()) objection = std::string(applies.message());
      continue;
    }
    if (!choice.rank.has_value()) {
      own.forms.push_back({form, std::nullopt});
      continue;
    }
    const std::vector<int64_t> paying = form->PayingRanks(*site.conv);
    if (Pays(*choice.rank, paying)) {
      own.forms = {{form, choice.rank}};
      own.pinned = true;
      return own;
    }
    objection = paying.empty() ? "no rank is cheaper than the layer"
                               : absl::StrCat("rank ", *choice.rank,
                                              " is none of those that are cheaper than the "
                                              "layer: ",
                                              absl::StrJoin(paying, ", "));
  }
  if (!own.forms.empty() && !choice.rank.has_value()) return own;
  return absl::FailedPreconditionError(absl::StrCat("layer '", choice.name, "', form ", choice.form, ": ", objection));
}

absl::Status UnknownLayer(const LayerChoice& choice, const std::vector<Site>& sites) {
  std::vector<std::string> known;
  for (const Site& site : sites) known.push_back(site.name);
  const std::string nearest = Nearest(choice.name, known);
  return absl::FailedPreconditionError(absl::StrCat(
      "no layer is called '", choice.name, "'",
      nearest.empty() ? ", " : absl::StrCat(", did you mean '", nearest, "'? "), "'cnnopt inspect' lists them"));
}

SiteForms Kept(std::string reason) { return {{}, false, std::move(reason)}; }

}  // namespace

absl::Status CheckRules(const LayerRules& rules) {
  for (const std::vector<std::string>& patterns : {rules.keep, rules.only}) {
    CNNOPT_RETURN_IF_ERROR(Patterns::Create(patterns).status());
  }
  std::set<std::string> named;
  for (const LayerChoice& choice : rules.layers) {
    if (!named.insert(choice.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("layer '", choice.name, "' is given twice"));
    }
    if (choice.form.empty()) continue;
    if (FormsCalled(choice.form).empty()) return UnknownForm(choice);
    if (choice.rank.has_value() && *choice.rank < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer '", choice.name, "': rank is ", *choice.rank, ", expected 1 or more"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SiteForms>> ApplyRules(const LayerRules& rules, const std::vector<Site>& sites,
                                                  const std::vector<FormChoice>& forms,
                                                  std::vector<std::string>& warnings) {
  CNNOPT_RETURN_IF_ERROR(CheckRules(rules));
  CNNOPT_ASSIGN_OR_RETURN(Patterns keep, Patterns::Create(rules.keep));
  CNNOPT_ASSIGN_OR_RETURN(Patterns only, Patterns::Create(rules.only));
  std::map<std::string, const LayerChoice*> own;
  for (const LayerChoice& choice : rules.layers) own[choice.name] = &choice;
  std::set<std::string> names;
  std::vector<SiteForms> result;
  for (size_t s = 0; s < sites.size(); ++s) {
    const std::string& name = sites[s].name;
    names.insert(name);
    const std::string* kept = keep.Match(name);
    const bool meant = only.Match(name) != nullptr || only.empty();
    const auto choice = own.find(name);
    const bool outermost = s == 0 || s + 1 == sites.size();
    if (choice != own.end() && !choice->second->form.empty()) {
      CNNOPT_ASSIGN_OR_RETURN(result.emplace_back(), OwnForms(*choice->second, sites[s]));
    } else if (choice != own.end() || rules.others_are_kept) {
      result.push_back(Kept("kept as asked"));
    } else if (kept != nullptr) {
      result.push_back(Kept(absl::StrCat("kept as asked: '", *kept, "' matches its name")));
    } else if (!meant) {
      result.push_back(Kept("kept as asked: only other layers are to be slimmed"));
    } else if (rules.keep_first_last && outermost) {
      result.push_back(Kept(s == 0 ? "kept as asked: the first layer" : "kept as asked: the last layer"));
    } else {
      result.push_back({forms, false, ""});
    }
  }
  for (const LayerChoice& choice : rules.layers) {
    if (names.count(choice.name) == 0) return UnknownLayer(choice, sites);
  }
  keep.WarnOfUnused("keep", warnings);
  only.WarnOfUnused("only", warnings);
  return result;
}

}  // namespace cnnopt
