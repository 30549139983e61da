#include "cli/table.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/display.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kYellow = "\x1b[33m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kFaint = "\x1b[2m";
constexpr const char* kBold = "\x1b[1m";

std::string Painted(const std::string& text, const char* color, const TableOptions& options) {
  return options.color ? absl::StrCat(color, text, "\x1b[0m") : text;
}

enum Column : size_t { kLayer, kWas, kNow, kMacs, kParams, kError, kColumns };
constexpr size_t kGap = 2;

// One line of the table. A kept layer has a remark that takes the place of all columns from `now` on; a slimmed
// one may have a remark that stands below it.
struct Row {
  std::array<std::string, kColumns> cells;
  std::string remark;
  bool kept = false;
};

// Two decimals, where columns are narrow.
std::string Factor(int64_t before, int64_t after) {
  return before <= 0 ? "" : absl::StrFormat("%.2fx", static_cast<double>(after) / static_cast<double>(before));
}

std::string Compact(int64_t count) {
  std::string text = HumanCount(count, 3);
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

std::string CountCell(int64_t before, int64_t after) {
  return absl::StrFormat("%s %5s", Compact(after), Factor(before, after));
}

Row SlimmedRow(const LayerReport& layer, bool verbose) {
  Row row;
  row.cells[kLayer] = ForScreen(layer.name);
  row.cells[kWas] = ForScreen(layer.was);
  row.cells[kNow] = ForScreen(layer.now);
  const bool known = layer.macs_before.has_value() && layer.macs_after.has_value();
  row.cells[kMacs] = known ? CountCell(*layer.macs_before, *layer.macs_after) : "?";
  row.cells[kParams] = CountCell(layer.params_before, layer.params_after);
  row.cells[kError] = absl::StrFormat("%.3f", layer.weight_error);
  row.remark = verbose ? ForScreen(layer.reason) : "";
  return row;
}

// One row for all of `layers`, which were kept for the same reason.
Row KeptRow(const std::vector<const LayerReport*>& layers) {
  Row row;
  row.kept = true;
  const bool refitted = std::any_of(layers.begin(), layers.end(), [](const LayerReport* l) { return l->refitted; });
  row.remark = absl::StrCat("kept: ", ForScreen(layers[0]->reason), refitted ? "; weights refitted" : "");
  if (layers.size() == 1) {
    row.cells[kLayer] = ForScreen(layers[0]->name);
    row.cells[kWas] = ForScreen(layers[0]->was);
    return row;
  }
  row.cells[kLayer] = absl::StrCat(layers.size(), " layers");
  int64_t macs = 0;
  bool known = true;
  for (const LayerReport* layer : layers) {
    known = known && layer->macs_before.has_value();
    macs += layer->macs_before.value_or(0);
  }
  row.cells[kWas] = known ? absl::StrCat(HumanCount(macs, 3), " MACs") : "";
  return row;
}

std::vector<Row> VerboseRows(const std::vector<LayerReport>& layers) {
  std::vector<Row> rows;
  for (const LayerReport& layer : layers) {
    rows.push_back(layer.now.empty() ? KeptRow({&layer}) : SlimmedRow(layer, true));
  }
  return rows;
}

// The slimmed layers, then the kept ones by reason, in the order in which the reasons come up first.
std::vector<Row> FoldedRows(const std::vector<LayerReport>& layers) {
  constexpr size_t kMostReasons = 12;
  std::vector<Row> rows;
  std::vector<std::vector<const LayerReport*>> kept;
  size_t others = 0;
  for (const LayerReport& layer : layers) {
    if (!layer.now.empty()) {
      rows.push_back(SlimmedRow(layer, false));
      continue;
    }
    const auto same =
        std::find_if(kept.begin(), kept.end(), [&](const auto& g) { return g[0]->reason == layer.reason; });
    if (same != kept.end()) {
      same->push_back(&layer);
    } else if (kept.size() < kMostReasons) {
      kept.push_back({&layer});
    } else {
      ++others;
    }
  }
  for (const auto& group : kept) {
    rows.push_back(KeptRow(group));
  }
  if (others > 0) {
    Row& row = rows.emplace_back();
    row.kept = true;
    row.cells[kLayer] = absl::StrCat(others, " more");
    row.remark = "kept: for other reasons, --verbose lists them";
  }
  return rows;
}

// Widths of the columns: as wide as what stands in them, except that was, now and layer give way to the screen.
std::array<size_t, kColumns> ColumnWidths(const std::vector<Row>& rows, const TableOptions& options) {
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t c = 0; c < kColumns; ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(row.cells[c]));
    }
  }
  if (options.verbose) {
    return widths;
  }
  // What a reason needs beside the first two columns; where layers were slimmed the numbers need more anyway.
  constexpr size_t kLeastRemark = 36;
  const auto used = [&] {
    size_t numbers = widths[kNow];
    for (size_t c = kMacs; c < kColumns; ++c) {
      numbers += kGap + widths[c];
    }
    return widths[kLayer] + kGap + widths[kWas] + kGap + std::max(numbers, kLeastRemark);
  };
  const std::pair<Column, size_t> gives_way[] = {{kLayer, 14}, {kNow, 18}, {kWas, 16}, {kLayer, 0}, {kNow, 10}};
  for (const auto& [column, least] : gives_way) {
    const size_t excess = used() - std::min(used(), options.width);
    const size_t spare = widths[column] - std::min(widths[column], least);
    widths[column] -= std::min(excess, spare);
  }
  return widths;
}

