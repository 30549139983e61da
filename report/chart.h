// Charts as inline SVG. They are drawn in percent of their width, so that letters stay as large as those around them
// on a telephone and on a wide screen. Colours come from classes, which the page's style defines for light and dark.
#ifndef CNNOPT_REPORT_CHART_H_
#define CNNOPT_REPORT_CHART_H_

#include <optional>
#include <string>
#include <vector>

namespace cnnopt {

// What is read out in place of a chart. `id` is unique on the page.
struct ChartText {
  std::string id, title, description;
};

// A bar with what stands above it: a name on the left, a figure on the right.
struct Bar {
  std::string name, figure;
  double whole = 0;   // length of the pale bar; 0: none
  double part = 0;    // length of the full bar in front of it
  bool kept = false;  // drawn in the colour of what stays as it was
};
// Bars below each other, all to the scale of the longest.
std::string BarChart(const ChartText& text, const std::vector<Bar>& bars);

struct ChartPoint {
  double x = 0, y = 0;
};
struct LineChart {
  ChartText text;
  std::string x_name, y_name;
  std::string (*x_label)(double x) = nullptr;  // of a mark on the axis
  std::vector<ChartPoint> line;                // by rising or falling x
  bool dots = false;                           // at every point of the line
  std::optional<ChartPoint> ring, disc;        // two points that stand out
  std::optional<double> bound;                 // a dashed line at this y
  double most_x = 1, most_y = 1;               // ends of the axes, which begin at 0; what lies beyond is cut off
};
std::string RenderLineChart(const LineChart& chart);

// How often values of two series fall into equal steps of one axis, one series above the other, each with a line at its
// median. The last step also counts what lies beyond.
struct Histograms {
  ChartText text;
  std::string first_name, second_name, unit;
  std::vector<double> first, second;
};
std::string RenderHistograms(const Histograms& histograms);

// Round numbers from 0 to `most`, at most seven.
std::vector<double> Ticks(double most);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_CHART_H_
