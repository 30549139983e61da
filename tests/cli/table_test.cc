#include "cli/table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "report/display.h"
#include "tests/report/sample_report.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TableOptions Options() {
  TableOptions options;
  options.title = "resnet.onnx -> slim.onnx";
  options.samples = "cifar.npy";
  return options;
}

void ExpectWidth(const std::string& text, size_t width) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(DisplayWidth(line), width) << line;
  }
}

TEST(Table, WholeText) {
  EXPECT_EQ(RenderTable(SampleReport(), Options()),
            "resnet.onnx -> slim.onnx\n"
            "\n"
            "layer        was             now                MACs       params  error\n"
            "layer1/conv  3x3 64->128 /2  dsc rank 2  5.00M 0.26x  17.6k 0.24x  0.012\n"
            "2 layers     2.00 M MACs     kept: 1x1 kernel: dsc needs a kernel\n"
            "tail         1x1 64->64      kept: would pass the error bound of 0.05\n"
            "\n"
            "MACs               59.65 M ->   29.61 M  0.496x  (budget 29.82 M)\n"
            "parameters         394.2 k ->   172.3 k  0.437x\n"
            "file               1.59 MB ->    700 kB  0.441x  (budget 800 kB)\n"
            "cleanup          1 exact rewrite\n"
            "time, 1 thread     2.31 ms ->   1.55 ms  0.671x (0.66x to 0.69x)\n"
            "score            88.75 -> 88.5\n"
            "output error     0.0432  (bound 0.05)\n"
            "top-1 agreement  98.4 % of 64  (bound 98 %)\n"
            "samples          32 of cifar.npy, 128 others fitted to\n"
            "verified         yes\n");
}

TEST(Table, VerboseListsEveryLayerInGraphOrderWithItsReason) {
  TableOptions options = Options();
  options.verbose = true;
  SlimReport report = SampleReport();
  report.layers[0].name = std::string(200, 'n');
  report.layers[0].reason = absl::StrCat("a reason that is ", std::string(300, 'r'));
  const std::string text = RenderTable(report, options);
  EXPECT_THAT(text, HasSubstr(report.layers[0].name));
  EXPECT_THAT(text, HasSubstr(report.layers[0].reason));
  EXPECT_LT(text.find(report.layers[0].name), text.find("layer1/conv"));
  EXPECT_LT(text.find("layer1/conv"), text.find("head"));
  EXPECT_THAT(text, HasSubstr(report.cleanups[0]));
}

TEST(Table, LongNamesAndReasonsFitTheScreen) {
  SlimReport report = SampleReport();
  for (LayerReport& layer : report.layers) {
    layer.name = absl::StrCat("features/block/", std::string(300, 'x'), "/conv2");
    layer.was = "3x3x3 1024->1024 /2 d2 g32 and more";
    layer.reason = std::string(20, ' ').append(
        "many words and words and words and words and words and words and words"
        " and words and words and words and words and words and words end");
  }
  report.layers[1].now = "bottleneck rank 1024 with more words";
  for (const size_t width : {80u, 109u, 110u, 160u}) {
    TableOptions options = Options();
    options.width = width;
    const std::string text = RenderTable(report, options);
    ExpectWidth(text, width);
    EXPECT_THAT(text, HasSubstr("..."));
    EXPECT_THAT(text, HasSubstr("0.012"));
  }
}

TEST(Table, NamesGiveWayBeforeFormsDo) {
  SlimReport report = SampleReport();
  report.layers[1].name = std::string(60, 'x');
  report.layers[1].now = "dsc rank 2, pointwise first";
  TableOptions options = Options();
  options.width = 120;
  EXPECT_THAT(RenderTable(report, options), HasSubstr("dsc rank 2, pointwise first"));
  EXPECT_THAT(RenderTable(report, options), HasSubstr("x...x"));
}

TEST(Table, ManyReasonsAreCutShortUnlessVerbose) {
  SlimReport report = SampleReport();
  report.layers.clear();
  for (int i = 0; i < 40; ++i) {
    report.layers.push_back(KeptLayer(absl::StrCat("conv", i, "."), absl::StrCat("reason ", i, ".")));
  }
  const std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, HasSubstr("reason 11."));
  EXPECT_THAT(text, Not(HasSubstr("reason 12.")));
  EXPECT_THAT(text, HasSubstr("28 more"));
  TableOptions verbose = Options();
  verbose.verbose = true;
  EXPECT_THAT(RenderTable(report, verbose), HasSubstr("reason 39."));
}

TEST(Table, NamesCannotSteerTheTerminal) {
  SlimReport report = SampleReport();
  report.layers[1].name = "\x1b[2Jconv\n\xff";
  report.layers[0].reason = "\x1b]0;title\x07";
  report.layers[1].reason = "\x1b[1m";
  report.reason = "\x1b[5m";
  for (const Verdict verdict : {Verdict::kSlimmed, Verdict::kUnchanged, Verdict::kRefused}) {
    for (const bool verbose : {false, true}) {
      report.verdict = verdict;
      TableOptions options = Options();
      options.title = "a\x1b[0m.onnx";
      options.samples = "c\x1b[0m.npy";
      options.verbose = verbose;
      const std::string text = RenderTable(report, options);
      EXPECT_THAT(text, Not(HasSubstr("\x1b")));
      EXPECT_THAT(text, Not(HasSubstr("\xff")));
      EXPECT_THAT(text, HasSubstr("\\x1b[2Jconv\\x0a\\xff"));
    }
  }
}

