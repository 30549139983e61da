// What the user decides for single layers before anything is chosen: to keep them, or which form they take.
#ifndef CNNOPT_PASSES_LAYER_RULES_H_
#define CNNOPT_PASSES_LAYER_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

struct Site;
struct FormChoice;
struct SiteForms;

// For one layer: a form, with a rank or at the rank that the plan gives it; or, without a form, keep it.
struct LayerChoice {
  std::string name;  // of the layer, in full, as the report shows it
  std::string form;  // Form::name or Form::variant; empty: keep
  std::optional<int64_t> rank;
};

// Patterns are RE2's and match anywhere in a name. What `layers` says of a layer goes before all else.
struct LayerRules {
  std::vector<std::string> keep;    // layers that one of these matches are kept
  std::vector<std::string> only;    // if there are any: layers that none of them matches are kept
  bool keep_first_last = false;     // the first and the last layer are kept
  std::vector<LayerChoice> layers;  // at most one for each layer
  bool others_are_kept = false;     // layers that `layers` does not name are kept
};

// What `rules` leave of `forms` for each site. Adds a line to `warnings` for every pattern that matches no layer.
// Errors: InvalidArgument for a pattern or a form that is none; FailedPrecondition, where the model rules it out, for
// an unknown layer (with the nearest known one), a form that has no meaning for its layer, a rank at which it does not
// pay (with those at which it does).
absl::StatusOr<std::vector<SiteForms>> ApplyRules(const LayerRules& rules, const std::vector<Site>& sites,
                                                  const std::vector<FormChoice>& forms,
                                                  std::vector<std::string>& warnings);

// Ok when every pattern and form of `rules` is one. Errors: InvalidArgument.
absl::Status CheckRules(const LayerRules& rules);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_LAYER_RULES_H_
