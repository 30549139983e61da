#include "onnx_io/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cnnopt {
namespace {

using ::testing::HasSubstr;

constexpr char kConv[] = R"(
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,1,3,3] x) => (float[1,1,2,2] y) <float[1,1,2,2] w = {1, 2, 3, 4.5}> {
  y = Conv <pads = [0,0,0,0]> (x, w)
}
)";

TEST(Text, ParsesWhatItPrints) {
  const auto model = ParseModel(kConv);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->ir_version(), 8);
  ASSERT_EQ(model->graph().node_size(), 1);
  EXPECT_EQ(model->graph().node(0).op_type(), "Conv");
  ASSERT_EQ(model->graph().initializer_size(), 1);
  EXPECT_EQ(model->graph().initializer(0).float_data(3), 4.5f);
  const std::string printed = PrintModel(*model);
  EXPECT_THAT(printed, HasSubstr("4.5"));
  const auto again = ParseModel(printed);
  ASSERT_TRUE(again.ok()) << again.status() << printed;
  EXPECT_EQ(PrintModel(*again), printed);
  EXPECT_EQ(again->graph().node_size(), 1);
}

TEST(Text, SaysWhereItStops) {
  for (const std::string& text :
       {std::string(kConv).substr(0, 90), std::string("rubbish"), std::string(), std::string(kConv) + " more"}) {
    const auto model = ParseModel(text);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("model text does not parse: "));
  }
}

}  // namespace
}  // namespace cnnopt