TEST(Table, ASpeedUpIsOnlyClaimedWhenTheMeasurementCarriesIt) {
  SlimReport report = SampleReport();
  report.latency = Latency{2.31, 2.2, 0.95, 0.9, 1.02, 50};
  std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, HasSubstr("no measurable change (0.90x to 1.02x)"));
  EXPECT_THAT(text, Not(HasSubstr("0.950x")));
  report.latency = Latency{2.31, 2.6, 1.12, 1.05, 1.2, 50};
  EXPECT_THAT(RenderTable(report, Options()), HasSubstr("1.120x, slower (1.05x to 1.20x)"));
  report.latency.reset();
  EXPECT_THAT(RenderTable(report, Options()), Not(HasSubstr("time")));
}

TEST(Table, SaysWhenSamplesAreMadeUpAndWhenNothingWasVerified) {
  SlimReport report = SampleReport();
  report.synthetic = true;
  report.samples = 8;
  report.verified = false;
  report.comparison->new_nonfinite = 3;
  const std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, HasSubstr("samples          8 made up"));
  EXPECT_THAT(text, HasSubstr("verified         no\n"));
  EXPECT_THAT(text, HasSubstr("not finite       3 output elements"));
}

TEST(Table, TotalsFitTheScreen) {
  SlimReport report = SampleReport();
  report.latency = Latency{23.1, 22.2, 0.95, 0.9, 1.02, 50};
  report.budgets.push_back({BudgetUnit::kNanoseconds, 20'000'000, 22'000'000});
  TableOptions options = Options();
  options.samples = absl::StrCat("a", std::string(200, '-'), "z.npy");
  const std::string long_text = RenderTable(report, options);
  ExpectWidth(long_text, 80);
  EXPECT_THAT(long_text, HasSubstr("no measurable change (0.90x to 1.02x)\n                 (budget 20.0 ms)\n"));
  EXPECT_THAT(long_text, HasSubstr("z.npy"));

  report.synthetic = true;
  ExpectWidth(RenderTable(report, options), 80);
  TableOptions painted = options;
  painted.color = true;
  report.latency->ratio_high = 0.97;
  const std::string colors = RenderTable(report, painted);
  EXPECT_EQ(std::count(colors.begin(), colors.end(), '\n'), [&] {
    const std::string plain = RenderTable(report, options);
    return std::count(plain.begin(), plain.end(), '\n');
  }()) << "colours take no room";
}

TEST(Table, UnknownCostsAreCalledUnknown) {
  SlimReport report = SampleReport();
  report.before.macs = report.after.macs = std::nullopt;
  report.layers[1].macs_after = std::nullopt;
  const std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, HasSubstr("MACs             unknown"));
  EXPECT_THAT(text, HasSubstr("  ?  17.6k 0.24x"));
}

TEST(Table, UnchangedModelEndsWithTheReason) {
  SlimReport report = SampleReport();
  report.verdict = Verdict::kUnchanged;
  report.reason = "every layer is 1x1";
  report.after = report.before;
  report.comparison.reset();
  report.latency.reset();
  report.verified = false;
  const std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, ::testing::EndsWith("\nnothing to gain here: every layer is 1x1\n"));
  EXPECT_THAT(text, HasSubstr("MACs             59.65 M\n"));
  EXPECT_THAT(text, Not(HasSubstr("verified")));
}

TEST(Table, RefusedModelEndsWithTheReason) {
  SlimReport report = SampleReport();
  report.verdict = Verdict::kRefused;
  report.reason = "target-macs 0.1 cannot be reached";
  EXPECT_THAT(RenderTable(report, Options()), ::testing::EndsWith("\nrefused: target-macs 0.1 cannot be reached\n"));
}

TEST(Table, ColorsAreOnlyPaint) {
  TableOptions options = Options();
  options.color = true;
  std::string colored = RenderTable(SampleReport(), options);
  EXPECT_THAT(colored, HasSubstr("\x1b[32mdsc rank 2\x1b[0m"));
  std::string plain;
  for (size_t i = 0; i < colored.size(); ++i) {
    if (colored[i] == '\x1b') {
      i = colored.find('m', i);
    } else {
      plain += colored[i];
    }
  }
  EXPECT_EQ(plain, RenderTable(SampleReport(), Options()));
}

TEST(Table, ModelWithoutLayers) {
  SlimReport report;
  report.reason = "the model has no Conv";
  const std::string text = RenderTable(report, Options());
  EXPECT_THAT(text, Not(HasSubstr("layer ")));
  EXPECT_THAT(text, HasSubstr("nothing to gain here: the model has no Conv"));
}

}  // namespace
}  // namespace cnnopt
