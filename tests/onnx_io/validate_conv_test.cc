#include "onnx_io/validate_conv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/testing/status.h"

namespace cnnopt {
namespace {

using testing::FailsWith;
using testing::IsOk;

using Dims = google::protobuf::RepeatedField<int64_t>;
using Lists = std::map<std::string, std::vector<int64_t>>;

// A node with inputs x, w and b as its operator orders them, and what is known of them; empty dims: nothing.
struct Case {
  const char* name;
  const char* op;
  Lists lists;
  std::map<std::string, int64_t> numbers;
  std::vector<int64_t> weight, bias, input;
  const char* message = "";  // empty: accepted
  const char* auto_pad = nullptr;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

onnx::NodeProto MakeNode(const Case& test) {
  onnx::NodeProto node;
  node.set_op_type(test.op);
  const bool quantized = node.op_type() == "QLinearConv";
  const char* inputs = quantized ? "x,s,z,w,s,z,s,z,b" : node.op_type() == "DeformConv" ? "x,w,offset,b" : "x,w,b";
  for (const absl::string_view input : absl::StrSplit(inputs, ',')) {
    node.add_input(std::string(input));
  }
  for (const auto& [name, list] : test.lists) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    attribute.mutable_ints()->Add(list.begin(), list.end());
  }
  for (const auto& [name, number] : test.numbers) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(number);
  }
  if (test.auto_pad != nullptr) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name("auto_pad");
    attribute.set_type(onnx::AttributeProto::STRING);
    attribute.set_s(test.auto_pad);
  }
  return node;
}

absl::Status Validate(const onnx::NodeProto& node, const Case& test) {
  const std::map<std::string, Dims> known = {{"w", Dims(test.weight.begin(), test.weight.end())},
                                             {"b", Dims(test.bias.begin(), test.bias.end())},
                                             {"x", Dims(test.input.begin(), test.input.end())}};
  const auto find = [&](absl::string_view name) -> const Dims* {
    const auto found = known.find(std::string(name));
    return found == known.end() || found->second.empty() ? nullptr : &found->second;
  };
  const auto constant = [&](absl::string_view name) { return name == "x" ? nullptr : find(name); };
  const auto input = [&](absl::string_view name) { return name == "x" ? find(name) : nullptr; };
  return ValidateWindow(node, constant, input);
}

class Window : public ::testing::TestWithParam<Case> {};

TEST_P(Window, IsJudged) {
  const absl::Status status = Validate(MakeNode(GetParam()), GetParam());
  if (*GetParam().message == '\0') {
    EXPECT_THAT(status, IsOk());
  } else {
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kInvalidArgument, GetParam().message));
  }
}

constexpr int64_t kHuge = int64_t{1} << 62;