std::string Pad(const std::string& text, size_t width, bool right) {
  const std::string blanks(width - std::min(width, DisplayWidth(text)), ' ');
  return right ? absl::StrCat(blanks, text) : absl::StrCat(text, blanks);
}

// The remark in lines of the width that is left from column `from` on; two of them unless verbose.
std::vector<std::string> RemarkLines(const Row& row, size_t from, const TableOptions& options) {
  if (options.verbose) {
    return {row.remark};
  }
  std::vector<std::string> lines = Wrap(row.remark, options.width - from);
  if (lines.size() > 2) {
    lines[1] = ShortenEnd(absl::StrCat(lines[1], " ", lines[2]), options.width - from);
    lines.resize(2);
  }
  return lines;
}

std::string RenderRow(const Row& row, const std::array<size_t, kColumns>& widths, const TableOptions& options) {
  std::string line = Pad(ShortenMiddle(row.cells[kLayer], widths[kLayer]), widths[kLayer], false);
  absl::StrAppend(&line, std::string(kGap, ' '), Pad(ShortenEnd(row.cells[kWas], widths[kWas]), widths[kWas], false));
  const size_t from = widths[kLayer] + kGap + widths[kWas] + kGap;
  if (row.kept) {
    std::string text;
    for (const std::string& remark : RemarkLines(row, from, options)) {
      const std::string start = text.empty() ? absl::StrCat(line, std::string(kGap, ' ')) : std::string(from, ' ');
      absl::StrAppend(&text, start, Painted(remark, kFaint, options), "\n");
    }
    return text;
  }
  for (size_t c = kNow; c < kColumns; ++c) {
    const std::string cell = Pad(ShortenEnd(row.cells[c], widths[c]), widths[c], c != kNow);
    absl::StrAppend(&line, std::string(kGap, ' '), c == kNow ? Painted(cell, kGreen, options) : cell);
  }
  absl::StrAppend(&line, "\n");
  if (!row.remark.empty()) {
    absl::StrAppend(&line, std::string(from, ' '), Painted(row.remark, kFaint, options), "\n");
  }
  return line;
}

