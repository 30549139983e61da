#include "passes/inspect.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/borrow.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "passes/cleanup/cleanup.h"
#include "passes/cost.h"
#include "passes/parallel.h"
#include "passes/propose.h"
#include "passes/read_sites.h"
#include "passes/selection.h"

namespace cnnopt {
namespace {

std::string TypeName(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT:
      return "float32";
    case onnx::TensorProto::DOUBLE:
      return "float64";
    default:
      return absl::AsciiStrToLower(
          onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(data_type)));
  }
}

ValueFacts DescribeValue(const onnx::ValueInfoProto& value, const std::map<std::string, Shape>& shapes) {
  ValueFacts facts;
  facts.name = value.name();
  if (!value.type().has_tensor_type()) {
    facts.type = "no tensor";
    return facts;
  }
  const onnx::TypeProto::Tensor& tensor = value.type().tensor_type();
  facts.type = TypeName(tensor.elem_type());
  const auto known = shapes.find(value.name());
  std::vector<std::string> sizes;
  for (int i = 0; i < tensor.shape().dim_size(); ++i) {
    const auto& dim = tensor.shape().dim(i);
    const bool settled = known != shapes.end() && i < static_cast<int>(known->second.size()) &&
                         known->second[static_cast<size_t>(i)] > 0;
    sizes.push_back(dim.dim_value() > 0 ? absl::StrCat(dim.dim_value())
                    : settled           ? absl::StrCat(known->second[static_cast<size_t>(i)])
                    : dim.has_dim_param() && !dim.dim_param().empty() ? dim.dim_param()
                                                                      : "?");
  }
  facts.shape = tensor.has_shape() ? absl::StrJoin(sizes, "x") : "of unknown rank";
  return facts;
}

// Kernel, channels and stride as the node and its constant weight have them.
void FillGeometry(const onnx::NodeProto& node, const GraphView& view, LayerFacts& layer) {
  const onnx::TensorProto* const weight = node.input_size() > 1 ? view.Constant(node.input(1)) : nullptr;
  if (weight == nullptr) return;
  const Shape dims = TensorShape(*weight);
  const bool transposed = node.op_type() == "ConvTranspose";
  if (node.op_type() == "Conv" || transposed) {
    if (dims.size() < 3) return;
    layer.kernel.assign(dims.begin() + 2, dims.end());
    layer.groups = IntAttribute(node, "group", 1);
    layer.in_channels = transposed ? dims[0] : dims[1] * layer.groups;
    layer.out_channels = transposed ? dims[1] * layer.groups : dims[0];
    layer.stride = IntsAttribute(node, "strides");
    layer.dilation = IntsAttribute(node, "dilations");
    if (layer.stride.empty()) layer.stride.assign(layer.kernel.size(), 1);
    if (layer.dilation.empty()) layer.dilation.assign(layer.kernel.size(), 1);
  } else if (dims.size() >= 2) {
    const bool turned = node.op_type() == "Gemm" && IntAttribute(node, "transB", 0) != 0;
    layer.in_channels = dims[dims.size() - (turned ? 1 : 2)];
    layer.out_channels = dims[dims.size() - (turned ? 2 : 1)];
  }
}

FormFacts TryForm(const Site& site, const FormChoice& choice, bool factorise) {
  FormFacts facts;
  facts.form = std::string(choice.form->name());
  const absl::Status applies = choice.form->Applies(*site.conv);
  if (!applies.ok()) {
    facts.reason = std::string(applies.message());
    return facts;
  }
  if (!factorise) return facts;
  const Proposal proposal = Propose({site}, {SiteForms{{choice}, false, ""}}, {{}}, 1, [] {}).front();
  for (const Candidate& candidate : proposal.candidates) {
    if (candidate.form == nullptr) continue;
    facts.ranks.push_back(
        {candidate.rank, candidate.form->Label(candidate.rank), candidate.macs, candidate.params, candidate.error});
  }
  if (facts.ranks.empty()) facts.reason = proposal.reason;
  return facts;
}

void FillForms(const Site& site, const std::vector<FormChoice>& forms, bool factorise, LayerFacts& layer) {
  layer.reason = site.reason;
  if (!site.conv.has_value()) return;
  for (const FormChoice& choice : forms) layer.forms.push_back(TryForm(site, choice, factorise));
  const auto usable = [](const FormFacts& form) { return form.reason.empty(); };
  if (std::any_of(layer.forms.begin(), layer.forms.end(), usable)) return;
  // That a form does not pay says more than that another one has no meaning here.
  layer.reason = forms.empty() ? "no form was asked for" : layer.forms.front().reason;
  for (size_t f = 0; f < forms.size(); ++f) {
    if (forms[f].form->Applies(*site.conv).ok()) layer.reason = layer.forms[f].reason;
  }
}

