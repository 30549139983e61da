// The table of flags, and how the text of each value becomes data.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "job/image_flags.h"
#include "job/layer_flags.h"
#include "job/options.h"
#include "job/parse_number.h"
#include "onnx_io/status_macros.h"
#include "passes/selection.h"
#include "report/report.h"

namespace cnnopt {
namespace {

absl::Status Expected(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("expected ", what)); }

absl::Status StoreFraction(const std::string& text, std::optional<double>& fraction) {
  fraction = ParseNumber<double>(text);
  // Written so that not-a-number fails too.
  if (!fraction.has_value() || !(*fraction > 0 && *fraction <= 1)) {
    return Expected("a number above 0 and at most 1");
  }
  return absl::OkStatus();
}

// A fraction, or milliseconds with their unit.
absl::Status StoreRunTime(const std::string& text, SlimArguments& arguments) {
  absl::string_view digits = text;
  const bool milliseconds = absl::ConsumeSuffix(&digits, "ms");
  const std::optional<double> value = ParseNumber<double>(digits);
  if (milliseconds && value.has_value() && *value > 0 && *value <= 1e9) {
    arguments.target_latency = RunTime{0, *value};
  } else if (!milliseconds && value.has_value() && *value > 0 && *value <= 1) {
    arguments.target_latency = RunTime{*value, 0};
  } else {
    return Expected("a fraction above 0 and at most 1, or milliseconds like 12ms");
  }
  return absl::OkStatus();
}

absl::Status StoreFileSize(const std::string& text, SlimArguments& arguments) {
  const std::optional<int64_t> bytes = ParseBytes(text);
  const std::optional<double> fraction = ParseNumber<double>(text);
  if (bytes.has_value()) {
    arguments.target_size = FileSize{0, *bytes};
  } else if (fraction.has_value() && *fraction > 0 && *fraction <= 1) {
    arguments.target_size = FileSize{*fraction, 0};
  } else {
    return Expected("a fraction above 0 and at most 1, or bytes like 800KB, 1.5MB or 10MiB");
  }
  return absl::OkStatus();
}

absl::Status StoreMaxMemory(const std::string& text, SlimArguments& arguments) {
  const std::optional<int64_t> bytes = ParseBytes(text);
  if (!bytes.has_value()) return Expected("bytes like 500MB or 2GiB");
  arguments.max_memory = *bytes;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ParseCount(const std::string& text, int64_t low, int64_t high) {
  const std::optional<int64_t> count = ParseNumber<int64_t>(text);
  if (!count.has_value() || *count < low || *count > high) {
    return Expected(absl::StrCat("a whole number from ", low, " to ", high));
  }
  return *count;
}

absl::Status StoreCalibration(const std::string& text, SlimArguments& arguments) {
  if (text.empty()) {
    return Expected("a path");
  }
  arguments.calibration.push_back(text);
  return absl::OkStatus();
}

template <absl::Status (*store)(const std::string&, ImageOptions&)>
absl::Status StoreImages(const std::string& text, SlimArguments& arguments) {
  return store(text, arguments.images);
}

absl::Status StoreSamples(const std::string& text, SlimArguments& arguments) {
  CNNOPT_ASSIGN_OR_RETURN(arguments.samples, ParseCount(text, 1, 1'000'000));
  return absl::OkStatus();
}

absl::Status StoreThreads(const std::string& text, SlimArguments& arguments) {
  CNNOPT_ASSIGN_OR_RETURN(const int64_t threads, ParseCount(text, 0, 1024));
  arguments.threads = static_cast<int>(threads);
  return absl::OkStatus();
}

absl::Status StoreSeed(const std::string& text, SlimArguments& arguments) {
  const std::optional<uint64_t> seed = ParseNumber<uint64_t>(text);
  if (!seed.has_value()) {
    return Expected(absl::StrCat("a whole number from 0 to ", std::numeric_limits<uint64_t>::max()));
  }
  arguments.seed = *seed;
  return absl::OkStatus();
}

absl::StatusOr<PassChoice> ParsePass(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  PassChoice choice{parts[0], std::nullopt};
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!absl::StartsWith(parts[i], "rank=")) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown setting '", parts[i], "' of ", choice.name, ", expected rank=N"));
    }
    if (choice.rank.has_value()) {
      return absl::InvalidArgumentError("rank is given twice");
    }
    choice.rank = ParseNumber<int64_t>(absl::string_view(parts[i]).substr(5));
    if (!choice.rank.has_value() || *choice.rank < 1) {
      return Expected("rank= a whole number from 1 on");
    }
  }
  return choice;
}