std::string RenderLayers(const SlimReport& report, const TableOptions& options) {
  std::vector<Row> rows = options.verbose ? VerboseRows(report.layers) : FoldedRows(report.layers);
  if (rows.empty()) {
    return "";
  }
  Row header;
  header.cells = {"layer", "was", "now", "MACs", "params", "error"};
  rows.insert(rows.begin(), header);
  const std::array<size_t, kColumns> widths = ColumnWidths(rows, options);
  TableOptions plain = options;
  plain.color = false;
  std::string text = RenderRow(header, widths, plain);
  text.pop_back();
  text = absl::StrCat(Painted(text, kBold, options), "\n");
  for (size_t i = 1; i < rows.size(); ++i) {
    absl::StrAppend(&text, RenderRow(rows[i], widths, options));
  }
  return absl::StrCat(text, "\n");
}

constexpr size_t kLabel = 17;

std::string Line(absl::string_view label, const std::string& value) {
  return absl::StrFormat("%-*s%s\n", static_cast<int>(kLabel), label, value);
}

// Columns of a text that may be painted.
size_t PaintedWidth(absl::string_view text) {
  size_t width = DisplayWidth(text);
  for (size_t at = text.find('\x1b'); at != absl::string_view::npos; at = text.find('\x1b', at + 1)) {
    width -= text.find('m', at) + 1 - at;
  }
  return width;
}

// The same of several parts; each that does not fit the screen any more begins a line.
std::string Line(absl::string_view label, const std::vector<std::string>& parts, const TableOptions& options) {
  std::string text, value;
  for (const std::string& part : parts) {
    const bool fits = options.verbose || kLabel + PaintedWidth(value) + PaintedWidth(part) <= options.width;
    if (!value.empty() && !fits) {
      absl::StrAppend(&text, Line(text.empty() ? label : "", value));
      value = std::string(absl::StripLeadingAsciiWhitespace(part));
    } else {
      absl::StrAppend(&value, part);
    }
  }
  return absl::StrCat(text, Line(text.empty() ? label : "", value));
}

// "59.65 M -> 29.61 M  0.497x", or one number for a model that stayed as it was.
// And the budget where there is one.
std::string Change(const SlimReport& report, int64_t before, int64_t after, std::string (*human)(int64_t),
                   BudgetUnit unit) {
  if (report.verdict == Verdict::kUnchanged) {
    return human(before);
  }
  std::string text = absl::StrFormat("%9s -> %9s  %s", human(before), human(after), FactorText(before, after));
  for (const BudgetReport& budget : report.budgets) {
    if (budget.unit == unit) {
      absl::StrAppend(&text, "  (budget ", human(budget.limit), ")");
    }
  }
  return text;
}
std::string FourDigits(int64_t count) { return HumanCount(count, 4); }

std::vector<std::string> LatencyParts(const Latency& latency, const TableOptions& options) {
  const std::string range = absl::StrFormat(" (%.2fx to %.2fx)", latency.ratio_low, latency.ratio_high);
  std::string judgement;
  if (latency.ratio_high < 1) {
    judgement = Painted(absl::StrFormat("%.3fx", latency.ratio), kGreen, options);
  } else if (latency.ratio_low > 1) {
    judgement = Painted(absl::StrFormat("%.3fx, slower", latency.ratio), kYellow, options);
  } else {
    judgement = "no measurable change";
  }
  return {absl::StrFormat("%9s -> %9s", MillisecondsText(latency.before_ms), MillisecondsText(latency.after_ms)),
          absl::StrCat("  ", judgement), range};
}

std::string TimeBudget(const SlimReport& report) {
  for (const BudgetReport& budget : report.budgets) {
    if (budget.unit != BudgetUnit::kNanoseconds) continue;
    return absl::StrCat("  (budget ", MillisecondsText(static_cast<double>(budget.limit) * 1e-6), ")");
  }
  return "";
}

std::string RenderCleanups(const SlimReport& report, const TableOptions& options) {
  const size_t count = report.cleanups.size();
  std::string text = Line("cleanup", absl::StrCat(count, count == 1 ? " exact rewrite" : " exact rewrites"));
  if (options.verbose) {
    for (const std::string& cleanup : report.cleanups) {
      absl::StrAppend(&text, Line("", ForScreen(cleanup)));
    }
  }
  return text;
}

