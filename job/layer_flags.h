// The flags that decide for single layers.
#ifndef CNNOPT_JOB_LAYER_FLAGS_H_
#define CNNOPT_JOB_LAYER_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "passes/layer_rules.h"

namespace cnnopt {

// Each stores the value of one flag; "@FILE" stands for the lines of a file, empty ones left out. The message of an
// error says what was expected.
absl::Status StoreKeep(const std::string& text, LayerRules& rules);
absl::Status StoreOnly(const std::string& text, LayerRules& rules);
// "NAME=keep", "NAME=FORM" or "NAME=FORM:rank=N". Names may hold '=' and ':' themselves.
absl::Status StoreLayer(const std::string& text, LayerRules& rules);
// "keep" or "slim".
absl::Status StoreFirstLast(const std::string& text, LayerRules& rules);

// The flags that make `rules` out of the defaults, in a fixed order.
std::vector<std::string> LayerFlags(const LayerRules& rules);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_LAYER_FLAGS_H_
