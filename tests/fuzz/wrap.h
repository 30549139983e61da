// Edits that leave what a model computes as it is: nodes go into functions of the model and into nested graphs.
#ifndef CNNOPT_TESTS_FUZZ_WRAP_H_
#define CNNOPT_TESTS_FUZZ_WRAP_H_

#include "onnx/onnx_pb.h"
#include "tests/fuzz/choices.h"

namespace cnnopt::testing {

// Puts one node, wherever it stands, into a function or into the body of an If or a Loop; false when the node that
// was chosen cannot be put there. Wrapped nodes can be wrapped again: functions that call others, branches in
// functions, functions in branches. Attributes become attributes of the function or its defaults now and then; nested
// graphs read the values around them. `model` has an operator set of 13 or later where a Loop is wanted.
bool WrapNode(onnx::ModelProto& model, Choices& choices);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_WRAP_H_
