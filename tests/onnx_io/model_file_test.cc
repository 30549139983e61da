#include "onnx_io/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/checksum.h"
#include "tests/testing/model.h"
#include "tests/testing/status.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::FileBytes;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ModelFromText;
using testing::TempFolder;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kTooMuch = absl::StatusCode::kResourceExhausted;

onnx::ModelProto SmallModel() {
  return ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1,2,4] x) => (float[1,2,2] y) <float[2,2,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> {
      y = Conv(x, w)
    })");
}

// With one of everything that has to survive.
onnx::ModelProto RichModel() {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1, "com.microsoft" : 1], producer_name: "test",
     metadata_props: ["key" : "value"]>
    g (float[1,2,4] x, bool c) => (float[1,2,4] y) {
      w = Constant<value = float[2,2,1] {1, 2, 3, 4}>()
      z = Conv(x, w)
      v = local.Twice(z)
      f = com.microsoft.FusedThing<secret = 1>(v)
      y = If(c) <then_branch = t () => (float[1,2,4] a) { a = Relu(f) },
                 else_branch = e () => (float[1,2,4] b) { b = Neg(v) }>
    }
    <domain: "local", opset_import: ["" : 17]> Twice (a) => (s) { s = Add(a, a) })");
  model.GetReflection()->MutableUnknownFields(&model)->AddLengthDelimited(1000, "from the future");
  onnx::NodeProto& conv = *model.mutable_graph()->mutable_node(1);
  conv.GetReflection()->MutableUnknownFields(&conv)->AddVarint(999, 42);
  conv.set_doc_string("kept");
  conv.add_metadata_props()->set_key("node key");
  model.mutable_graph()->add_quantization_annotation()->set_tensor_name("z");
  model.add_training_info()->mutable_algorithm()->set_name("training");
  return model;
}

std::string Bytes(const onnx::ModelProto& model) { return model.SerializeAsString(); }

// --- reading

TEST(ReadModel, GivesTheModelAndItsSize) {
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", Bytes(SmallModel()));
  const absl::StatusOr<ModelFile> file = ReadModel(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(Bytes(file->proto), Bytes(SmallModel()));
  EXPECT_EQ(file->path, path);
  EXPECT_EQ(file->bytes, static_cast<int64_t>(Bytes(SmallModel()).size()));
  EXPECT_FALSE(file->had_external_data);
}

TEST(ReadModel, SaysWhatAFileIsInsteadOfAModel) {
  const std::vector<std::pair<std::string, const char*>> contents = {
      {"", "the file is empty"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer"},
      {"\n\n<!DOCTYPE html><html></html>", "web page"},
      {"\xef\xbb\xbf<HTML>", "web page"},
      {"<?xml version='1.0'?>", "web page"},
      {"\x1f\x8b\x08rest", "gzip"},
      {"PK\x03\x04rest", "zip file, as PyTorch"},
      {std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"},
      {"7z\xbc\xaf\x27\x1crest", "7z file"},
      {std::string("model.onnx") + std::string(247, '\0') + "ustar", "tar file"},
      {"ptrtrest", "TensorRT plan"},
      {"\x80\x02\x8a\x0alrest", "PyTorch checkpoint"},
      {"\x80\x04\x95rest", "pickle"},
      {"7767517\n75 83\n", "ncnn model"},
      {"name: \"net\"\nlayer {\n", "Caffe network"},
      {"<ir_version: 8, opset_import: [\"\" : 17]>\n", "ONNX's text form"},
      {"\x89PNG\r\n", "picture"},
      {"\xff\xd8\xff\xe0", "picture"},
      {std::string("\x32\0\0\0\0\0\0\0{\"__metadata__\":{", 25), "safetensors"},
      {"{\"irVersion\": \"8\"}", "JSON file"},
      {"x = 1\n", "not an ONNX model"},
      {std::string(1, '\0'), "not an ONNX model"},
      {"\x08\x08", "it has no graph"},
  };
  const TempFolder folder;
  for (const auto& [bytes, message] : contents) {
    const std::string path = folder.Write("m.onnx", bytes);
    EXPECT_THAT(ReadModel(path), FailsWith(kInvalid, message));
    EXPECT_THAT(ReadModel(path), FailsWith(kInvalid, path));
  }
}

TEST(ReadModel, RefusesWhatIsNotAFile) {
  const TempFolder folder;
  EXPECT_THAT(ReadModel(folder.Path("none.onnx")), FailsWith(absl::StatusCode::kNotFound, "none.onnx': No such file"));
  EXPECT_THAT(ReadModel(folder.path()), FailsWith(kInvalid, "is a folder, not a file"));
  EXPECT_THAT(ReadModel("/dev/zero"), FailsWith(kInvalid, "'/dev/zero' is a device, not a file"));
  EXPECT_THAT(ReadModel(""), FailsWith(kInvalid, "an empty file name"));
  EXPECT_THAT(ReadModel(std::string("a\0b", 3)), FailsWith(kInvalid, "NUL"));
  const std::string pipe = folder.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadModel(pipe), FailsWith(kInvalid, "is a pipe, not a file"));  // and does not wait for a writer
}

TEST(ReadModel, EveryPrefixIsRefusedOrAModelOfItsOwn) {
  const TempFolder folder;
  const std::string bytes = Bytes(RichModel());
  int accepted = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    const absl::StatusOr<ModelFile> file = ReadModel(folder.Write("m.onnx", bytes.substr(0, length)));
    if (file.ok()) {
      ++accepted;  // the cut fell between two fields of the model itself, after all it needs
      EXPECT_EQ(Bytes(file->proto).size(), length);
    } else {
      EXPECT_EQ(file.status().code(), kInvalid);
    }
  }
  EXPECT_LT(accepted, 10);
}

TEST(ReadModel, EveryChangedByteIsRefusedOrRead) {
  const TempFolder folder;
  const std::string bytes = Bytes(RichModel());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      static_cast<void>(ReadModel(folder.Write("m.onnx", changed)));  // must return
    }
  }
}

