#include "runtime/lend.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx_io/borrow.h"
#include "tests/testing/model.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;

// A model with something in every corner, and unknown fields as a newer onnx would write them.
onnx::ModelProto OddModel() {
  onnx::ModelProto model = testing::ModelFromText(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1], producer_name: "odd", metadata_props: ["key": "value"]>
    g (float[4] x) => (float[4] y) <float[4] small = {1, 2, 3, 4}> { a = local.f(x)  b = Add(a, small)  y = Add(b, big) }
    <domain: "local", opset_import: ["" : 17]>
    f (x) => (y) { y = Relu(x) })");
  onnx::TensorProto& big = *model.mutable_graph()->add_initializer();
  big.set_name("big");
  big.set_data_type(onnx::TensorProto::FLOAT);
  big.add_dims(4);
  big.set_raw_data(std::string(16, 'x'));
  model.mutable_unknown_fields()->AddLengthDelimited(900, "new in the model");
  model.mutable_graph()->mutable_unknown_fields()->AddVarint(901, 7);
  return model;
}

TEST(LendTest, OnlyTheBigPayloadIsMissing) {
  const onnx::ModelProto model = OddModel();
  const std::string before = model.SerializeAsString();
  const LentModel lent = Lend(model, 16);
  EXPECT_EQ(model.SerializeAsString(), before);
  ASSERT_THAT(lent.lent, ElementsAre(&model.graph().initializer(1)));

  const onnx::TensorProto& stub = lent.model.graph().initializer(1);
  EXPECT_EQ(stub.name(), "big");
  EXPECT_THAT(stub.dims(), ElementsAre(4));
  EXPECT_FALSE(stub.has_raw_data());
  EXPECT_EQ(stub.data_location(), onnx::TensorProto::EXTERNAL);
  onnx::ModelProto restored = lent.model;
  *restored.mutable_graph()->mutable_initializer(1) = model.graph().initializer(1);
  EXPECT_EQ(restored.SerializeAsString(), before);
}

TEST(LendTest, WhatIsNotLent) {
  onnx::ModelProto model = OddModel();
  EXPECT_TRUE(Lend(model, 17).lent.empty());  // too small
  EXPECT_EQ(Lend(model, 17).model.SerializeAsString(), model.SerializeAsString());

  model.mutable_graph()->mutable_initializer(1)->set_dims(0, 5);  // payload and shape disagree
  EXPECT_TRUE(Lend(model, 16).lent.empty());
  model.mutable_graph()->mutable_initializer(1)->set_dims(0, 4);
  EXPECT_EQ(Lend(model, 16).lent.size(), 1u);

  model.mutable_graph()->add_input()->set_name("big");  // a caller can override it
  EXPECT_TRUE(Lend(model, 16).lent.empty());
  model.set_ir_version(3);  // where every initializer is listed as input
  EXPECT_EQ(Lend(model, 16).lent.size(), 1u);
}

TEST(LendTest, WhatAModelBorrowsIsLentOn) {
  onnx::ModelProto model = OddModel();
  const LentModel lent = Lend(Borrow(model, 16), 16);
  const onnx::ModelProto plain = Lend(model, 16).model;
  EXPECT_EQ(lent.lent.size(), 1u);
  EXPECT_EQ(lent.model.SerializeAsString(), plain.SerializeAsString());

  model.mutable_graph()->add_input()->set_name("big");  // a caller can override it: ONNX Runtime gets a copy
  EXPECT_TRUE(Lend(Borrow(model, 16), 16).lent.empty());
  EXPECT_EQ(Lend(Borrow(model, 16), 16).model.SerializeAsString(), model.SerializeAsString());
}

}  // namespace
}  // namespace cnnopt
