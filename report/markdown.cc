#include "report/markdown.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "report/display.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

// `text` on one line, every sign that could mean something escaped. What would call a person or make a link ("@", "#",
// "://") is kept from it by a joint without width.
std::string Escaped(const std::string& text) {
  constexpr absl::string_view kHarmless = "/.,;%'=?()!";
  std::string out;
  for (const char c : ForScreen(text)) {
    const bool at_start = out.empty();
    if (c == '<' || c == '>' || c == '&') {
      absl::StrAppend(&out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
    } else if (absl::ascii_ispunct(static_cast<unsigned char>(c)) == 0 ||
               kHarmless.find(c) != absl::string_view::npos || (!at_start && (c == '-' || c == '+'))) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "\\", std::string(1, c), c == '@' || c == '#' || c == ':' ? "&#8288;" : "");
    }
  }
  return out;
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

// The head of a table whose first `left` columns hold words, the others numbers.
std::string Head(const std::vector<std::string>& names, size_t left) {
  std::string rule = "|";
  for (size_t c = 0; c < names.size(); ++c) absl::StrAppend(&rule, c < left ? "---|" : "---:|");
  return absl::StrCat(Row(names), rule, "\n");
}

std::string Summary(const SlimReport& report) {
  std::string text = Head({"", "before", "after", "change", "note"}, 1);
  for (const SummaryRow& row : Summarise(report)) {
    // What is measured of the result only stands in its column.
    const bool single = row.after.empty() && row.change.empty() && report.verdict != Verdict::kUnchanged;
    absl::StrAppend(&text,
                    Row({row.label, single ? "" : row.before, single ? row.before : row.after, row.change, row.note}));
  }
  return text;
}

std::string Layers(const std::vector<LayerReport>& layers) {
  std::string text = Head({"layer", "was", "now", "MACs before", "after", "parameters before", "after", "error"}, 3);
  for (const LayerReport& layer : layers) {
    const bool kept = layer.now.empty();
    const std::string now = kept ? absl::StrCat("kept: ", Escaped(layer.reason)) : Escaped(layer.now);
    absl::StrAppend(&text, Row({Escaped(layer.name), Escaped(layer.was), now, CountText(layer.macs_before),
                                CountText(layer.macs_after), CountText(layer.params_before),
                                CountText(layer.params_after), kept ? "" : ErrorText(layer.weight_error)}));
  }
  return text;
}

std::string Sweep(const std::vector<SweepPoint>& sweep) {
  std::string text = Head(SweepHead(), 1);
  for (const SweepPoint& point : sweep) {
    std::vector<std::string> cells = SweepRow(point);
    cells.front() = Escaped(cells.front());
    absl::StrAppend(&text, Row(cells));
  }
  return text;
}

std::string Lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, "- ", Escaped(line), "\n");
  return text;
}

}  // namespace

std::string RenderMarkdown(const SlimReport& report, const ReportContext& context) {
  const std::string out = context.out_facts.has_value() ? BaseName(context.out) : "nothing written";
  std::string text =
      absl::StrCat("# ", Escaped(BaseName(context.in)), " → ", Escaped(out), "\n\n**", VerdictWord(report.verdict),
                   "**", report.reason.empty() ? "" : ": ", Escaped(report.reason), "\n\n", Summary(report));
  if (!report.warnings.empty()) absl::StrAppend(&text, "\n## Warnings\n\n", Lines(report.warnings));
  if (!report.sweep.empty()) absl::StrAppend(&text, "\n## Sweep\n\n", Sweep(report.sweep));
  if (!report.layers.empty()) absl::StrAppend(&text, "\n## Layers\n\n", Layers(report.layers));
  if (!report.cleanups.empty()) absl::StrAppend(&text, "\n## Exact rewrites\n\n", Lines(report.cleanups));
  absl::StrAppend(&text, "\n## Run\n\n", Head({"", "value"}, 2), Row({"verified", report.verified ? "yes" : "no"}),
                  Row({"samples", Escaped(SamplesText(report, context.calibration))}),
                  Row({"options", Escaped(absl::StrJoin(context.options, " "))}),
                  Row({"input SHA-256", context.in_facts.sha256}));
  if (context.out_facts.has_value()) absl::StrAppend(&text, Row({"output SHA-256", context.out_facts->sha256}));
  absl::StrAppend(&text, Row({"cnnopt", Escaped(context.version)}));
  if (!report.runtime_version.empty()) absl::StrAppend(&text, Row({"ONNX Runtime", Escaped(report.runtime_version)}));
  return text;
}

}  // namespace cnnopt
