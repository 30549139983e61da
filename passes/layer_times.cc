#include "passes/layer_times.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/rewrite.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "passes/conv.h"
#include "runtime/stopwatch.h"

namespace cnnopt {
namespace {

// Ranks of a form that are measured: the first, the last, and one between.
constexpr size_t kRanksTimed = 3;
// The least for a median; small layers run as often as the time allows.
constexpr StopwatchOptions kShort = {.seconds = 0.03, .min_pairs = 3, .max_pairs = 30};

// Numbers that keep all values in an ordinary range: time depends on them only where they are denormal.
void FillRandom(Conv& conv, std::mt19937& random) {
  const int64_t width = conv.group_in_channels() * conv.taps();
  std::uniform_real_distribution<double> uniform(-1, 1);
  const double scale = std::sqrt(3.0 / static_cast<double>(width));
  conv.weight = Matrix::NullaryExpr(conv.out_channels, width, [&] { return scale * uniform(random); });
}

// A model of the layer alone, as it stands in the graph.
onnx::ModelProto Alone(const TimingContext& context, const Site& site) {
  const onnx::NodeProto& node = *context.view.Producer(site.output);
  onnx::ModelProto model;
  model.set_ir_version(std::max<int64_t>(context.model.ir_version(), 4));
  *model.mutable_opset_import() = context.model.opset_import();
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("layer");
  *graph.add_node() = node;
  for (int i = 1; i < node.input_size(); ++i) {
    if (const onnx::TensorProto* constant = context.view.Constant(node.input(i))) {
      *graph.add_initializer() = *constant;
      graph.mutable_initializer(graph.initializer_size() - 1)->set_name(node.input(i));
    }
  }
  const int32_t type = context.view.Constant(node.input(1))->data_type();
  const auto declare = [type](const std::string& name, const Shape* shape, onnx::ValueInfoProto& info) {
    info.set_name(name);
    onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    if (shape == nullptr) return;
    for (const int64_t size : *shape) tensor.mutable_shape()->add_dim()->set_dim_value(size);
  };
  declare(node.input(0), &*site.input, *graph.add_input());
  declare(site.output, nullptr, *graph.add_output());
  return model;
}

absl::StatusOr<Sample> InputOf(const onnx::ModelProto& model, const Shape& shape) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<size_t>(ElementCount(shape)));
  for (double& value : values) value = normal(random);
  const onnx::ValueInfoProto& info = model.graph().input(0);
  CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, FromDoubles(values, shape, info.type().tensor_type().elem_type()));
  Sample sample;
  sample.emplace(info.name(), std::move(tensor));
  return sample;
}

std::string Describe(const Conv& conv) {
  const auto list = [](const std::vector<int64_t>& values) { return absl::StrJoin(values, "x"); };
  return absl::StrCat(conv.in_channels, ">", conv.out_channels, "g", conv.groups, "k", list(conv.kernel), "s",
                      list(conv.stride), "d", list(conv.dilation), "p", list(conv.pad_begin), "-", list(conv.pad_end));
}

// What determines the time of a chain.
std::string KeyOf(const Site& site, int32_t type, const Replacement& replacement) {
  std::vector<std::string> branches;
  for (const std::vector<Conv>& branch : replacement.branches) {
    branches.push_back(
        absl::StrJoin(branch, ",", [](std::string* out, const Conv& conv) { absl::StrAppend(out, Describe(conv)); }));
  }
  return absl::StrCat(site.op, " ", type, " [", absl::StrJoin(*site.input, ","), "] ", absl::StrJoin(branches, "+"));
}

// Measures the candidates of one site.
class SiteTimer {
 public:
  SiteTimer(const TimingContext& context, size_t site, TimeCache& cache)
      : context_(context),
        site_(context.sites[site]),
        candidates_(context.proposals[site].candidates),
        node_(*context.view.Producer(site_.output)),
        weight_(*context.view.Constant(node_.input(1))),
        cache_(cache) {}

  absl::StatusOr<std::vector<double>> Times() {
    std::vector<double> times(candidates_.size(), 0.0);
    size_t first = 1;
    while (first < candidates_.size()) {  // candidates of one form stand together, ranks rising
      size_t end = first;
      while (end < candidates_.size() && candidates_[end].form == candidates_[first].form) ++end;
      CNNOPT_RETURN_IF_ERROR(TimeForm(first, end, times));
      first = end;
    }
    CNNOPT_ASSIGN_OR_RETURN(times[0], Layer());
    return times;
  }

