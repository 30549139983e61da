#include "report/chart.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/display.h"
#include "report/html.h"
#include "runtime/stopwatch.h"

namespace cnnopt {
namespace {

std::string Open(const ChartText& text, int height) {
  return absl::StrFormat(
      "<svg class=\"chart\" role=\"img\" aria-labelledby=\"%s-title %s-desc\" width=\"100%%\" height=\"%d\">\n"
      "<title id=\"%s-title\">%s</title><desc id=\"%s-desc\">%s</desc>\n",
      text.id, text.id, height, text.id, HtmlText(text.title), text.id, HtmlText(text.description));
}

// `value` of `most` in percent of the chart's width.
std::string Percent(double value, double most, double least = 0) {
  const double percent = most > 0 ? 100 * std::clamp(value / most, least, 1.0) : 0;
  return absl::StrFormat("%.2f%%", percent);
}

// Two decimals of a pixel are more than anybody sees.
std::string Pixels(double pixels) { return absl::StrFormat("%.2f", pixels); }

std::string Rect(const char* style, const std::string& x, double y, const std::string& width, double height) {
  return absl::StrFormat("<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>", style, x, Pixels(y),
                         width, Pixels(height));
}

std::string Line(const char* style, const std::string& x1, double y1, const std::string& x2, double y2) {
  return absl::StrFormat("<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n", style, x1, Pixels(y1), x2,
                         Pixels(y2));
}

std::string Words(const char* style, const std::string& x, double y, const std::string& words) {
  return absl::StrFormat("<text class=\"%s\" x=\"%s\" y=\"%s\">%s</text>\n", style, x, Pixels(y), HtmlText(words));
}

std::string Circle(const char* style, const std::string& x, double y, double radius) {
  return absl::StrFormat("<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"%s\"/>\n", style, x, Pixels(y), Pixels(radius));
}

constexpr double kPlotTop = 26, kPlotHeight = 220;  // of a line chart, pixels

double Height(const LineChart& chart, double y) { return kPlotTop + kPlotHeight * (1 - y / chart.most_y); }

std::string Axes(const LineChart& chart) {
  std::string svg = Words("label", "0", 12, chart.y_name);
  for (const double y : Ticks(chart.most_y)) {
    absl::StrAppend(&svg, Line("grid", "0", Height(chart, y), "100%", Height(chart, y)));
    if (y > 0) absl::StrAppend(&svg, Words("tick", "2", Height(chart, y) + 13, absl::StrFormat("%g", y)));
  }
  for (const double x : Ticks(chart.most_x)) {
    const bool first = x <= 0, last = x > 0.93 * chart.most_x;
    const char* style = first ? "tick" : last ? "tick end" : "tick middle";
    absl::StrAppend(&svg, Words(style, Percent(x, chart.most_x), kPlotTop + kPlotHeight + 16, chart.x_label(x)));
  }
  return absl::StrCat(svg, Words("label end", "100%", kPlotTop + kPlotHeight + 36, chart.x_name));
}

// The part of the line that lies below the end of the y axis, the last step cut where it crosses.
std::string Curve(const LineChart& chart) {
  std::string svg;
  for (size_t i = 1; i < chart.line.size(); ++i) {
    ChartPoint from = chart.line[i - 1], to = chart.line[i];
    if (from.y > chart.most_y && to.y > chart.most_y) continue;
    ChartPoint& outside = from.y > to.y ? from : to;
    const ChartPoint& inside = from.y > to.y ? to : from;
    if (outside.y > chart.most_y) {
      const double share = (chart.most_y - inside.y) / (outside.y - inside.y);
      outside = {inside.x + share * (outside.x - inside.x), chart.most_y};
    }
    absl::StrAppend(&svg, Line("curve", Percent(from.x, chart.most_x), Height(chart, from.y),
                               Percent(to.x, chart.most_x), Height(chart, to.y)));
  }
  for (const ChartPoint& point : chart.line) {
    if (!chart.dots || point.y > chart.most_y) continue;
    absl::StrAppend(&svg, Circle("dot", Percent(point.x, chart.most_x), Height(chart, point.y), 4));
  }
  return svg;
}

// How many values fall into each of `steps` equal steps from `low` to `high`.
std::vector<int> CountSteps(const std::vector<double>& values, double low, double high, size_t steps) {
  std::vector<int> counts(steps, 0);
  for (const double value : values) {
    const double place = high > low ? (value - low) / (high - low) * static_cast<double>(steps) : 0;
    ++counts[static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(steps - 1)))];
  }
  return counts;
}

}  // namespace

