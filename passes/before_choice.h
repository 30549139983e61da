// The stages of slimming up to the choice, which no goal changes: run the original, clean up, find the layers, look at
// what they see, propose candidates.
#ifndef CNNOPT_PASSES_BEFORE_CHOICE_H_
#define CNNOPT_PASSES_BEFORE_CHOICE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/tensor.h"
#include "passes/layer_rules.h"
#include "passes/moments.h"
#include "passes/propose.h"
#include "passes/selection.h"
#include "passes/site.h"
#include "passes/slim.h"
#include "passes/workbench.h"
#include "runtime/session.h"

namespace cnnopt {

// Everything the stages share.
struct Job {
  const onnx::ModelProto& original;
  SlimOptions options;
  ProgressSink progress;
  Selection selection;
  SlimReport report;

  std::optional<Reference> reference = {};  // held-out samples and what the original makes of them
  std::vector<Sample> fit_samples = {};     // those that may be fitted to; none: by weights only
  std::map<std::string, Shape> shapes = {};
  onnx::ModelProto clean = {};         // after the exact rewrites; borrows from the original
  std::optional<GraphView> view = {};  // of `clean`
  std::vector<Site> sites = {};        // of `clean`
  std::vector<SiteForms> forms = {};   // what the user leaves open for each
  std::vector<std::vector<Moments>> moments = {};
  std::vector<Proposal> proposals = {};
  std::vector<int64_t> held_out_indices = {};  // of the reference's samples, among all

  void Tell(const std::string& stage, int64_t done, int64_t total) const {
    if (progress) progress(stage, done, total);
  }
};

// Fills in everything that comes before the choice. Errors: those of the stages.
absl::Status PrepareJob(Job& job);

// What `model` takes, all `sites` together.
Totals TotalsOf(const onnx::ModelProto& model, const std::vector<Site>& sites);

// Whether agreement can be measured at all; a warning when not finely enough, else "".
absl::StatusOr<std::string> CheckAgreement(const Job& job);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_BEFORE_CHOICE_H_