absl::Status StorePasses(const std::string& text, SlimArguments& arguments) {
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (part == "auto") {  // all of them: what an empty list means; CheckTogether sees to it that it is alone
      arguments.passes.push_back({"auto", std::nullopt});
      continue;
    }
    CNNOPT_ASSIGN_OR_RETURN(PassChoice choice, ParsePass(part));
    CNNOPT_RETURN_IF_ERROR(SelectPasses({choice}, arguments.cleanup).status());
    for (const PassChoice& earlier : arguments.passes) {
      if (earlier.name == choice.name) {
        return absl::InvalidArgumentError(absl::StrCat("pass ", choice.name, " is given twice"));
      }
    }
    arguments.passes.push_back(std::move(choice));
  }
  return absl::OkStatus();
}

absl::Status StoreInputShape(const std::string& text, SlimArguments& arguments) {
  const size_t colon = text.rfind(':');  // TensorFlow's names hold colons themselves
  const std::string name = colon == std::string::npos ? "" : text.substr(0, colon);
  Shape shape;
  for (const absl::string_view part : absl::StrSplit(text.substr(colon == std::string::npos ? 0 : colon + 1), ',')) {
    const std::optional<int64_t> size = ParseNumber<int64_t>(part);
    if (!size.has_value() || *size < 1) {
      return Expected("NAME:1,3,224,224, or 1,3,224,224 when the model has one input; sizes from 1 on");
    }
    shape.push_back(*size);
  }
  if (ElementCount(shape) < 0) {
    return absl::InvalidArgumentError("the number of elements does not fit into 64 bits");
  }
  if (!arguments.input_shapes.emplace(name, shape).second) {
    return absl::InvalidArgumentError(name.empty() ? "a shape is given twice"
                                                   : absl::StrCat("a shape of input '", name, "' is given twice"));
  }
  return absl::OkStatus();
}

absl::Status StoreVerify(const std::string& text, SlimArguments& arguments) {
  static const std::map<std::string, Verify> words = {
      {"enforce", Verify::kEnforce}, {"report", Verify::kReport}, {"off", Verify::kOff}};
  const auto word = words.find(text);
  if (word == words.end()) {
    return Expected("enforce, report or off");
  }
  arguments.verify = word->second;
  return absl::OkStatus();
}

absl::Status StoreFit(const std::string& text, SlimArguments& arguments) {
  if (text != "samples" && text != "weights") {
    return Expected("samples or weights");
  }
  arguments.fit = text == "samples" ? Fit::kSamples : Fit::kWeights;
  return absl::OkStatus();
}

absl::Status StoreExternalThreshold(const std::string& text, SlimArguments& arguments) {
  int64_t unit = 1;
  absl::string_view digits = text;
  if (absl::EndsWith(digits, "K") || absl::EndsWith(digits, "M")) {
    unit = digits.back() == 'K' ? 1024 : 1024 * 1024;
    digits.remove_suffix(1);
  }
  const std::optional<int64_t> count = ParseNumber<int64_t>(digits);
  if (!count.has_value() || *count < 0 || *count > std::numeric_limits<int64_t>::max() / unit) {
    return Expected("a size like 1024, 4K or 1M");
  }
  arguments.external_threshold = *count * unit;
  return absl::OkStatus();
}

