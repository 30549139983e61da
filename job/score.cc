#include "job/score.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "job/child.h"
#include "job/parse_number.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/temporaries.h"
#include "runtime/labels.h"

namespace cnnopt {
namespace {

constexpr int64_t kMostScored = 1'000'000;

// A folder with one model, for as long as this lives.
class ModelFolder {
 public:
  static absl::StatusOr<std::unique_ptr<ModelFolder>> Create(const onnx::ModelProto& model) {
    const char* const parent = std::getenv("TMPDIR");
    std::string folder = absl::StrCat(parent == nullptr || *parent == '\0' ? "/tmp" : parent, "/cnnopt-XXXXXX");
    {
      const auto lock = LockTemporaries();
      if (mkdtemp(folder.data()) == nullptr) {
        return absl::UnavailableError(absl::StrCat("cannot make the folder '", folder, "': ", std::strerror(errno)));
      }
      AddTemporary(folder);
    }
    auto result = std::unique_ptr<ModelFolder>(new ModelFolder(std::move(folder)));
    AddTemporary(result->model());
    onnx::ModelProto copy = model;
    CNNOPT_RETURN_IF_ERROR(WriteModel(copy, result->model()));
    return result;
  }
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;
  ~ModelFolder() {
    unlink(model().c_str());
    ForgetTemporary(model());
    rmdir(folder_.c_str());
    ForgetTemporary(folder_);
  }
  std::string model() const { return absl::StrCat(folder_, "/model.onnx"); }

 private:
  explicit ModelFolder(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

bool PartOfNumber(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || absl::StrContains("+-.eE", c); }

}  // namespace

std::optional<double> LastNumber(const std::string& text) {
  std::optional<double> last;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && PartOfNumber(text[end])) ++end;
    // "loss=1.5e-3." or "3-4": the longest beginning that is a number.
    for (size_t stop = end; stop > begin; --stop) {
      const std::string word = text.substr(begin, stop - begin);
      const std::optional<double> number = ParseNumber<double>(word[0] == '+' ? word.substr(1) : word);
      if (!number.has_value() || !std::isfinite(*number)) continue;
      last = number;
      end = stop;
      break;
    }
    begin = std::max(end, begin + 1);
  }
  return last;
}

Score CommandScore(const std::string& command, double seconds) {
  return [command, seconds](const onnx::ModelProto& model) -> absl::StatusOr<double> {
    CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<ModelFolder> folder, ModelFolder::Create(model));
    const std::string words = absl::StrReplaceAll(command, {{"{model}", ShellQuoted(folder->model())}});
    const absl::StatusOr<std::string> text = RunShell(words, seconds);
    if (!text.ok()) {
      return absl::Status(text.status().code(), absl::StrCat("--evaluate='", command, "': ", text.status().message()));
    }
    const std::optional<double> score = LastNumber(*text);
    if (score.has_value()) return *score;
    return absl::FailedPreconditionError(
        absl::StrCat("--evaluate='", command, "': it printed no number", text->empty() ? ", and nothing else" : ""));
  };
}

absl::StatusOr<Score> LabelScore(const SlimArguments& arguments, const std::vector<int64_t>& labels,
                                 const SampleFiles& calibration, const std::vector<InputInfo>& inputs,
                                 const SampleSet& used, std::shared_ptr<const OnnxRuntime> runtime) {
  CNNOPT_ASSIGN_OR_RETURN(SampleSet all, calibration.Read(inputs, kMostScored));
  const int64_t batch = inputs.empty() || inputs.front().shape.empty() ? 1 : inputs.front().shape.front();
  const auto samples = static_cast<int64_t>(all.samples.size());
  const auto count = static_cast<int64_t>(labels.size());
  if (count < samples * batch || count >= (samples + 1) * batch) {
    return absl::InvalidArgumentError(absl::StrCat("'", arguments.labels, "' holds ", count,
                                                   " labels, expected one for each of the ", samples * batch,
                                                   " samples of the calibration data"));
  }
  auto rest = std::make_shared<std::vector<Sample>>();
  std::vector<std::vector<int64_t>> rest_labels;
  for (int64_t s = 0; s < samples; ++s) {
    if (std::binary_search(used.indices.begin(), used.indices.end(), s)) continue;
    rest->push_back(std::move(all.samples[static_cast<size_t>(s)]));
    rest_labels.emplace_back(labels.begin() + s * batch, labels.begin() + (s + 1) * batch);
  }
  if (rest->empty()) {
    return absl::InvalidArgumentError(
        "--labels: no labelled samples are left over to score on: give more, or a smaller --samples");
  }
  SessionOptions options;
  options.threads = arguments.threads;
  return [runtime = std::move(runtime), rest, rest_labels,
          options](const onnx::ModelProto& model) -> absl::StatusOr<double> {
    CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(runtime, model, options));
    CNNOPT_ASSIGN_OR_RETURN(const Outputs outputs, RunAll(session, *rest));
    return Top1Percent(outputs, rest_labels);
  };
}

}  // namespace cnnopt
