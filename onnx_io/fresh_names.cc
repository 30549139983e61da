#include "onnx_io/fresh_names.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"

namespace cnnopt {

std::string Namer::Fresh(absl::string_view proposal) {
  // A name may be a megabyte long; one that grows with every rewrite would pass any limit in the end.
  const absl::string_view base = proposal.empty() || proposal.size() > 256 ? "value" : proposal;
  std::string name(base);
  for (int64_t& number = last_number_[std::string(base)]; !taken_.insert(name).second;) {
    name = absl::StrCat(base, "_", ++number);
  }
  return name;
}

absl::Status GiveFreshNames(const absl::flat_hash_set<absl::string_view>& made, Namer& namer, Rewrite& rewrite) {
  absl::flat_hash_map<std::string, std::string> renamed;
  absl::flat_hash_set<std::string> defined;
  const auto define = [&](std::string* name) -> absl::Status {
    if (!defined.insert(*name).second) {
      return absl::InternalError(absl::StrCat("rewrite ", Quote(rewrite.why), " makes ", Quote(*name), " twice"));
    }
    if (!made.contains(*name)) {
      std::string fresh = namer.Fresh(*name);
      if (fresh != *name) {
        renamed.emplace(*name, fresh);
        *name = std::move(fresh);
      }
    }
    return absl::OkStatus();
  };
  for (onnx::TensorProto& weight : rewrite.weights) {
    CNNOPT_RETURN_IF_ERROR(define(weight.mutable_name()));
  }
  for (onnx::NodeProto& node : rewrite.insert) {
    for (std::string& output : *node.mutable_output()) {
      if (!output.empty()) {
        CNNOPT_RETURN_IF_ERROR(define(&output));
      }
    }
  }
  const auto rename = [&](std::string& name) {
    if (const auto found = renamed.find(name); found != renamed.end()) {
      name = found->second;
    }
  };
  for (auto& redirect : rewrite.redirect) {
    rename(redirect.second);
  }
  for (onnx::NodeProto& node : rewrite.insert) {
    for (std::string& input : *node.mutable_input()) {
      rename(input);
    }
    for (const absl::string_view name : OuterReads(node)) {
      if (renamed.contains(name)) {
        return absl::InternalError(absl::StrCat("rewrite ", Quote(rewrite.why), ": ", Quote(name),
                                                " is read by a subgraph, but its name is taken"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
