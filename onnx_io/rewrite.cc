#include "onnx_io/rewrite.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/fresh_names.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"

namespace cnnopt {
namespace {

using NameSet = absl::flat_hash_set<std::string>;

// What identifies a node: its first output that has a name; empty when it has none.
absl::string_view Identity(const onnx::NodeProto& node) {
  for (const std::string& output : node.output()) {
    if (!output.empty()) {
      return output;
    }
  }
  return "";
}

// The training part of a model may name values of the graph and update its initializers.
std::vector<absl::string_view> TrainingReads(const onnx::ModelProto& model) {
  std::vector<absl::string_view> reads;
  for (const onnx::TrainingInfoProto& training : model.training_info()) {
    for (const auto* bindings : {&training.initialization_binding(), &training.update_binding()}) {
      for (const onnx::StringStringEntryProto& binding : *bindings) {
        reads.push_back(binding.key());
        reads.push_back(binding.value());
      }
    }
    for (const onnx::GraphProto* graph : {&training.initialization(), &training.algorithm()}) {
      const std::vector<absl::string_view> outer = OuterReads(*graph);
      reads.insert(reads.end(), outer.begin(), outer.end());
    }
  }
  return reads;
}

// Everything that ApplyRewrites decides before it edits.
class Edit {
 public:
  Edit(std::vector<Rewrite> rewrites, const onnx::ModelProto& model)
      : rewrites_(std::move(rewrites)), model_(model), graph_(model.graph()) {}

  absl::Status Decide() {
    CNNOPT_RETURN_IF_ERROR(FindRemoved());
    CNNOPT_RETURN_IF_ERROR(NameNew());
    CNNOPT_RETURN_IF_ERROR(ResolveRedirects());
    CountReads();
    RemoveUnread();
    Place();
    CNNOPT_RETURN_IF_ERROR(CheckDefinitions());
    return Order();
  }

  void Apply(onnx::ModelProto& model) {
    onnx::GraphProto& graph = *model.mutable_graph();
    // Moving a message between lists swaps its insides: nothing is copied.
    google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
    nodes.Reserve(static_cast<int>(order_.size()));
    for (const int position : order_) {
      const Slot& slot = slots_[static_cast<size_t>(position)];
      *nodes.Add() = std::move(slot.old_node >= 0 ? *graph.mutable_node(slot.old_node)
                                                  : rewrites_[slot.rewrite].insert[slot.index]);
    }
    for (onnx::NodeProto& node : nodes) {
      for (std::string& input : *node.mutable_input()) {
        input = Target(input);
      }
    }
    graph.mutable_node()->Swap(&nodes);
    RemoveNamed(dead_initializers_, [](const onnx::TensorProto& t) { return t.name(); }, graph.mutable_initializer());
    RemoveNamed(dead_initializers_, [](const onnx::ValueInfoProto& i) { return i.name(); }, graph.mutable_input());
    RemoveNamed(touched_, [](const onnx::ValueInfoProto& i) { return i.name(); }, graph.mutable_value_info());
    RemoveNamed(
        gone_, [](const onnx::TensorAnnotation& a) { return a.tensor_name(); },
        graph.mutable_quantization_annotation());
    for (Rewrite& rewrite : rewrites_) {
      for (onnx::TensorProto& weight : rewrite.weights) {
        if (unread_weights_.contains(weight.name())) {
          continue;
        }
        if (model.ir_version() < 4) {
          ListAsInput(weight, graph);
        }
        *graph.add_initializer() = std::move(weight);
      }
    }
  }

 private:
  // Where a node of the new graph comes from: node `old_node` of the old one, or insert[index] of a rewrite.
  struct Slot {
    int old_node = -1;
    size_t rewrite = 0;
    size_t index = 0;
    const onnx::NodeProto* node = nullptr;
  };

  static constexpr int kKept = -1;
  static constexpr int kDead = -2;

