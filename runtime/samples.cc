#include "runtime/samples.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/checksum.h"
#include "onnx_io/file_io.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/folder.h"
#include "runtime/sample_source.h"

namespace cnnopt {
namespace {

constexpr int64_t kMaxSampleBytes = int64_t{1} << 34;

// Every kind of calibration data there is.
const std::vector<SampleKind>& Kinds() {
  static const std::vector<SampleKind> kinds = {ArrayKind(), ProtobufKind(), ImageKind(), BytesKind()};
  return kinds;
}

std::string Names(const std::vector<DeclaredInput>& inputs) {
  return absl::StrJoin(inputs, ", ",
                       [](std::string* out, const DeclaredInput& input) { absl::StrAppend(out, Quote(input.name)); });
}

// What a caller must feed, as the model declares it.
std::vector<DeclaredInput> DeclaredInputs(const onnx::GraphProto& graph) {
  std::set<std::string> initialized;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    initialized.insert(tensor.name());
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    initialized.insert(tensor.values().name());
  }
  std::vector<DeclaredInput> inputs;
  for (const onnx::ValueInfoProto& value : graph.input()) {
    if (initialized.count(value.name()) != 0) {
      continue;
    }
    const onnx::TypeProto::Tensor& type = value.type().tensor_type();
    DeclaredInput input{value.name(), type.elem_type(), type.has_shape(), {}, static_cast<int64_t>(inputs.size()), 0};
    for (const onnx::TensorShapeProto::Dimension& dim : type.shape().dim()) {
      input.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
    }
    inputs.push_back(std::move(input));
  }
  for (DeclaredInput& input : inputs) {
    input.places = static_cast<int64_t>(inputs.size());
  }
  return inputs;
}

absl::StatusOr<SamplePlace> LookAt(const std::string& path) {
  SamplePlace place;
  place.path = path;
  std::error_code unseen;
  place.is_folder = std::filesystem::is_directory(path, unseen);
  if (place.is_folder) {
    CNNOPT_ASSIGN_OR_RETURN(place.files, FilesBelow(path));
    return place;
  }
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  place.start.resize(16);
  CNNOPT_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(0, place.start.data(), place.start.size()));
  place.start.resize(got);
  return place;
}

bool HasExtension(const SampleKind& kind, const std::string& path) {
  const std::string extension = Extension(path);
  return std::any_of(kind.extensions.begin(), kind.extensions.end(),
                     [&](const char* known) { return extension == known; });
}

bool HasStart(const SampleKind& kind, const std::string& start) {
  return std::any_of(kind.starts.begin(), kind.starts.end(),
                     [&](const std::string& known) { return absl::StartsWith(start, known); });
}

// The kinds of which `place` seems to be. Of a file the extension counts: raw bytes may start in any way.
std::vector<const SampleKind*> KindsAt(const SamplePlace& place) {
  std::vector<const SampleKind*> by_name;
  std::vector<const SampleKind*> by_start;
  for (const SampleKind& kind : Kinds()) {
    if (place.is_folder
            ? kind.in_folder != nullptr && std::any_of(place.files.begin(), place.files.end(), kind.in_folder)
            : HasExtension(kind, place.path)) {
      by_name.push_back(&kind);
    } else if (!place.is_folder && HasStart(kind, place.start)) {
      by_start.push_back(&kind);
    }
  }
  return by_name.empty() ? by_start : by_name;
}

absl::StatusOr<const SampleKind*> FindKind(const SamplePlace& place) {
  const std::vector<const SampleKind*> found = KindsAt(place);
  const auto what = [](std::string* out, const SampleKind* kind) { absl::StrAppend(out, kind->what); };
  if (found.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(place.path), ": expected samples of one kind, found ", absl::StrJoin(found, " and ", what)));
  }
  if (found.empty()) {
    std::vector<const SampleKind*> all;
    for (const SampleKind& kind : Kinds()) {
      if (!place.is_folder || kind.in_folder != nullptr) {
        all.push_back(&kind);
      }
    }
    return absl::InvalidArgumentError(absl::StrCat(Quote(place.path),
                                                   place.is_folder ? " is a folder with no" : " holds no",
                                                   " samples: expected ", absl::StrJoin(all, ", ", what)));
  }
  return found[0];
}

