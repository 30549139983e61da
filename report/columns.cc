#include "report/columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kLeastText = 10;  // characters a text column keeps

std::vector<size_t> Widths(const std::vector<std::vector<std::string>>& rows, const ColumnsOptions& options) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const std::vector<std::string>& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], DisplayWidth(row[c]));
  }
  size_t total = kGap * (widths.size() - 1);
  for (const size_t width : widths) total += width;
  std::vector<size_t> yielding = {0};
  if (options.left_last) yielding.push_back(widths.size() - 1);
  for (const size_t c : yielding) {
    const size_t excess = total - std::min(total, options.width);
    const size_t spare = widths[c] - std::min(widths[c], kLeastText);
    widths[c] -= std::min(excess, spare);
    total -= std::min(excess, spare);
  }
  return widths;
}

std::string RenderLine(const std::vector<std::string>& row, const std::vector<size_t>& widths,
                       const ColumnsOptions& options) {
  std::string line;
  for (size_t c = 0; c < row.size(); ++c) {
    const bool left = c == 0 || (options.left_last && c + 1 == row.size());
    const std::string cell = c == 0 ? ShortenMiddle(row[c], widths[c]) : ShortenEnd(row[c], widths[c]);
    const std::string blanks(widths[c] - std::min(widths[c], DisplayWidth(cell)), ' ');
    absl::StrAppend(&line, c == 0 ? "" : std::string(kGap, ' '), left ? cell : blanks, left ? blanks : cell);
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line;
}

}  // namespace

std::string RenderColumns(const std::vector<std::vector<std::string>>& rows, const ColumnsOptions& options) {
  if (rows.empty() || rows.front().empty()) return "";
  const std::vector<size_t> widths = Widths(rows, options);
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::string line = RenderLine(rows[r], widths, options);
    const bool bold = r == 0 && options.header && options.color;
    absl::StrAppend(&text, bold ? "\x1b[1m" : "", line, bold ? "\x1b[0m" : "", "\n");
  }
  return text;
}

}  // namespace cnnopt