  absl::Status FindRemoved() {
    for (int i = 0; i < graph_.node_size(); ++i) {
      node_of_.emplace(Identity(graph_.node(i)), i);
      for (const std::string& output : graph_.node(i).output()) {
        producer_.emplace(output, i);
      }
    }
    removed_by_.assign(static_cast<size_t>(graph_.node_size()), kKept);
    last_removed_.assign(rewrites_.size(), -1);
    for (size_t r = 0; r < rewrites_.size(); ++r) {
      for (const std::string& name : rewrites_[r].remove) {
        const auto found = name.empty() ? node_of_.end() : node_of_.find(name);
        if (found == node_of_.end()) {
          return absl::InternalError(absl::StrCat("rewrite ", Quote(rewrites_[r].why), " removes ", Quote(name),
                                                  ", which is no node's first output"));
        }
        int& removed_by = removed_by_[static_cast<size_t>(found->second)];
        if (removed_by != kKept) {
          return absl::InternalError(absl::StrCat("rewrite ", Quote(rewrites_[r].why), " removes ", Quote(name),
                                                  ", which another rewrite or itself removes too"));
        }
        removed_by = static_cast<int>(r);
        last_removed_[r] = std::max(last_removed_[r], found->second);
      }
    }
    return absl::OkStatus();
  }

  // Fresh value names, then names for nodes that have none.
  absl::Status NameNew() {
    Namer values;
    for (const absl::string_view name : AllNames(graph_)) {
      values.Take(name);
    }
    for (const absl::string_view name : TrainingReads(model_)) {
      values.Take(name);
    }
    Namer node_names;
    for (const onnx::NodeProto& node : graph_.node()) {
      node_names.Take(node.name());
    }
    for (Rewrite& rewrite : rewrites_) {
      absl::flat_hash_set<absl::string_view> made;
      for (const std::string& name : rewrite.remove) {
        const onnx::NodeProto& node = graph_.node(node_of_.at(name));
        made.insert(node.output().begin(), node.output().end());
      }
      CNNOPT_RETURN_IF_ERROR(GiveFreshNames(made, values, rewrite));
      for (onnx::NodeProto& node : rewrite.insert) {
        if (node.name().empty()) {
          node.set_name(node_names.Fresh(Identity(node)));
        }
      }
    }
    return absl::OkStatus();
  }

  // The value that a node reads where it now says `name`.
  const std::string& Target(const std::string& name) const {
    const auto found = redirects_.find(name);
    return found == redirects_.end() ? name : found->second;
  }

  // Makes each redirect point at its last target, so that a chain of them costs no more than one.
  absl::Status ResolveRedirects() {
    for (const Rewrite& rewrite : rewrites_) {
      for (const auto& [from, to] : rewrite.redirect) {
        if (from == to || !redirects_.emplace(from, to).second) {
          return absl::InternalError(absl::StrCat("rewrite ", Quote(rewrite.why), " redirects ", Quote(from),
                                                  ", which is redirected already"));
        }
      }
    }
    for (const Rewrite& rewrite : rewrites_) {
      for (const auto& redirect : rewrite.redirect) {
        std::vector<std::string> path = {redirect.first};
        for (auto next = redirects_.find(path.back()); next != redirects_.end(); next = redirects_.find(path.back())) {
          path.push_back(next->second);
          if (path.size() > redirects_.size() + 1) {
            return absl::InternalError(
                absl::StrCat("the redirect of ", Quote(redirect.first), " leads back to itself"));
          }
        }
        const std::string last = path.back();
        path.pop_back();
        for (const std::string& name : path) {
          redirects_[name] = last;
        }
      }
    }
    return absl::OkStatus();
  }

  void CountReads() {
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (removed_by_[static_cast<size_t>(i)] == kKept) {
        AddReads(graph_.node(i));
      }
    }
    for (const Rewrite& rewrite : rewrites_) {
      for (const onnx::NodeProto& node : rewrite.insert) {
        AddReads(node);
      }
    }
    for (const onnx::ValueInfoProto& output : graph_.output()) {
      ++reads_[output.name()];
    }
    for (const absl::string_view name : TrainingReads(model_)) {
      ++reads_[name];
    }
  }

