#include "runtime/npy.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/npy_format.h"
#include "runtime/session.h"
#include "tests/testing/npy_files.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;
using testing::Dict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::NpyFile;
using testing::WriteTemp;
using testing::ZipFile;

// Bytes in memory, given as a file or a zip would give them.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    const size_t count = std::min(size, bytes_.size() - place_);
    std::memcpy(to, bytes_.data() + place_, count);
    place_ += count;
    read_ += count;
    return count;
  }
  absl::Status Skip(int64_t size) override {
    place_ += std::min(static_cast<size_t>(size), bytes_.size() - place_);
    return absl::OkStatus();
  }
  size_t read() const { return read_; }

 private:
  const std::string bytes_;
  size_t place_ = 0;
  size_t read_ = 0;
};

std::vector<int64_t> AllItems(const NpyHeader& header) {
  // No more than there can be: some tests declare absurd numbers.
  std::vector<int64_t> all(static_cast<size_t>(std::min<int64_t>(NpyItems(header), 1 << 20)));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// A whole array.
absl::StatusOr<Tensor> Whole(const NpyHeader& header, const absl::StatusOr<std::vector<std::string>>& items) {
  if (!items.ok()) {
    return items.status();
  }
  return Tensor{header.data_type, header.shape, absl::StrJoin(*items, "")};
}

absl::StatusOr<Tensor> Parse(const std::string& file) {
  MemorySource source(file);
  const absl::StatusOr<NpyHeader> header = ReadNpyHeader(source);
  return header.ok() ? Whole(*header, ReadNpyItems(*header, source, AllItems(*header))) : header.status();
}

absl::StatusOr<std::map<std::string, Tensor>> ReadAll(const std::string& path) {
  const absl::StatusOr<ArrayFile> file = ArrayFile::Open(path);
  if (!file.ok()) {
    return file.status();
  }
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, header] : file->arrays()) {
    absl::StatusOr<Tensor> tensor = Whole(header, file->ReadItems(name, AllItems(header)));
    if (!tensor.ok()) {
      return tensor.status();
    }
    arrays[name] = *std::move(tensor);
  }
  return arrays;
}

void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& part) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}
void ExpectInvalid(const absl::Status& status, const std::string& part) {
  ExpectError(status, absl::StatusCode::kInvalidArgument, part);
}

TEST(NpyFormatTest, EveryDtype) {
  const std::vector<std::pair<std::string, int32_t>> types = {
      {"f2", TensorProto::FLOAT16}, {"f4", TensorProto::FLOAT}, {"f8", TensorProto::DOUBLE},
      {"i1", TensorProto::INT8},    {"i2", TensorProto::INT16}, {"i4", TensorProto::INT32},
      {"i8", TensorProto::INT64},   {"u1", TensorProto::UINT8}, {"u2", TensorProto::UINT16},
      {"u4", TensorProto::UINT32},  {"u8", TensorProto::UINT64}};
  for (const auto& [type, data_type] : types) {
    SCOPED_TRACE(type);
    const Tensor values = FromDoubles({1, 2, 3, 4, 5, 100}, {2, 3}, data_type).value();
    std::string swapped = values.bytes;
    const auto width = static_cast<size_t>(ElementBytes(data_type));
    for (size_t i = 0; i < swapped.size(); i += width) {
      std::reverse(&swapped[i], &swapped[i] + width);
    }
    for (const char* order : {"<", "|", "=", ""}) {
      const absl::StatusOr<Tensor> tensor = Parse(NpyFile(Dict(order + type, "(2, 3)"), values.bytes));
      ASSERT_TRUE(tensor.ok()) << tensor.status();
      EXPECT_EQ(tensor->data_type, data_type);
      EXPECT_THAT(tensor->shape, ElementsAre(2, 3));
      EXPECT_EQ(tensor->bytes, values.bytes);
    }
    EXPECT_EQ(Parse(NpyFile(Dict(">" + type, "(2, 3)"), swapped))->bytes, values.bytes);
  }
  EXPECT_EQ(Parse(NpyFile(Dict("|b1", "(3,)"), std::string("\0\1\7", 3)))->data_type, TensorProto::BOOL);
}