INSTANTIATE_TEST_SUITE_P(
    Accepts, Window,
    ::testing::Values(
        Case{"NothingGiven", "Conv", {}, {}, {}, {}, {}},
        Case{"AllFits",
             "Conv",
             {{"kernel_shape", {3, 5}}, {"strides", {2, 1}}, {"dilations", {1, 2}}, {"pads", {0, 1, 2, 3}}},
             {{"group", 2}},
             {6, 4, 3, 5},
             {6},
             {1, 8, 9, 9}},
        Case{"OneAxis", "Conv", {{"pads", {1, 1}}}, {}, {4, 2, 3}, {}, {1, 2, 8}},
        Case{"ThreeAxes", "Conv", {{"strides", {1, 2, 3}}}, {}, {4, 2, 3, 3, 3}, {}, {1, 2, 8, 8, 8}},
        Case{"EmptyLists", "Conv", {{"strides", {}}, {"pads", {}}, {"kernel_shape", {}}}, {}, {4, 2, 3, 3}, {}, {}},
        Case{"KernelJustCoversThePaddedInput",
             "Conv",
             {{"pads", {1, 0}}, {"dilations", {2}}},
             {},
             {1, 1, 3},
             {},
             {1, 1, 4}},
        Case{"KernelOverInputOfUnknownExtent", "Conv", {}, {}, {1, 1, 3}, {}, {1, 1, -1}},
        Case{"KernelOverInputThatIsPaddedAutomatically", "Conv", {}, {}, {1, 1, 3}, {}, {1, 1, 2}, "", "SAME_LOWER"},
        Case{"PadsNextToAutoPad", "Conv", {{"pads", {0, 0}}}, {}, {1, 1, 3}, {}, {1, 1, 3}, "", "VALID"},
        Case{"EmptyAutoPad", "Conv", {}, {}, {}, {}, {}, "", ""},
        Case{"Depthwise", "Conv", {}, {{"group", 4}}, {8, 1, 3, 3}, {8}, {1, 4, 5, 5}},
        Case{"Transposed",
             "ConvTranspose",
             {{"output_padding", {1, 1}}, {"output_shape", {8, 8}}},
             {{"group", 2}},
             {4, 3, 5, 5},
             {6},
             {1, 4, 2, 2}},
        Case{"Quantized", "QLinearConv", {}, {}, {4, 2, 3, 3}, {4}, {1, 2, 5, 5}},
        Case{"PoolWhoseWindowSticksOut", "MaxPool", {{"kernel_shape", {3}}}, {{"ceil_mode", 1}}, {}, {}, {1, 1, 2}},
        Case{"AnotherOperator", "Pad", {{"pads", {-1, 0, 7}}}, {{"group", 0}}, {}, {}, {}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Refuses, Window,
    ::testing::Values(
        Case{"StrideZero", "Conv", {{"strides", {1, 0}}}, {}, {}, {}, {}, "strides holds 0, expected 1 to 2147483647"},
        Case{"DilationZero", "Conv", {{"dilations", {0}}}, {}, {}, {}, {}, "dilations holds 0"},
        Case{"StrideNegative", "MaxPool", {{"strides", {-2}}}, {}, {}, {}, {}, "strides holds -2"},
        Case{"KernelZero", "AveragePool", {{"kernel_shape", {3, 0}}}, {}, {}, {}, {}, "kernel_shape holds 0"},
        Case{"KernelHuge", "Conv", {{"kernel_shape", {kHuge}}}, {}, {}, {}, {}, "kernel_shape holds 46116860"},
        Case{"KernelProductOverflows",
             "LpPool",
             {{"kernel_shape", {2147483647, 2147483647, 2147483647}}},
             {},
             {},
             {},
             {},
             "kernel_shape [2147483647,2147483647,2147483647] is too large"},
        Case{"PadNegative", "Conv", {{"pads", {0, -1}}}, {}, {}, {}, {}, "pads holds -1, expected 0"},
        Case{"PadHuge", "Conv", {{"pads", {kHuge, kHuge}}}, {}, {}, {}, {}, "pads holds 46116860"},
        Case{"PadsOdd", "Conv", {{"pads", {0, 0, 0}}}, {}, {}, {}, {}, "pads [0,0,0] has an odd length"},
        Case{"ListsOfTwoLengths",
             "Conv",
             {{"strides", {1, 1}}, {"dilations", {1}}},
             {},
             {},
             {},
             {},
             "dilations [1] does not fit 2 spatial axes"},
        Case{"PadsForAnotherRank",
             "MaxPool",
             {{"kernel_shape", {2, 2}}, {"pads", {0, 0}}},
             {},
             {},
             {},
             {},
             "pads [0,0] does not fit 2 spatial axes"},
        Case{"ChannelsHugeOfNoElements",
             "Conv",
             {},
             {{"group", 8}},
             {0, kHuge, 3},
             {},
             {1, 2, 9},
             "the weight's second dim holds 46116860"},
        Case{"GroupZero", "Conv", {}, {{"group", 0}}, {}, {}, {}, "group holds 0"},
        Case{"GroupNegative", "ConvTranspose", {}, {{"group", -1}}, {}, {}, {}, "group holds -1"},
        Case{"GroupDoesNotDivide",
             "Conv",
             {},
             {{"group", 3}},
             {4, 2, 3, 3},
             {},
             {},
             "group 3 does not divide the 4 output"},
        Case{"GroupDoesNotDivideTransposed",
             "ConvTranspose",
             {},
             {{"group", 3}},
             {4, 2, 3, 3},
             {},
             {},
             "group 3 does not divide the 4 input"},
        Case{"KernelIsNotTheWeights",
             "Conv",
             {{"kernel_shape", {3, 3}}},
             {},
             {4, 2, 3, 5},
             {},
             {},
             "kernel_shape is [3,3], the weight has dims [4,2,3,5]"},
        Case{"KernelIsNotTheQuantizedWeights",
             "ConvInteger",
             {{"kernel_shape", {3, 3}}},
             {},
             {4, 2, 5, 3},
             {},
             {},
             "the weight has dims [4,2,5,3]"},
        Case{"WeightOfAnotherRank",
             "Conv",
             {{"strides", {1, 1}}},
             {},
             {4, 2, 3},
             {},
             {},
             "dims [4,2,3], expected 4 of them"},
        Case{"WeightThatIsAMatrix", "Conv", {}, {}, {4, 2}, {}, {}, "dims [4,2], expected at least 3"},
        Case{"WeightWithoutTaps", "DeformConv", {}, {}, {4, 2, 0, 3}, {}, {}, "the weight's kernel holds 0"},
        Case{"BiasTooShort", "Conv", {}, {}, {4, 2, 3}, {3}, {}, "bias has dims [3], expected [4]"},
        Case{"BiasOfTheWrongSide",
             "ConvTranspose",
             {},
             {{"group", 2}},
             {4, 3, 5},
             {4},
             {},
             "bias has dims [4], expected [6]"},
        Case{"BiasThatIsAMatrix", "QLinearConv", {}, {}, {4, 2, 3}, {4, 1}, {}, "bias has dims [4,1]"},
        Case{"InputOfAnotherRank", "Conv", {}, {}, {4, 2, 3}, {}, {1, 2, 8, 8}, "input has dims [1,2,8,8], expected 3"},
        Case{"InputChannels", "Conv", {}, {{"group", 2}}, {4, 2, 3}, {}, {1, 2, 8}, "input has 2 channels"},
        Case{"InputChannelsTransposed", "ConvTranspose", {}, {}, {4, 2, 3}, {}, {1, 2, 8}, "need 4"},
        Case{"KernelOverInput",
             "Conv",
             {{"pads", {0, 1}}, {"dilations", {2}}},
             {},
             {1, 1, 3},
             {},
             {1, 1, 3},
             "kernel reaches over 5 positions of axis 2, the input has 3 and 1 of padding"},
        Case{"KernelOverInputOfAPool", "MaxPool", {{"kernel_shape", {3}}}, {}, {}, {}, {1, 1, 2}, "reaches over 3"},
        Case{"PadsThatAutoPadOverrides",
             "Conv",
             {{"pads", {1, 1}}},
             {},
             {1, 1, 3},
             {},
             {1, 1, 2},
             "the input has 2 and 0 of padding",
             "VALID"},
        Case{"OutputPaddingNegative",
             "ConvTranspose",
             {{"output_padding", {-1}}},
             {},
             {},
             {},
             {},
             "output_padding holds -1"},
        Case{"AutoPadUnknown", "Conv", {}, {}, {}, {}, {}, "auto_pad is 'SAME'", "SAME"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ValidateWindow, WantsListsWhereListsBelong) {
  const Case test{"", "Conv", {}, {{"strides", 1}}, {}, {}, {}};
  EXPECT_THAT(Validate(MakeNode(test), test),
              FailsWith(absl::StatusCode::kInvalidArgument, "attribute 'strides' has type INT, expected INTS"));
}

TEST(ValidateWindow, CannotJudgeWhatAFunctionPassesIn) {
  Case test{"", "Conv", {}, {}, {4, 2, 3}, {}, {}};
  onnx::NodeProto node = MakeNode(test);
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("group");
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_ref_attr_name("groups");  // reads as 0
  EXPECT_THAT(Validate(node, test), IsOk());
}

TEST(ValidateWindow, LeavesOtherDomainsAlone) {
  const Case test{"", "Conv", {{"strides", {0}}}, {}, {}, {}, {}};
  onnx::NodeProto node = MakeNode(test);
  node.set_domain("com.example");
  EXPECT_THAT(Validate(node, test), IsOk());
}

}  // namespace
}  // namespace cnnopt