TEST(ReadModel, RefusesWhatFollowsAModel) {
  const TempFolder folder;
  const std::string bytes = Bytes(SmallModel());
  EXPECT_THAT(ReadModel(folder.Write("m.onnx", bytes + bytes)),
              FailsWith(kInvalid, "appears twice, as when two files"));
  for (const char* garbage : {"x", "\n", "garbage", "\xff\xff\xff\xff"}) {
    EXPECT_THAT(ReadModel(folder.Write("m.onnx", bytes + garbage)), FailsWith(kInvalid, "not an ONNX model"));
  }
}

TEST(ReadModel, ABigClaimIsRefusedAtOnceAndWithoutMemory) {
  onnx::ModelProto model = SmallModel();
  onnx::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.clear_dims();
  tensor.add_dims(1'000'000'000'000);
  tensor.clear_float_data();
  tensor.set_raw_data("four");
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", Bytes(model));
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(ReadModel(path), FailsWith(kInvalid, "tensor 'w': raw_data holds 4 bytes"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 50 << 10);  // KiB
}

TEST(ReadModel, ALengthBeyondTheFileIsRefusedWithoutMemory) {
  const TempFolder folder;
  // Field 7, the graph, of almost 2 GiB.
  EXPECT_THAT(ReadModel(folder.Write("m.onnx", "\x3a\xff\xff\xff\xff\x07xx")),
              FailsWith(kInvalid, "a field of 2147483647 bytes does not fit into the 2 that follow"));
}

TEST(ReadModel, MessagesNestedTooDeepForProtobufAreRefused) {
  // graph (7) > node (1) > attribute (5) > graph (6) > ...
  std::string bytes;
  const auto wrap = [&](char tag) {
    std::string length;
    for (size_t rest = bytes.size(); length.empty() || rest > 0; rest >>= 7) {
      length.push_back(static_cast<char>((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0)));
    }
    bytes = std::string(1, tag) + length + bytes;
  };
  for (int i = 0; i < 50; ++i) {
    wrap('\x32');  // attribute.g
    wrap('\x2a');  // node.attribute
    wrap('\x0a');  // graph.node
  }
  wrap('\x3a');
  const TempFolder folder;
  EXPECT_THAT(ReadModel(folder.Write("m.onnx", bytes)), FailsWith(kInvalid, "nested more than 100 deep"));
}

TEST(ReadModel, SizeHasALimit) {
  const TempFolder folder;
  const std::string bytes = Bytes(SmallModel());
  const std::string path = folder.Write("m.onnx", bytes);
  Limits limits;
  limits.file_bytes = static_cast<int64_t>(bytes.size());
  EXPECT_THAT(ReadModel(path, limits), IsOk());
  --limits.file_bytes;
  EXPECT_THAT(ReadModel(path, limits),
              FailsWith(kTooMuch, absl::StrCat("the size of the file is ", bytes.size(), ", the limit is ",
                                               bytes.size() - 1, " (--max-file-bytes)")));
}

TEST(ReadModel, SizeIsLimitedByWhatProtobufCanParse) {
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", "\x08\x08");
  std::filesystem::resize_file(path, uintmax_t{1} << 31);  // a hole
  Limits limits;
  limits.file_bytes = int64_t{1} << 40;
  EXPECT_THAT(ReadModel(path, limits), FailsWith(kTooMuch, "is 2147483648"));
}

// A hundred thousand empty nodes take 200 kB in the file and 20 MB in memory.
TEST(ReadModel, MemoryHasALimit) {
  onnx::ModelProto model = SmallModel();
  for (int i = 0; i < 100'000; ++i) {
    model.mutable_graph()->add_node();
  }
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", Bytes(model));
  Limits limits;
  limits.memory_bytes = 10'000'000;
  EXPECT_THAT(ReadModel(path, limits), FailsWith(kTooMuch, "the limit is 10000000 (--max-model-memory)"));
  limits.memory_bytes = 100'000'000;
  EXPECT_THAT(ReadModel(path, limits), FailsWith(kInvalid, "has no operator"));
}

TEST(ReadModel, PassesTheLimitsOn) {
  const TempFolder folder;
  Limits limits;
  limits.nodes = 0;
  EXPECT_THAT(ReadModel(folder.Write("m.onnx", Bytes(SmallModel())), limits), FailsWith(kTooMuch, "(--max-nodes)"));
}

TEST(ReadModel, SortsNodesAndKeepsTheOrderWhereItCan) {
  onnx::ModelProto model = ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1] x, bool c) => (float[1] y) {
      y = If(c) <then_branch = t () => (float[1] a) { a = Add(i, b) i = Neg(b) },
                 else_branch = e () => (float[1] q) { q = Neg(x) }>
      r = Relu(x)
      s = Abs(x)
      b = Neg(r)
    })");
  const TempFolder folder;
  const absl::StatusOr<ModelFile> file = ReadModel(folder.Write("m.onnx", Bytes(model)));
  ASSERT_THAT(file, IsOk());
  std::vector<std::string> outputs;
  for (const onnx::NodeProto& node : file->proto.graph().node()) {
    outputs.push_back(node.output(0));
  }
  EXPECT_THAT(outputs, ElementsAre("r", "b", "y", "s"));
  const onnx::GraphProto& then = file->proto.graph().node(2).attribute(0).g();
  EXPECT_EQ(then.node(0).output(0), "i");
  EXPECT_EQ(then.node(1).output(0), "a");
}