absl::Status StoreReport(const std::string& text, SlimArguments& arguments) {
  if (!IsReportPath(text)) {
    return Expected(ReportEndings());
  }
  arguments.reports.push_back(text);
  return absl::OkStatus();
}

absl::Status StorePath(const std::string& text, std::string& path) {
  if (text.empty()) {
    return Expected("a path");
  }
  path = text;
  return absl::OkStatus();
}

template <std::string SlimArguments::* field>
absl::Status StorePathIn(const std::string& text, SlimArguments& arguments) {
  return StorePath(text, arguments.*field);
}

template <std::string SlimArguments::* field>
absl::Status StoreTextIn(const std::string& text, SlimArguments& arguments) {
  if (text.empty()) return Expected("a command");
  arguments.*field = text;
  return absl::OkStatus();
}

absl::Status StoreNumber(const std::string& text, double least, std::optional<double>& number) {
  number = ParseNumber<double>(text);
  // Written so that not-a-number fails too.
  if (!number.has_value() || !(*number >= least && *number <= 1e300)) {
    return Expected(absl::StrCat("a number from ", least, " on"));
  }
  return absl::OkStatus();
}

absl::Status StoreEvaluateSeconds(const std::string& text, SlimArguments& arguments) {
  std::optional<double> seconds;
  CNNOPT_RETURN_IF_ERROR(StoreNumber(text, 0.001, seconds));
  if (*seconds > 1e9) return Expected("at most 1e9");
  arguments.evaluate_seconds = *seconds;
  return absl::OkStatus();
}

absl::Status StoreSweep(const std::string& text, SlimArguments& arguments) {
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    std::optional<double> target;
    CNNOPT_RETURN_IF_ERROR(StoreFraction(std::string(part), target));
    if (std::find(arguments.sweep.begin(), arguments.sweep.end(), *target) != arguments.sweep.end()) {
      return absl::InvalidArgumentError(absl::StrCat(*target, " is given twice"));
    }
    arguments.sweep.push_back(*target);
  }
  return absl::OkStatus();
}

template <absl::Status (*store)(const std::string&, LayerRules&)>
absl::Status StoreRule(const std::string& text, SlimArguments& arguments) {
  return store(text, arguments.rules);
}

// Bytes with or without a unit, or a count.
template <int64_t Limits::* field>
absl::Status StoreLimit(const std::string& text, SlimArguments& arguments) {
  constexpr bool kBytes = field == &Limits::file_bytes || field == &Limits::memory_bytes ||
                          field == &Limits::name_bytes || field == &Limits::identifier_bytes;
  // Protobuf parses no larger file, and deeper recursion would need more stack than a thread may have.
  constexpr int64_t kMost = field == &Limits::file_bytes ? std::numeric_limits<int32_t>::max()
                            : field == &Limits::depth    ? 1000
                                                         : 1'000'000'000'000'000;
  const std::optional<int64_t> number = kBytes ? ParseBytes(text) : std::nullopt;
  CNNOPT_ASSIGN_OR_RETURN(arguments.limits.*field, number.has_value() && *number <= kMost
                                                       ? absl::StatusOr<int64_t>(*number)
                                                       : ParseCount(text, 1, kMost));
  return absl::OkStatus();
}

template <int64_t Limits::* field>
Flag LimitFlag(const char* value) {
  const auto info =
      std::find_if(AllLimits().begin(), AllLimits().end(), [](const LimitInfo& limit) { return limit.field == field; });
  const int64_t fallback = Limits().*field;
  const std::string shown = fallback == 0 ? "80 % of the machine or cgroup" : absl::StrCat(fallback);
  return {info->flag,
          "",
          value,
          "Limits, beyond which IN is refused",
          absl::StrCat(info->description, "; default ", shown),
          false,
          StoreLimit<field>};
}

