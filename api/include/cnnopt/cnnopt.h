// cnnopt as a library: a trained convolutional network in, a slimmer one out.
//
//   cnnopt::Options options;
//   options.target_macs = 0.5;
//   options.calibration = {"images.npy"};
//   absl::StatusOr<cnnopt::Report> report = cnnopt::SlimFile("in.onnx", "slim.onnx", options);
//
// Nothing here throws, prints, ends the process or keeps state between calls; any number of threads may call at once.
// The same input, options and version give the same bytes, here, from C, from Python and from the command.
//
// The static library (CMake: cnnopt::static) has all of it. The shared one (cnnopt::shared) holds its own onnx and
// protobuf, which no caller sees: it has everything but the functions that take an onnx::ModelProto.
//
// What a process shares nevertheless: ONNX Runtime is opened once (the first `ort` counts), with
// ORT_DISABLE_TELEMETRY=1 in the environment unless it is set there; OpenBLAS, where it is the BLAS, is held to one
// thread. docs/library.md.
#ifndef CNNOPT_CNNOPT_H_
#define CNNOPT_CNNOPT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cnnopt/version.h"

#define CNNOPT_API __attribute__((visibility("default")))

namespace onnx {
class ModelProto;
}

namespace cnnopt {

// An array that feeds an input of the model: one sample, samples behind each other, or whole inputs behind each other,
// as in a .npy file. Row-major; the bytes are the caller's and must stay until the call returns.
struct Array {
  std::string name;            // of the input; "" where there is only one
  int32_t data_type = 1;       // as in onnx::TensorProto: 1 float, 2 uint8, 7 int64, 11 double, ...
  std::vector<int64_t> shape;  // of all that `data` holds
  const void* data = nullptr;
  size_t bytes = 0;
};

// Every field is a flag of the command, with the same meaning and default: `cnnopt --help` says more of each.
struct Options {
  // Budgets. All that are given hold; then the output may err by up to 0.5 unless a bound says otherwise.
  std::optional<double> target_macs;    // at most this fraction of the original's multiplications
  std::optional<double> target_params;  // at most this fraction of its parameters
  std::string target_size;              // "0.5", a fraction of its size, or "800KB", "10MiB"; "": none
  std::string target_latency;           // "0.5", a fraction of its time, or "12ms", measured here; "": none
  std::string cost_cache;               // file of the times of layers, read and added to; "": none
  // Bounds, measured by running both models. With neither budget nor bound, max_error is 0.05.
  std::optional<double> max_error;      // relative output error
  std::optional<double> min_agreement;  // share of held-out samples that keep their top-1 class

  // A search for the slimmest model that keeps a score, which is lost up to `max_drop`.
  std::string evaluate;            // shell command that prints the score of the model {model}; "": none
  double evaluate_timeout = 3600;  // seconds that it may take
  std::string labels;              // file of right classes of the samples: the score is top-1 in percent; "": none
  std::optional<double> max_drop;  // needed with one of these
  bool lower_is_better = false;    // the score is a loss

  // Samples: files, or arrays in memory. With neither, samples are made up.
  std::vector<std::string> calibration;        // each PATH or INPUT=PATH: .npy, .npz, images, folders, ONNX test data
  std::vector<Array> arrays;                   // several of one input stand behind each other
  std::vector<double> scale, mean, deviation;  // of images: (pixel * scale - mean) / deviation, one or one per channel
  std::string resize, crop;                    // of images: "224x224", "256", "fit", "center"; "": the default
  std::string channel_order, layout;           // of images: "rgb", "bgr", "gray"; "nchw", "nhwc"; "": the default
  std::optional<int64_t> samples;              // how many; default 256 of files and arrays, 16 made-up ones
  enum class Fit { kSamples, kWeights };
  Fit fit = Fit::kSamples;                                   // kWeights: replacements are fitted to the weights alone
  uint64_t seed = 1;                                         // of made-up samples
  std::map<std::string, std::vector<int64_t>> input_shapes;  // where the model leaves sizes open; "": the only input

  // What may be done, and to which layers.
  std::vector<std::string> passes;  // "dsc", "dsc:rank=2", "fold-batch-norm"; empty: every form, every cleanup pass
  bool cleanup = true;              // exact rewrites too
  bool assume_constant = false;     // initializers that are also inputs count as constant
  std::vector<std::string> keep;    // patterns (RE2) of layers that are kept; "@FILE": one a line
  std::vector<std::string> only;    // all layers but these are kept
  std::vector<std::string> layers;  // "NAME=FORM", "NAME=FORM:rank=2", "NAME=keep": goes before the two above
  bool keep_first_last = false;     // keep the first and the last layer
  std::string plan;                 // file that says what becomes of each layer; "": none

  // What is written.
  std::vector<std::string> reports;      // files, in the form that their endings name: .json, .md, .csv, .html
  std::string plan_out;                  // file for what became of each layer; "": none
  bool force = false;                    // SlimFile: the output may be the input's file
  bool fail_if_unchanged = false;        // SlimFile: write nothing where there is nothing to gain
  std::optional<int64_t> external_data;  // SlimFile: weights of at least so many bytes go to a second file
  bool provenance = true;                // version, options and the input's SHA-256 in the result's metadata

