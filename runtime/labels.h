// Labelled samples: the right class of each, and how often a classifier finds it.
#ifndef CNNOPT_RUNTIME_LABELS_H_
#define CNNOPT_RUNTIME_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/compare.h"

namespace cnnopt {

// The classes in `path`, from 0 on: an array of whole numbers (.npy, or in a .npz the one called "labels", "label" or
// "y", or the only one), else a text with one a line. Errors, which name the file: InvalidArgument, ResourceExhausted
// (64 MB of text), else as ArrayFile.
absl::StatusOr<std::vector<int64_t>> ReadLabels(const std::string& path);

// Percent of rows whose largest element, the first of equals, stands at the place of their label, of the first output
// of floats [batch, classes >= 2]. `outputs[i]` are those of one sample, labels[i] its rows' labels. Errors:
// InvalidArgument when there is no such output, or a sample has another number of rows than labels.
absl::StatusOr<double> Top1Percent(const Outputs& outputs, absl::Span<const std::vector<int64_t>> labels);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_LABELS_H_
