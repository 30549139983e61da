#include "report/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/report/sample_report.h"
#include "tests/testing/model.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// Every path of a field in `json`: "layers[].macs.before". The keys of `shapes` are names of inputs, not fields.
void CollectFields(const Json& json, const std::string& path, std::set<std::string>& fields) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      const std::string field = path.empty() ? key : absl::StrCat(path, ".", key);
      fields.insert(field);
      if (key != "shapes") {
        CollectFields(value, field, fields);
      }
    }
  } else if (json.is_array()) {
    for (const Json& element : json) {
      CollectFields(element, absl::StrCat(path, "[]"), fields);
    }
  }
}

TEST(ReportJson, IsTheExpectedTextFieldByField) {
  EXPECT_EQ(RenderJson(SampleReport(), SampleContext()), testing::FileBytes(testing::TestData("report.json")));
}

TEST(ReportJson, EveryFieldIsDocumented) {
  std::set<std::string> fields;
  CollectFields(Json::parse(RenderJson(SampleReport(), SampleContext())), "", fields);
  ASSERT_GT(fields.size(), 50u);
  const std::string documentation = testing::FileBytes(testing::TestData("../docs/report.md"));
  for (const std::string& field : fields) {
    EXPECT_THAT(documentation, HasSubstr(absl::StrCat("| `", field, "` |")));
  }
}

TEST(ReportJson, WhatIsNotKnownIsNull) {
  ReportContext context = SampleContext();
  context.out.clear();
  context.out_facts.reset();
  context.calibration.clear();
  context.calibration_sha256.clear();
  const Json json = Json::parse(RenderJson(SlimReport(), context));
  for (const char* pointer :
       {"/output/path", "/output/sha256", "/output/bytes", "/bound", "/comparison", "/latency", "/runtime",
        "/samples/path", "/samples/sha256", "/totals/macs/before", "/totals/macs/after"}) {
    EXPECT_TRUE(json.at(Json::json_pointer(pointer)).is_null()) << pointer;
  }
  EXPECT_EQ(json["output"]["written"], false);
  EXPECT_EQ(json["verdict"], "unchanged");
  EXPECT_TRUE(json["layers"].is_array());
  EXPECT_TRUE(json["warnings"].is_array());
}

TEST(ReportJson, StaysValidWhateverTheNames) {
  SlimReport report = SampleReport();
  const std::string odd = "\x1b\"\\\n\xff\xe5\xb1\xa4";
  const std::string expected = "\x1b\"\\\n\\xff\xe5\xb1\xa4";
  report.layers[0].name = report.layers[0].reason = report.layers[1].now = report.reason = odd;
  report.cleanups = report.warnings = {odd};
  report.comparison->outputs[0].name = odd;
  report.input_shapes = {{odd, {1}}};
  ReportContext context = SampleContext();
  context.in = context.out = context.calibration = odd;
  context.options = {odd};
  const Json json = Json::parse(RenderJson(report, context));
  EXPECT_EQ(json["layers"][0]["name"], expected);
  EXPECT_EQ(json["layers"][1]["now"], expected);
  EXPECT_EQ(json["input"]["path"], expected);
  EXPECT_TRUE(json["input"]["shapes"].contains(expected));
  EXPECT_EQ(json["warnings"][0], expected);
}

TEST(ReportJson, NumbersThatAreNotFiniteAreNull) {
  SlimReport report = SampleReport();
  report.comparison->relative_error = std::numeric_limits<double>::infinity();
  report.layers[1].weight_error = std::nan("");
  const Json json = Json::parse(RenderJson(report, SampleContext()));
  EXPECT_TRUE(json["comparison"]["relative_error"].is_null());
  EXPECT_TRUE(json["layers"][1]["weight_error"].is_null());
}

}  // namespace
}  // namespace cnnopt