// A path and the inputs it feeds.
struct Feed {
  std::string path;
  std::vector<DeclaredInput> inputs;
};

// Says which path feeds which inputs.
absl::StatusOr<std::vector<Feed>> Distribute(const std::vector<std::string>& paths, std::vector<DeclaredInput> inputs) {
  const std::vector<DeclaredInput> all = inputs;
  std::vector<Feed> feeds;
  std::optional<std::string> nameless;
  for (const std::string& path : paths) {
    const size_t equals = path.find('=');
    const std::string name = path.substr(0, equals);
    const auto has_name = [&](const DeclaredInput& input) { return input.name == name; };
    if (equals == std::string::npos || std::none_of(all.begin(), all.end(), has_name)) {
      if (nameless.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat("both ", Quote(*nameless), " and ", Quote(path),
                                                       " name no input: expected NAME=PATH with one of ", Names(all)));
      }
      nameless = path;
      continue;
    }
    const auto input = std::find_if(inputs.begin(), inputs.end(), has_name);
    if (input == inputs.end()) {
      return absl::InvalidArgumentError(absl::StrCat("input ", Quote(name), " is given samples twice"));
    }
    feeds.push_back({path.substr(equals + 1), {*input}});
    inputs.erase(input);
  }
  if (nameless.has_value() == inputs.empty()) {
    return absl::InvalidArgumentError(
        nameless.has_value()
            ? absl::StrCat(Quote(*nameless), " is for no input: expected NAME=PATH with one of ", Names(all))
            : absl::StrCat("no samples for ", Names(inputs), ": expected NAME=PATH for each"));
  }
  if (nameless.has_value()) {
    feeds.push_back({*nameless, std::move(inputs)});
  }
  return feeds;
}

}  // namespace

struct SampleFiles::Impl {
  std::vector<DeclaredInput> inputs;
  InputSources sources;
  std::map<std::string, std::string> paths;  // by input, for messages
  bool have_images = false;
};

SampleFiles::SampleFiles(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SampleFiles::SampleFiles(SampleFiles&&) noexcept = default;
SampleFiles& SampleFiles::operator=(SampleFiles&&) noexcept = default;
SampleFiles::~SampleFiles() = default;

absl::StatusOr<SampleFiles> SampleFiles::Open(const std::vector<std::string>& paths, const onnx::ModelProto& model,
                                              const ImageOptions& images) {
  auto impl = std::make_unique<Impl>();
  impl->inputs = DeclaredInputs(model.graph());
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<Feed> feeds, Distribute(paths, impl->inputs));
  for (const Feed& feed : feeds) {
    CNNOPT_ASSIGN_OR_RETURN(const SamplePlace place, LookAt(feed.path));
    CNNOPT_ASSIGN_OR_RETURN(const SampleKind* kind, FindKind(place));
    CNNOPT_ASSIGN_OR_RETURN(InputSources sources, kind->open(place, feed.inputs, images));
    impl->sources.merge(sources);
    impl->have_images = impl->have_images || kind->uses_image_options;
    for (const DeclaredInput& input : feed.inputs) {
      impl->paths[input.name] = feed.path;
    }
  }
  return SampleFiles(std::move(impl));
}

absl::StatusOr<SampleFiles> SampleFiles::OfArrays(const std::vector<ArrayView>& arrays, const onnx::ModelProto& model) {
  auto impl = std::make_unique<Impl>();
  impl->inputs = DeclaredInputs(model.graph());
  CNNOPT_ASSIGN_OR_RETURN(impl->sources, SourcesOfArrays(arrays, impl->inputs));
  for (const DeclaredInput& input : impl->inputs) impl->paths[input.name] = "the arrays";
  return SampleFiles(std::move(impl));
}

absl::StatusOr<std::map<std::string, Shape>> SampleFiles::Shapes(const std::map<std::string, Shape>& given) const {
  std::map<std::string, Shape> shapes;
  for (DeclaredInput input : impl_->inputs) {
    if (const auto shape = given.find(input.name); shape != given.end()) {
      input.ranked = true;
      input.shape = shape->second;
    }
    CNNOPT_ASSIGN_OR_RETURN(shapes[input.name], impl_->sources.at(input.name)->SampleShape(input));
  }
  return shapes;
}

