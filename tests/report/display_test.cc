#include "report/display.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;

TEST(HumanCount, KeepsSmallNumbersAndScalesLargeOnes) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1000), "1.000 k");
  EXPECT_EQ(HumanCount(394'180), "394.2 k");
  EXPECT_EQ(HumanCount(59'650'000), "59.65 M");
  EXPECT_EQ(HumanCount(9'223'372'036'854'775'807), "9.223 E");
}

TEST(HumanCount, RoundingNeverShowsAThousandOfAUnit) {
  EXPECT_EQ(HumanCount(999'949), "999.9 k");
  EXPECT_EQ(HumanCount(999'951), "1.000 M");
  EXPECT_EQ(HumanCount(999'600, 3), "1.00 M");
  EXPECT_EQ(HumanCount(999'400, 3), "999 k");
  EXPECT_EQ(HumanCount(9'999'900), "10.00 M");
}

TEST(HumanBytes, CountsInThousands) {
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(1'587'177), "1.59 MB");
}

TEST(ForScreen, KeepsTextOfAnyScript) {
  EXPECT_EQ(ForScreen("layer1/conv:0 \xc3\xa9 \xe5\xb1\xa4 \xf0\x9f\x98\x80"),
            "layer1/conv:0 \xc3\xa9 \xe5\xb1\xa4 \xf0\x9f\x98\x80");
}

TEST(ForScreen, EscapesWhatCouldSteerATerminal) {
  EXPECT_EQ(ForScreen("a\x1b[31mb\nc\td\x7f"), "a\\x1b[31mb\\x0ac\\x09d\\x7f");
  EXPECT_EQ(ForScreen("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // the one-character form of ESC [
  EXPECT_EQ(ForScreen("a\xe2\x80\xae"
                      "b"),
            "a\\u202eb");                                              // turns the direction of writing
  EXPECT_EQ(ForScreen("\xe2\x80\x8b\xef\xbb\xbf"), "\\u200b\\ufeff");  // no width
  EXPECT_EQ(ForScreen(absl::string_view("\0x", 2)), "\\x00x");
}

TEST(ForScreen, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(ForScreen("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(ForScreen("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(ForScreen("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(ForScreen("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(ForScreen("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above the last code point
  EXPECT_EQ(ForScreen("a\xe5\xb1"), "a\\xe5\\xb1");                  // cut short
}

TEST(ValidUtf8, EscapesInvalidBytesOnly) {
  EXPECT_EQ(ValidUtf8("a\x1b\n\xe2\x80\xae\xff"), "a\x1b\n\xe2\x80\xae\\xff");
}

TEST(Shorten, CountsCharactersNotBytes) {
  EXPECT_EQ(DisplayWidth("\xe5\xb1\xa4"
                         "ab"),
            3u);
  EXPECT_EQ(ShortenMiddle("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(ShortenMiddle("abcdefghij", 9), "abc...hij");
  EXPECT_EQ(ShortenMiddle("abcdefghij", 8), "ab...hij");
  EXPECT_EQ(ShortenMiddle("\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4", 5),
            "\xe5\xb1\xa4...\xe5\xb1\xa4");
  EXPECT_EQ(ShortenMiddle("abcdef", 2), "ab");
  EXPECT_EQ(ShortenEnd("abcdefghij", 7), "abcd...");
  EXPECT_EQ(ShortenEnd("abc", 7), "abc");
}

TEST(Wrap, BreaksAtSpaces) {
  EXPECT_THAT(Wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("", 7), ElementsAre(""));
}

TEST(Wrap, BreaksAWordLongerThanALine) {
  EXPECT_THAT(Wrap("a abcdefghij", 4), ElementsAre("a", "abcd", "efgh", "ij"));
  EXPECT_THAT(Wrap("abcdefgh", 4), ElementsAre("abcd", "efgh"));
}

TEST(BaseName, IsTheLastPart) {
  EXPECT_EQ(BaseName("a/b.onnx"), "b.onnx");
  EXPECT_EQ(BaseName("b.onnx"), "b.onnx");
  EXPECT_EQ(BaseName(""), "");
}

}  // namespace
}  // namespace cnnopt
