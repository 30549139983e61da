// From a model to its sites with all their numbers.
#ifndef CNNOPT_PASSES_READ_SITES_H_
#define CNNOPT_PASSES_READ_SITES_H_

#include <map>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "passes/site.h"

namespace cnnopt {

// Whether initializers of `model` that are also graph inputs count as constant: before IR 4 every initializer had to
// be one.
InputConstants InputsOf(const onnx::ModelProto& model, bool assume_constant);

// FindSites and ReadNumbers on `view`, the index of `model`.
std::vector<Site> ReadSites(const onnx::ModelProto& model, const GraphView& view,
                            const std::map<std::string, Shape>& shapes);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_READ_SITES_H_
