#include "passes/forms/one_sided.h"

namespace cnnopt {

Replacement OneSided::OutlineGroup(const Conv& conv, int64_t rank) const {
  return {{{SpatialOutline(conv, conv.in_channels, rank), PointwiseOutline(conv.axes(), rank, conv.out_channels)}}};
}

std::vector<int64_t> OneSided::Ranks(const Conv& conv) const { return PayingChannelCounts(conv); }

std::vector<double> OneSided::SquaredErrors(const Conv& conv, const Moments& moments,
                                            const std::vector<int64_t>& ranks) const {
  const Vector values = DecomposeOutputs(conv.weight, moments).values;
  std::vector<double> errors;
  for (const int64_t rank : ranks) errors.push_back(values.tail(values.size() - rank).sum());
  return errors;
}

Replacement OneSided::FitGroup(const Conv& conv, const Moments& moments, int64_t rank) const {
  const PrincipalOutputs outputs = DecomposeOutputs(conv.weight, moments);
  Replacement replacement = OutlineGroup(conv, rank);
  std::vector<Conv>& chain = replacement.branches.front();
  chain[0].weight = outputs.features.topRows(rank);
  chain[1].weight = outputs.directions.leftCols(rank);
  return replacement;
}

}  // namespace cnnopt