std::vector<double> Ticks(double most) {
  if (!(most > 0) || !std::isfinite(most)) return {0};
  double step = std::pow(10.0, std::floor(std::log10(most)));
  for (const double part : {0.1, 0.2, 0.5, 1.0, 2.0}) {
    if (most / (part * step) > 6) continue;
    step *= part;
    break;
  }
  std::vector<double> ticks;
  for (int i = 0; i * step <= most * (1 + 1e-9); ++i) ticks.push_back(i * step);
  return ticks;
}

std::string BarChart(const ChartText& text, const std::vector<Bar>& bars) {
  constexpr int kRow = 38, kBar = 14;
  constexpr size_t kNameWidth = 22;  // characters that leave room for the figure on a telephone
  double most = 0;
  for (const Bar& bar : bars) most = std::max({most, bar.whole, bar.part});
  std::string svg = Open(text, kRow * static_cast<int>(bars.size()));
  double y = 0;
  for (const Bar& bar : bars) {
    const std::string name = ShortenMiddle(ForScreen(bar.name), kNameWidth);
    absl::StrAppend(&svg, Words("label", "0", y + 13, name), Words("tick end", "100%", y + 13, bar.figure));
    if (bar.whole > 0) absl::StrAppend(&svg, Rect("before", "0", y + 18, Percent(bar.whole, most), kBar));
    absl::StrAppend(&svg, Rect(bar.kept ? "kept" : "after", "0", y + 18, Percent(bar.part, most, 0.003), kBar), "\n");
    y += kRow;
  }
  return absl::StrCat(svg, "</svg>\n");
}

std::string RenderLineChart(const LineChart& chart) {
  std::string svg = absl::StrCat(Open(chart.text, static_cast<int>(kPlotTop + kPlotHeight) + 42), Axes(chart));
  if (chart.bound.has_value() && *chart.bound <= chart.most_y) {
    absl::StrAppend(&svg, Line("bound", "0", Height(chart, *chart.bound), "100%", Height(chart, *chart.bound)));
  }
  absl::StrAppend(&svg, Curve(chart));
  for (const auto& [style, point] : {std::pair("ring", chart.ring), std::pair("disc", chart.disc)}) {
    if (!point.has_value()) continue;
    const double y = Height(chart, std::min(point->y, chart.most_y));
    absl::StrAppend(&svg, Circle(style, Percent(point->x, chart.most_x), y, 6));
  }
  return absl::StrCat(svg, "</svg>\n");
}

std::string RenderHistograms(const Histograms& histograms) {
  constexpr size_t kSteps = 40;
  constexpr double kPanel = 84, kBars = 60;  // heights in pixels
  std::vector<double> all = histograms.first;
  all.insert(all.end(), histograms.second.begin(), histograms.second.end());
  // On a busy machine a few runs take many times as long as the others.
  const double usual = std::max(Quantile(histograms.first, 0.5), Quantile(histograms.second, 0.5));
  const double low = Quantile(all, 0), high = std::min(Quantile(all, 0.97), 3 * usual);
  std::string svg = Open(histograms.text, static_cast<int>(2 * kPanel) + 20);
  double top = 0;
  for (const auto& [style, name, values] : {std::tuple("kept", histograms.first_name, &histograms.first),
                                            std::tuple("after", histograms.second_name, &histograms.second)}) {
    const std::vector<int> counts = CountSteps(*values, low, high, kSteps);
    const double most = std::max(1, *std::max_element(counts.begin(), counts.end()));
    const double bottom = top + kPanel;
    absl::StrAppend(&svg, Words("label", "0", top + 13, name));
    for (size_t s = 0; s < kSteps; ++s) {
      if (counts[s] == 0) continue;
      const double height = kBars * counts[s] / most;
      absl::StrAppend(
          &svg, Rect(style, Percent(static_cast<double>(s), kSteps), bottom - height, Percent(0.85, kSteps), height));
    }
    const std::string median = Percent(Quantile(*values, 0.5) - low, high - low);
    absl::StrAppend(&svg, "\n", Line("grid", "0", bottom, "100%", bottom),
                    Line("median", median, bottom - kBars - 4, median, bottom));
    top = bottom;
  }
  for (const double share : {0.0, 0.5, 1.0}) {
    const char* style = share <= 0 ? "tick" : share < 1 ? "tick middle" : "tick end";
    const double value = low + share * (high - low);
    absl::StrAppend(&svg,
                    Words(style, Percent(share, 1), top + 15, absl::StrFormat("%.3g %s", value, histograms.unit)));
  }
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace cnnopt
