#include "batch/page.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "batch/tally.h"
#include "report/display.h"
#include "report/html.h"
#include "report/sections.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

constexpr size_t kMostRows = 10'000;

std::string Tile(const char* label, const std::string& value, const std::string& note) {
  return absl::StrCat("<div><dt>", label, "</dt><dd class=\"big\">", HtmlText(value), "</dd>",
                      note.empty() ? "" : absl::StrCat("<dd>", HtmlText(note), "</dd>"), "</div>\n");
}

std::string ChangeTile(const char* label, const std::string& before, const std::string& after,
                       const std::string& factor) {
  return Tile(label, after, absl::StrCat("from ", before, factor.empty() ? "" : ", ", factor));
}

std::string Tiles(const Tally& tally) {
  std::string html = "<dl class=\"tiles\">\n";
  absl::StrAppend(&html, Tile("Models", absl::StrCat(tally.models()), CountsText(tally)));
  if (tally.slimmed + tally.unchanged > 0) {
    absl::StrAppend(&html,
                    ChangeTile("MACs", HumanCount(tally.macs_before), HumanCount(tally.macs_after),
                               FactorText(tally.macs_before, tally.macs_after)),
                    ChangeTile("Parameters", HumanCount(tally.params_before), HumanCount(tally.params_after),
                               FactorText(tally.params_before, tally.params_after)),
                    ChangeTile("Files", HumanBytes(tally.bytes_before), HumanBytes(tally.bytes_after),
                               FactorText(tally.bytes_before, tally.bytes_after)));
  }
  return absl::StrCat(html, "</dl>\n");
}

std::string Factor(const std::optional<int64_t>& before, const std::optional<int64_t>& after) {
  return before.has_value() && after.has_value() ? FactorText(*before, *after) : "";
}

std::string FailedTable(const std::vector<Record>& records) {
  HtmlTable table{"Models that failed", {"Model", "status", "why", "seconds"}, 3, {}};
  for (const Record& record : records) {
    if (record.fate == Fate::kOk) continue;
    if (table.rows.size() == kMostRows) break;
    table.rows.push_back({record.path, FateWord(record.fate), record.reason, absl::StrFormat("%.1f", record.seconds)});
  }
  return table.rows.empty() ? "" : Section("failed", "Failed", RenderHtmlTable(table));
}

std::string ModelsTable(const std::vector<Record>& records) {
  HtmlTable table{"Every model",
                  {"Model", "status", "MACs before", "after", "", "file before", "after", "", "error", "seconds"},
                  2,
                  {}};
  for (size_t r = 0; r < std::min(records.size(), kMostRows); ++r) {
    const Record& record = records[r];
    const auto bytes = [](const std::optional<int64_t>& count) { return count.has_value() ? HumanBytes(*count) : ""; };
    const bool ok = record.fate == Fate::kOk;
    table.rows.push_back(
        {record.path, EndWord(record), ok ? CountText(record.macs_before) : "", ok ? CountText(record.macs_after) : "",
         ok ? Factor(record.macs_before, record.macs_after) : "", ok ? bytes(record.bytes_before) : "",
         ok ? bytes(record.bytes_after) : "", ok ? Factor(record.bytes_before, record.bytes_after) : "",
         ok && record.relative_error.has_value() ? ErrorText(*record.relative_error) : "",
         absl::StrFormat("%.1f", record.seconds)});
  }
  std::string html = RenderHtmlTable(table);
  if (records.size() > kMostRows) {
    absl::StrAppend(&html, "<p>The first ", kMostRows, " of ", records.size(),
                    " models: the JSON lines have all.</p>\n");
  }
  return Section("models", "Models", html);
}

}  // namespace

std::string BatchPage(const std::vector<Record>& records) {
  const std::string title = "Many models";
  Tally tally;
  for (const Record& record : records) Add(record, tally);
  return absl::StrCat(HtmlHead(title), "<header><h1>", title, "</h1></header>\n<main id=\"main\" tabindex=\"-1\">\n",
                      Section("result", "Result", Tiles(tally)), FailedTable(records), ModelsTable(records),
                      "</main>\n</body>\n</html>\n");
}

}  // namespace cnnopt
