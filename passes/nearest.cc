#include "passes/nearest.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace cnnopt {
namespace {

size_t Edits(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<size_t>> edits(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        edits[i][j] = i + j;
        continue;
      }
      edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, edits[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

}  // namespace

std::string Nearest(absl::string_view word, const std::vector<std::string>& known) {
  constexpr size_t kLongestWord = 64;  // nothing longer is a misspelt word, and the table above is quadratic
  if (word.empty() || word.size() > kLongestWord) {
    return "";
  }
  std::string nearest;
  size_t fewest = (word.size() + 2) / 3 + 1;
  for (const std::string& candidate : known) {
    const bool beginning = word.size() > 1 && absl::StartsWith(candidate, word);
    const size_t edits = beginning ? 1 : Edits(word, candidate);
    if (edits < fewest) {
      fewest = edits;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace cnnopt
