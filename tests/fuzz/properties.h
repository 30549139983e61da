// What must hold for every model whatsoever. The first promise that is broken is the error.
#ifndef CNNOPT_TESTS_FUZZ_PROPERTIES_H_
#define CNNOPT_TESTS_FUZZ_PROPERTIES_H_

#include <string>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/random_network.h"

namespace cnnopt::testing {

// Of a network that `choices` make, in ONNX Runtime: cleanup passes compute the same; a form at a rank at which it is
// exact does; any other plan has the error that was printed; costs do not rise; the same job gives the same bytes.
// Gives how many of the jobs slimmed the network.
absl::StatusOr<int> CheckRandomNetwork(Choices choices);

enum class Outcome { kRefused, kUnchanged, kSlimmed };

// Of any bytes: they are read or refused. What is read can be written and read again and is then the same.
absl::StatusOr<Outcome> CheckReading(const std::string& bytes);

// Of any bytes: the whole job without ONNX Runtime ends in an error that blames the model, or in a valid model with
// the same inputs and outputs. `form` picks a form and a rank.
absl::StatusOr<Outcome> CheckWholeJob(const std::string& bytes, int64_t form);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_PROPERTIES_H_
