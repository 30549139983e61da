#include "passes/layer_rules.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/propose.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Rules : public ::testing::Test {
 protected:
  Rules() {
    std::mt19937 random(1);
    const testing::Geometry padded = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
    for (const char* name : {"stem", "a/conv1", "a/conv2", "head"}) {
      Site& site = sites_.emplace_back();
      site.name = name;
      site.op = "Conv";
      site.conv = testing::RandomConv(random, padded, 32, 32);
    }
    Site& other = sites_.emplace_back();
    other.name = "fc";
    other.reason = "no form for it";
    for (const Form* form : AllForms()) forms_.push_back({form, std::nullopt});
  }

  // What is left of each site: "all", "kept", "own" or "pinned FORM RANK".
  std::vector<std::string> Left(const LayerRules& rules) {
    const absl::StatusOr<std::vector<SiteForms>> left = ApplyRules(rules, sites_, forms_, warnings_);
    EXPECT_TRUE(left.ok()) << left.status();
    std::vector<std::string> words;
    for (const SiteForms& site : left.value_or(std::vector<SiteForms>())) {
      EXPECT_EQ(site.reason.empty(), !site.forms.empty());
      const std::string own = absl::StrCat("own ", site.forms.size());
      words.push_back(
          site.pinned ? absl::StrCat("pinned ", std::string(site.forms[0].form->variant()), " ", *site.forms[0].rank)
          : site.forms.empty()                ? "kept"
          : site.forms.size() < forms_.size() ? own
                                              : "all");
    }
    return words;
  }
  std::string Error(const LayerRules& rules) {
    const absl::StatusOr<std::vector<SiteForms>> left = ApplyRules(rules, sites_, forms_, warnings_);
    EXPECT_FALSE(left.ok());
    code_ = left.status().code();
    return std::string(left.status().message());
  }

  std::vector<Site> sites_;
  std::vector<FormChoice> forms_;
  std::vector<std::string> warnings_;
  absl::StatusCode code_ = absl::StatusCode::kOk;  // of the last Error
};

TEST_F(Rules, NoneLeaveEverythingOpen) {
  EXPECT_THAT(Left({}), ElementsAre("all", "all", "all", "all", "all"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(Rules, PatternsMatchAnywhereUnlessTheySayOtherwise) {
  EXPECT_THAT(Left({{"conv"}, {}, false, {}, false}), ElementsAre("all", "kept", "kept", "all", "all"));
  EXPECT_THAT(Left({{"^conv"}, {}, false, {}, false}), ElementsAre("all", "all", "all", "all", "all"));
  EXPECT_THAT(warnings_, ElementsAre("keep '^conv' matches no layer"));
}

TEST_F(Rules, OnlyAndKeepAddUp) {
  EXPECT_THAT(Left({{"2$"}, {"^a/", "stem"}, false, {}, false}), ElementsAre("all", "all", "kept", "kept", "kept"));
}

TEST_F(Rules, FirstAndLastAreThoseOfTheGraph) {
  EXPECT_THAT(Left({{}, {}, true, {}, false}), ElementsAre("kept", "all", "all", "all", "kept"));
}

TEST_F(Rules, ALayersOwnRuleGoesBeforeAllOthers) {
  LayerRules rules;
  rules.keep = {"."};
  rules.keep_first_last = true;
  rules.layers = {{"stem", "cp", 16}, {"a/conv1", "dsc", std::nullopt}, {"head", "", std::nullopt}};
  EXPECT_THAT(Left(rules), ElementsAre("pinned cp 16", "own 2", "kept", "kept", "kept"));
  rules = LayerRules();
  rules.layers = {{"head", "dsc-pw-dw", 2}};
  rules.others_are_kept = true;
  EXPECT_THAT(Left(rules), ElementsAre("kept", "kept", "kept", "pinned dsc-pw-dw 2", "kept"));
}

TEST_F(Rules, EveryMultipleOfEightUpToTheLargestThatPaysMayBePinned) {
  for (int64_t rank = 8; rank <= 64; rank += 8) {
    LayerRules rules;
    rules.layers = {{"stem", "cp", rank}};
    EXPECT_EQ(Left(rules)[0], absl::StrCat("pinned cp ", rank));
  }
}

TEST_F(Rules, MistakesAreNamed) {
  const auto layer = [](const char* name, const char* form, std::optional<int64_t> rank) {
    LayerRules rules;
    rules.layers = {{name, form, rank}};
    return rules;
  };
  EXPECT_THAT(Error(layer("a/conv3", "cp", 8)), HasSubstr("'a/conv3', did you mean 'a/conv"));
  EXPECT_EQ(code_, absl::StatusCode::kFailedPrecondition);  // the model rules it out
  EXPECT_THAT(Error(layer("stem", "ncp", 8)),
              HasSubstr("unknown form 'ncp', did you mean 'cp'? expected one of bottleneck, cp, dsc"));
  EXPECT_EQ(code_, absl::StatusCode::kInvalidArgument);  // wrong for every model
  EXPECT_THAT(Error(layer("stem", "cp", 9)), HasSubstr("rank 9 is none of those that are cheaper"));
  EXPECT_THAT(Error(layer("stem", "cp", 4000)), HasSubstr("rank 4000 is none of those"));
  EXPECT_THAT(Error(layer("stem", "cp", 0)), HasSubstr("expected 1 or more"));
  EXPECT_THAT(Error(layer("stem", "low-rank", 8)), HasSubstr("layer 'stem', form low-rank: "));
  EXPECT_THAT(Error(layer("fc", "low-rank", 8)), HasSubstr("cannot be slimmed: no form for it"));
  EXPECT_THAT(Error({{"(("}, {}, false, {}, false}), HasSubstr("'((' is no regular expression"));
  LayerRules twice = layer("stem", "cp", 8);
  twice.layers.push_back(twice.layers[0]);
  EXPECT_THAT(Error(twice), HasSubstr("layer 'stem' is given twice"));
}

}  // namespace
}  // namespace cnnopt
