#include "report/markdown.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/report/sample_report.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportMarkdown, HoldsTheFigures) {
  const std::string text = RenderMarkdown(SampleReport(), SampleContext());
  for (const char* line :
       {"# resnet.onnx → slim.onnx\n\n**slimmed**\n\n", "\n| MACs | 59.65 M | 29.61 M | 0.496x | budget 29.82 M |\n",
        "\n| Parameters | 394.2 k | 172.3 k | 0.437x |  |\n",
        "\n| File | 1.59 MB | 700 kB | 0.441x | budget 800 kB |\n",
        "\n| Time, 1 thread | 2.31 ms | 1.55 ms | 0.671x | quartiles 0.66x to 0.69x of 3 pairs |\n",
        "\n| Output error |  | 0.0432 |  | bound 0.05 |\n",
        "\n| Top-1 agreement |  | 98.4 % |  | of 64, bound 98 % |\n",
        "\n| layer1/conv | 3x3 64-&gt;128 /2 | dsc rank 2 | 18.87 M | 5.000 M | 73.86 k | 17.60 k | 0.0123 |\n",
        "\n| tail | 1x1 64-&gt;64 | kept: would pass the error bound of 0.05 | ? | ? | 4.160 k | 4.160 k |  |\n",
        "\n## Warnings\n\n- BatchNormalization 'bn9'",
        "\n| slim-0.5.onnx | 0.5 | 29.61 M | 0.0432 | 98.4 % | 0.671x | 88.5 |\n",
        "\n| out of reach | 0.3 | ? |  |  |  |  |\n", "\n| samples | 32 of cifar.npy, 128 others fitted to |\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ReportMarkdown, AnUnchangedModelHasOneFigure) {
  SlimReport report;
  report.reason = "nothing | to gain";
  report.before = report.after = {1000, 10, 100};
  const std::string text = RenderMarkdown(report, SampleContext());
  EXPECT_THAT(text, HasSubstr("**unchanged**: nothing \\| to gain\n"));
  EXPECT_THAT(text, HasSubstr("| MACs | 1.000 k |  |  |  |"));
  EXPECT_THAT(text, Not(HasSubstr("## Layers")));
}

TEST(ReportMarkdown, NamesAreNeitherMarkdownNorHtml) {
  SlimReport report;
  report.layers = {SlimmedLayer("a|b\n# c"), SlimmedLayer("<script>x</script>"), SlimmedLayer("[x](http://y)"),
                   SlimmedLayer("`code` *b* _i_ ~s~"), SlimmedLayer("@someone #1 \xff\x1b[31m")};
  report.warnings = {"- item\n\n# heading"};
  const std::string text = RenderMarkdown(report, SampleContext());
  EXPECT_THAT(text, HasSubstr("\n| a\\|b\\\\x0a\\#&#8288; c | 3x3 "));
  EXPECT_THAT(text, HasSubstr("\n| &lt;script&gt;x&lt;/script&gt; |"));
  EXPECT_THAT(text, HasSubstr("\n| \\[x\\](http\\:&#8288;//y) |"));
  EXPECT_THAT(text, HasSubstr("\n| \\`code\\` \\*b\\* \\_i\\_ \\~s\\~ |"));
  EXPECT_THAT(text, HasSubstr("\n| \\@&#8288;someone \\#&#8288;1 \\\\xff\\\\x1b\\[31m |"));
  EXPECT_THAT(text, HasSubstr("\n- \\- item\\\\x0a\\\\x0a\\#&#8288; heading\n"));
  // Every row of the table of layers has its eight cells.
  for (const absl::string_view line : absl::StrSplit(text.substr(text.find("## Layers"), 1500), '\n')) {
    if (line.substr(0, 2) != "| " || line.find("dsc rank") == absl::string_view::npos) continue;
    size_t bars = 0;
    for (size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
    EXPECT_EQ(bars, 9u) << line;
  }
}

}  // namespace
}  // namespace cnnopt
