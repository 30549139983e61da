#include "report/html.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "report/display.h"
#include "report/style.h"

namespace cnnopt {

std::string HtmlText(absl::string_view text, size_t most) {
  // A name may be of megabytes: what is cut off need not be looked at. A character takes four bytes at most.
  const absl::string_view start = text.substr(0, 4 * most);
  const std::string printable = start.size() == text.size() ? ShortenMiddle(ForScreen(text), most)
                                                            : ShortenEnd(absl::StrCat(ForScreen(start), "..."), most);
  return absl::StrReplaceAll(printable,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string RenderHtmlTable(const HtmlTable& table) {
  const std::string caption = HtmlText(table.caption);
  std::string html =
      absl::StrCat("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", caption,
                   "\">\n<table class=\"words", table.words, "\"><caption>", caption, "</caption>\n<thead><tr>");
  for (const std::string& name : table.head) absl::StrAppend(&html, "<th scope=\"col\">", HtmlText(name), "</th>");
  absl::StrAppend(&html, "</tr></thead>\n<tbody>\n");
  for (const std::vector<std::string>& row : table.rows) {
    absl::StrAppend(&html, "<tr>");
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&html, c == 0 ? "<th scope=\"row\">" : "<td>", HtmlText(row[c]), c == 0 ? "</th>" : "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

std::string Foldable(absl::string_view summary, absl::string_view content, bool open) {
  return absl::StrCat("<details", open ? " open" : "", "><summary>", HtmlText(summary), "</summary>\n", content,
                      "</details>\n");
}

std::string HtmlHead(const std::string& title) {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
      title, "</title>\n<style>", kReportStyle, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">",
      "Skip to the result</a>\n");
}

}  // namespace cnnopt
