// What `cnnopt inspect` finds, as JSON. docs/inspect.md describes every field.
#ifndef CNNOPT_REPORT_INSPECT_JSON_H_
#define CNNOPT_REPORT_INSPECT_JSON_H_

#include <string>
#include <utility>
#include <vector>

#include "passes/inspect.h"

namespace cnnopt {

// Models and their paths, in the order of the command line.
using InspectedModels = std::vector<std::pair<std::string, ModelFacts>>;

// All there is, as an array with one object a model.
std::string InspectJson(const InspectedModels& models);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_INSPECT_JSON_H_
