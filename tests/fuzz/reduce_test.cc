// The program that makes failing models small.
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "onnx/onnx_pb.h"
#include "tests/fuzz/random_network.h"
#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

using testing::Choices;
using testing::FileBytes;
using testing::Finished;
using testing::TempFolder;

Finished Reduce(const std::vector<std::string>& arguments) {
  testing::RunOptions options;
  options.program = CNNOPT_REDUCE;
  return testing::RunCnnopt(arguments, options);
}

TEST(Reduce, KeepsOnlyWhatTheFailureNeeds) {
  Choices choices = Choices::FromSeed(3);
  onnx::ModelProto model = testing::RandomNetwork(choices, testing::WeightKind::kAny);
  model.mutable_graph()->mutable_node(model.graph().node_size() / 2)->set_doc_string("the culprit");
  const TempFolder folder;
  const std::string in = folder.Write("in.onnx", model.SerializeAsString());
  const std::string out = folder.Path("out.onnx");
  // Fails with 7 as long as the words are there, and with 1 when they are not: that is another failure.
  const Finished run = Reduce({in, out, "grep -q 'the culprit' {} && exit 7; exit 1"});
  EXPECT_EQ(run.code, 0) << run.err;
  onnx::ModelProto small;
  ASSERT_TRUE(small.ParseFromString(FileBytes(out)));
  EXPECT_EQ(small.graph().node_size(), 1);
  EXPECT_LT(small.ByteSizeLong(), 30u);
  EXPECT_EQ(small.graph().node(0).doc_string(), "the culprit");
  EXPECT_EQ(FileBytes(in), model.SerializeAsString());
  EXPECT_THAT(folder.Names(), ::testing::UnorderedElementsAre("in.onnx", "out.onnx"));
}

TEST(Reduce, WantsAModelThatFails) {
  const TempFolder folder;
  const std::string text = folder.Write("text", "no model");
  EXPECT_EQ(Reduce({text, folder.Path("out"), "false {}"}).code, 2);
  const std::string in = folder.Write("in.onnx", onnx::ModelProto().SerializeAsString());
  EXPECT_EQ(Reduce({in, folder.Path("out"), "true {}"}).code, 2);
  EXPECT_EQ(Reduce({in}).code, 2);
}

}  // namespace
}  // namespace cnnopt
