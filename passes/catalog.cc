#include "passes/catalog.h"

#include <algorithm>
#include <numeric>

#include "passes/cleanup/cleanup.h"
#include "passes/form.h"

namespace cnnopt {
namespace {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

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
  std::string nearest;
  size_t least = std::max<size_t>(name.size() / 2, 2) + 1;
  for (const PassEntry& entry : Catalog()) {
    const size_t distance = EditDistance(name, entry.name);
    if (distance < least) {
      least = distance;
      nearest = entry.name;
    }
  }
  return nearest;
}

}  // namespace cnnopt
