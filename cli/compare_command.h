// `cnnopt compare A.onnx B.onnx`: two models side by side, what they compute and what they take.
#ifndef CNNOPT_CLI_COMPARE_COMMAND_H_
#define CNNOPT_CLI_COMPARE_COMMAND_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "job/exit_code.h"
#include "job/options.h"
#include "passes/inspect.h"
#include "runtime/compare.h"
#include "runtime/deviation.h"
#include "runtime/stopwatch.h"

namespace cnnopt {

// Everything the command finds out.
struct ComparedModels {
  std::string a, b;  // paths
  ModelFacts a_facts, b_facts;
  Comparison comparison;
  std::vector<OutputDeviation> deviations;  // one for each of comparison.outputs
  std::optional<Latency> latency;
  bool synthetic = false;  // the samples were made up
  std::string objection;   // which of the bounds given does not hold; empty: all do
};

// Lines of at most `width` columns.
std::string CompareText(const ComparedModels& models, size_t width);
// docs/inspect.md describes it.
std::string CompareJson(const ComparedModels& models);

// Exits with kExitVerification when a bound (--tolerance, --max-error, --min-agreement) does not hold.
absl::StatusOr<ExitCode> RunCompare(const SlimArguments& arguments, const Console& console);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_COMPARE_COMMAND_H_