TEST(NpyFormatTest, FortranOrder) {
  EXPECT_EQ(Parse(NpyFile(Dict("u1", "(2, 3)", true), "adbecf"))->bytes, "abcdef");
  EXPECT_EQ(Parse(NpyFile(Dict("u1", "(2, 2, 3)", true), "agdjbhekcifl"))->bytes, "abcdefghijkl");
  EXPECT_EQ(Parse(NpyFile(Dict(">u2", "(2, 2)", true), "badchgfe"))->bytes, "abghcdef");
  EXPECT_EQ(Parse(NpyFile(Dict("u1", "(4,)", true), "abcd"))->bytes, "abcd");
  EXPECT_EQ(Parse(NpyFile(Dict("u1", "()", true), "a"))->bytes, "a");
  EXPECT_EQ(Parse(NpyFile(Dict("u1", "(2, 0, 3)", true), ""))->bytes, "");
}

TEST(NpyFormatTest, ShapesAndVersions) {
  EXPECT_THAT(Parse(NpyFile(Dict("u1", "()"), "x"))->shape, ElementsAre());
  EXPECT_THAT(Parse(NpyFile(Dict("u1", "(2,)"), "xy"))->shape, ElementsAre(2));
  EXPECT_THAT(Parse(NpyFile(Dict("u1", "(2L, 1L)"), "xy"))->shape, ElementsAre(2, 1));
  EXPECT_THAT(Parse(NpyFile(Dict("u1", "(0, 9223372036854775807)"), ""))->shape, ElementsAre(0, 9223372036854775807));
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(Parse(NpyFile(Dict("u1", "(2,)"), "xy", version))->bytes, "xy");
  }
  ExpectInvalid(Parse(NpyFile(Dict("u1", "(2,)"), "xy", 4)).status(), "version 4");
  EXPECT_EQ(Parse(NpyFile("{\"shape\":(1,),\"descr\":\"|u1\",\"fortran_order\":False}", "x"))->bytes, "x");
}

TEST(NpyFormatTest, MalformedHeaders) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "expected a dict"},
      {"[1]", "expected a dict"},
      {"{", "expected a string"},
      {"{'descr", "a string does not end"},
      {"{'descr'", "a key without a value"},
      {"{'descr': 1, 'fortran_order': False, 'shape': (1,)}", "expected a string"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", "the dict does not end"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), ", "expected a string"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "neither True nor False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': 1}", "shape is no tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", "shape does not end"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,}", "something else than sizes"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "something else than sizes"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1e9,)}", "something else than sizes"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (L,)}", "something else than sizes"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", "something else than sizes"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}", "impossible shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "impossible shape"},
      {"{'descr': '<f4', 'fortran_order': False}", "a key is missing"},
      {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "a key twice"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "something after the dict"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 'x'}", "a key other than"},
      {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", "dtype '' is not read"},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "dtype '<f16' is not read"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "dtype '<c8' is not read"},
      {"{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", "dtype '<U3' is not read"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "they would need unpickling"},
      {"{'descr': 'O', 'fortran_order': False, 'shape': (1,)}", "they would need unpickling"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "structured arrays"}};
  for (const auto& [text, part] : cases) {
    SCOPED_TRACE(text);
    ExpectInvalid(ParseNpyHeader(text).status(), part);
  }
  std::string ones = "1";
  for (int i = 1; i < 16; ++i) {
    ones += ",1";
  }
  EXPECT_EQ(ParseNpyHeader(Dict("u1", "(" + ones + ")"))->shape.size(), 16u);
  ExpectInvalid(ParseNpyHeader(Dict("u1", "(" + ones + ",1)")).status(), "more than 16 dimensions");
}