TEST(ReadModel, RunsTheSchemaCheck) {
  onnx::ModelProto model = SmallModel();
  model.mutable_graph()->mutable_node(0)->mutable_input()->RemoveLast();
  const TempFolder folder;
  EXPECT_THAT(ReadModel(folder.Write("m.onnx", Bytes(model))), FailsWith(kInvalid, "Conv 'y': "));
}

// --- writing

TEST(WriteModel, WhatIsReadAndWrittenIsTheSame) {
  const onnx::ModelProto model = RichModel();
  const TempFolder folder;
  absl::StatusOr<ModelFile> file = ReadModel(folder.Write("in.onnx", Bytes(model)));
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(WriteModel(file->proto, folder.Path("out.onnx")), IsOk());
  EXPECT_EQ(FileBytes(folder.Path("out.onnx")), Bytes(model));
  EXPECT_THAT(folder.Names(), ElementsAre("in.onnx", "out.onnx"));
}

TEST(WriteModel, NamesNobodyCanPrintSurvive) {
  onnx::ModelProto model = SmallModel();
  for (const std::string& name : {std::string("\xff\xfe\x01"), std::string(1'000'000, 'n'), std::string("a:0/b c")}) {
    onnx::NodeProto& node = *model.mutable_graph()->add_node();
    node.set_op_type("Relu");
    node.set_name(name);
    node.add_input("x");
    node.add_output(name);
  }
  const TempFolder folder;
  ASSERT_THAT(WriteModel(model, folder.Path("m.onnx")), IsOk());
  const absl::StatusOr<ModelFile> file = ReadModel(folder.Path("m.onnx"));
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(Bytes(file->proto), Bytes(model));
}