  void AddReads(const onnx::NodeProto& node) {
    for (const std::string& input : node.input()) {
      ++reads_[Target(input)];
    }
    for (const absl::string_view name : OuterReads(node)) {
      ++reads_[name];
    }
  }

  // Initializers that nothing reads any more because of the removed nodes, through Constant and Identity nodes.
  void RemoveUnread() {
    absl::flat_hash_set<absl::string_view> initializers;
    for (const onnx::TensorProto& tensor : graph_.initializer()) {
      initializers.insert(tensor.name());
    }
    std::vector<absl::string_view> suspects;
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (removed_by_[static_cast<size_t>(i)] != kKept) {
        const onnx::NodeProto& node = graph_.node(i);
        suspects.insert(suspects.end(), node.input().begin(), node.input().end());
        touched_.insert(node.output().begin(), node.output().end());
      }
    }
    while (!suspects.empty()) {
      const absl::string_view name = suspects.back();
      suspects.pop_back();
      if (name.empty() || reads_[name] > 0) {
        continue;
      }
      if (initializers.contains(name)) {
        dead_initializers_.emplace(name);
        touched_.emplace(name);
        continue;
      }
      const auto producer = producer_.find(name);
      if (producer == producer_.end() || removed_by_[static_cast<size_t>(producer->second)] != kKept) {
        continue;
      }
      const onnx::NodeProto& node = graph_.node(producer->second);
      if (node.output_size() == 1 && (IsOp(node, "Constant") || IsOp(node, "Identity"))) {
        removed_by_[static_cast<size_t>(producer->second)] = kDead;
        touched_.emplace(name);
        for (const std::string& input : node.input()) {
          --reads_[Target(input)];
          suspects.push_back(Target(input));
        }
      }
    }
  }

  // All nodes of the new graph, inserted ones where the last node their rewrite removes stood.
  void Place() {
    std::vector<std::vector<size_t>> rewrites_at(static_cast<size_t>(graph_.node_size()) + 1);
    for (size_t r = 0; r < rewrites_.size(); ++r) {
      rewrites_at[static_cast<size_t>(last_removed_[r] + 1)].push_back(r);
    }
    for (int i = -1; i < graph_.node_size(); ++i) {
      if (i >= 0 && removed_by_[static_cast<size_t>(i)] == kKept) {
        slots_.push_back({i, 0, 0, &graph_.node(i)});
      }
      for (const size_t r : rewrites_at[static_cast<size_t>(i + 1)]) {
        for (size_t k = 0; k < rewrites_[r].insert.size(); ++k) {
          slots_.push_back({-1, r, k, &rewrites_[r].insert[k]});
        }
      }
    }
  }

  // Every value that the removed nodes made or the inserted ones read must be defined in the new graph.
  absl::Status CheckDefinitions() {
    absl::flat_hash_set<absl::string_view> defined;
    for (const onnx::ValueInfoProto& input : graph_.input()) {
      defined.insert(input.name());
    }
    for (const onnx::TensorProto& tensor : graph_.initializer()) {
      defined.insert(tensor.name());
    }
    for (const onnx::SparseTensorProto& tensor : graph_.sparse_initializer()) {
      defined.insert(tensor.values().name());
    }
    for (const Rewrite& rewrite : rewrites_) {
      for (const onnx::TensorProto& weight : rewrite.weights) {
        defined.insert(weight.name());
        if (reads_[weight.name()] == 0) {
          unread_weights_.insert(weight.name());
        }
      }
    }
    for (const Slot& slot : slots_) {
      defined.insert(slot.node->output().begin(), slot.node->output().end());
    }
    for (const std::string& name : touched_) {
      if (name.empty() || dead_initializers_.contains(name) || defined.contains(name)) {
        continue;
      }
      gone_.insert(name);
      if (reads_[name] > 0) {
        return absl::InternalError(absl::StrCat("value ", Quote(name), " is still read, but no longer made"));
      }
    }
    for (const Rewrite& rewrite : rewrites_) {
      for (const onnx::NodeProto& node : rewrite.insert) {
        for (const std::string& input : node.input()) {
          CNNOPT_RETURN_IF_ERROR(CheckRead(Target(input), rewrite, defined));
        }
      }
      for (const auto& redirect : rewrite.redirect) {
        if (const std::string& target = Target(redirect.first); reads_[target] > 0) {
          CNNOPT_RETURN_IF_ERROR(CheckRead(target, rewrite, defined));
        }
      }
    }
    gone_.insert(dead_initializers_.begin(), dead_initializers_.end());
    return absl::OkStatus();
  }

