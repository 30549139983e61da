// "Did you mean": the known word nearest to a misspelt one.
#ifndef CNNOPT_PASSES_NEAREST_H_
#define CNNOPT_PASSES_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt {

// The first of `known` with the fewest single-character edits (insert, delete, replace, swap of neighbours) from
// `word`; a beginning of a known word counts as one edit away. Empty when even the nearest needs more edits than a
// third of the word's length, rounded up.
std::string Nearest(absl::string_view word, const std::vector<std::string>& known);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_NEAREST_H_
