#include "report/page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "report/display.h"
#include "report/html.h"
#include "report/sections.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

constexpr size_t kMostListed = 200;  // lines of a list

std::string Tiles(const SlimReport& report) {
  std::string html = "<dl class=\"tiles\">\n";
  for (const SummaryRow& row : Summarise(report)) {
    const bool changed = !row.after.empty();
    absl::StrAppend(&html, "<div><dt>", HtmlText(row.label), "</dt><dd class=\"big\">",
                    HtmlText(changed ? row.after : row.before), "</dd>");
    if (changed) {
      const std::string change = row.change.empty() ? "" : absl::StrCat(", ", row.change);
      absl::StrAppend(&html, "<dd>from ", HtmlText(row.before), HtmlText(change), "</dd>");
    }
    if (!row.note.empty()) absl::StrAppend(&html, "<dd class=\"soft\">", HtmlText(row.note), "</dd>");
    absl::StrAppend(&html, "</div>\n");
  }
  return absl::StrCat(html, "</dl>\n");
}

std::string Lines(const std::vector<std::string>& lines) {
  std::string html = "<ul class=\"lines\">\n";
  for (size_t l = 0; l < std::min(lines.size(), kMostListed); ++l) {
    absl::StrAppend(&html, "<li>", HtmlText(lines[l]), "</li>\n");
  }
  if (lines.size() > kMostListed) {
    absl::StrAppend(&html, "<li>and ", lines.size() - kMostListed, " more: the JSON report has all</li>\n");
  }
  return absl::StrCat(html, "</ul>\n");
}

std::string KeptTable(const SlimReport& report) {
  HtmlTable table{"Layers that were kept, by reason", {"Reason", "Layers", "MACs"}, 1, {}};
  for (const KeptGroup& group : GroupKept(report.layers)) {
    if (table.rows.size() == kMostListed) break;
    table.rows.push_back({group.reason, absl::StrCat(group.layers), CountText(group.macs)});
  }
  return table.rows.empty() ? "" : RenderHtmlTable(table);
}

std::vector<std::string> LayerRow(const LayerReport& layer) {
  const bool kept = layer.now.empty();
  std::string now = kept ? absl::StrCat("kept: ", layer.reason) : layer.now;
  if (layer.refitted) absl::StrAppend(&now, kept ? "; weights refitted" : ", refitted");
  const bool known = layer.macs_before.has_value() && layer.macs_after.has_value();
  return {layer.name,
          layer.was,
          std::move(now),
          CountText(layer.macs_before),
          CountText(layer.macs_after),
          known ? FactorText(*layer.macs_before, *layer.macs_after) : "",
          CountText(layer.params_before),
          CountText(layer.params_after),
          kept ? "" : ErrorText(layer.weight_error)};
}

std::string LayersSection(const SlimReport& report) {
  constexpr size_t kMostOpen = 300;  // rows that are worth scrolling past
  if (report.layers.empty()) return "";
  HtmlTable table{"Every layer in the order of the network",
                  {"Layer", "was", "now", "MACs before", "after", "", "parameters before", "after", "error"},
                  3,
                  {}};
  const size_t shown = std::min(report.layers.size(), kMostTableRows);
  for (size_t l = 0; l < shown; ++l) table.rows.push_back(LayerRow(report.layers[l]));
  const std::string all = RenderHtmlTable(table);
  std::string more;
  if (shown < report.layers.size()) {
    more = absl::StrCat("<p>The first ", shown, " of ", report.layers.size(),
                        " layers: the JSON and CSV reports have all.</p>\n");
  }
  return Section("layers", "All layers",
                 absl::StrCat(KeptTable(report), more,
                              shown <= kMostOpen ? all : Foldable(absl::StrCat("All ", shown, " layers"), all)));
}