  static absl::Status CheckRead(const std::string& name, const Rewrite& rewrite,
                                const absl::flat_hash_set<absl::string_view>& defined) {
    if (name.empty() || defined.contains(name)) {
      return absl::OkStatus();
    }
    return absl::InternalError(
        absl::StrCat("rewrite ", Quote(rewrite.why), " reads ", Quote(name), ", which nothing makes"));
  }

  absl::Status Order() {
    std::vector<const onnx::NodeProto*> nodes;
    nodes.reserve(slots_.size());
    for (const Slot& slot : slots_) {
      nodes.push_back(slot.node);
    }
    absl::StatusOr<std::vector<int>> order = TopologicalOrder(nodes, redirects_);
    if (!order.ok()) {
      return absl::InternalError(order.status().message());
    }
    order_ = *std::move(order);
    return absl::OkStatus();
  }

  template <typename Message, typename NameOf>
  static void RemoveNamed(const NameSet& names, NameOf name_of, google::protobuf::RepeatedPtrField<Message>* list) {
    int kept = 0;
    for (int i = 0; i < list->size(); ++i) {
      if (!names.contains(name_of(list->Get(i)))) {
        list->SwapElements(kept++, i);
      }
    }
    list->DeleteSubrange(kept, list->size() - kept);
  }

  static void ListAsInput(const onnx::TensorProto& weight, onnx::GraphProto& graph) {
    onnx::ValueInfoProto& input = *graph.add_input();
    input.set_name(weight.name());
    onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(weight.data_type());
    type.mutable_shape();
    for (const int64_t dim : weight.dims()) {
      type.mutable_shape()->add_dim()->set_dim_value(dim);
    }
  }

  std::vector<Rewrite> rewrites_;  // names are given here, then nodes and weights move into the graph
  const onnx::ModelProto& model_;
  const onnx::GraphProto& graph_;
  absl::flat_hash_map<absl::string_view, int> node_of_;   // by identity
  absl::flat_hash_map<absl::string_view, int> producer_;  // by output
  std::vector<int> removed_by_;                           // per old node: the rewrite that removes it, kKept or kDead
  std::vector<int> last_removed_;  // per rewrite: its last node in the old order, -1: it removes none
  Redirects redirects_;
  absl::flat_hash_map<absl::string_view, int64_t> reads_;  // in the new graph
  std::vector<Slot> slots_;
  std::vector<int> order_;  // of slots_
  NameSet dead_initializers_;
  NameSet unread_weights_;
  NameSet touched_;  // values that change hands or go
  NameSet gone_;     // those that exist no more
};

}  // namespace

absl::Status ApplyRewrites(std::vector<Rewrite> rewrites, onnx::ModelProto& model) {
  Edit edit(std::move(rewrites), model);
  CNNOPT_RETURN_IF_ERROR(edit.Decide());
  edit.Apply(model);
  return absl::OkStatus();
}

absl::Status ApplyRewrite(Rewrite rewrite, onnx::ModelProto& model) {
  std::vector<Rewrite> rewrites;
  rewrites.push_back(std::move(rewrite));
  return ApplyRewrites(std::move(rewrites), model);
}

}  // namespace cnnopt
