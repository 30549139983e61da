#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/tensor.h"
#include "passes/cleanup/cleanup.h"
#include "tests/testing/expect_rewrite.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {
namespace {

constexpr char kPass[] = "fold-constants";

std::string Model(const std::string& weights, const std::string& nodes, const std::string& interface = "",
                  const std::string& opset = "17") {
  return absl::StrCat("<ir_version: 8, opset_import: [\"\" : ", opset, "]> net ",
                      interface.empty() ? "(float[2,3] x) => (float[2,3] y)" : interface, " <", weights, "> {", nodes,
                      "}");
}

// `node` applied to initializers `weights` and added to x gives what adding initializer `result`, called k, gives.
void ExpectFolded(const std::string& weights, const std::string& node, const std::string& result,
                  const std::string& interface = "", const std::string& opset = "17") {
  SCOPED_TRACE(node);
  ExpectRewrite(kPass, Model(weights, absl::StrCat("k = ", node, " y = Add(x, k)"), interface, opset),
                Model(result, "y = Add(x, k)", interface, opset));
}

TEST(FoldConstants, ConstantNodesOfEveryKind) {
  const std::string result = "float[3] k = {1, 2, 3}";
  ExpectFolded("", "Constant <value = float[3] {1, 2, 3}> ()", result);
  ExpectFolded("", "Constant <value_floats = [1.0, 2.0, 3.0]> ()", result);
  ExpectFolded("", "Constant <value_float = 2.5> ()", "float k = {2.5}");
  const std::string ints = "(int64[2,3] x) => (int64[2,3] y)";
  ExpectFolded("", "Constant <value_ints = [1, 2, 3]> ()", "int64[3] k = {1, 2, 3}", ints);
  ExpectFolded("", "Constant <value_int = 7> ()", "int64 k = {7}", ints);
}

TEST(FoldConstants, AnEmptyListIsAnEmptyTensor) {
  const std::string interface = "(int64[2] x) => (int64[2] y)";
  ExpectRewrite(kPass, Model("", "k = Constant <value_ints : ints = []> () y = Concat <axis = 0> (x, k)", interface),
                Model("int64[0] k = {}", "y = Concat <axis = 0> (x, k)", interface));
}

onnx::ModelProto WithSparseConstant(const std::vector<int64_t>& indices, const std::vector<int64_t>& index_dims,
                                    const std::vector<int64_t>& dims) {
  onnx::ModelProto model = ModelFromText(Model("", "k = Constant <value = float[1] {0}> () y = Add(x, k)"));
  onnx::AttributeProto& attribute = *model.mutable_graph()->mutable_node(0)->mutable_attribute(0);
  attribute.Clear();
  attribute.set_name("sparse_value");
  attribute.set_type(onnx::AttributeProto::SPARSE_TENSOR);
  onnx::SparseTensorProto& sparse = *attribute.mutable_sparse_tensor();
  sparse.mutable_dims()->Add(dims.begin(), dims.end());
  sparse.mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse.mutable_values()->add_dims(2);
  sparse.mutable_values()->add_float_data(5);
  sparse.mutable_values()->add_float_data(-1);
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->mutable_dims()->Add(index_dims.begin(), index_dims.end());
  sparse.mutable_indices()->mutable_int64_data()->Add(indices.begin(), indices.end());
  return model;
}

TEST(FoldConstants, SparseValuesBecomeDense) {
  const onnx::ModelProto after = ModelFromText(Model("float[2,3] k = {0, 5, 0, 0, 0, -1}", "y = Add(x, k)"));
  ExpectRewrite(kPass, WithSparseConstant({1, 5}, {2}, {2, 3}), after);
  ExpectRewrite(kPass, WithSparseConstant({0, 1, 1, 2}, {2, 2}, {2, 3}), after);
  ExpectDeclined(kPass, WithSparseConstant({1, 5}, {2}, {1 << 20, 3}), "too big");
  ExpectDeclined(kPass, WithSparseConstant({1, 6}, {2}, {2, 3}), "index out of range");
  ExpectDeclined(kPass, WithSparseConstant({1}, {1}, {2, 3}), "another number of indices");
}

TEST(FoldConstants, IdentitiesOfConstantsVanish) {
  ExpectRewrite(kPass, Model("float[3] w = {1, 2, 3}", "a = Identity(w) b = Identity(a) c = Add(b, x) y = Mul(c, a)"),
                Model("float[3] w = {1, 2, 3}", "c = Add(w, x) y = Mul(c, w)"));
  ExpectRewrite(kPass, Model("", "k = Constant <value_float = 2.0> () a = Identity(k) y = Mul(x, a)"),
                Model("float k = {2}", "y = Mul(x, k)"));
}

TEST(FoldConstants, Casts) {
  const std::string halves = "(float16[2,3] x) => (float16[2,3] y)";
  ExpectFolded("float[3] w = {1, 0.1, -65504}", "Cast <to = 10> (w)", "float16[3] k = {15360, 11878, 64511}", halves);
  ExpectFolded("float16[3] w = {15360, 11878, 1}", "Cast <to = 1> (w)",
               "float[3] k = {1, 0.0999755859375, 5.9604644775390625e-8}");
  ExpectFolded("double[1] w = {0.1}", "Cast <to = 1> (w)", "float[1] k = {0.1}");
  ExpectFolded("int64[3] w = {1, -2, 16777216}", "Cast <to = 1> (w)", "float[3] k = {1, -2, 16777216}");
  ExpectFolded("bool[2] w = {1, 0}, int64[1] one = {1}", "Cast <to = 1> (w) l = Unsqueeze(k, one)",
               "float[2] k = {1, 0}", "(float[2] x) => (float[2] y)");
  const std::string ints = "(int64[2,3] x) => (int64[2,3] y)";
  ExpectFolded("float[3] w = {1, -2, 3e9}", "Cast <to = 7> (w)", "int64[3] k = {1, -2, 3000000000}", ints);
  ExpectFolded("int32[3] w = {1, -2, 3}", "Cast <to = 7> (w)", "int64[3] k = {1, -2, 3}", ints);
  ExpectFolded("int64[1] w = {-2}", "Cast <to = 6> (w)", "int32[1] k = {-2}", "(int32[3] x) => (int32[3] y)");
  ExpectRewrite(
      kPass,
      Model("float[3] w = {0.5, 0, -3}", "k = Cast <to = 9> (w) y = And(x, k)", "(bool[2,3] x) => (bool[2,3] y)"),
      Model("bool[3] k = {1, 0, 1}", "y = And(x, k)", "(bool[2,3] x) => (bool[2,3] y)"));
}

TEST(FoldConstants, TransposesReshapesAndAxes) {
  const std::string w = "float[2,3] w = {1, 2, 3, 4, 5, 6}";
  const std::string turned = "(float[3,2] x) => (float[3,2] y)";
  ExpectFolded(w, "Transpose(w)", "float[3,2] k = {1, 4, 2, 5, 3, 6}", turned);
  ExpectFolded(w, "Transpose <perm = [1, 0]> (w)", "float[3,2] k = {1, 4, 2, 5, 3, 6}", turned);
  ExpectFolded("float[2,1,3] w = {1, 2, 3, 4, 5, 6}", "Transpose <perm = [2, 0, 1]> (w)",
               "float[3,2,1] k = {1, 4, 2, 5, 3, 6}", "(float[3,2,1] x) => (float[3,2,1] y)");
  const std::string same = "{1, 2, 3, 4, 5, 6}";
  ExpectFolded(w + ", int64[2] s = {3, -1}", "Reshape(w, s)", "float[3,2] k = " + same, turned);
  ExpectFolded(w + ", int64[3] s = {0, 3, 1}", "Reshape(w, s)", "float[2,3,1] k = " + same,
               "(float[2,3,1] x) => (float[2,3,1] y)");
  ExpectFolded("float[1,6] w = " + same + ", int64[1] a = {-2}", "Squeeze(w, a)", "float[6] k = " + same,
               "(float[6] x) => (float[6] y)");
  ExpectFolded("float[1,6,1] w = " + same, "Squeeze(w)", "float[6] k = " + same, "(float[6] x) => (float[6] y)");
  ExpectFolded("float[6] w = " + same + ", int64[2] a = {0, -1}", "Unsqueeze(w, a)", "float[1,6,1] k = " + same,
               "(float[1,6,1] x) => (float[1,6,1] y)");
}

TEST(FoldConstants, AttributesOfOlderOpsets) {
  const std::string same = "{1, 2, 3, 4, 5, 6}";
  ExpectFolded("float[1,6] w = " + same, "Squeeze <axes = [0]> (w)", "float[6] k = " + same,
               "(float[6] x) => (float[6] y)", "11");
  ExpectFolded("float[6] w = " + same, "Unsqueeze <axes = [0, 2]> (w)", "float[1,6,1] k = " + same,
               "(float[1,6,1] x) => (float[1,6,1] y)", "11");
  const std::string interface = "(float[3,2] x) => (float[3,2] y)";
  ExpectRewrite(kPass, Model("float[6] w = " + same, "k = Reshape <shape = [3, 2]> (w) y = Sum(x, k)", interface, "4"),
                Model("float[3,2] k = " + same, "y = Sum(x, k)", interface, "4"), Run::kNo);
}

TEST(FoldConstants, AChainOfAllOfThem) {
  ExpectRewrite(kPass,
                Model("",
                      "c = Constant <value = int32[6] {1, 2, 3, 4, 5, 6}> () i = Identity(c) f = Cast <to = 1> (i)"
                      "s = Constant <value_ints = [2, 3]> () r = Reshape(f, s) t = Transpose(r) j = Identity(t)"
                      "y = Gemm(x, j)",
                      "(float[2,3] x) => (float[2,2] y)"),
                Model("float[3,2] t = {1, 4, 2, 5, 3, 6}", "y = Gemm(x, t)", "(float[2,3] x) => (float[2,2] y)"));
}

TEST(FoldConstants, IntermediateValuesThatOthersReadStay) {
  ExpectRewrite(kPass,
                Model("float[3,2] w = {1, 2, 3, 4, 5, 6}",
                      "t = Transpose(w) u = Transpose(t) a = Add(x, t) b = Add(z, u) y = Gemm(a, b)",
                      "(float[2,3] x, float[3,2] z) => (float[2,2] y)"),
                Model("float[2,3] t = {1, 3, 5, 2, 4, 6}, float[3,2] u = {1, 2, 3, 4, 5, 6}",
                      "a = Add(x, t) b = Add(z, u) y = Gemm(a, b)", "(float[2,3] x, float[3,2] z) => (float[2,2] y)"));
}

TEST(FoldConstants, SubgraphsReadTheInitializer) {
  const std::string branches =
      "y = If (c) <then_branch = a () => (float[2,3] p) { p = Add(x, k) }, else_branch = b () => (float[2,3] q) "
      "{ q = Mul(x, k) }>";
  const std::string interface = "(bool c, float[2,3] x) => (float[2,3] y)";
  ExpectRewrite(kPass, Model("", "k = Constant <value_float = 2.0> () " + branches, interface),
                Model("float k = {2}", branches, interface));
}

TEST(FoldConstants, OldFormatListsTheNewInitializerAmongTheInputs) {
  const std::string nodes = "y = Add(x, k) }";
  ExpectRewrite(kPass,
                "<ir_version: 3, opset_import: [\"\" : 8]> net (float[2,3] x) => (float[2,3] y) {"
                "k = Constant <value = float[3] {1, 2, 3}> () " +
                    nodes,
                "<ir_version: 3, opset_import: [\"\" : 8]> net (float[2,3] x, float[3] k) => (float[2,3] y) <"
                "float[3] k = {1, 2, 3}> {" +
                    nodes);
}

TEST(FoldConstants, ABigConstantMayMoveButNotMultiply) {
  onnx::ModelProto model = ModelFromText(
      Model("float[1] w = {0}", "k = Transpose(w) y = MatMul(x, k)", "(float[2,200] x) => (float[2,300] y)"));
  onnx::TensorProto& w = *model.mutable_graph()->mutable_initializer(0);
  w.Clear();
  w.set_name("w");
  w.set_data_type(onnx::TensorProto::FLOAT);
  w.add_dims(300);
  w.add_dims(200);
  for (int i = 0; i < 60'000; ++i) {
    w.add_float_data(static_cast<float>(i % 7));
  }
  onnx::ModelProto after = model;
  after.mutable_graph()->mutable_node()->DeleteSubrange(0, 1);
  onnx::TensorProto& k = *after.mutable_graph()->mutable_initializer(0);
  k.set_name("k");
  k.set_dims(0, 200);
  k.set_dims(1, 300);
  for (int i = 0; i < 60'000; ++i) {
    k.set_float_data(i, static_cast<float>((i / 300 + i % 300 * 200) % 7));
  }
  ExpectRewrite(kPass, model, after);

  onnx::ModelProto shared = model;
  onnx::NodeProto& other = *shared.mutable_graph()->add_node();
  other.set_op_type("Neg");
  other.add_input("w");
  other.add_output("z");
  ExpectDeclined(kPass, shared, "Transpose 'k': the model would grow by 240000 bytes");

  onnx::ModelProto wider = model;  // a Cast to twice the size, of something big
  wider.mutable_graph()->mutable_node(0)->set_op_type("Cast");
  onnx::AttributeProto& to = *wider.mutable_graph()->mutable_node(0)->add_attribute();
  to.set_name("to");
  to.set_type(onnx::AttributeProto::INT);
  to.set_i(onnx::TensorProto::DOUBLE);
  ExpectDeclined(kPass, wider, "Cast 'k': the model would grow by 240000 bytes");
}

TEST(FoldConstants, ManySmallFoldsTogetherAreLimitedToo) {
  onnx::ModelProto model = ModelFromText(Model("float[1] w = {0}", "y = Relu(x)"));
  onnx::TensorProto& w = *model.mutable_graph()->mutable_initializer(0);
  w.set_dims(0, 16'384);
  w.clear_float_data();
  w.set_raw_data(std::string(65'536, '\0'));
  for (int i = 0; i < 300; ++i) {  // 300 x 64 KiB: more than 16 MiB
    for (const bool reader : {false, true}) {
      onnx::NodeProto& node = *model.mutable_graph()->add_node();
      node.set_op_type(reader ? "Relu" : "Transpose");
      node.add_input(reader ? absl::StrCat("t", i) : "w");
      node.add_output(absl::StrCat(reader ? "r" : "t", i));
    }
  }
  absl::StatusOr<CleanupResult> result = RunCleanup(model, CleanupPasses(), InputConstants::kOverridable);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->applied.size(), 256u);
  EXPECT_EQ(result->declined.size(), 44u);
}

// ---- One test per precondition.

TEST(FoldConstantsDeclines, GraphOutputs) {
  const std::string interface = "(float[3] x) => (float[3] y, float[3] k)";
  const std::string w = "float[3] w = {1, 2, 3}";
  ExpectDeclined(kPass, Model("", "k = Constant <value = float[3] {1, 2, 3}> () y = Add(x, k)", interface),
                 "Constant 'k': it makes a graph output");
  ExpectDeclined(kPass, Model(w, "k = Identity(w) y = Add(x, k)", interface), "Identity 'k': it makes a graph output");
  ExpectDeclined(kPass, Model(w, "k = Transpose(w) y = Add(x, k)", interface),
                 "Transpose 'k': it makes a graph output");
}

TEST(FoldConstantsDeclines, AnIdentityThatASubgraphReads) {
  ExpectDeclined(kPass,
                 Model("float w = {2}",
                       "k = Identity(w) y = If (c) <then_branch = a () => (float[2,3] p) { p = Add(x, k) }, "
                       "else_branch = b () => (float[2,3] q) { q = Mul(x, k) }>",
                       "(bool c, float[2,3] x) => (float[2,3] y)"),
                 "Identity 'k': a subgraph reads its output");
}

TEST(FoldConstantsDeclines, WhatACallerMayOverride) {
  for (const char* op : {"Identity", "Transpose", "Cast <to = 1> "}) {
    ExpectLeftAlone(kPass, Model("float[3] w = {1, 2, 3}", absl::StrCat("k = ", op, "(w) y = Add(x, k)"),
                                 "(float[3] x, float[3] w) => (float[3] y)"));
  }
  ExpectLeftAlone(kPass, Model("float[3] w = {1, 2, 3}", "k = Reshape(w, s) y = Add(x, k)",
                               "(float[3] x, int64[1] s) => (float[3] y)"));
}

TEST(FoldConstantsDeclines, InexactCasts) {
  const auto expect = [](const std::string& weight, int to, const std::string& reason) {
    SCOPED_TRACE(weight);
    ExpectDeclined(kPass, Model(weight, absl::StrCat("k = Cast <to = ", to, "> (w) y = Neg(k)"), "() => (float[1] y)"),
                   reason);
  };
  expect("float[1] w = {0.1}", onnx::TensorProto::BFLOAT16, "no exact counterpart");
  expect("double[1] w = {0.1}", onnx::TensorProto::FLOAT16, "no exact counterpart");
  expect("float[1] w = {1e30}", onnx::TensorProto::FLOAT16, "does not fit into FLOAT16");
  expect("float[1] w = {0.5}", onnx::TensorProto::INT32, "no exact counterpart");
  expect("float[1] w = {3e9}", onnx::TensorProto::INT32, "no exact counterpart");
  expect("float[1] w = {1e19}", onnx::TensorProto::INT64, "no exact counterpart");
  expect("int64[1] w = {16777217}", onnx::TensorProto::FLOAT, "no exact counterpart");
  expect("int64[1] w = {9007199254740993}", onnx::TensorProto::DOUBLE, "no exact counterpart");
  expect("int64[1] w = {-1}", onnx::TensorProto::UINT8, "no exact counterpart");
  expect("int64[1] w = {-1}", onnx::TensorProto::UINT64, "no exact counterpart");
  expect("int64[1] w = {300}", onnx::TensorProto::INT8, "no exact counterpart");
  expect("float[1] w = {1}", onnx::TensorProto::FLOAT8E5M2, "no exact counterpart");
  expect("float[1] w = {1}", onnx::TensorProto::STRING, "the model would grow");
}

TEST(FoldConstantsDeclines, ImpossibleShapesAndAxes) {
  const auto expect = [](const std::string& node, const std::string& reason) {
    SCOPED_TRACE(node);
    ExpectDeclined(kPass,
                   Model("float[2,3] w = {1, 2, 3, 4, 5, 6}, float[0,3] e = {}, int64[2] five = {5, -1}, "
                         "int64[2] twice = {-1, -1}, int64[2] unclear = {0, -1}, int64[2] zero = {0, 0}, "
                         "int64[1] first = {0}, int64[1] far = {7}, int64[2] same = {1, 1}",
                         absl::StrCat("k = ", node, " y = Neg(k)"), "() => (float[1] y)"),
                   reason);
  };
  expect("Reshape(w, five)", "no reshape");
  expect("Reshape(w, twice)", "no reshape");
  expect("Reshape(e, unclear)", "no reshape");
  expect("Reshape <allowzero = 1> (w, zero)", "no reshape");
  expect("Squeeze(w, first)", "cannot be squeezed");
  expect("Squeeze(w, far)", "cannot be squeezed");
  expect("Unsqueeze(w, far)", "cannot be added");
  expect("Unsqueeze(w, same)", "cannot be added");
  expect("Transpose <perm = [0, 0]> (w)", "not understood");
  expect("Transpose <perm = [0]> (w)", "not understood");
}

TEST(FoldConstantsDeclines, Strings) {
  ExpectDeclined(kPass, Model("", "k = Constant <value_string = \"a\"> () y = Equal(k, x)", "(string x) => (bool y)"),
                 "Constant 'k': it holds strings");
}

TEST(FoldConstantsDeclines, QuietlyWhereNothingIsConstant) {
  ExpectLeftAlone(kPass, Model("", "a = Identity(x) y = Transpose <perm = [0, 1]> (a)"));
}

}  // namespace
}  // namespace cnnopt::testing