void FillLayers(const std::vector<Site>& sites, const GraphView& view, const std::vector<FormChoice>& forms,
                const InspectOptions& options, int threads, ModelFacts& facts) {
  facts.layers.resize(sites.size());
  ParallelFor(static_cast<int64_t>(sites.size()), threads, [&](int64_t i) {
    const Site& site = sites[static_cast<size_t>(i)];
    LayerFacts& layer = facts.layers[static_cast<size_t>(i)];
    layer.name = site.name;
    layer.op = site.op;
    layer.was = site.was;
    layer.output = site.result;
    layer.macs = site.macs;
    layer.params = site.params;
    FillGeometry(*view.Producer(site.output), view, layer);
    FillForms(site, forms, options.factorise, layer);
  });
  facts.slimmable_macs = 0;
  for (const LayerFacts& layer : facts.layers) {
    if (!layer.slimmable()) continue;
    ++facts.slimmable_layers;
    if (!layer.macs.has_value()) facts.slimmable_macs = std::nullopt;
    if (facts.slimmable_macs.has_value()) *facts.slimmable_macs += *layer.macs;
  }
}

void FillHead(const onnx::ModelProto& model, const std::map<std::string, Shape>& shapes, ModelFacts& facts) {
  facts.ir_version = model.ir_version();
  facts.opset = OpsetVersion(model);
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    if (!opset.domain().empty() && opset.domain() != "ai.onnx") facts.other_opsets[opset.domain()] = opset.version();
  }
  facts.producer = model.producer_name();
  if (!model.producer_version().empty()) {
    absl::StrAppend(&facts.producer, facts.producer.empty() ? "" : " ", model.producer_version());
  }
  std::set<std::string> weights;  // before IR 4 each is also listed as an input
  for (const onnx::TensorProto& weight : model.graph().initializer()) weights.insert(weight.name());
  for (const onnx::ValueInfoProto& input : model.graph().input()) {
    if (weights.count(input.name()) == 0) facts.inputs.push_back(DescribeValue(input, shapes));
  }
  for (const onnx::ValueInfoProto& output : model.graph().output()) {
    facts.outputs.push_back(DescribeValue(output, shapes));
  }
  facts.nodes = model.graph().node_size();
  for (const onnx::NodeProto& node : model.graph().node()) ++facts.ops[node.op_type()];
}

// Shapes of all values as far as they can be told; what is missing goes to `hint`.
absl::StatusOr<std::map<std::string, Shape>> TellShapes(const onnx::ModelProto& model,
                                                        const std::map<std::string, Shape>& given, std::string& hint) {
  const absl::StatusOr<std::map<std::string, Shape>> inputs = InputShapes(model, given);
  if (inputs.ok()) return InferShapes(model, *inputs);
  if (!given.empty()) return inputs.status();
  hint = std::string(inputs.status().message());
  return InferShapes(model, {});
}

}  // namespace

absl::StatusOr<ModelFacts> Inspect(const onnx::ModelProto& model, const InspectOptions& options) {
  CNNOPT_ASSIGN_OR_RETURN(const Selection selection, SelectPasses(options.passes, options.cleanup));
  const int threads = ThreadsWithMemory(options.threads > 0 ? options.threads : AvailableThreads());
  ModelFacts facts;
  CNNOPT_ASSIGN_OR_RETURN(const auto shapes, TellShapes(model, options.input_shapes, facts.hint));
  FillHead(model, shapes, facts);
  const InputConstants inputs = InputsOf(model, options.assume_constant);
  {
    CNNOPT_ASSIGN_OR_RETURN(const GraphView view, GraphView::Create(model.graph(), inputs));
    facts.totals = {TotalMacs(FindSites(view, shapes)), TotalParameters(model.graph()),
                    static_cast<int64_t>(model.ByteSizeLong())};
  }
  onnx::ModelProto clean = Borrow(model);
  CNNOPT_ASSIGN_OR_RETURN(const CleanupResult cleanup, RunCleanup(clean, selection.cleanups, inputs));
  facts.cleanups = cleanup.applied;
  CNNOPT_ASSIGN_OR_RETURN(const GraphView view, GraphView::Create(clean.graph(), inputs));
  FillLayers(ReadSites(clean, view, shapes), view, selection.forms, options, threads, facts);
  return facts;
}

const RankFacts* BestWithin(const LayerFacts& layer, double max_error) {
  const auto cost = [](const RankFacts& rank) { return rank.macs.value_or(rank.params); };
  const RankFacts* best = nullptr;
  for (const FormFacts& form : layer.forms) {
    for (const RankFacts& rank : form.ranks) {
      if (rank.weight_error <= max_error && (best == nullptr || cost(rank) < cost(*best))) best = &rank;
    }
  }
  return best;
}

}  // namespace cnnopt
