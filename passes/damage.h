// What slimming one site does to the network's output, measured.
#ifndef CNNOPT_PASSES_DAMAGE_H_
#define CNNOPT_PASSES_DAMAGE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "passes/propose.h"
#include "passes/slim.h"
#include "passes/workbench.h"

namespace cnnopt {

// The network's relative output error as a function of one site's own relative error. Over the range of a site's
// candidates it is close to a power law, with an exponent near 2: a large error is mostly one of direction, a small
// one mostly noise, which later layers average away.
class DamageCurve {
 public:
  // `points`: (error of the site, error of the output), both above 0, by rising first number; may be empty.
  explicit DamageCurve(std::vector<std::pair<double, double>> points) : points_(std::move(points)) {}
  // Output error at `error`: linear between points in log-log scale, beyond them and with one point the power law.
  // Without points the site's error counts as if the output took it over at full size.
  double OutputError(double error) const;

 private:
  std::vector<std::pair<double, double>> points_;
};

// The squared relative output error that each candidate of each site alone would cause: [site][candidate]. Up to three
// candidates per site are built and measured on `reference`, fewer when the model is large, none when `reference` is
// null; the others follow from the site's DamageCurve. Squares, as errors of different sites are nearly uncorrelated.
absl::StatusOr<std::vector<std::vector<double>>> MeasureDamage(const std::vector<Proposal>& proposals,
                                                               const Reference* reference, int64_t macs,
                                                               Workbench& bench, const ProgressSink& progress);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_DAMAGE_H_
