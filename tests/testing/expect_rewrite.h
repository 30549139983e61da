// What every test of a cleanup pass checks, so that none can pass when the pass does nothing.
#ifndef CNNOPT_TESTS_TESTING_EXPECT_REWRITE_H_
#define CNNOPT_TESTS_TESTING_EXPECT_REWRITE_H_

#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"

namespace cnnopt::testing {

// Whether both models are also run and compared. kNo only for data types that ONNX Runtime's CPU kernels lack.
enum class Run { kYes, kNo };

// Running the cleanup pass called `pass` on `before` gives `after`: node by node, names and attributes included, and
// number by number (to the rounding of each dtype; names of nodes do not count). Moreover the result is valid to
// onnx's checker, has the same inputs and outputs, fewer nodes, and computes the same in ONNX Runtime with its own
// fusions off; a second run of the pass changes nothing, and a second run from the start gives the same bytes.
void ExpectRewrite(absl::string_view pass, const onnx::ModelProto& before, const onnx::ModelProto& after,
                   Run run = Run::kYes);
void ExpectRewrite(absl::string_view pass, absl::string_view before, absl::string_view after, Run run = Run::kYes);

// The pass leaves the model as it is, byte for byte, and gives a reason that contains `reason`.
void ExpectDeclined(absl::string_view pass, const onnx::ModelProto& model, absl::string_view reason);
void ExpectDeclined(absl::string_view pass, absl::string_view model, absl::string_view reason);
// The same where no reason is due: nobody would expect the pass to fire.
void ExpectLeftAlone(absl::string_view pass, absl::string_view model);

// Both models are valid to onnx's checker, have the same inputs and outputs and compute the same in ONNX Runtime.
void ExpectSameFunction(const onnx::ModelProto& before, const onnx::ModelProto& after);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_EXPECT_REWRITE_H_
