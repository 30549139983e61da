#include "report/page.h"

#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "report/chart.h"
#include "report/html.h"
#include "tests/report/sample_report.h"

namespace cnnopt {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

size_t Count(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ReportHtml, HoldsTheFigures) {
  const std::string page = RenderHtml(SampleReport(), SampleContext());
  for (const char* part : {"<html lang=\"en\">",
                           "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
                           "name=\"viewport\"",
                           "prefers-color-scheme:dark",
                           "<h1>resnet.onnx → slim.onnx</h1>",
                           ">slimmed</span>",
                           "29.61 M</dd>",
                           "from 59.65 M, 0.496x",
                           "budget 29.82 M",
                           "1.55 ms",
                           "0.0432",
                           "98.4 %",
                           "73.9 k → 17.6 k",
                           "would pass the error bound of 0.05",
                           "data:image/png;base64,iVBOR",
                           "alt=\"Input of sample 14, error 0.0625\"",
                           "chosen: 29.50 M, predicted 0.0400",
                           "BatchNormalization &#39;bn9&#39;",
                           "slim-0.5.onnx",
                           "<td>88.5</td>"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_EQ(Count(page, "<svg "), 5u);
  EXPECT_EQ(Count(page, "role=\"img\""), 5u);
  EXPECT_EQ(Count(page, "<desc "), 5u);
  EXPECT_EQ(Count(page, "<h1"), 1u);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  EXPECT_EQ(RenderHtml(SampleReport(), SampleContext()), page);
}

TEST(ReportHtml, AnEmptyReportIsAPageToo) {
  ReportContext context;
  context.in = "a.onnx";
  SlimReport report;
  report.reason = "the model has no Conv";
  const std::string page = RenderHtml(report, context);
  EXPECT_THAT(page, HasSubstr("<h1>a.onnx → nothing written</h1>"));
  EXPECT_THAT(page, HasSubstr(">unchanged</span>: the model has no Conv"));
  EXPECT_EQ(Count(page, "<svg "), 0u);
}

TEST(ReportHtml, NamesOfHostileFilesAreOnlyText) {
  const std::string odd = "<script>alert(1)</script>\"' onload=x &amp; \x1b[31m\xff \xe2\x80\xae";
  SlimReport report = SampleReport();
  report.layers = {SlimmedLayer(odd), KeptLayer(odd, odd)};
  report.layers[0].was = report.layers[0].now = odd;
  report.reason = report.runtime_version = odd;
  report.warnings = report.cleanups = {odd};
  report.sweep[0].file = odd;
  report.input_shapes = {{odd, {1}}};
  report.stages = {{odd, 1}};
  ReportContext context = SampleContext();
  context.in = context.out = context.calibration = context.version = odd;
  context.options = {odd};
  const std::string page = RenderHtml(report, context);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\"' onload")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\xff")));
  EXPECT_THAT(page, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_GE(Count(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=x &amp;amp; \\x1b[31m\\xff \\u202e"),
            10u);
}

TEST(ReportHtml, LargeNetworksGiveAPageOfBoundedSize) {
  SlimReport report = SampleReport();
  report.layers.clear();
  for (int i = 0; i < 5000; ++i) {
    report.layers.push_back(i % 3 == 0 ? SlimmedLayer(absl::StrCat("layer", i))
                                       : KeptLayer(absl::StrCat("layer", i), "1x1 kernel"));
  }
  report.cleanups.assign(5000, "a rewrite");
  const std::string page = RenderHtml(report, SampleContext());
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_EQ(Count(page, "<th scope=\"row\">layer"), 5000u);  // every layer has its row
  EXPECT_LT(Count(page, "<rect"), 3 * kMostBars + 100);
  EXPECT_THAT(page, HasSubstr("Shown are the 40 most costly layers of 5000."));
  EXPECT_THAT(page, HasSubstr("<summary>All 5000 layers</summary>"));
  EXPECT_THAT(page, HasSubstr("and 4800 more"));

  const std::string endless(1'000'000, '<');
  report.layers.assign(2, KeptLayer(endless, endless));
  report.reason = endless;
  report.warnings = {endless};
  EXPECT_LT(RenderHtml(report, SampleContext()).size(), 100'000u);
  report.layers.assign(kMostTableRows + 5, KeptLayer("a", "b"));
  const std::string cut = RenderHtml(report, SampleContext());
  EXPECT_EQ(Count(cut, "<th scope=\"row\">a</th>"), kMostTableRows);
  EXPECT_THAT(cut, HasSubstr("The first 10000 of 10005 layers"));
}

TEST(ReportHtml, NumbersThatAreNotFiniteDrawNothingOdd) {
  SlimReport report = SampleReport();
  const double inf = std::numeric_limits<double>::infinity();
  report.comparison->relative_error = inf;
  report.layers[1].weight_error = std::nan("");
  report.worst_samples[0].relative_error = inf;
  report.curve->points.back().error = 1e6;
  report.sweep[0].relative_error = inf;
  const std::string page = RenderHtml(report, SampleContext());
  EXPECT_THAT(page, HasSubstr("not finite"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf%")));
  EXPECT_THAT(page, Not(HasSubstr("\"inf\"")));
}

TEST(HtmlTextTest, EscapesAndCuts) {
  EXPECT_EQ(HtmlText("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(HtmlText("0123456789", 7), "01...89");
  EXPECT_EQ(HtmlText(std::string(1000, 'x'), 10), "xxxxxxx...");
}

TEST(ChartTest, TicksAreRoundAndFew) {
  EXPECT_THAT(Ticks(0.5), ElementsAre(0, DoubleEq(0.1), DoubleEq(0.2), DoubleEq(0.3), DoubleEq(0.4), DoubleEq(0.5)));
  EXPECT_THAT(Ticks(59e6), ElementsAre(0, 1e7, 2e7, 3e7, 4e7, 5e7));
  EXPECT_THAT(Ticks(0), ElementsAre(0));
  EXPECT_THAT(Ticks(std::nan("")), ElementsAre(0));
  for (const double most : {1e-9, 0.07, 0.99, 1.0, 3.3, 9.99, 123456.0}) {
    EXPECT_GE(Ticks(most).size(), 3u) << most;
    EXPECT_LE(Ticks(most).size(), 7u) << most;
    EXPECT_LE(Ticks(most).back(), most * 1.001) << most;
  }
}

// Every number of the chart stays on it, also where the curve leaves it.
TEST(ChartTest, TheCurveIsCutWhereTheAxisEnds) {
  LineChart chart;
  chart.text = {"id", "title", "description"};
  chart.x_label = [](double x) { return absl::StrCat(x); };
  chart.line = {{10, 0}, {5, 1}, {0, 3}};
  chart.most_x = 10;
  chart.most_y = 2;
  const std::string svg = RenderLineChart(chart);
  // From half the height at half the width to the top a quarter of the width further left.
  EXPECT_THAT(svg, HasSubstr("<line class=\"curve\" x1=\"50.00%\" y1=\"136.00\" x2=\"25.00%\" y2=\"26.00\"/>"));
  EXPECT_EQ(Count(svg, "class=\"curve\""), 2u);
}

}  // namespace
}  // namespace cnnopt
