#include "job/plan_file.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

PlanFile Example() {
  PlanFile plan;
  plan.layers = {{"conv", "cp", 16}, {"fc", "", std::nullopt}};
  plan.bounds.max_error = 0.25;
  plan.options = {"--target-macs=0.5", "--seed=3"};
  plan.settings = {"--seed=3"};
  plan.input_sha256 = "abc";
  return plan;
}

Json ExampleJson() { return Json::parse(*RenderPlan(Example(), "1.2.3")); }

std::string Error(const Json& json) {
  const absl::StatusOr<PlanFile> plan = ParsePlan(json.dump());
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << json.dump();
  return std::string(plan.status().message());
}

TEST(PlanFileFormat, ReadsWhatItWrites) {
  const absl::StatusOr<PlanFile> plan = ParsePlan(*RenderPlan(Example(), "1.2.3"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->edited);
  EXPECT_EQ(RenderPlan(*plan, "1.2.3").value(), RenderPlan(Example(), "1.2.3").value());
  EXPECT_EQ(plan->bounds.max_error, 0.25);
  EXPECT_FALSE(plan->bounds.min_agreement.has_value());
}

TEST(PlanFileFormat, KnowsAnEditedPlan) {
  for (const auto& [field, value] : {std::pair("rank", Json(24)), {"form", Json("spatial")}, {"name", Json("conv2")}}) {
    Json json = ExampleJson();
    json["layers"][0][field] = value;
    const absl::StatusOr<PlanFile> plan = ParsePlan(json.dump());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_TRUE(plan->edited) << field;
  }
}

TEST(PlanFileFormat, NamesWhatIsWrong) {
  const auto with = [](const char* pointer, const Json& value) {
    Json json = ExampleJson();
    json[Json::json_pointer(pointer)] = value;
    return json;
  };
  EXPECT_THAT(Error(Json::array()), HasSubstr("no JSON object"));
  EXPECT_THAT(Error(with("/schema", "cnnopt-report/1")),
              HasSubstr("schema: expected \"cnnopt-plan/1\", found \"cnnopt-report/1\""));
  EXPECT_THAT(Error(with("/layers", 3)), HasSubstr("layers: expected a list, found 3"));
  EXPECT_THAT(Error(with("/layers/0/rank", 0)),
              HasSubstr("layers[0].rank: expected a whole number from 1 on, found 0"));
  EXPECT_THAT(Error(with("/layers/0/rank", 1.5)), HasSubstr("found 1.5"));
  EXPECT_THAT(Error(with("/layers/1/form", "")), HasSubstr("layers[1]: expected a name and a form"));
  EXPECT_THAT(Error(with("/layers/1/rank", 8)), HasSubstr("no rank of a layer that is kept"));
  EXPECT_THAT(Error(with("/layers/0/ranks", 8)), HasSubstr("layers[0].ranks: unknown"));
  EXPECT_THAT(Error(with("/bounds/max_error", -1)), HasSubstr("max_error: expected a number above 0 or null"));
  EXPECT_THAT(Error(with("/options", "x")), HasSubstr("options: expected a list of texts"));
  Json no_rank = ExampleJson();
  no_rank["layers"][0].erase("rank");
  EXPECT_THAT(Error(no_rank), HasSubstr("layers[0]: expected a rank"));
  EXPECT_THAT(std::string(ParsePlan("{").status().message()), HasSubstr("no JSON object"));
}

TEST(PlanFileFormat, RefusesNamesThatAreNotUtf8) {
  PlanFile plan = Example();
  plan.layers[0].name = "\xff";
  EXPECT_EQ(RenderPlan(plan, "1").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cnnopt