  // Limits beyond which a model is refused, and what a run may take. nullopt: the default.
  std::optional<int64_t> max_file_bytes, max_model_memory, max_nodes, max_initializers, max_depth, max_rank,
      max_name_bytes, max_identifier_bytes;
  std::optional<int64_t> max_memory;  // bytes of statistics of the samples and of values between layers

  enum class Verify { kEnforce, kReport, kOff };
  Verify verify = Verify::kEnforce;  // kReport: a result beyond the bound stands; kOff: nothing is compared
  bool latency = true;               // measure the time both models take
  int threads = 0;                   // 0: as many as this process may use; the result is the same
  std::string ort;                   // ONNX Runtime's library; "": $CNNOPT_ORT, else the installed one

  // Told, line by line, what a log file of the command would hold. Called as Progress is. May be null.
  std::function<void(absl::string_view line)> log;
};

// What became of a model. The main figures; `json` has all there is, as --report=FILE.json writes it (docs/report.md).
struct Report {
  enum class Verdict {
    kSlimmed,    // the model was changed
    kUnchanged,  // nothing to gain, `reason` says why: the model is as it was
    kRefused,    // a budget or bound could not be met, `reason` says which: the model is as it was, nothing is written
  };
  struct Layer {
    std::string name, op;
    std::string was, now;                            // "3x3 64->128 /2", "dsc rank 2"; `now` is empty where it was kept
    std::string reason;                              // why it was kept, or a word on the choice
    std::optional<int64_t> macs_before, macs_after;  // nullopt: unknown
    int64_t params_before = 0, params_after = 0;
  };

  Verdict verdict = Verdict::kUnchanged;
  std::string reason;
  bool verified = false;  // both models were compared and the bound holds
  std::vector<Layer> layers;
  std::optional<int64_t> macs_before, macs_after;
  int64_t params_before = 0, params_after = 0;
  int64_t bytes_before = 0, bytes_after = 0;            // of the serialised models
  std::optional<double> output_error, top1_agreement;   // on held-out samples
  std::optional<double> latency_before, latency_after;  // milliseconds
  std::optional<double> score_before, score_after;      // where one was asked for
  int64_t samples = 0;                                  // that were compared on
  std::vector<std::string> warnings;
  std::string json;
};

// `done` of `total` steps of `stage` are finished. Returning false stops the job, at the end of the step: the call then
// returns Cancelled and nothing is changed or written. Called by the thread that called the library or by threads that
// it started, never by two at once. Must not throw. May be null.
using Progress = std::function<bool(absl::string_view stage, int64_t done, int64_t total)>;

// Errors of all these functions are one line. InvalidArgument: the options make no sense, which names the flag, or the
// model or the samples are invalid, which names the node or the file; NotFound, PermissionDenied, Unavailable: files;
// Unimplemented: valid ONNX that cannot be handled; FailedPrecondition: ONNX Runtime is missing, or the machine or the
// model rule out what is asked for; ResourceExhausted: a limit, or memory; Cancelled; Internal: a defect of cnnopt.
// What the command would exit with is ExitCodeOf.

// Slims the model at `in` and writes the result to `out`, with the reports, all of them or none; `out` holds the old
// file or the whole new one at every moment. With nothing to gain it gets the input's own bytes. `out` empty: only the
// reports are written.
CNNOPT_API absl::StatusOr<Report> SlimFile(const std::string& in, const std::string& out, const Options& options = {},
                                           const Progress& progress = {});

// Slims the bytes of a model file without external data to `slim`. Under every verdict but kSlimmed, `slim` gets the
// same bytes; on an error it is as it was. `slim` may be what `model` refers to.
CNNOPT_API absl::StatusOr<Report> SlimBytes(absl::string_view model, std::string& slim, const Options& options = {},
                                            const Progress& progress = {});

// Slims `model`, whose external data has been loaded, in place. On an error and under every verdict but kSlimmed it is
// unchanged. Works on a copy. Static library only.
absl::StatusOr<Report> Slim(onnx::ModelProto& model, const Options& options = {}, const Progress& progress = {});

// What a model is made of and what its layers could become, as `cnnopt inspect --json` prints it (docs/inspect.md). Of
// the options count input_shapes, passes, cleanup, assume_constant, threads and the limits.
CNNOPT_API absl::StatusOr<std::string> InspectFile(const std::string& path, const Options& options = {});
CNNOPT_API absl::StatusOr<std::string> InspectBytes(absl::string_view model, const Options& options = {});

// How far two models are apart on the same samples, as `cnnopt compare --json` prints it (docs/inspect.md). Of the
// options count the samples, input_shapes, latency, threads, ort, the limits, and max_error and min_agreement, which
// only say whether there is an "objection".
CNNOPT_API absl::StatusOr<std::string> CompareFiles(const std::string& a, const std::string& b,
                                                    const Options& options = {});
CNNOPT_API absl::StatusOr<std::string> CompareBytes(absl::string_view a, absl::string_view b,
                                                    const Options& options = {});

// What the command's process would end with: 0 for a report, 4 where it says kRefused; 1 internal, 2 usage, 3 input,
// 74 files, 75 memory, 130 cancelled.
CNNOPT_API int ExitCodeOf(const absl::StatusOr<Report>& result);
CNNOPT_API int ExitCodeOf(const absl::Status& error);

}  // namespace cnnopt

#endif  // CNNOPT_CNNOPT_H_
