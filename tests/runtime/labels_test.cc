#include "runtime/labels.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/npy_files.h"

namespace cnnopt {
namespace {

using testing::Dict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::NpyFile;
using testing::WriteTemp;
using testing::ZipFile;

Tensor Floats(Shape shape, const std::vector<float>& values) {
  Tensor tensor{onnx::TensorProto::FLOAT, std::move(shape), std::string(4 * values.size(), '\0')};
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

std::string Error(const std::string& path) {
  const absl::StatusOr<std::vector<int64_t>> labels = ReadLabels(path);
  EXPECT_FALSE(labels.ok());
  return std::string(labels.status().message());
}

TEST(Labels, AreReadFromArraysAndText) {
  const std::string bytes("\x03\x00\xff", 3);
  EXPECT_THAT(*ReadLabels(WriteTemp("a.npy", NpyFile(Dict("|u1", "(3,)"), bytes))), ElementsAre(3, 0, 255));
  EXPECT_THAT(*ReadLabels(WriteTemp("a.npz", ZipFile({{"y.npy", NpyFile(Dict("|u1", "(3,)"), bytes)},
                                                      {"x.npy", NpyFile(Dict("|u1", "(1,)"), "a")}},
                                                     true))),
              ElementsAre(3, 0, 255));
  EXPECT_THAT(*ReadLabels(WriteTemp("a.txt", "3\n0\n 12\r\n")), ElementsAre(3, 0, 12));
  EXPECT_THAT(*ReadLabels(WriteTemp("a.npy", NpyFile(Dict("|u1", "(3, 1)"), bytes))), ElementsAre(3, 0, 255));
}

TEST(Labels, ThatAreNoneAreNamed) {
  EXPECT_THAT(Error(WriteTemp("a.txt", "1\n-1\n")), HasSubstr("a.txt': line 2: expected a whole number from 0 on"));
  EXPECT_THAT(Error(WriteTemp("a.txt", "1\n\n2\n")), HasSubstr("line 2"));
  EXPECT_THAT(Error(WriteTemp("a.npy", NpyFile(Dict("|i1", "(2,)"), "\x01\xff"))), HasSubstr("item 1"));
  EXPECT_THAT(Error(WriteTemp("a.npy", NpyFile(Dict("|u1", "(1, 2)"), "ab"))), HasSubstr("one number for each sample"));
  EXPECT_THAT(
      Error(WriteTemp(
          "a.npz",
          ZipFile({{"u.npy", NpyFile(Dict("|u1", "(1,)"), "a")}, {"v.npy", NpyFile(Dict("|u1", "(1,)"), "a")}}, true))),
      HasSubstr("expected an array called labels"));
  EXPECT_THAT(Error("/none/labels.txt"), HasSubstr("/none/labels.txt"));
}

TEST(Labels, CountRowsWhoseLargestElementIsTheirs) {
  const Outputs outputs = {{Floats({1}, {9}), Floats({2, 3}, {0, 2, 1, 5, 5, 1})},
                           {Floats({1}, {9}), Floats({2, 3}, {0, 0, 1, 1, 3, 2})}};
  EXPECT_EQ(*Top1Percent(outputs, {{1, 0}, {2, 1}}), 100);
  EXPECT_EQ(*Top1Percent(outputs, {{1, 1}, {0, 1}}), 50);
  EXPECT_FALSE(Top1Percent(outputs, {{1, 1}, {0}}).ok());
  EXPECT_THAT(std::string(Top1Percent({{Floats({2}, {1, 2})}}, {{1}}).status().message()),
              HasSubstr("no output has a top-1"));
}

}  // namespace
}  // namespace cnnopt
