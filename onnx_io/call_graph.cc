#include "onnx_io/call_graph.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Key = std::tuple<absl::string_view, absl::string_view, absl::string_view>;  // domain, name, overload
using FunctionIndex = absl::flat_hash_map<Key, size_t>;

absl::string_view Normal(absl::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

// The functions that `nodes` and their nested graphs call, once per call.
void AddCallees(const Nodes& nodes, const FunctionIndex& functions, std::vector<size_t>& callees) {
  for (const onnx::NodeProto& node : nodes) {
    const auto found = functions.find(Key(Normal(node.domain()), node.op_type(), node.overload()));
    if (found != functions.end()) {
      callees.push_back(found->second);
    }
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) {
        AddCallees(attribute.g().node(), functions, callees);
      }
      for (const onnx::GraphProto& graph : attribute.graphs()) {
        AddCallees(graph.node(), functions, callees);
      }
    }
  }
}

int64_t CountNodes(const Nodes& nodes) {
  int64_t count = nodes.size();
  for (const onnx::NodeProto& node : nodes) {
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      count += CountNodes(attribute.g().node());
      for (const onnx::GraphProto& graph : attribute.graphs()) count += CountNodes(graph.node());
    }
  }
  return count;
}

// Nodes there would be if every call were replaced by what it calls, or any number above `most`.
int64_t WrittenOut(int64_t own, const std::vector<size_t>& callees, const std::vector<int64_t>& written_out,
                   int64_t most) {
  for (const size_t callee : callees) {
    if (own > most) break;
    own += written_out[callee];
  }
  return own;
}

// Depth-first search without recursion. Gives the functions so that each comes after those it calls; when they call
// each other in a circle, `circle` is one of them.
std::vector<size_t> CalleesFirst(const std::vector<std::vector<size_t>>& callees, size_t& circle) {
  enum State : char { kUnseen, kOpen, kDone };
  std::vector<State> state(callees.size(), kUnseen);
  std::vector<size_t> next(callees.size(), 0);
  std::vector<size_t> open, order;
  for (size_t root = 0; root < callees.size(); ++root) {
    if (state[root] == kUnseen) {
      state[root] = kOpen;
      open.push_back(root);
    }
    while (!open.empty()) {
      const size_t caller = open.back();
      if (next[caller] == callees[caller].size()) {
        state[caller] = kDone;
        order.push_back(caller);
        open.pop_back();
        continue;
      }
      const size_t callee = callees[caller][next[caller]++];
      if (state[callee] == kOpen) {
        circle = callee;
        return order;
      }
      if (state[callee] == kUnseen) {
        state[callee] = kOpen;
        open.push_back(callee);
      }
    }
  }
  return order;
}

}  // namespace

absl::Status ValidateCalls(const onnx::ModelProto& model, const Limits& limits) {
  const auto count = static_cast<size_t>(model.functions_size());
  FunctionIndex index;
  for (size_t i = 0; i < count; ++i) {
    const onnx::FunctionProto& function = model.functions(static_cast<int>(i));
    if (!index.emplace(Key(Normal(function.domain()), function.name(), function.overload()), i).second) {
      return absl::InvalidArgumentError(absl::StrCat("function ", Quote(function.name()), " is defined twice"));
    }
  }
  std::vector<std::vector<size_t>> callees(count);
  for (size_t i = 0; i < count; ++i) {
    AddCallees(model.functions(static_cast<int>(i)).node(), index, callees[i]);
  }
  size_t circle = count;
  const std::vector<size_t> order = CalleesFirst(callees, circle);
  const auto name = [&](size_t i) {
    return absl::StrCat("function ", Quote(model.functions(static_cast<int>(i)).name()));
  };
  if (circle < count) {
    return absl::InvalidArgumentError(absl::StrCat(name(circle), " calls itself, directly or through others"));
  }
  std::vector<int64_t> chain(count, 1);  // functions on the longest chain of calls from here
  std::vector<int64_t> written_out(count, 0);
  for (const size_t caller : order) {
    for (const size_t callee : callees[caller]) {
      chain[caller] = std::max(chain[caller], chain[callee] + 1);
    }
    if (chain[caller] > limits.depth) {
      return Annotate(LimitExceeded(&Limits::depth, limits, "the longest chain of calls", chain[caller]), name(caller));
    }
    written_out[caller] = WrittenOut(CountNodes(model.functions(static_cast<int>(caller)).node()), callees[caller],
                                     written_out, limits.nodes);
  }
  std::vector<size_t> called;
  AddCallees(model.graph().node(), index, called);
  const int64_t nodes = WrittenOut(CountNodes(model.graph().node()), called, written_out, limits.nodes);
  return nodes <= limits.nodes
             ? absl::OkStatus()
             : LimitExceeded(&Limits::nodes, limits, "the number of nodes with every call written out", nodes);
}

}  // namespace cnnopt
