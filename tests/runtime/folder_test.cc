#include "runtime/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::TempFolder;

TEST(NaturalLess, CountsAsPeopleDo) {
  const std::vector<std::string> sorted = {"",
                                           "a/z",
                                           "a/zz",
                                           "a-b/c",
                                           "a0",
                                           "a00",
                                           "a0b",
                                           "a01",
                                           "a1",
                                           "a1b1",
                                           "a1b2",
                                           "a1b10",
                                           "a2",
                                           "a10",
                                           "a10b",
                                           "a11a",
                                           "a99999999999999999999998",
                                           "a99999999999999999999999",
                                           "b"};
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (size_t k = 0; k < sorted.size(); ++k) {
      EXPECT_EQ(NaturalLess(sorted[i], sorted[k]), i < k) << sorted[i] << " and " << sorted[k];
    }
  }
}

TEST(FilesBelow, AllFilesInOrderButHiddenOnes) {
  const TempFolder folder;
  for (const char* name :
       {"img10.png", "img2.png", "b/1.png", "b/.hidden.png", ".git/x.png", "a/b/c/deep", "._img2.png"}) {
    folder.Write(name, "x");
  }
  const TempFolder other;
  folder.Link("linked", other.Write("file", "x"));
  folder.Link("folder", other.path());
  folder.Link("nowhere", "missing");
  folder.Link("loop", ".");
  ASSERT_EQ(mkfifo(folder.Path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(FilesBelow(folder.path()).value(),
              ElementsAre("a/b/c/deep", "b/1.png", "img2.png", "img10.png", "linked"));
  EXPECT_THAT(FilesBelow(folder.path() + "/").value(),
              ElementsAre("a/b/c/deep", "b/1.png", "img2.png", "img10.png", "linked"));
  EXPECT_THAT(FilesBelow(folder.Path("folder")).value(), ElementsAre("file"));
}

TEST(FilesBelow, WhatIsNoFolder) {
  const TempFolder folder;
  EXPECT_THAT(FilesBelow(folder.Path("missing")), FailsWith(absl::StatusCode::kNotFound, "missing"));
  EXPECT_THAT(FilesBelow(folder.Write("file", "x")), FailsWith(absl::StatusCode::kInvalidArgument, "is no folder"));
}

TEST(Extension, InLowerCase) {
  EXPECT_EQ(Extension("a/b.JPG"), "jpg");
  EXPECT_EQ(Extension("a.b/c"), "");
  EXPECT_EQ(Extension("a.tar.gz"), "gz");
}

}  // namespace
}  // namespace cnnopt