TEST(NpyFormatTest, HeaderLengthIsLimited) {
  const std::string dict = Dict("u1", "(1,)");
  const std::string longest = dict + std::string(65536 - dict.size(), ' ');
  EXPECT_TRUE(Parse(NpyFile(longest, "x", 2)).ok());
  ExpectInvalid(Parse(NpyFile(longest + " ", "x", 2)).status(), "65537 bytes long");
  ExpectInvalid(Parse(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12)).status(), "4294967295 bytes long");
}

TEST(NpyFormatTest, EveryTruncationIsAnError) {
  const std::string file = NpyFile(Dict("<f4", "(2, 3)"), std::string(24, 'x'));
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(Parse(file.substr(0, size)).status().code(), absl::StatusCode::kInvalidArgument) << size;
  }
  ExpectInvalid(Parse(file + "x").status(), "data goes on after the 24 bytes");
}

TEST(NpyFormatTest, GarbageIsAnErrorOrAnArray) {
  const std::string file = NpyFile(Dict("<f4", "(2, 3)"), std::string(24, 'x'));
  std::mt19937 generator(1);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string broken = file;
    for (int flips = 0; flips < 3; ++flips) {
      broken[generator() % (file.size() - 24)] = static_cast<char>(generator());
    }
    const absl::StatusOr<Tensor> tensor = Parse(broken);
    if (tensor.ok()) {
      EXPECT_EQ(PayloadBytes(tensor->data_type, ElementCount(tensor->shape)), 24);
    }
    refused += tensor.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 15000);
}

TEST(NpyFormatTest, ReadsChosenItemsOnly) {
  const std::string file = NpyFile(Dict("u1", "(5, 2)"), "aabbccddee");
  MemorySource source(file);
  const NpyHeader header = ReadNpyHeader(source).value();
  const size_t before = source.read();
  EXPECT_THAT(ReadNpyItems(header, source, {1, 3}).value(), ElementsAre("bb", "dd"));
  EXPECT_EQ(source.read() - before, 5u);  // and the last byte, to see that it is there

  MemorySource fortran(NpyFile(Dict("u1", "(5, 2)", true), "abcdeABCDE"));
  const NpyHeader other = ReadNpyHeader(fortran).value();
  EXPECT_THAT(ReadNpyItems(other, fortran, {1, 3}).value(), ElementsAre("bB", "dD"));
  MemorySource deep(NpyFile(Dict(">u2", "(2, 2, 2)", true), "0a1b2c3d4e5f6g7h"));
  EXPECT_THAT(ReadNpyItems(ReadNpyHeader(deep).value(), deep, {1}).value(), ElementsAre("b1f5d3h7"));
}

// Larger than the blocks in which scattered elements are read.
TEST(NpyFormatTest, FortranOrderOfManyBlocks) {
  const int64_t items = 700'000;
  std::string data;
  for (int64_t column = 0; column < 5; ++column) {
    for (int64_t item = 0; item < items; ++item) {
      data.push_back(static_cast<char>((item + column * 50) % 251));
    }
  }
  MemorySource source(NpyFile(Dict("u1", "(700000, 5)", true), data));
  const std::vector<int64_t> chosen = {0, 1, 350'000, 699'999};
  const auto read = ReadNpyItems(ReadNpyHeader(source).value(), source, chosen);
  ASSERT_TRUE(read.ok()) << read.status();
  for (size_t i = 0; i < chosen.size(); ++i) {
    for (int64_t column = 0; column < 5; ++column) {
      EXPECT_EQ(static_cast<unsigned char>((*read)[i][static_cast<size_t>(column)]), (chosen[i] + column * 50) % 251);
    }
  }
}

TEST(NpyTest, ReadsAFile) {
  const std::string path = WriteTemp("a.npy", NpyFile(Dict("<i2", "(2,)"), "abcd"));
  const auto arrays = ReadAll(path);
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->at("").data_type, TensorProto::INT16);
  EXPECT_EQ(arrays->at("").bytes, "abcd");
}