 private:
  absl::Status TimeForm(size_t first, size_t end, std::vector<double>& times) {
    size_t last = first;
    for (size_t i = 0; i < kRanksTimed; ++i) {
      const size_t c = first + (end - 1 - first) * i / (kRanksTimed - 1);
      if (i > 0 && c == last) continue;
      CNNOPT_ASSIGN_OR_RETURN(times[c], TimeCandidate(c));
      for (size_t between = last + 1; between < c; ++between) {
        // In steps of whole vectors, as kernels take them: 24 channels as long as 32.
        const auto effort = [this](size_t at) {
          return static_cast<double>(candidates_[at].effort.value_or(candidates_[at].rank));
        };
        const double more = effort(c) - effort(last);
        const double share = more > 0 ? (effort(between) - effort(last)) / more : 1;
        times[between] = times[last] + share * (times[c] - times[last]);
      }
      last = c;
    }
    return absl::OkStatus();
  }

  // Nanoseconds of the layer: what its first comparison found.
  absl::StatusOr<double> Layer() {
    const std::string key = KeyOf(site_, weight_.data_type(), {{{*site_.conv}}});
    if (const auto known = cache_.find(key); known != cache_.end()) return known->second;
    CNNOPT_RETURN_IF_ERROR(Prepare());
    CNNOPT_ASSIGN_OR_RETURN(const Latency latency, TimePairs(*layer_session_, *layer_session_, input_, kShort));
    return cache_[key] = latency.before_ms * 1e6;
  }

  // Nanoseconds of a candidate: its share of the layer's time, which noise that lasts cannot change, times that time.
  absl::StatusOr<double> TimeCandidate(size_t c) {
    Replacement replacement = candidates_[c].form->Outline(*site_.conv, candidates_[c].rank);
    const std::string key = KeyOf(site_, weight_.data_type(), replacement);
    if (const auto known = cache_.find(key); known != cache_.end()) return known->second;
    CNNOPT_ASSIGN_OR_RETURN(const double layer, Layer());
    CNNOPT_RETURN_IF_ERROR(Prepare());
    std::mt19937 random(1);
    for (std::vector<Conv>& branch : replacement.branches) {
      for (Conv& stage : branch) FillRandom(stage, random);
    }
    CNNOPT_ASSIGN_OR_RETURN(Rewrite rewrite, EmitReplacement(replacement, node_, weight_, "timed"));
    onnx::ModelProto model = layer_;
    CNNOPT_RETURN_IF_ERROR(ApplyRewrite(std::move(rewrite), model));
    CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(context_.runtime, model, Options()));
    CNNOPT_ASSIGN_OR_RETURN(const Latency latency, TimePairs(*layer_session_, session, input_, kShort));
    return cache_[key] = latency.ratio * layer;
  }

  absl::Status Prepare() {
    if (layer_session_.has_value()) return absl::OkStatus();
    layer_ = Alone(context_, site_);
    CNNOPT_ASSIGN_OR_RETURN(input_, InputOf(layer_, *site_.input));
    CNNOPT_ASSIGN_OR_RETURN(Session session, Session::Create(context_.runtime, layer_, Options()));
    layer_session_ = std::move(session);
    return absl::OkStatus();
  }
  SessionOptions Options() const {
    SessionOptions options;
    options.threads = context_.threads;
    return options;
  }

  const TimingContext& context_;
  const Site& site_;
  const std::vector<Candidate>& candidates_;
  const onnx::NodeProto& node_;
  const onnx::TensorProto& weight_;
  TimeCache& cache_;
  onnx::ModelProto layer_;
  Sample input_;
  std::optional<Session> layer_session_;
};

}  // namespace

absl::StatusOr<Costs> TimeCandidates(const TimingContext& context, TimeCache& cache) {
  Costs costs;
  for (size_t s = 0; s < context.sites.size(); ++s) {
    if (context.progress) {
      context.progress("time layers", static_cast<int64_t>(s), static_cast<int64_t>(context.sites.size()));
    }
    std::vector<int64_t>& site = costs.emplace_back(context.proposals[s].candidates.size(), 0);
    if (site.size() == 1 || !context.sites[s].conv.has_value() || !context.sites[s].input.has_value()) continue;
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> times, SiteTimer(context, s, cache).Times());
    for (size_t c = 0; c < site.size(); ++c) {
      const bool slower = c > 0 && times[c] >= times[0];
      site[c] = std::llround(slower ? times[0] + 1 : times[c]);
    }
  }
  return costs;
}

}  // namespace cnnopt