std::string RunSection(const SlimReport& report, const ReportContext& context) {
  HtmlTable table{"How this result was made", {"", "value"}, 2, {}};
  const auto row = [&](const char* name, std::string value) { table.rows.push_back({name, std::move(value)}); };
  if (context.options.empty()) row("options", "defaults");
  for (const std::string& option : context.options) row("option", option);  // a line would break behind their dashes
  row("verified", report.verified ? "yes" : "no");
  row("samples", SamplesText(report, context.calibration));
  if (!context.calibration_sha256.empty()) row("samples, SHA-256", context.calibration_sha256);
  row("input, SHA-256", context.in_facts.sha256);
  row("output, SHA-256", context.out_facts.has_value() ? context.out_facts->sha256 : "nothing was written");
  std::vector<std::string> shapes;
  for (const auto& [name, shape] : report.input_shapes) {
    shapes.push_back(absl::StrCat(name, " [", absl::StrJoin(shape, ","), "]"));
  }
  row("shapes of inputs", shapes.empty() ? "not settled" : absl::StrJoin(shapes, ", "));
  row("opset, IR version", absl::StrCat(context.opset, ", ", context.ir_version));
  row("cnnopt", context.version);
  row("ONNX Runtime", report.runtime_version.empty() ? "not used" : report.runtime_version);
  HtmlTable stages{"Where the time went", {"stage", "seconds"}, 1, {}};
  for (const StageTime& stage : report.stages) {
    stages.rows.push_back({stage.stage, absl::StrFormat("%.1f", stage.seconds)});
  }
  std::string html = RenderHtmlTable(table);
  if (!report.cleanups.empty()) {
    const size_t count = report.cleanups.size();
    absl::StrAppend(&html, Foldable(absl::StrCat(count, count == 1 ? " exact rewrite" : " exact rewrites"),
                                    Lines(report.cleanups)));
  }
  if (!stages.rows.empty()) absl::StrAppend(&html, Foldable("Where the time went", RenderHtmlTable(stages)));
  return Section("run", "Run", html);
}

}  // namespace

std::string RenderHtml(const SlimReport& report, const ReportContext& context) {
  const std::string out = context.out_facts.has_value() ? BaseName(context.out) : "nothing written";
  const std::string title = HtmlText(absl::StrCat(BaseName(context.in), " → ", out));
  const char* verdict = VerdictWord(report.verdict);
  const std::pair<const char*, std::string> sections[] = {
      {"Cost", CostSection(report)},     {"Curve", CurveSection(report)},     {"Sweep", SweepSection(report)},
      {"Error", ErrorSection(report)},   {"Time", LatencySection(report)},    {"Samples", SamplesSection(report)},
      {"Layers", LayersSection(report)}, {"Run", RunSection(report, context)}};
  static constexpr const char* kIds[] = {"cost", "curve", "sweep", "error", "latency", "samples", "layers", "run"};
  std::string nav, body;
  for (size_t s = 0; s < std::size(sections); ++s) {
    const auto& [name, content] = sections[s];
    if (content.empty()) continue;
    absl::StrAppend(&nav, "<li><a href=\"#", kIds[s], "\">", name, "</a></li>");
    absl::StrAppend(&body, content);
  }
  const std::string reason = report.reason.empty() ? "" : absl::StrCat(": ", HtmlText(report.reason, 1000));
  std::string html = absl::StrCat(HtmlHead(title), "<header><h1>", title, "</h1>\n<p><span class=\"verdict ", verdict,
                                  "\">", verdict, "</span>", reason, "</p>\n<nav aria-label=\"Sections\"><ul>", nav,
                                  "</ul></nav></header>\n<main id=\"main\" tabindex=\"-1\">\n",
                                  Section("result", "Result", Tiles(report)));
  if (!report.warnings.empty()) {
    absl::StrAppend(&html,
                    "<section class=\"warnings\" aria-labelledby=\"warnings-heading\"><h2 id=\"warnings-heading\">",
                    "Warnings</h2>\n", Lines(report.warnings), "</section>\n");
  }
  return absl::StrCat(html, body, "</main>\n<footer>cnnopt ", HtmlText(context.version),
                      "</footer>\n</body>\n</html>\n");
}

}  // namespace cnnopt