TEST(NpyTest, DeclaredSizeIsCheckedFirst) {
  const std::string trillion = WriteTemp("a.npy", NpyFile(Dict("<f4", "(1000000000000,)"), "abcd"));
  ExpectInvalid(ArrayFile::Open(trillion).status(), "expected 4000000000000 bytes of data, found 4");
  ExpectInvalid(ArrayFile::Open(WriteTemp("a.npy", NpyFile(Dict("<f4", "(1,)"), "abcde"))).status(), "found 5");
}

// A file with a hole of 4 GiB: reading it whole would take a while, and the memory.
TEST(NpyTest, BigFilesAreNotReadWhole) {
  const std::string path = WriteTemp("a.npy", NpyFile(Dict("u1", "(4294967296, 1)"), ""));
  const auto header = static_cast<int64_t>(std::filesystem::file_size(path));
  std::filesystem::resize_file(path, static_cast<uintmax_t>(header) + (uintmax_t{1} << 32));
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(header + (int64_t{3} << 30));
    file.put('x');
  }
  const absl::StatusOr<ArrayFile> file = ArrayFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->ReadItems("", {0, int64_t{3} << 30}).value(), ElementsAre(std::string(1, '\0'), "x"));
}

TEST(NpyTest, AFileThatChangesIsAnError) {
  const std::string path = WriteTemp("a.npy", NpyFile(Dict("u1", "(2, 1)"), "ab"));
  const ArrayFile file = ArrayFile::Open(path).value();
  std::ofstream(path) << NpyFile(Dict("u1", "(1, 2)"), "ab");
  ExpectError(file.ReadItems("", {1}).status(), absl::StatusCode::kUnavailable, "changed while it was read");
}

TEST(NpyTest, WhatIsNoArrayFile) {
  const std::string path = WriteTemp("a.npy", "hello");
  ExpectInvalid(ArrayFile::Open(path).status(), path);
  ExpectInvalid(ArrayFile::Open(WriteTemp("a.npy", "hello world")).status(), "not a .npy file");
  ExpectInvalid(ArrayFile::Open(WriteTemp("a.npy", "")).status(), "ends too early");
  ExpectError(ArrayFile::Open(path + ".missing").status(), absl::StatusCode::kNotFound, path + ".missing");
  ExpectError(ArrayFile::Open(path + "/below").status(), absl::StatusCode::kNotFound, "below");
  const std::string folder = std::filesystem::path(path).parent_path();
  ExpectInvalid(ArrayFile::Open(folder).status(), "is a folder");
  ASSERT_EQ(mkfifo((folder + "/pipe").c_str(), 0600), 0);
  ExpectInvalid(ArrayFile::Open(folder + "/pipe").status(), "is a pipe");  // and does not wait
}

TEST(NpzTest, ReadsStoredAndCompressed) {
  const std::map<std::string, std::string> entries = {{"image.npy", NpyFile(Dict("u1", "(2,)"), "xy")},
                                                      {"scope/x:0.npy", NpyFile(Dict("u1", "(1, 3)"), "abc")},
                                                      {"h\xc3\xb6he.npy", NpyFile(Dict("u1", "()"), "z")}};
  for (const bool compressed : {false, true}) {
    const std::string path = WriteTemp("a.npz", ZipFile(entries, compressed));
    const auto arrays = ReadAll(path);
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    ASSERT_EQ(arrays->size(), 3u);
    EXPECT_EQ(arrays->at("image").bytes, "xy");
    EXPECT_EQ(arrays->at("scope/x:0").bytes, "abc");
    EXPECT_EQ(arrays->at("h\xc3\xb6he").bytes, "z");
    EXPECT_EQ(ArrayFile::Open(path)->arrays().at("scope/x:0").shape, (Shape{1, 3}));
  }
}

