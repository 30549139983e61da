// Files made to do harm: each is refused with one line that names the culprit, at once and without memory, and OUT
// stays as it was.
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/limits.h"
#include "onnx_io/model_file.h"
#include "tests/testing/model.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::FileBytes;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunCnnopt;
using testing::TempFolder;

// Sanitizers take memory and time of their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif
constexpr int64_t kMostMemory = 50'000'000;
constexpr double kMostSeconds = 1;
constexpr double kMostWhenBusy = 20;  // on a machine that does other things besides

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// y = Conv(x, w) with a weight [2,2,3,3] in raw_data.
onnx::ModelProto Model() {
  onnx::ModelProto model = testing::ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,8,8] x) => (float[1,2,6,6] y) { y = Conv(x, w) })");
  onnx::TensorProto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : {2, 2, 3, 3}) weight.add_dims(dim);
  weight.set_raw_data(std::string(144, '\1'));
  return model;
}

onnx::TensorProto& Weight(onnx::ModelProto& model) { return *model.mutable_graph()->mutable_initializer(0); }

void SetDims(onnx::ModelProto& model, const std::vector<int64_t>& dims) {
  Weight(model).clear_dims();
  for (const int64_t dim : dims) Weight(model).add_dims(dim);
}

void SetExternal(onnx::ModelProto& model, const std::vector<std::pair<std::string, std::string>>& entries) {
  Weight(model).clear_raw_data();
  Weight(model).set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    onnx::StringStringEntryProto& entry = *Weight(model).add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
}

void SetInts(onnx::ModelProto& model, const char* name, const std::vector<int64_t>& values) {
  onnx::AttributeProto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

void SetGroup(onnx::ModelProto& model, int64_t group) {
  onnx::AttributeProto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("group");
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(group);
}

onnx::NodeProto& Add(onnx::ModelProto& model, const char* op, const char* input, const char* output) {
  onnx::NodeProto& node = *model.mutable_graph()->add_node();
  node.set_op_type(op);
  node.add_input(input);
  node.add_output(output);
  return node;
}

// Ifs within each other's branches.
void Nest(onnx::GraphProto& graph, int depth) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type("If");
  node.add_input("x");
  node.add_output(absl::StrCat("o", depth));
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::AttributeProto& branch = *node.add_attribute();
    branch.set_name(name);
    branch.set_type(onnx::AttributeProto::GRAPH);
    branch.mutable_g()->set_name("b");
    if (depth > 1 && name == std::string("then_branch")) Nest(*branch.mutable_g(), depth - 1);
  }
}

// Functions "f0", "f1", ... each of which calls the next, the last one the first.
void Recurse(onnx::ModelProto& model, int functions) {
  onnx::OperatorSetIdProto& import = *model.add_opset_import();
  import.set_domain("d");
  import.set_version(1);
  for (int i = 0; i < functions; ++i) {
    onnx::FunctionProto& function = *model.add_functions();
    function.set_domain("d");
    function.set_name(absl::StrCat("f", i));
    function.add_input("a");
    function.add_output("b");
    *function.add_opset_import() = import;
    onnx::NodeProto& call = *function.add_node();
    call.set_domain("d");
    call.set_op_type(absl::StrCat("f", (i + 1) % functions));
    call.add_input("a");
    call.add_output("b");
  }
}

// A call of "f0"; each of the functions "f0", "f1", ... calls the next one twice.
void CallDoubled(onnx::ModelProto& model, int functions) {
  Recurse(model, functions);
  for (int i = 0; i < functions; ++i) {
    onnx::FunctionProto& function = *model.mutable_functions(i);
    if (i + 1 == functions) {
      function.mutable_node(0)->set_domain("");
      function.mutable_node(0)->set_op_type("Relu");
      function.mutable_opset_import(0)->clear_domain();
      continue;
    }
    onnx::NodeProto& second = *function.add_node();
    second = function.node(0);
    function.mutable_node(0)->set_output(0, "m");
    second.set_input(0, "m");
  }
  Add(model, "f0", "x", "z").set_domain("d");
}

struct Hostile {
  const char* name;
  std::function<void(onnx::ModelProto&)> edit;
  const char* message;
};

class HostileFile : public ::testing::Test {
 protected:
  HostileFile() { folder_.Write("out.onnx", "old"); }

