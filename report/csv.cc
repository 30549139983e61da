#include "report/csv.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "report/display.h"

namespace cnnopt {
namespace {

// What makes a spreadsheet take a cell for a formula; the last four are the wide forms that some also follow.
constexpr absl::string_view kFormulaStarts[] = {
    "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

std::string Text(const std::string& text) {
  std::string cell = ForScreen(text);
  const absl::string_view visible = absl::string_view(cell).substr(std::min(cell.find_first_not_of(' '), cell.size()));
  if (std::any_of(std::begin(kFormulaStarts), std::end(kFormulaStarts),
                  [&](absl::string_view start) { return absl::StartsWith(visible, start); })) {
    cell = absl::StrCat("'", cell);
  }
  if (cell.find_first_of(",\"") == std::string::npos) return cell;
  return absl::StrCat("\"", absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
}

std::string Number(const std::optional<int64_t>& number) { return number.has_value() ? absl::StrCat(*number) : ""; }

std::string Number(double number) { return std::isfinite(number) ? ShortestText(number) : ""; }

}  // namespace

std::string RenderCsv(const SlimReport& report) {
  std::string csv =
      "name,op,was,now,reason,macs_before,macs_after,params_before,params_after,weight_error,refitted\r\n";
  for (const LayerReport& layer : report.layers) {
    const std::string cells[] = {Text(layer.name),
                                 Text(layer.op),
                                 Text(layer.was),
                                 Text(layer.now),
                                 Text(layer.reason),
                                 Number(layer.macs_before),
                                 Number(layer.macs_after),
                                 absl::StrCat(layer.params_before),
                                 absl::StrCat(layer.params_after),
                                 Number(layer.weight_error),
                                 layer.refitted ? "true" : "false"};
    absl::StrAppend(&csv, absl::StrJoin(cells, ","), "\r\n");
  }
  return csv;
}

}  // namespace cnnopt