// As NumPy writes names outside ASCII: with bit 11 of the flags set, in both headers of an entry.
TEST(NpzTest, NamesMarkedAsUtf8) {
  std::string zip = ZipFile({{"h\xc3\xb6he.npy", NpyFile(Dict("u1", "()"), "z")}}, false);
  zip[zip.find("PK\3\4") + 7] |= 8;
  zip[zip.find("PK\1\2") + 9] |= 8;
  const auto arrays = ReadAll(WriteTemp("a.npz", zip));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->at("h\xc3\xb6he").bytes, "z");
}

TEST(NpzTest, ReadsChosenItemsOnly) {
  const std::map<std::string, std::string> entries = {{"a.npy", NpyFile(Dict("u1", "(5, 2)"), "aabbccddee")},
                                                      {"b.npy", NpyFile(Dict("u1", "(5, 2)", true), "abcdeABCDE")}};
  for (const bool compressed : {false, true}) {
    const ArrayFile file = ArrayFile::Open(WriteTemp("a.npz", ZipFile(entries, compressed))).value();
    EXPECT_THAT(file.ReadItems("a", {1, 3}).value(), ElementsAre("bb", "dd"));
    EXPECT_THAT(file.ReadItems("b", {0, 4}).value(), ElementsAre("aA", "eE"));
    EXPECT_THAT(file.ReadItems("b", {}).value(), ElementsAre());
  }
}

TEST(NpzTest, EntriesThatAreNoArrays) {
  const std::string array = NpyFile(Dict("u1", "(2,)"), "xy");
  const auto status = [](const std::map<std::string, std::string>& entries) {
    return ReadAll(WriteTemp("a.npz", ZipFile(entries, true))).status();
  };
  ExpectInvalid(status({{"readme.txt", "hello"}}), "entry 'readme.txt' is no .npy");
  ExpectInvalid(status({{".npy", array}}), "is no .npy");
  ExpectInvalid(status({{"a.npy", array + std::string(1000000, '\0')}}), "array 'a': data goes on");
  ExpectInvalid(status({{"a.npy", NpyFile(Dict("u1", "(10000000000,)"), "xy")}}), "array 'a': the .npy data ends");
  ExpectInvalid(status({{"a.npy", NpyFile(Dict("|O", "(1,)"), "xy")}}), "unpickling");
  ExpectInvalid(status({}), "not a readable .npz");
}

TEST(NpzTest, SameNameTwice) {
  const std::string array = NpyFile(Dict("u1", "(2,)"), "xy");
  std::string zip = ZipFile({{"aa.npy", array}, {"ab.npy", array}}, false);
  for (size_t place = zip.find("ab.npy"); place != std::string::npos; place = zip.find("ab.npy")) {
    zip[place + 1] = 'a';
  }
  ExpectInvalid(ReadAll(WriteTemp("a.npz", zip)).status(), "array 'aa': there are two of it");
}

TEST(NpzTest, DamagedZipsAreErrors) {
  const std::string data(300, 'x');
  const std::string zip = ZipFile({{"a.npy", NpyFile(Dict("u1", "(300,)"), data)}}, false);
  for (size_t size = 2; size < zip.size(); ++size) {
    EXPECT_FALSE(ReadAll(WriteTemp("a.npz", zip.substr(0, size))).ok()) << size;
  }
  std::string changed = zip;
  changed[zip.find(data) + 100] = 'y';  // the checksum tells
  ExpectInvalid(ReadAll(WriteTemp("a.npz", changed)).status(), "array 'a'");
}

TEST(NpzTest, RandomDamageNeverCrashes) {
  const std::string zip = ZipFile({{"a.npy", NpyFile(Dict("u1", "(300,)"), std::string(300, 'x'))}}, true);
  std::mt19937 generator(2);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string broken = zip;
    broken[2 + generator() % (zip.size() - 2)] = static_cast<char>(generator());
    refused += ReadAll(WriteTemp("a.npz", broken)).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace cnnopt