  void ExpectRefused(const std::string& bytes, const std::string& message, const std::vector<std::string>& flags = {}) {
    const std::vector<std::string> before = folder_.Names();
    folder_.Write("in.onnx", bytes);
    std::vector<std::string> arguments = {folder_.Path("in.onnx"), folder_.Path("out.onnx")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Finished run = RunCnnopt(arguments);
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_EQ(FileBytes(folder_.Path("out.onnx")), "old");
    if (!kSanitized) {
      EXPECT_LT(run.peak_bytes, kMostMemory);
      EXPECT_LT(run.cpu_seconds, kMostSeconds);
      EXPECT_LT(run.seconds, kMostWhenBusy * kMostSeconds);
    }
  }
  void ExpectEachRefused(const std::vector<Hostile>& cases) {
    for (const Hostile& hostile : cases) {
      SCOPED_TRACE(hostile.name);
      onnx::ModelProto model = Model();
      hostile.edit(model);
      ExpectRefused(model.SerializeAsString(), hostile.message);
    }
  }

  TempFolder folder_;
};

TEST_F(HostileFile, TheModelItselfIsFine) {
  folder_.Write("in.onnx", Model().SerializeAsString());
  const Finished run = RunCnnopt(
      {folder_.Path("in.onnx"), folder_.Path("out.onnx"), "--verify=off", "--fit=weights", "--pass=dsc:rank=1"});
  EXPECT_EQ(run.code, 0) << run.err;
}

TEST_F(HostileFile, Dims) {
  ExpectEachRefused({
      {"square of 2^32", [](auto& m) { SetDims(m, {int64_t{1} << 32, int64_t{1} << 32}); }, "'w'"},
      {"twice the most", [](auto& m) { SetDims(m, {kMost, 2}); }, "'w'"},
      {"64 dims", [](auto& m) { SetDims(m, std::vector<int64_t>(64, 2)); }, "the limit is 16 (--max-rank)"},
      {"negative", [](auto& m) { SetDims(m, {-1}); }, "'w'"},
      {"a terabyte with 4 bytes", [](auto& m) { SetDims(m, {1'000'000'000'000}), Weight(m).set_raw_data("1234"); },
       "'w'"},
      {"nothing times much", [](auto& m) { SetDims(m, {0, kMost, 3}), Weight(m).clear_raw_data(), SetGroup(m, 8); },
       ""},
  });
}

TEST_F(HostileFile, Bytes) {
  ExpectEachRefused({
      {"one more", [](auto& m) { Weight(m).mutable_raw_data()->push_back('x'); }, "'w'"},
      {"one less", [](auto& m) { Weight(m).mutable_raw_data()->pop_back(); }, "'w'"},
      {"both fields", [](auto& m) { Weight(m).add_float_data(1); }, "'w'"},
      {"none", [](auto& m) { Weight(m).clear_raw_data(); }, "'w'"},
      {"wrong field",
       [](auto& m) {
         Weight(m).clear_raw_data();
         for (int i = 0; i < 36; ++i) Weight(m).add_int64_data(1);
       },
       "'w'"},
  });
}

TEST_F(HostileFile, ExternalPaths) {
  const TempFolder outside;
  outside.Write("w.bin", std::string(144, '\1'));
  std::filesystem::create_directory(folder_.Path("sub"));
  folder_.Link("link.bin", outside.Path("w.bin"));
  folder_.Link("parent", outside.path());
  ASSERT_EQ(mkfifo(folder_.Path("fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {std::string(), std::string("a\0b", 3), outside.Path("w.bin"), std::string("../w.bin"),
        std::string("sub/../../w.bin"), std::string("..\\w.bin"), std::string("C:w.bin"), std::string("/dev/zero"),
        std::string("fifo"), std::string("sub"), std::string("link.bin"), std::string("parent/w.bin"),
        std::string("missing.bin"), std::string("/proc/self/mem")}) {
    SCOPED_TRACE(path);
    onnx::ModelProto model = Model();
    SetExternal(model, {{"location", path}});
    ExpectRefused(model.SerializeAsString(), "'w'");
  }
}

TEST_F(HostileFile, ExternalRanges) {
  folder_.Write("w.bin", std::string(144, '\1'));
  for (const char* key : {"offset", "length"}) {
    for (const char* value :
         {"18446744073709551615", "9223372036854775807", "-1", " 1", "1e3", "", "0x10", "145", "+1"}) {
      SCOPED_TRACE(absl::StrCat(key, "=", value));
      onnx::ModelProto model = Model();
      SetExternal(model, {{"location", "w.bin"}, {key, value}});
      ExpectRefused(model.SerializeAsString(), "'w'");
    }
  }
  onnx::ModelProto twice = Model();
  SetExternal(twice, {{"location", "w.bin"}, {"location", "w.bin"}});
  ExpectRefused(twice.SerializeAsString(), "'w'");
  // A declared size that no file backs.
  onnx::ModelProto large = Model();
  SetDims(large, {1'000'000'000, 2, 1'000, 1});
  large.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  SetExternal(large, {{"location", "w.bin"}});
  ExpectRefused(large.SerializeAsString(), "'w'");
}

TEST_F(HostileFile, NestingAndRecursion) {
  ExpectEachRefused({
      {"31 nested Ifs", [](auto& m) { Nest(*m.mutable_graph(), 31); }, "(--max-depth)"},
      {"90 nested Ifs", [](auto& m) { Nest(*m.mutable_graph(), 90); }, ""},
      {"10,000 nested Ifs", [](auto& m) { Nest(*m.mutable_graph(), 10'000); }, ""},
      {"a function that calls itself", [](auto& m) { Recurse(m, 1); }, "f0"},
      {"two that call each other", [](auto& m) { Recurse(m, 2); }, "f"},
      {"25 functions that call the next one twice", [](auto& m) { CallDoubled(m, 25); }, "(--max-nodes)"},
      {"a hundred in a ring", [](auto& m) { Recurse(m, 100); }, "f"},
      {"through an If",
       [](auto& m) {
         Recurse(m, 1);
         onnx::NodeProto call = m.functions(0).node(0);
         onnx::NodeProto& branch = *m.mutable_functions(0)->mutable_node(0);
         branch.Clear();
         branch.set_op_type("If");
         branch.add_input("a");
         branch.add_output("b");
         onnx::AttributeProto& body = *branch.add_attribute();
         body.set_name("then_branch");
         body.set_type(onnx::AttributeProto::GRAPH);
         *body.mutable_g()->add_node() = call;
       },
       "f0"},
  });
}

TEST_F(HostileFile, Graphs) {
  ExpectEachRefused({
      {"a cycle",
       [](auto& m) {
         Add(m, "Relu", "p", "q");
         Add(m, "Relu", "q", "p");
       },
       "cycle"},
      {"its own input", [](auto& m) { Add(m, "Relu", "p", "p"); }, "'p'"},
      {"two producers", [](auto& m) { Add(m, "Relu", "x", "y"); }, "'y'"},
      {"two initializers", [](auto& m) { *m.mutable_graph()->add_initializer() = Weight(m); }, "'w'"},
      {"an input nobody makes", [](auto& m) { Add(m, "Relu", "nothing", "z"); }, "'nothing'"},
      {"an output nobody makes", [](auto& m) { m.mutable_graph()->add_output()->set_name("nowhere"); }, "'nowhere'"},
  });
}

TEST_F(HostileFile, Attributes) {
  ExpectEachRefused({
      {"stride 0", [](auto& m) { SetInts(m, "strides", {0, 1}); }, "strides"},
      {"dilation 0", [](auto& m) { SetInts(m, "dilations", {0, 1}); }, "dilations"},
      {"stride of the least number", [](auto& m) { SetInts(m, "strides", {std::numeric_limits<int64_t>::min(), -1}); },
       "strides"},
      {"group 0", [](auto& m) { SetGroup(m, 0); }, "group"},
      {"group that does not divide", [](auto& m) { SetGroup(m, 3); }, "group"},
      {"group beyond all", [](auto& m) { SetGroup(m, kMost); }, "group"},
      {"kernel over the input", [](auto& m) { SetInts(m, "dilations", {9, 9}); }, "kernel"},
      {"dilation beyond all", [](auto& m) { SetInts(m, "dilations", {kMost, kMost}); }, "dilations"},
      {"pads beyond all", [](auto& m) { SetInts(m, "pads", {kMost, kMost, kMost, kMost}); }, "pads"},
      {"pads negative", [](auto& m) { SetInts(m, "pads", {-1, 0, 0, 0}); }, "pads"},
      {"three strides", [](auto& m) { SetInts(m, "strides", {1, 1, 1}); }, "expected 5 of them"},
      {"another kernel_shape", [](auto& m) { SetInts(m, "kernel_shape", {3, 1}); }, "kernel_shape"},
  });
}

// What only running it shows: the blame is still the model's. How long ONNX Runtime takes is not ours.
TEST_F(HostileFile, CannotBeRun) {
  onnx::ModelProto model = Model();
  Add(model, "Gather", "y", "z").add_input("beyond");
  onnx::TensorProto& index = *model.mutable_graph()->add_initializer();
  index.set_name("beyond");
  index.set_data_type(onnx::TensorProto::INT64);
  index.add_dims(1);
  index.add_int64_data(7);
  model.mutable_graph()->add_output()->set_name("z");
  folder_.Write("in.onnx", model.SerializeAsString());
  const Finished run = RunCnnopt({folder_.Path("in.onnx"), folder_.Path("out.onnx"), "--samples=8"});
  EXPECT_EQ(run.code, 3) << run.err;
  EXPECT_THAT(run.err, HasSubstr("cannot run the model"));
  EXPECT_EQ(FileBytes(folder_.Path("out.onnx")), "old");
}

TEST_F(HostileFile, CutAnywhere) {
  const std::string bytes = Model().SerializeAsString();
  for (size_t size = 0; size < bytes.size(); size += 7) {
    SCOPED_TRACE(size);
    ExpectRefused(bytes.substr(0, size), "in.onnx");
  }
  ExpectRefused(bytes + bytes, "");
}

// Folding constants must not blow a small file up: such nodes stay.
TEST_F(HostileFile, Bombs) {
  for (const char* nodes : {"b = ConstantOfShape(n)", "s = Constant<value_float = 1.0>() b = Expand(s, n)",
                            "s = Constant<value_floats = [1.0]>() b = Tile(s, n)",
                            "r = ConstantOfShape(n) b = Identity(r)", "r = ConstantOfShape(n) b = Cast<to = 1>(r)"}) {
    SCOPED_TRACE(nodes);
    onnx::ModelProto model = testing::ModelFromText(absl::StrCat(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,8,8] x) => (float[1,2,6,6] y, float[] z)
           <int64[1] n = {1000000000000}> { y = Conv(x, w) )",
        nodes, " z = ReduceSum(b) }"));
    *model.mutable_graph()->add_initializer() = Model().graph().initializer(0);
    folder_.Write("in.onnx", model.SerializeAsString());
    const Finished run = RunCnnopt(
        {folder_.Path("in.onnx"), folder_.Path("out.onnx"), "--verify=off", "--fit=weights", "--pass=dsc:rank=1"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_LT(std::filesystem::file_size(folder_.Path("out.onnx")), 10'000u);
    if (!kSanitized) {
      EXPECT_LT(run.peak_bytes, kMostMemory);
    }
  }
}

// Each limit holds at N and not at N + 1, by its flag.
TEST_F(HostileFile, LimitsByFlag) {
  onnx::ModelProto model = Model();
  Add(model, "Relu", "y", "a_name_of_18_bytes");
  Nest(*model.mutable_graph(), 3);
  const std::string bytes = model.SerializeAsString();
  const std::vector<std::pair<std::string, int64_t>> needed = {
      {"--max-file-bytes", static_cast<int64_t>(bytes.size())},
      {"--max-nodes", 5},
      {"--max-initializers", 1},
      {"--max-depth", 3},
      {"--max-rank", 4},
      {"--max-name-bytes", 18},
      {"--max-identifier-bytes", 11},
  };
  EXPECT_EQ(needed.size() + 1, AllLimits().size());  // --max-model-memory is an estimate: below
  for (const auto& [flag, n] : needed) {
    SCOPED_TRACE(flag);
    if (n > 1) {  // the flags take numbers from 1 on
      ExpectRefused(bytes, absl::StrCat("the limit is ", n - 1, " (", flag, ")"), {absl::StrCat(flag, "=", n - 1)});
    }
    folder_.Write("in.onnx", bytes);
    const Finished run = RunCnnopt({folder_.Path("in.onnx"), folder_.Path("new.onnx"), absl::StrCat(flag, "=", n),
                                    "--verify=off", "--fit=weights", "--pass=dsc:rank=1"});
    EXPECT_THAT(run.err, ::testing::Not(HasSubstr("the limit is"))) << run.err;
  }
  onnx::ModelProto two = Model();
  *two.mutable_graph()->add_initializer() = Weight(two);
  two.mutable_graph()->mutable_initializer(1)->set_name("v");
  ExpectRefused(two.SerializeAsString(), "the limit is 1 (--max-initializers)", {"--max-initializers=1"});
  ExpectRefused(bytes, "(--max-model-memory)", {"--max-model-memory=1KB"});
}

}  // namespace
}  // namespace cnnopt
