#include "onnx_io/quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/testing/status.h"

namespace cnnopt {
namespace {

TEST(Quote, LeavesOrdinaryNamesAsTheyAre) {
  EXPECT_EQ(Quote("conv1/W:0 (copy)"), "'conv1/W:0 (copy)'");
  EXPECT_EQ(Quote("Gewicht \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "'Gewicht \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80'");
  EXPECT_EQ(Quote(""), "''");
}

TEST(Quote, EscapesWhatATerminalOrALineWouldNotBear) {
  EXPECT_EQ(Quote("a\nb\x1b[31m"), "'a\\nb\\x1b[31m'");
  EXPECT_EQ(Quote("\xff"), "'\\xff'");
  EXPECT_EQ(Quote("\xc3"), "'\\xc3'");           // a character cut short
  EXPECT_EQ(Quote("\xc0\xaf"), "'\\xc0\\xaf'");  // a longer form than needed
}

TEST(Quote, ShowsBothEndsOfALongName) {
  const std::string quoted = Quote("begin" + std::string(1'000'000, 'n') + "end");
  EXPECT_LT(quoted.size(), 300u);
  EXPECT_THAT(quoted, ::testing::StartsWith("'begin"));
  EXPECT_THAT(quoted, ::testing::EndsWith("end'"));
  EXPECT_THAT(quoted, ::testing::HasSubstr("n...n"));
}

TEST(Annotate, PutsThePlaceBeforeTheMessage) {
  const absl::Status error = absl::NotFoundError("gone");
  EXPECT_THAT(Annotate(error, "here"), testing::FailsWith(absl::StatusCode::kNotFound, "here: gone"));
  EXPECT_THAT(Annotate(absl::OkStatus(), "here"), testing::IsOk());
  EXPECT_THAT(AnnotateWith(error, [] { return "there"; }),
              testing::FailsWith(absl::StatusCode::kNotFound, "there: gone"));
}

}  // namespace
}  // namespace cnnopt
