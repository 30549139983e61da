// The order of nodes, and what nested graphs read from the graph around them.
#ifndef CNNOPT_ONNX_IO_TOPOLOGY_H_
#define CNNOPT_ONNX_IO_TOPOLOGY_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// Names that the graphs in `node`'s attributes read and do not define themselves before, once per read. A nested
// name that hides an outer one counts as an outer read only where it is read before it is made.
std::vector<absl::string_view> OuterReads(const onnx::NodeProto& node);
// The same for a whole graph: what it reads from around it.
std::vector<absl::string_view> OuterReads(const onnx::GraphProto& graph);

// Every value name that appears anywhere in `graph`, nested graphs included; with repetitions.
std::vector<absl::string_view> AllNames(const onnx::GraphProto& graph);

// Reads of a value (key) that count as reads of another.
using Redirects = absl::flat_hash_map<std::string, std::string>;

// Positions in `nodes` such that every node comes after those whose outputs it or its nested graphs read. Nodes move
// only forward and only when a node before them needs them, so an ordered list stays as it is. Linear.
// Errors: InvalidArgument (a value made twice, a cycle; the message names a value).
absl::StatusOr<std::vector<int>> TopologicalOrder(absl::Span<const onnx::NodeProto* const> nodes,
                                                  const Redirects& redirects = {});

// Positions of the nodes of `graph` that `values` are computed from when those of `given` are known, in the graph's
// order. Linear.
std::vector<int> Ancestors(const onnx::GraphProto& graph, absl::Span<const std::string> values,
                           absl::Span<const std::string> given = {});

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_TOPOLOGY_H_