std::string RenderTotals(const SlimReport& report, const TableOptions& options) {
  std::string text;
  const bool known = report.before.macs.has_value() && report.after.macs.has_value();
  absl::StrAppend(
      &text, Line("MACs", known ? Change(report, *report.before.macs, *report.after.macs, FourDigits, BudgetUnit::kMacs)
                                : "unknown: --input-shape settles the sizes the model leaves open"));
  absl::StrAppend(&text, Line("parameters", Change(report, report.before.params, report.after.params, FourDigits,
                                                   BudgetUnit::kParams)));
  absl::StrAppend(
      &text, Line("file", Change(report, report.before.bytes, report.after.bytes, HumanBytes, BudgetUnit::kBytes)));
  if (!report.cleanups.empty()) {
    absl::StrAppend(&text, RenderCleanups(report, options));
  }
  if (report.latency.has_value()) {
    const int threads = report.latency_threads;
    const std::string label = absl::StrCat("time, ", threads, threads == 1 ? " thread" : " threads");
    std::vector<std::string> parts = LatencyParts(*report.latency, options);
    parts.push_back(TimeBudget(report));
    absl::StrAppend(&text, Line(label, parts, options));
  }
  if (report.score.has_value() && report.score->after.has_value()) {
    absl::StrAppend(&text, Line("score", absl::StrFormat("%g -> %g", report.score->before, *report.score->after)));
  }
  if (report.comparison.has_value()) {
    const Comparison& comparison = *report.comparison;
    const std::optional<double> max_error = report.bounds.max_error, min_agreement = report.bounds.min_agreement;
    const std::string bound = max_error.has_value() ? absl::StrFormat("  (bound %g)", *max_error) : "";
    absl::StrAppend(&text, Line("output error", absl::StrCat(ErrorText(comparison.relative_error), bound)));
    if (comparison.top1_agreement.has_value()) {
      const std::string least =
          min_agreement.has_value() ? absl::StrFormat("  (bound %g %%)", 100 * *min_agreement) : "";
      absl::StrAppend(&text, Line("top-1 agreement", absl::StrCat(PercentText(*comparison.top1_agreement), " of ",
                                                                  comparison.top1_rows, least)));
    }
    if (comparison.new_nonfinite > 0) {
      const std::string many =
          absl::StrCat(comparison.new_nonfinite, " output elements that are finite in the original");
      absl::StrAppend(&text, Line("not finite", Painted(many, kRed, options)));
    }
  }
  if (report.samples > 0) {
    const size_t room = options.verbose ? SIZE_MAX : options.width - kLabel - 20;
    const std::string source = report.synthetic ? Painted("made up", kYellow, options)
                                                : absl::StrCat("of ", ShortenMiddle(ForScreen(options.samples), room));
    std::vector<std::string> parts = {absl::StrCat(report.samples, " ", source)};
    if (report.fit_samples > 0) parts.push_back(absl::StrCat(", ", report.fit_samples, " others fitted to"));
    if (report.synthetic) parts.emplace_back("; --calibration gives real ones");
    absl::StrAppend(&text, Line("samples", parts, options));
  }
  if (report.verdict != Verdict::kUnchanged) {
    absl::StrAppend(&text, Line("verified", report.verified ? "yes" : Painted("no", kYellow, options)));
  }
  return text;
}

}  // namespace

std::string RenderTable(const SlimReport& report, const TableOptions& options) {
  std::string text = absl::StrCat(ForScreen(options.title), "\n\n");
  absl::StrAppend(&text, RenderLayers(report, options), RenderTotals(report, options));
  if (report.verdict == Verdict::kUnchanged) {
    absl::StrAppend(&text, "nothing to gain here: ", ForScreen(report.reason), "\n");
  } else if (report.verdict == Verdict::kRefused) {
    absl::StrAppend(&text, Painted("refused", kRed, options), ": ", ForScreen(report.reason), "\n");
  }
  return text;
}

}  // namespace cnnopt
