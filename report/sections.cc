#include "report/sections.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/chart.h"
#include "report/display.h"
#include "report/html.h"
#include "report/page.h"
#include "report/summary.h"
#include "runtime/encode_image.h"

namespace cnnopt {
namespace {

std::string Paragraph(const std::string& text) { return absl::StrCat("<p class=\"soft\">", HtmlText(text), "</p>\n"); }

// What the colours and marks of a chart mean: (class, words).
std::string Legend(const std::vector<std::pair<const char*, std::string>>& entries) {
  std::string html = "<ul class=\"legend\">";
  for (const auto& [style, words] : entries) {
    absl::StrAppend(&html, "<li><i class=\"", style, "\"></i>", HtmlText(words), "</li>");
  }
  return absl::StrCat(html, "</ul>\n");
}

// The layers of the largest keys, at most kMostBars, in the order of the graph.
std::vector<const LayerReport*> Largest(const std::vector<const LayerReport*>& layers,
                                        double (*key)(const LayerReport&)) {
  std::vector<const LayerReport*> chosen = layers;
  if (chosen.size() <= kMostBars) return chosen;
  std::sort(chosen.begin(), chosen.end(), [&](const LayerReport* a, const LayerReport* b) {
    return key(*a) > key(*b) || (key(*a) == key(*b) && a < b);
  });
  chosen.resize(kMostBars);
  std::sort(chosen.begin(), chosen.end());  // all stand in one vector: by address is by place
  return chosen;
}

std::string HowMany(size_t shown, size_t all, const char* which) {
  return shown == all ? "" : absl::StrCat(" Shown are the ", shown, " ", which, " of ", all, ".");
}

bool MacsKnown(const std::vector<LayerReport>& layers) {
  return std::all_of(layers.begin(), layers.end(), [](const LayerReport& layer) {
    return layer.macs_before.has_value() && layer.macs_after.has_value();
  });
}

std::string MacsLabel(double macs) { return HumanCount(std::llround(macs), 3); }

// Where the error axis ends: at what the eye is after, not at the hopeless plans at the far end.
double MostError(const std::vector<double>& interesting, double largest) {
  const double wanted = 3 * *std::max_element(interesting.begin(), interesting.end());
  const double most = wanted > 0 ? std::min(largest, wanted) : largest;
  return std::isfinite(most) && most > 0 ? most : 1;
}

std::string CurveTable(const Curve& curve, const std::string& unit) {
  HtmlTable table{"Predicted error by cost", {unit, "of the original", "predicted error", ""}, 1, {}};
  const auto row = [&](const CurvePoint& point, const char* remark) {
    table.rows.push_back(
        {HumanCount(point.cost), FactorText(curve.points.front().cost, point.cost), ErrorText(point.error), remark});
  };
  bool open = curve.chosen.has_value();
  for (const CurvePoint& point : curve.points) {
    if (open && point.cost <= curve.chosen->cost) {
      row(*curve.chosen, "chosen");
      open = false;
    }
    row(point, "");
  }
  if (open) row(*curve.chosen, "chosen");
  return RenderHtmlTable(table);
}

}  // namespace

std::string Section(const std::string& id, const std::string& heading, const std::string& content) {
  if (content.empty()) return "";
  return absl::StrCat("<section id=\"", id, "\" aria-labelledby=\"", id, "-heading\"><h2 id=\"", id, "-heading\">",
                      heading, "</h2>\n", content, "</section>\n");
}

std::string CostSection(const SlimReport& report) {
  if (report.layers.empty()) return "";
  const bool macs = MacsKnown(report.layers);
  std::vector<const LayerReport*> all;
  for (const LayerReport& layer : report.layers) all.push_back(&layer);
  const auto by_macs = [](const LayerReport& layer) { return static_cast<double>(layer.macs_before.value_or(0)); };
  const auto by_params = [](const LayerReport& layer) { return static_cast<double>(layer.params_before); };
  std::vector<Bar> bars;
  const std::vector<const LayerReport*> shown = macs ? Largest(all, by_macs) : Largest(all, by_params);
  for (const LayerReport* layer : shown) {
    const int64_t before = macs ? *layer->macs_before : layer->params_before;
    const int64_t after = macs ? *layer->macs_after : layer->params_after;
    Bar& bar = bars.emplace_back();
    bar.kept = layer->now.empty();
    bar.name = layer->name;
    bar.figure = bar.kept ? HumanCount(before, 3) : absl::StrCat(HumanCount(before, 3), " → ", HumanCount(after, 3));
    bar.whole = bar.kept ? 0 : static_cast<double>(before);
    bar.part = static_cast<double>(after);
  }
  const std::string unit = macs ? "Multiplications of one forward pass" : "Parameters";
  const auto slimmed = std::count_if(all.begin(), all.end(), [](const LayerReport* l) { return !l->now.empty(); });
  const ChartText text{"cost", absl::StrCat(unit, " of each layer, before and after"),
                       absl::StrCat(slimmed, " of ", all.size(), " layers were slimmed. ",
                                    "The table of all layers below holds the same numbers.")};
  return Section("cost", "Cost of each layer",
                 absl::StrCat(Paragraph(absl::StrCat(unit, ", in the order of the network.",
                                                     HowMany(shown.size(), all.size(), "most costly layers"))),
                              Legend({{"before", "before"}, {"after", "after"}, {"kept", "kept as it was"}}),
                              BarChart(text, bars)));
}

std::string ErrorSection(const SlimReport& report) {
  std::vector<const LayerReport*> slimmed;
  for (const LayerReport& layer : report.layers) {
    if (!layer.now.empty()) slimmed.push_back(&layer);
  }
  if (slimmed.empty()) return "";
  const std::vector<const LayerReport*> shown = Largest(slimmed, [](const LayerReport& layer) {
    return std::isfinite(layer.weight_error) ? layer.weight_error : HUGE_VAL;
  });
  std::vector<Bar> bars;
  for (const LayerReport* layer : shown) {
    Bar& bar = bars.emplace_back();
    bar.name = layer->name;
    bar.figure = ErrorText(layer->weight_error);
    bar.part = std::isfinite(layer->weight_error) ? layer->weight_error : 0;
  }
  const ChartText text{
      "error", "Relative error of what each slimmed layer computes",
      "As predicted when the layer was replaced. The table of all layers below holds the same numbers."};
  return Section(
      "error", "Error of each slimmed layer",
      absl::StrCat(Paragraph(absl::StrCat("Relative error of what the layer computes, as predicted when it was ",
                                          "replaced; later layers average much of it away.",
                                          HowMany(shown.size(), slimmed.size(), "largest"))),
                   BarChart(text, bars)));
}

std::string CurveSection(const SlimReport& report) {
  if (!report.curve.has_value()) return "";
  const Curve& curve = *report.curve;
  const std::string unit = curve.in_macs ? "MACs" : "Parameters";
  LineChart chart;
  chart.text = {"curve", absl::StrCat("Predicted output error against ", unit),
                "The fewer the operations, the larger the error. The table below holds the same numbers."};
  chart.x_name = absl::StrCat(unit, " of all layers");
  chart.y_name = "relative output error";
  chart.x_label = MacsLabel;
  double largest = 0;
  for (const CurvePoint& point : curve.points) {
    chart.line.push_back({static_cast<double>(point.cost), point.error});
    largest = std::max(largest, point.error);
    chart.most_x = std::max(chart.most_x, static_cast<double>(point.cost));
  }
  std::vector<std::pair<const char*, std::string>> legend = {{"curve", "predicted"}};
  std::vector<double> interesting = {0};
  if (curve.chosen.has_value()) {
    chart.ring = ChartPoint{static_cast<double>(curve.chosen->cost), curve.chosen->error};
    interesting.push_back(curve.chosen->error);
    legend.emplace_back("ring", absl::StrCat("chosen: ", HumanCount(curve.chosen->cost), ", predicted ",
                                             ErrorText(curve.chosen->error)));
  }
  if (report.comparison.has_value() && std::isfinite(report.comparison->relative_error) && chart.ring.has_value()) {
    chart.disc = ChartPoint{chart.ring->x, report.comparison->relative_error};
    interesting.push_back(chart.disc->y);
    legend.emplace_back("disc", absl::StrCat("measured: ", ErrorText(chart.disc->y)));
  }
  chart.bound = report.bounds.max_error;
  if (interesting.size() == 1 && chart.bound.has_value()) interesting.push_back(*chart.bound);
  chart.most_y = MostError(interesting, std::max(largest, *std::max_element(interesting.begin(), interesting.end())));
  if (chart.bound.has_value() && *chart.bound <= chart.most_y) {
    legend.emplace_back("bound", absl::StrFormat("bound %g", *chart.bound));
  }
  return Section(
      "curve", absl::StrCat("Error against ", unit),
      absl::StrCat(
          Paragraph("What the choice was made from: of all plans of some cost, the one of least error, as it was "
                    "predicted from single layers before any refit. Steep ends are cut off."),
          Legend(legend), RenderLineChart(chart), Foldable("The numbers of this chart", CurveTable(curve, unit))));
}

std::string SweepSection(const SlimReport& report) {
  if (report.sweep.empty()) return "";
  HtmlTable table{"Results by target", SweepHead(), 1, {}};
  LineChart chart;
  chart.text = {"sweep", "Measured output error against MACs of each result",
                "The table below holds the same numbers."};
  chart.x_name = "MACs";
  chart.y_name = "relative output error";
  chart.x_label = MacsLabel;
  chart.dots = true;
  chart.most_x = static_cast<double>(report.before.macs.value_or(1));
  chart.most_y = 0;
  for (const SweepPoint& point : report.sweep) {
    table.rows.push_back(SweepRow(point));
    if (!point.macs.has_value() || !std::isfinite(point.relative_error.value_or(INFINITY))) continue;
    chart.line.push_back({static_cast<double>(*point.macs), *point.relative_error});
    chart.most_x = std::max(chart.most_x, static_cast<double>(*point.macs));
    chart.most_y = std::max(chart.most_y, *point.relative_error);
  }
  if (!(chart.most_y > 0)) chart.most_y = 1;
  std::sort(chart.line.begin(), chart.line.end(), [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
  const std::string text = "One run for each target; the chart has those whose multiplications and error are known.";
  return Section("sweep", "Sweep", absl::StrCat(Paragraph(text), RenderLineChart(chart), RenderHtmlTable(table)));
}

std::string LatencySection(const SlimReport& report) {
  if (!report.latency.has_value() || report.latency->before_samples.empty() || report.latency->after_samples.empty()) {
    return "";
  }
  const Latency& latency = *report.latency;
  HtmlTable table{
      "Time of one run", {"", "fastest", "first quartile", "median", "third quartile", "95 %", "slowest"}, 1, {}};
  for (const auto& [name, values] :
       {std::pair("before", &latency.before_samples), std::pair("after", &latency.after_samples)}) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row.emplace_back(name);
    for (const double share : {0.0, 0.25, 0.5, 0.75, 0.95, 1.0})
      row.push_back(MillisecondsText(Quantile(*values, share)));
  }
  const Histograms histograms{{"latency", "Distribution of the time of one run, before and after",
                               "The table below holds quantiles of the same numbers."},
                              "before",
                              "after",
                              "ms",
                              latency.before_samples,
                              latency.after_samples};
  const std::string text =
      absl::StrCat(latency.pairs, " pairs of runs, one model after the other on the same sample, with ",
                   report.latency_threads, report.latency_threads == 1 ? " thread" : " threads",
                   ". The lines are medians; the last column of bars also counts all that took longer.");
  return Section("latency", "Time",
                 absl::StrCat(Paragraph(text), RenderHistograms(histograms), RenderHtmlTable(table)));
}

std::string SamplesSection(const SlimReport& report) {
  if (report.worst_samples.empty()) return "";
  HtmlTable table{"Relative output error of single samples", {"sample", "error"}, 1, {}};
  std::string figures;
  for (const WorstSample& sample : report.worst_samples) {
    table.rows.push_back({absl::StrCat(sample.index), ErrorText(sample.relative_error)});
    if (sample.thumbnail.width == 0) continue;
    const std::string caption = absl::StrCat("sample ", sample.index, ", error ", ErrorText(sample.relative_error));
    absl::StrAppend(&figures, "<figure><img alt=\"Input of ", HtmlText(caption), "\" src=\"data:image/png;base64,",
                    absl::Base64Escape(EncodePng(sample.thumbnail)), "\"><figcaption>", HtmlText(caption),
                    "</figcaption></figure>\n");
  }
  if (!figures.empty()) figures = absl::StrCat("<div class=\"samples\">", figures, "</div>\n");
  const std::string table_html = RenderHtmlTable(table);
  const std::string text = absl::StrCat(
      "The held-out samples on which both models are furthest apart, counted from 0 in the order in which they were "
      "read",
      report.synthetic ? "; all are made up." : ".",
      figures.empty() ? "" : " Pictures run from the smallest value to the largest.");
  return Section("samples", "Worst samples",
                 absl::StrCat(Paragraph(text), figures,
                              figures.empty() ? table_html : Foldable("The numbers of these samples", table_html)));
}

}  // namespace cnnopt
