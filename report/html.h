// Pieces of a page: text that is safe in it, and tables.
#ifndef CNNOPT_REPORT_HTML_H_
#define CNNOPT_REPORT_HTML_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt {

// `text` as it may stand in an element or in a quoted attribute, whatever it is: as ForScreen, at most `most`
// characters with the middle left out, with the signs of HTML escaped.
std::string HtmlText(absl::string_view text, size_t most = 300);

struct HtmlTable {
  std::string caption;
  std::vector<std::string> head;
  size_t words = 1;                            // how many columns, from the left, hold words; the others numbers
  std::vector<std::vector<std::string>> rows;  // cells as they are, not escaped yet
};
// A table that scrolls sideways in its own frame, which the keyboard reaches, where the screen is too narrow. The first
// cell of a row is its heading.
std::string RenderHtmlTable(const HtmlTable& table);

// `content` below a line that opens and closes it.
std::string Foldable(absl::string_view summary, absl::string_view content, bool open = false);

// Everything of a page up to its header. `title` is escaped already. The policy lets the page load nothing and run
// nothing, whatever a name holds.
std::string HtmlHead(const std::string& title);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_HTML_H_