absl::StatusOr<SampleSet> SampleFiles::Read(const std::vector<InputInfo>& inputs, int64_t limit) const {
  int64_t available = -1;
  int64_t sample_bytes = 0;
  for (const InputInfo& input : inputs) {
    const int64_t bytes = PayloadBytes(input.data_type, ElementCount(input.shape));
    if (ElementCount(input.shape) < 1 || bytes < 1 || bytes > kMaxSampleBytes) {
      return absl::InvalidArgumentError(absl::StrCat("input ", Quote(input.name), " of shape [",
                                                     absl::StrJoin(input.shape, ","), "] takes no samples"));
    }
    const auto source = impl_->sources.find(input.name);
    if (source == impl_->sources.end()) {
      return absl::InvalidArgumentError(absl::StrCat("no samples for input ", Quote(input.name)));
    }
    sample_bytes += bytes;
    CNNOPT_ASSIGN_OR_RETURN(const int64_t count, source->second->Count(input));
    if (available >= 0 && count != available) {
      return absl::InvalidArgumentError(absl::StrCat("input ", Quote(input.name), ": expected ", available,
                                                     " samples as the other inputs have, found ", count, " in ",
                                                     OneLine(impl_->paths.at(input.name))));
    }
    available = count;
  }
  const int64_t count = std::clamp<int64_t>(limit, 0, std::max<int64_t>(available, 0));
  if (count > 0 && sample_bytes > kMaxSampleBytes / count) {
    return absl::ResourceExhaustedError(absl::StrCat(count, " samples of ", sample_bytes, " bytes, the limit is ",
                                                     kMaxSampleBytes, " bytes: give a smaller --samples"));
  }
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) {
    chosen.push_back(available / count * i + available % count * i / count);  // i * available / count, which overflows
  }
  SampleSet set;
  set.samples.resize(chosen.size());
  std::set<std::string> seen;
  for (const InputInfo& input : inputs) {
    CNNOPT_ASSIGN_OR_RETURN(InputSamples read, impl_->sources.at(input.name)->Read(input, chosen));
    for (size_t i = 0; i < chosen.size(); ++i) {
      set.samples[i][input.name] = std::move(read.tensors[i]);
    }
    std::copy_if(read.files.begin(), read.files.end(), std::back_inserter(set.files),
                 [&](const std::string& file) { return seen.insert(file).second; });
  }
  set.indices = std::move(chosen);
  return set;
}

std::vector<std::string> SampleFiles::Files() const {
  std::vector<std::string> files;
  for (const auto& [name, source] : impl_->sources) {
    const std::vector<std::string> more = source->Files();
    files.insert(files.end(), more.begin(), more.end());
  }
  return files;
}

bool SampleFiles::HaveImages() const { return impl_->have_images; }

absl::StatusOr<std::string> ContentSha256(const std::vector<std::string>& files) {
  if (files.size() == 1) {
    return FileSha256(files[0]);
  }
  Sha256 all;
  for (const std::string& file : files) {
    CNNOPT_ASSIGN_OR_RETURN(const std::string digest, FileSha256(file));
    all.Update(digest + "\n");
  }
  return all.Hex();
}

std::string ArraysSha256(const std::vector<ArrayView>& arrays) {
  Sha256 all;
  for (const ArrayView& array : arrays) {
    all.Update(absl::StrCat(array.name.size(), " ", array.name, " ", array.data_type, " [",
                            absl::StrJoin(array.shape, ","), "]\n"));
    all.Update(array.bytes);
  }
  return all.Hex();
}

absl::StatusOr<std::vector<InputInfo>> ModelInputs(const onnx::ModelProto& model,
                                                   const std::map<std::string, Shape>& shapes) {
  std::vector<InputInfo> inputs;
  for (const onnx::ValueInfoProto& input : model.graph().input()) {
    const auto shape = shapes.find(input.name());
    if (shape == shapes.end()) {
      continue;
    }
    const int32_t data_type = input.type().tensor_type().elem_type();
    if (ElementBytes(data_type) == 0) {
      return absl::UnimplementedError(absl::StrCat("input '", input.name(), "' is no dense tensor of numbers"));
    }
    inputs.push_back({input.name(), data_type, shape->second});
  }
  return inputs;
}

}  // namespace cnnopt
