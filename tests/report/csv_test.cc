#include "report/csv.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/report/sample_report.h"

namespace cnnopt {
namespace {

using ::testing::StartsWith;

constexpr const char* kHead =
    "name,op,was,now,reason,macs_before,macs_after,params_before,params_after,weight_error,refitted\r\n";

// The row of one layer of this name.
std::string RowOf(const std::string& name) {
  SlimReport report;
  report.layers = {SlimmedLayer(name)};
  const std::string csv = RenderCsv(report);
  EXPECT_THAT(csv, StartsWith(kHead));
  return csv.substr(std::string(kHead).size());
}

TEST(ReportCsv, WholeText) {
  EXPECT_EQ(RenderCsv(SampleReport()),
            absl::StrCat(kHead,
                         "stem,Conv,1x1 64->64,,1x1 kernel: dsc needs a kernel,1000000,1000000,4160,4160,0,false\r\n"
                         "layer1/conv,Conv,3x3 64->128 /2,dsc rank 2,,18874368,5000000,73856,17600,0.0123,true\r\n"
                         "head,Conv,1x1 64->64,,1x1 kernel: dsc needs a kernel,1000000,1000000,4160,4160,0,false\r\n"
                         "tail,Conv,1x1 64->64,,would pass the error bound of 0.05,,,4160,4160,0,false\r\n"));
  EXPECT_EQ(RenderCsv(SlimReport()), kHead);
}

TEST(ReportCsv, QuotesWhatNeedsIt) {
  EXPECT_THAT(RowOf("a,b"), StartsWith("\"a,b\",Conv,"));
  EXPECT_THAT(RowOf("say \"x\""), StartsWith("\"say \"\"x\"\"\",Conv,"));
  EXPECT_THAT(RowOf("two\r\nlines\xff"), StartsWith("two\\x0d\\x0alines\\xff,Conv,"));
}

TEST(ReportCsv, NoNameIsAFormula) {
  for (const char* name : {"=1+1", "+1", "-1", "@SUM(A1)", "  =1",
                           "\xef\xbc\x9d"
                           "1",
                           "\xef\xbc\x8b"
                           "1"}) {
    EXPECT_THAT(RowOf(name), StartsWith(absl::StrCat("'", name, ",Conv,")));
  }
  EXPECT_THAT(RowOf("=HYPERLINK(\"http://x\",\"y\")"), StartsWith("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",Conv,"));
  EXPECT_THAT(RowOf("\t=1"), StartsWith("\\x09=1,Conv,"));
  EXPECT_THAT(RowOf("a=1"), StartsWith("a=1,Conv,"));
}

TEST(ReportCsv, NumbersThatAreNotFiniteAreEmpty) {
  SlimReport report;
  report.layers = {SlimmedLayer("a")};
  report.layers[0].weight_error = std::nan("");
  EXPECT_THAT(RenderCsv(report), ::testing::EndsWith(",17600,,true\r\n"));
}

}  // namespace
}  // namespace cnnopt
