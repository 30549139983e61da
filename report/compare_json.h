// What `cnnopt compare` finds, and the same as JSON. docs/inspect.md describes every field.
#ifndef CNNOPT_REPORT_COMPARE_JSON_H_
#define CNNOPT_REPORT_COMPARE_JSON_H_

#include <optional>
#include <string>
#include <vector>

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

std::string CompareJson(const ComparedModels& models);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_COMPARE_JSON_H_
