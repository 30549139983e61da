#include "onnx_io/topology.h"

#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"

namespace cnnopt {
namespace {

using Names = std::vector<absl::string_view>;

// Calls f(graph) for every graph directly in an attribute of `node`.
template <typename F>
void ForEachSubgraph(const onnx::NodeProto& node, F f) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) {
      f(attribute.g());
    }
    for (const onnx::GraphProto& graph : attribute.graphs()) {
      f(graph);
    }
  }
}

void AddName(const std::string& name, Names& names) {
  if (!name.empty()) {
    names.push_back(name);
  }
}

void AddAllNames(const onnx::GraphProto& graph, Names& names) {
  for (const auto* infos : {&graph.input(), &graph.output(), &graph.value_info()}) {
    for (const onnx::ValueInfoProto& info : *infos) {
      AddName(info.name(), names);
    }
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    AddName(tensor.name(), names);
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    AddName(tensor.values().name(), names);
  }
  for (const onnx::NodeProto& node : graph.node()) {
    for (const std::string& name : node.input()) {
      AddName(name, names);
    }
    for (const std::string& name : node.output()) {
      AddName(name, names);
    }
    ForEachSubgraph(node, [&](const onnx::GraphProto& inner) { AddAllNames(inner, names); });
  }
}

// Depth-first walk over the producers of each node, without recursion: a chain may have a million nodes.
class Sorter {
 public:
  explicit Sorter(std::vector<std::vector<int>> producers)
      : producers_(std::move(producers)), state_(producers_.size(), kUnseen), next_(producers_.size(), 0) {}

  // Appends `root` and all it needs to the order. False: there is a cycle, through the node last pushed.
  bool Visit(int root) {
    if (state_[At(root)] != kUnseen) {
      return true;
    }
    Open(root);
    while (!open_.empty()) {
      const int node = open_.back();
      if (next_[At(node)] == producers_[At(node)].size()) {
        state_[At(node)] = kDone;
        order_.push_back(node);
        open_.pop_back();
        continue;
      }
      const int producer = producers_[At(node)][next_[At(node)]++];
      if (state_[At(producer)] == kOpen) {
        return false;
      }
      if (state_[At(producer)] == kUnseen) {
        Open(producer);
      }
    }
    return true;
  }

  int last_open() const { return open_.back(); }
  std::vector<int> TakeOrder() { return std::move(order_); }

 private:
  enum State : char { kUnseen, kOpen, kDone };
  static size_t At(int i) { return static_cast<size_t>(i); }
  void Open(int node) {
    state_[At(node)] = kOpen;
    open_.push_back(node);
  }

  std::vector<std::vector<int>> producers_;
  std::vector<State> state_;
  std::vector<size_t> next_;  // index of the producer to look at next
  std::vector<int> open_;
  std::vector<int> order_;
};

}  // namespace

Names OuterReads(const onnx::GraphProto& graph) {
  Names reads;
  absl::flat_hash_set<absl::string_view> defined;
  const auto read = [&](absl::string_view name) {
    if (!name.empty() && !defined.contains(name)) {
      reads.push_back(name);
    }
  };
  for (const onnx::ValueInfoProto& input : graph.input()) {
    defined.insert(input.name());
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    defined.insert(tensor.name());
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    defined.insert(tensor.values().name());
  }
  for (const onnx::NodeProto& node : graph.node()) {
    for (const std::string& name : node.input()) {
      read(name);
    }
    for (const absl::string_view name : OuterReads(node)) {
      read(name);
    }
    defined.insert(node.output().begin(), node.output().end());
  }
  for (const onnx::ValueInfoProto& output : graph.output()) {
    read(output.name());
  }
  return reads;
}

Names OuterReads(const onnx::NodeProto& node) {
  Names reads;
  ForEachSubgraph(node, [&](const onnx::GraphProto& graph) {
    const Names inner = OuterReads(graph);
    reads.insert(reads.end(), inner.begin(), inner.end());
  });
  return reads;
}

Names AllNames(const onnx::GraphProto& graph) {
  Names names;
  AddAllNames(graph, names);
  return names;
}

absl::StatusOr<std::vector<int>> TopologicalOrder(absl::Span<const onnx::NodeProto* const> nodes,
                                                  const Redirects& redirects) {
  absl::flat_hash_map<absl::string_view, int> producer;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i]->output()) {
      if (!output.empty() && !producer.emplace(output, static_cast<int>(i)).second) {
        return absl::InvalidArgumentError(absl::StrCat("value ", Quote(output), " is made by two nodes"));
      }
    }
  }
  std::vector<std::vector<int>> producers(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto need = [&](absl::string_view name) {
      if (const auto found = producer.find(name); found != producer.end()) {
        producers[i].push_back(found->second);
      }
    };
    for (const std::string& input : nodes[i]->input()) {
      const auto redirect = redirects.find(input);
      need(redirect == redirects.end() ? input : redirect->second);
    }
    for (const absl::string_view name : OuterReads(*nodes[i])) {
      need(name);
    }
  }
  Sorter sorter(std::move(producers));
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!sorter.Visit(static_cast<int>(i))) {
      const onnx::NodeProto& node = *nodes[static_cast<size_t>(sorter.last_open())];
      return absl::InvalidArgumentError(absl::StrCat("the graph has a cycle through ", Describe(node)));
    }
  }
  return sorter.TakeOrder();
}

std::vector<int> Ancestors(const onnx::GraphProto& graph, absl::Span<const std::string> values,
                           absl::Span<const std::string> given) {
  absl::flat_hash_map<absl::string_view, int> producers;
  for (int n = 0; n < graph.node_size(); ++n) {
    for (const std::string& output : graph.node(n).output()) producers[output] = n;
  }
  producers.erase("");  // outputs left out
  for (const std::string& value : given) producers.erase(value);
  std::vector<char> needed(static_cast<size_t>(graph.node_size()), 0);
  std::vector<absl::string_view> open(values.begin(), values.end());
  while (!open.empty()) {
    const auto producer = producers.find(open.back());
    open.pop_back();
    if (producer == producers.end() || needed[static_cast<size_t>(producer->second)]) continue;
    needed[static_cast<size_t>(producer->second)] = 1;
    const onnx::NodeProto& node = graph.node(producer->second);
    open.insert(open.end(), node.input().begin(), node.input().end());
    const std::vector<absl::string_view> outer = OuterReads(node);
    open.insert(open.end(), outer.begin(), outer.end());
  }
  std::vector<int> positions;
  for (int n = 0; n < graph.node_size(); ++n) {
    if (needed[static_cast<size_t>(n)]) positions.push_back(n);
  }
  return positions;
}

}  // namespace cnnopt