TEST(WriteModel, ReplacesAnOldFileAndKeepsItsPermissions) {
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", "old");
  onnx::ModelProto model = SmallModel();
  for (const mode_t mode : {mode_t{0600}, mode_t{0664}, mode_t{0444}}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    ASSERT_THAT(WriteModel(model, path), IsOk());
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, mode);
  }
  EXPECT_EQ(FileBytes(path), Bytes(model));
}

TEST(WriteModel, NewFilesHaveThePermissionsOfTheUmask) {
  const TempFolder folder;
  onnx::ModelProto model = SmallModel();
  const mode_t old = umask(027);
  const absl::Status status = WriteModel(model, folder.Path("m.onnx"), {.external_threshold = 1});
  umask(old);
  ASSERT_THAT(status, IsOk());
  for (const std::string& name : folder.Names()) {
    struct stat info{};
    ASSERT_EQ(stat(folder.Path(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, mode_t{0640});
  }
}

TEST(WriteModel, WritesThroughLinksAndKeepsThem) {
  const TempFolder folder;
  folder.Write("real/m.onnx", "old");
  const std::string link = folder.Link("m.onnx", "hop.onnx");
  folder.Link("hop.onnx", folder.Path("real/m.onnx"));
  const std::string dangling = folder.Link("new.onnx", "real/new.onnx");
  onnx::ModelProto model = SmallModel();
  ASSERT_THAT(WriteModel(model, link), IsOk());
  ASSERT_THAT(WriteModel(model, dangling), IsOk());
  EXPECT_EQ(FileBytes(folder.Path("real/m.onnx")), Bytes(model));
  EXPECT_EQ(FileBytes(folder.Path("real/new.onnx")), Bytes(model));
  for (const std::string& path : {link, dangling}) {
    EXPECT_TRUE(std::filesystem::is_symlink(path));
  }
  const std::string circle = folder.Link("circle", "circle");
  EXPECT_THAT(WriteModel(model, circle), FailsWith(absl::StatusCode::kUnavailable, "circle"));
}

TEST(WriteModel, RefusesPlacesWhereNoFileCanBe) {
  const TempFolder folder;
  folder.Write("file", "");
  folder.Write("sub/file", "");
  onnx::ModelProto model = SmallModel();
  EXPECT_THAT(WriteModel(model, folder.Path("none/m.onnx")), FailsWith(absl::StatusCode::kNotFound, "none/m.onnx"));
  EXPECT_THAT(WriteModel(model, folder.Path("file/m.onnx")), FailsWith(absl::StatusCode::kNotFound, "file/m.onnx"));
  EXPECT_THAT(WriteModel(model, folder.Path("sub")), FailsWith(kInvalid, "is a folder"));
  EXPECT_THAT(WriteModel(model, folder.Path("sub/")), FailsWith(kInvalid, "is a folder"));
  EXPECT_THAT(WriteModel(model, folder.Path("new/")), FailsWith(kInvalid, "is a folder"));
  EXPECT_THAT(WriteModel(model, folder.Path("sub/..")), FailsWith(kInvalid, "is a folder"));
  EXPECT_THAT(WriteModel(model, ""), FailsWith(kInvalid, "empty file name"));
  EXPECT_THAT(WriteModel(model, "/dev/null"), FailsWith(kInvalid, "is a device"));
  EXPECT_THAT(WriteModel(model, "/proc/none.onnx"), ::testing::Not(IsOk()));
  EXPECT_THAT(folder.Names(), ElementsAre("file", "sub"));
}

// Runs f in a child process; gives whether it returned true.
template <typename F>
bool InChild(F f) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(f() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void LimitFileSize(rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {bytes, bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(WriteModel, AFullDiskLeavesTheOldFileAndNothingElse) {
  const TempFolder folder;
  const std::string path = folder.Write("m.onnx", "old");
  onnx::ModelProto model = SmallModel();
  const std::string before = Bytes(model);
  const size_t needed = before.size();
  for (size_t bytes = 0; bytes < needed; bytes += 1 + needed / 7) {
    for (const int64_t threshold : {-1, 1}) {
      EXPECT_TRUE(InChild([&] {
        LimitFileSize(bytes);
        const absl::Status status = WriteModel(model, path, {.external_threshold = threshold});
        // With external data both files are smaller, so it may fit.
        return (status.ok() && threshold > 0) ||
               (status.code() == kTooMuch && FileBytes(path) == "old" && Bytes(model) == before &&
                folder.Names() == std::vector<std::string>{"m.onnx"});
      })) << bytes;
      folder.Write("m.onnx", "old");
      for (const std::string& name : folder.Names()) {
        if (name != "m.onnx") {
          std::filesystem::remove(folder.Path(name));
        }
      }
    }
  }
  EXPECT_TRUE(InChild([&] {
    LimitFileSize(needed);
    return WriteModel(model, path).ok();
  }));
}

TEST(WriteModel, AFolderNobodyMayWriteIsRefused) {
  const TempFolder folder;
  onnx::ModelProto model = SmallModel();
  const std::string path = folder.Write("m.onnx", "old");
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  EXPECT_TRUE(InChild([&] {
    if (geteuid() == 0 && seteuid(65534) != 0) {
      return false;
    }
    return WriteModel(model, path).code() == absl::StatusCode::kPermissionDenied;
  }));
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(FileBytes(path), "old");
}

// --- temporary files

// The name of a temporary file that a killed process of this host left for "m.onnx".
std::string Leftover(pid_t pid, const std::string& target) {
  char host[65] = {};
  gethostname(host, sizeof(host) - 1);
  std::string name(host);
  for (char& c : name) {
    c = c == '.' ? '-' : c;
  }
  return absl::StrCat(".cnnopt-", Sha256Hex(target).substr(0, 16), ".", name, ".", pid, ".0123abcd.tmp");
}

TEST(WriteModel, SweepsWhatAKilledRunLeft) {
  const pid_t dead = fork();
  if (dead == 0) {
    _exit(0);
  }
  waitpid(dead, nullptr, 0);
  const TempFolder folder;
  folder.Write(Leftover(dead, "m.onnx"), "half a model");
  const std::string alive = Leftover(getpid(), "m.onnx");
  const std::string other_target = Leftover(dead, "other.onnx");
  folder.Write(alive, "");
  folder.Write(other_target, "");
  folder.Write(".cnnopt-notes.tmp", "");
  onnx::ModelProto model = SmallModel();
  ASSERT_THAT(WriteModel(model, folder.Path("m.onnx")), IsOk());
  EXPECT_THAT(folder.Names(), ::testing::UnorderedElementsAre(alive, other_target, ".cnnopt-notes.tmp", "m.onnx"));
}

TEST(WriteModel, ALongNameIsNoTrouble) {
  const TempFolder folder;
  const std::string name = std::string(250, 'm') + ".onnx";
  onnx::ModelProto model = SmallModel();
  ASSERT_THAT(WriteModel(model, folder.Path(name), {.external_threshold = 1}), IsOk());
  EXPECT_THAT(ReadModel(folder.Path(name)), IsOk());
}

TEST(WriteModel, IsKilledAtAnyMomentWithoutHarm) {
  const TempFolder folder;
  onnx::ModelProto model = SmallModel();
  model.mutable_graph()->set_doc_string(std::string(8 << 20, 'd'));
  const std::string bytes = Bytes(model);
  const std::string path = folder.Write("m.onnx", "old");
  for (int delay = 0; delay < 20; ++delay) {
    const pid_t child = fork();
    if (child == 0) {
      while (true) {
        static_cast<void>(WriteModel(model, path));
      }
    }
    usleep(static_cast<useconds_t>(500 * delay));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string now = FileBytes(path);
    EXPECT_TRUE(now == "old" || now == bytes) << now.size();
  }
  ASSERT_THAT(WriteModel(model, path), IsOk());
  EXPECT_THAT(folder.Names(), ElementsAre("m.onnx"));
}

// --- small things

TEST(WriteFileAtomically, WritesAndReplaces) {
  const TempFolder folder;
  const std::string path = folder.Path("report.json");
  ASSERT_THAT(WriteFileAtomically("first", path), IsOk());
  ASSERT_THAT(WriteFileAtomically(std::string("se\0cond", 7), path), IsOk());
  EXPECT_EQ(FileBytes(path), std::string("se\0cond", 7));
  EXPECT_THAT(WriteFileAtomically("x", folder.Path("none/r")), FailsWith(absl::StatusCode::kNotFound, "none/r"));
  EXPECT_THAT(folder.Names(), ElementsAre("report.json"));
}

// OUT takes its name last. When it cannot, old files are there again, the very same, and new ones are gone.
TEST(StagedFiles, AFailedRenameGivesOldFilesTheirNamesBack) {
  const TempFolder folder;
  const std::string old_report = folder.Write("old.json", "old report");
  struct stat before{}, after{};
  ASSERT_EQ(stat(old_report.c_str(), &before), 0);
  onnx::ModelProto model = SmallModel();
  {
    StagedFiles files;
    ASSERT_THAT(files.StageModel(model, folder.Path("out.onnx"), {.external_threshold = 0}), IsOk());
    ASSERT_THAT(files.StageBytes("new", folder.Path("new.json")), IsOk());
    ASSERT_THAT(files.StageBytes("newer report", old_report), IsOk());
    std::filesystem::create_directory(folder.Path("out.onnx"));
    EXPECT_THAT(files.Publish(), FailsWith(absl::StatusCode::kUnavailable, "out.onnx"));
  }
  EXPECT_EQ(FileBytes(old_report), "old report");
  ASSERT_EQ(stat(old_report.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_THAT(folder.Names(), ElementsAre("old.json", "out.onnx"));
}

TEST(StagedFiles, AllTakeTheirNames) {
  const TempFolder folder;
  folder.Write("old.json", "old report");
  onnx::ModelProto model = SmallModel();
  StagedFiles files;
  ASSERT_THAT(files.StageModel(model, folder.Path("out.onnx")), IsOk());
  ASSERT_THAT(files.StageBytes("newer report", folder.Path("old.json")), IsOk());
  EXPECT_THAT(files.Publish(), IsOk());
  EXPECT_EQ(FileBytes(folder.Path("old.json")), "newer report");
  EXPECT_THAT(ReadModel(folder.Path("out.onnx")), IsOk());
  EXPECT_THAT(folder.Names(), ElementsAre("old.json", "out.onnx"));
}

TEST(SameFile, SeesThroughLinks) {
  const TempFolder folder;
  const std::string file = folder.Write("a", "");
  const std::string link = folder.Link("b", "a");
  const std::string hard = folder.Path("c");
  std::filesystem::create_hard_link(file, hard);
  const std::string other = folder.Write("d", "");
  EXPECT_TRUE(SameFile(file, link));
  EXPECT_TRUE(SameFile(file, hard));
  EXPECT_TRUE(SameFile(file, folder.Path("./a")));
  EXPECT_FALSE(SameFile(file, other));
  EXPECT_FALSE(SameFile(file, folder.Path("none")));
  EXPECT_FALSE(SameFile(folder.Path("none"), folder.Path("none")));
}

TEST(Checksum, IsSha256) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TempFolder folder;
  const std::string bytes(3 << 20, 'b');
  EXPECT_EQ(*FileSha256(folder.Write("f", bytes)), Sha256Hex(bytes));
  EXPECT_EQ(*FileSha256(folder.Write("e", "")), Sha256Hex(""));
  EXPECT_THAT(FileSha256(folder.Path("none")), FailsWith(absl::StatusCode::kNotFound, "none"));
  EXPECT_THAT(FileSha256(folder.path()), FailsWith(kInvalid, "folder"));
}

}  // namespace
}  // namespace cnnopt