template <SlimArguments::Action action>
absl::Status StoreAction(const std::string&, SlimArguments& arguments) {
  arguments.action = action;
  return absl::OkStatus();
}

std::vector<Flag> BuildFlags() {
  using A = SlimArguments;
  constexpr const char* kBudget = "Budget";
  constexpr const char* kScore = "Several budgets";
  constexpr const char* kSamples = "Samples";
  constexpr const char* kPasses = "Passes";
  constexpr const char* kLayers = "Layers, by the names that 'cnnopt inspect' shows";
  constexpr const char* kOutput = "Output";
  constexpr const char* kRunning = "Running";
  return {
      {"--target-macs", "", "X", kBudget,
       absl::StrCat("at most this fraction of the original's multiplications, 0 < X <= 1. Several budgets may be "
                    "given, all will hold; the result may then have a relative output error of up to ",
                    kBudgetMaxError, " unless a bound says otherwise"),
       false, [](const std::string& text, A& a) { return StoreFraction(text, a.target_macs); }},
      {"--target-params", "", "X", kBudget, "at most this fraction of the original's parameters, 0 < X <= 1", false,
       [](const std::string& text, A& a) { return StoreFraction(text, a.target_params); }},
      {"--target-size", "", "SIZE", kBudget,
       "at most this much for OUT and its external data: a fraction of the original's size, or bytes (800KB, 1.5MB, "
       "10MiB)",
       false, StoreFileSize},
      {"--target-latency", "", "TIME", kBudget,
       "at most this time for one run in ONNX Runtime on this machine, with --threads threads (default 1), to 5 %: a "
       "fraction of the original's time, or milliseconds (12ms); every layer's candidates are timed",
       false, StoreRunTime},
      {"--cost-cache", "", "FILE", kBudget,
       "with --target-latency: take the times of layers from FILE where they were measured before, under the same ONNX "
       "Runtime, processor and --threads, and add new ones to it",
       false, StorePathIn<&A::cost_cache>},
      {"--max-error", "", "X", kBudget,
       absl::StrCat("at most this relative output error, 0 < X <= 1, measured by running both models; default ",
                    kDefaultMaxError, " when neither budget nor bound is given"),
       false, [](const std::string& text, A& a) { return StoreFraction(text, a.bounds.max_error); }},
      {"--min-agreement", "", "X", kBudget,
       "at least this share of the held-out samples must keep the original's top-1 class, 0 < X <= 1; without a budget "
       "the slimmest model found that does",
       false, [](const std::string& text, A& a) { return StoreFraction(text, a.bounds.min_agreement); }},
      {"--evaluate", "", "COMMAND", kScore,
       "find the slimmest model that keeps your own score: COMMAND is run by the shell with {model} replaced by a "
       "file's "
       "name, and the last number that it prints is the score",
       false, StoreTextIn<&A::evaluate>},
      {"--labels", "", "FILE", kScore,
       "the same with top-1 in percent as the score: the right class of every sample of --calibration, as .npy, .npz "
       "or a "
       "text with one a line. Samples beyond --samples (default: half, at most 256) are scored and nothing else",
       false, StorePathIn<&A::labels>},
      {"--max-drop", "", "X", kScore, "how much of the score may be lost; needed with --evaluate and --labels", false,
       [](const std::string& text, A& a) { return StoreNumber(text, 0, a.max_drop); }},
      {"--lower-is-better", "", "", kScore, "the score is a loss or an error", false,
       StoreSwitch<&A::lower_is_better, true>},
      {"--evaluate-timeout", "", "SECONDS", kScore, "end COMMAND and fail when it takes longer; default 3600", false,
       StoreEvaluateSeconds},
      {"--sweep", "", "X,X,...", kScore,
       "write one model for each of these fractions of the multiplications, OUT-X.onnx, from one calibration; with "
       "--evaluate or --labels each is scored",
       false, StoreSweep},
      {"--calibration", "", "PATH", kSamples,
       "real inputs: a .npy, .npz or .bin file, preprocessed as the model expects them, a folder of .npy files, ONNX "
       "test data (test_data_set_*), or images: one, a folder, or a .txt that lists them; NAME=PATH, once for each, "
       "when several inputs have files of their own; without it samples are made up",
       true, StoreCalibration},
      {"--scale", "", "X[,X,X]", kSamples,
       "of images: an input's number is (pixel * scale - mean) / std, with pixels from 0 to 255; one number, or one "
       "for each channel in the model's order. Must match the model's own preprocessing, or the result suffers. "
       "Default 1/255; 1 for integer inputs",
       false, StoreImages<StoreScale>},
      {"--mean", "", "X[,X,X]", kSamples, "of images, see --scale; default 0", false, StoreImages<StoreMean>},
      {"--std", "", "X[,X,X]", kSamples, "of images, see --scale; default 1", false, StoreImages<StoreDeviation>},
      {"--resize", "", "WxH|N|fit", kSamples,
       "of images: to exactly WxH; the shorter side to N; or fit: cover the input's size and cut off what is over. "
       "Default: to exactly the input's size, and none with --crop",
       false, StoreImages<StoreResize>},
      {"--crop", "", "WxH|N|center", kSamples,
       "of images, after the resize: the middle WxH, NxN, or (center) as much as the input takes", false,
       StoreImages<StoreCrop>},
      {"--channel-order", "", "rgb|bgr|gray", kSamples, "of images; default rgb, gray for inputs of one channel", false,
       StoreImages<StoreChannelOrder>},
      {"--layout", "", "nchw|nhwc|auto", kSamples,
       "of inputs that take images; auto (default): by the axis of size 1 or 3", false, StoreImages<StoreLayout>},
      {"--samples", "", "N", kSamples,
       absl::StrCat("how many samples to use; default ", kDefaultCalibrationSamples, " of the calibration data, ",
                    kDefaultSyntheticSamples, " made-up ones"),
       false, StoreSamples},
      {"--fit", "", "samples|weights", kSamples,
       "what replacements are fitted to: samples (default): what each layer sees of them, judged on one in five, which "
       "are held out; weights: the weights alone",
       false, StoreFit},
      {"--seed", "", "N", kSamples, "of the made-up samples; default 1", false, StoreSeed},
      {"--input-shape", "", "NAME:1,3,224,224", kSamples,
       "shape of an input whose sizes the model leaves open; NAME: may be left out when there is one input", true,
       StoreInputShape},
      {"--pass", "", "NAME[:rank=N]", kPasses,
       "use only this form or cleanup pass; several by repeating it or by commas; rank= takes that rank everywhere; "
       "default auto: every form, the best one for each layer",
       true, StorePasses},
      {"--no-cleanup", "", "", kPasses, "leave out the exact cleanup passes", false, StoreSwitch<&A::cleanup, false>},
      {"--assume-constant", "", "", kPasses,
       "weights that a caller of the model could override (initializers that are also inputs) count as constant", false,
       StoreSwitch<&A::assume_constant, true>},
      {"--keep", "", "REGEX", kLayers,
       "keep layers in whose names REGEX matches; @FILE: one a line, here and with the next two", true,
       StoreRule<StoreKeep>},
      {"--only", "", "REGEX", kLayers, "keep all layers but those in whose names REGEX matches", true,
       StoreRule<StoreOnly>},
      {"--layer", "", "NAME=FORM[:rank=N]", kLayers,
       "this form for this layer, at this rank or at the one that suits the budget; NAME=keep keeps it. Goes before "
       "--keep and --only",
       true, StoreRule<StoreLayer>},
      {"--first-last", "", "keep|slim", kLayers,
       "what becomes of the first and the last layer; default slim, as all others", false, StoreRule<StoreFirstLast>},
      {"--plan-out", "", "FILE.json", kLayers, "write what became of each layer, to be edited and given to --plan",
       false, StorePathIn<&A::plan_out>},
      {"--plan", "", "FILE.json", kLayers,
       "do to each layer what FILE says, in place of budgets and choices; layers that it does not name are kept", false,
       StorePathIn<&A::plan>},
      {"--report", "", "FILE", kOutput,
       "write a report, whatever the outcome, in the form that FILE's ending names: .json, .md, .csv (layers only) or "
       ".html, a page with charts",
       true, StoreReport},
      {"--dry-run", "", "", kOutput, "do everything but write OUT, which may then be left out", false,
       StoreSwitch<&A::dry_run, true>},
      {"--force", "", "", kOutput, "allow OUT to be the same file as IN", false, StoreSwitch<&A::force, true>},
      {"--fail-if-unchanged", "", "", kOutput, "write nothing and exit with 5 when there is nothing to gain", false,
       StoreSwitch<&A::fail_if_unchanged, true>},
      {"--external-data", "", "[=SIZE]", kOutput,
       absl::StrCat("keep weights of at least SIZE bytes (or 4K, 1M) in a second file beside OUT; SIZE is ",
                    kDefaultExternalThreshold, " when not given; default when IN does so"),
       false, StoreExternalThreshold},
      {"--no-provenance", "", "", kOutput, "do not record version, options and IN's SHA-256 in OUT's metadata", false,
       StoreSwitch<&A::provenance, false>},
      LimitFlag<&Limits::file_bytes>("SIZE"),
      LimitFlag<&Limits::memory_bytes>("SIZE"),
      LimitFlag<&Limits::nodes>("N"),
      LimitFlag<&Limits::initializers>("N"),
      LimitFlag<&Limits::depth>("N"),
      LimitFlag<&Limits::rank>("N"),
      LimitFlag<&Limits::name_bytes>("SIZE"),
      LimitFlag<&Limits::identifier_bytes>("SIZE"),
      {"--verify", "", "enforce|report|off", kRunning,
       "when OUT may be written: enforce (default): only when it was compared with IN and found within the bound; "
       "report: also when not, which is said; off: do not compare",
       false, StoreVerify},
      {"--no-latency", "", "", kRunning, "do not measure the time both models take", false,
       StoreSwitch<&A::latency, false>},
      {"--threads", "", "N", kRunning, "threads to use; default 0: as many as this process may; the result is the same",
       false, StoreThreads},
      {"--max-memory", "", "SIZE", kRunning,
       absl::StrCat("what statistics of the samples and values between layers may take, beside the model and ONNX "
                    "Runtime; layers beyond it are fitted by weights only and not refitted; default ",
                    kDefaultMaxMemory / 1'000'000'000, "GB"),
       false, StoreMaxMemory},
      {"--ort", "", "PATH", kRunning, "the ONNX Runtime library to use; default $CNNOPT_ORT, else the installed one",
       false, StorePathIn<&A::ort>},
      {"--config", "", "FILE", kRunning,
       "read flags from a TOML or INI file: target-macs = 0.5, no-latency = true, keep = [\"stem\", \"head\"]. What "
       "the "
       "command line gives goes before",
       false, StorePathIn<&A::config>},
      {"--log-file", "", "FILE", kRunning, "write what -v shows, the steps with their times, and any error to FILE",
       false, StorePathIn<&A::log_file>},
      {"--quiet", "-q", "", kRunning, "print errors only", false, StoreSwitch<&A::quiet, true>},
      {"--verbose", "-v", "", kRunning, "list every layer, with names and reasons in full", false,
       StoreSwitch<&A::verbose, true>},
      {"--version", "", "", kRunning, "print the version", false, StoreAction<A::Action::kVersion>},
      {"--help", "-h", "", kRunning, "print this", false, StoreAction<A::Action::kHelp>},
  };
}

}  // namespace

const std::vector<Flag>& Flags() {
  static const std::vector<Flag> flags = BuildFlags();
  return flags;
}

}  // namespace cnnopt
