#include "passes/selection.h"

#include "absl/strings/str_cat.h"
#include "passes/catalog.h"
#include "passes/form.h"

namespace cnnopt {

absl::StatusOr<Selection> SelectPasses(const std::vector<PassChoice>& choices, bool cleanup) {
  Selection selection;
  for (const PassChoice& choice : choices) {
    const PassEntry* entry = FindPass(choice.name);
    if (entry == nullptr) {
      const std::string nearest = NearestPass(choice.name);
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown pass '", choice.name, "'", nearest.empty() ? "" : absl::StrCat(", did you mean '", nearest, "'?")));
    }
    if (choice.rank.has_value() && (entry->kind == PassKind::kCleanup || *choice.rank < 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("pass '", choice.name, "': rank=", *choice.rank,
                       entry->kind == PassKind::kCleanup ? ": a cleanup pass has no rank" : ", expected 1 or more"));
    }
    for (const Form* form : AllForms()) {
      if (choice.name == form->name()) selection.forms.push_back({form, choice.rank});
    }
    for (const CleanupPass& pass : CleanupPasses()) {
      if (choice.name == pass.name) selection.cleanups.push_back(pass);
    }
    selection.forced_rank = selection.forced_rank || choice.rank.has_value();
  }
  if (choices.empty()) {
    for (const Form* form : AllForms()) selection.forms.push_back({form, std::nullopt});
  }
  if (cleanup && selection.cleanups.empty()) selection.cleanups = CleanupPasses();
  return selection;
}

}  // namespace cnnopt
