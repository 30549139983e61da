// Edits that a stranger would make: each claims something that a careless reader believes.
#ifndef CNNOPT_TESTS_FUZZ_HOSTILE_EDITS_H_
#define CNNOPT_TESTS_FUZZ_HOSTILE_EDITS_H_

#include "onnx/onnx_pb.h"
#include "tests/fuzz/choices.h"

namespace cnnopt::testing {

// What lies beside a fuzzed model for external data to point at: a file of this name and size.
inline constexpr char kDataName[] = "data.bin";
inline constexpr int kDataBytes = 1 << 16;

// One of: dims whose product overflows or that nothing backs, of a tensor or of a declared shape; a payload that is
// said to stand in another file, at places and lengths that are right, wrong or no numbers; an operator that makes a
// huge value of a small constant; calls of functions in a ring, or so many that the model explodes.
void EditHostilely(onnx::ModelProto& model, Choices& choices);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_HOSTILE_EDITS_H_
