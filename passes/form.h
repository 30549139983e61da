// The contract of a form: a family of replacements with one size knob, its rank.
#ifndef CNNOPT_PASSES_FORM_H_
#define CNNOPT_PASSES_FORM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "passes/conv.h"
#include "passes/moments.h"

namespace cnnopt {

// A rank and the relative error of what the layer then computes: sqrt(E|Wx - Vx|^2 / E|Wx|^2) over the moments'
// distribution of centred patches x.
struct RankError {
  int64_t rank = 0;
  double error = 0;
};

// One form. Grouped convolutions are split, each group is handled alone and the parts are put side by side again, so
// that a form itself only ever sees one group. `moments` holds one entry per group, or none: identity moments.
class Form {
 public:
  virtual ~Form() = default;

  virtual absl::string_view name() const = 0;  // the value of --pass, e.g. "dsc"
  // The form's own name among those that share the name above, e.g. "dsc-pw-dw".
  virtual absl::string_view variant() const { return name(); }
  virtual absl::string_view summary() const = 0;  // one line for help and docs
  // What the report calls a choice: "dsc rank 2".
  virtual std::string Label(int64_t rank) const;

  // Ok when the form has a meaning for `conv`, else the reason it has not, for the report.
  absl::Status Applies(const Conv& conv) const;
  // The replacement without weights: what it will cost.
  Replacement Outline(const Conv& conv, int64_t rank) const;
  // Every rank worth considering at which the replacement has fewer weights than `conv`, smallest first.
  std::vector<int64_t> PayingRanks(const Conv& conv) const;
  // The error at each of `ranks`, which rise. Errors fall with the rank.
  std::vector<RankError> Errors(const Conv& conv, absl::Span<const Moments> moments,
                                const std::vector<int64_t>& ranks) const;
  // Errors at PayingRanks.
  std::vector<RankError> Candidates(const Conv& conv, absl::Span<const Moments> moments) const;
  // The replacement of this rank that minimises E|Wx - Vx|^2, its bias set so that outputs have the right mean.
  Replacement Fit(const Conv& conv, absl::Span<const Moments> moments, int64_t rank) const;

 protected:
  // The same for one group (conv.groups == 1).
  virtual absl::Status AppliesToGroup(const Conv& conv) const = 0;
  virtual Replacement OutlineGroup(const Conv& conv, int64_t rank) const = 0;
  // Ranks worth considering, smallest first, whether they pay or not.
  virtual std::vector<int64_t> Ranks(const Conv& conv) const = 0;
  // E|Wx - Vx|^2 of each of `ranks`.
  virtual std::vector<double> SquaredErrors(const Conv& conv, const Moments& moments,
                                            const std::vector<int64_t>& ranks) const = 0;
  // Without bias.
  virtual Replacement FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const = 0;

  // Multiples of 8 at which OutlineGroup has fewer weights than `conv`, evenly spaced, some 12 to 24 of them, for forms
  // whose rank counts channels. ONNX Runtime's blocked kernels need multiples of their block; odd counts run slower
  // than the layer they replace. Where vectors hold 16 floats, a multiple of 8 takes as long as the next one of 16
  // (benchmarks/emission.py), but plans of the latter alone were worse at equal multiplications, and the same command
  // is to give the same bytes on every processor.
  std::vector<int64_t> PayingChannelCounts(const Conv& conv) const;
};

// Every form, in the order in which ties are decided. The one place that lists them.
const std::vector<const Form*>& AllForms();

// Ok when `conv` has more than one tap, else the reason that form `name` has no meaning for it.
absl::Status NeedsTaps(const Conv& conv, absl::string_view name);

// Weights (and biases) of an outline or a replacement.
int64_t ParameterCount(const Replacement& replacement);
int64_t ParameterCount(const Conv& conv);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORM_H_
