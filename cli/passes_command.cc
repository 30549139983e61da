#include "cli/passes_command.h"

#include "absl/strings/str_format.h"
#include "passes/catalog.h"

namespace cnnopt {

std::string PassesText() {
  std::string text;
  for (const PassEntry& entry : Catalog()) {
    absl::StrAppendFormat(&text, "%-18s %-8s %s\n", entry.name, entry.kind == PassKind::kForm ? "form" : "cleanup",
                          entry.summary);
  }
  return text;
}

}  // namespace cnnopt
