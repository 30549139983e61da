#include "passes/catalog.h"

#include "passes/cleanup/cleanup.h"
#include "passes/form.h"
#include "passes/nearest.h"

namespace cnnopt {
const std::vector<PassEntry>& Catalog() {
  static const std::vector<PassEntry>* const catalog = [] {
    auto* entries = new std::vector<PassEntry>;
    for (const Form* form : AllForms()) {  // forms may come in variants of one name
      const std::string name(form->name());
      if (entries->empty() || entries->back().name != name) {
        entries->push_back({name, PassKind::kForm, std::string(form->summary())});
      }
    }
    for (const CleanupPass& pass : CleanupPasses()) entries->push_back({pass.name, PassKind::kCleanup, pass.summary});
    return entries;
  }();
  return *catalog;
}

const PassEntry* FindPass(absl::string_view name) {
  for (const PassEntry& entry : Catalog()) {
    if (absl::string_view(entry.name) == name) return &entry;
  }
  return nullptr;
}

std::string NearestPass(absl::string_view name) {
  std::vector<std::string> names;
  for (const PassEntry& entry : Catalog()) names.push_back(entry.name);
  return Nearest(name, names);
}

}  // namespace cnnopt
