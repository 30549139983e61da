// Every form and every cleanup pass in one list: name, one-line summary. Help, docs and tests read it here.
#ifndef CNNOPT_PASSES_CATALOG_H_
#define CNNOPT_PASSES_CATALOG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt {

enum class PassKind { kForm, kCleanup };
struct PassEntry {
  std::string name;  // as --pass takes it: "dsc", "fold-batch-norm"
  PassKind kind;
  std::string summary;  // one line, no full stop
};
const std::vector<PassEntry>& Catalog();
// The entry called `name`, or null.
const PassEntry* FindPass(absl::string_view name);
// The known name nearest to `name` by edit distance, for "did you mean"; empty when none is near.
std::string NearestPass(absl::string_view name);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CATALOG_H_
