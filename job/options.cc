#include "job/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "job/config_file.h"
#include "job/image_flags.h"
#include "job/layer_flags.h"
#include "onnx_io/status_macros.h"
#include "passes/catalog.h"
#include "passes/nearest.h"
#include "report/display.h"

namespace cnnopt {
namespace {

absl::Status UnknownFlag(const std::string& argument, const std::vector<Flag>& flags, absl::string_view help) {
  const std::string name = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const Flag& flag : flags) {
    known.push_back(absl::StrCat(flag.name).substr(2));
  }
  const std::string nearest = Nearest(name.substr(std::min(name.find_first_not_of('-'), name.size())), known);
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown option ", ForScreen(name), ", ",
      nearest.empty() ? absl::StrCat("'", help, "' lists them") : absl::StrCat("did you mean --", nearest, "?")));
}

absl::Status NeedsValue(const Flag& flag) {
  return absl::InvalidArgumentError(absl::StrCat(flag.name, " needs a value: ", flag.name, "=", flag.value));
}

// CLI11 takes "--flag= word" for "--flag word", so that an empty shell variable would swallow IN.
absl::Status CheckEmptyValues(const std::vector<std::string>& arguments, const std::vector<Flag>& flags) {
  for (const std::string& argument : arguments) {
    if (argument == "--") {
      break;
    }
    for (const Flag& flag : flags) {
      if (argument == absl::StrCat(flag.name, "=") && *flag.value != '\0') {
        return NeedsValue(flag);
      }
    }
  }
  return absl::OkStatus();
}

// What each flag and position was given, by CLI11, with no meaning attached yet.
struct Words {
  std::vector<std::vector<std::string>> flags;  // values of each flag of the table
  std::vector<std::string> positions;
};

CLI::Option* AddFlag(const Flag& flag, CLI::App& app) {
  const std::string names = absl::StrCat(flag.name, *flag.short_name == '\0' ? "" : ",", flag.short_name);
  CLI::Option* option = nullptr;
  if (*flag.value == '\0') {
    option = app.add_flag(names);
  } else if (*flag.value == '[') {  // a value only with '=': the next word may be IN
    option = app.add_flag(absl::StrCat(names, "{", kDefaultExternalThreshold, "}"));
  } else {
    option = app.add_option(names)->expected(1)->allow_extra_args(false);
  }
  return option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

absl::Status CheckLeftOver(std::vector<std::string> extras, const std::vector<Flag>& flags, absl::string_view help) {
  extras.erase(std::remove(extras.begin(), extras.end(), "--"), extras.end());
  return extras.empty() ? absl::OkStatus() : UnknownFlag(extras[0], flags, help);
}

absl::StatusOr<Words> Split(const std::vector<std::string>& arguments, const std::vector<Flag>& flags,
                            absl::string_view help) {
  CNNOPT_RETURN_IF_ERROR(CheckEmptyValues(arguments, flags));
  constexpr int kMostPositions = 1 << 20;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  CLI::Option* const positions = app.add_option("POSITION")->expected(1, kMostPositions)->allow_extra_args();
  positions->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  std::vector<CLI::Option*> options;
  for (const Flag& flag : flags) {
    options.push_back(AddFlag(flag, app));
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& error) {  // the last word is a flag whose value is missing
    for (const Flag& flag : flags) {
      if (absl::StartsWith(error.what(), absl::StrCat(flag.name, ":"))) {
        return NeedsValue(flag);
      }
    }
    return absl::InvalidArgumentError(ForScreen(error.what()));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(ForScreen(error.what()));
  }
  Words words;
  for (const CLI::Option* option : options) {
    words.flags.push_back(option->results());
  }
  CNNOPT_RETURN_IF_ERROR(CheckLeftOver(app.remaining(), flags, help));
  if (positions->count() > 0) words.positions = positions->results();
  return words;
}

// The values of `entries`, of flags that are not given yet.
absl::Status AddEntries(const std::vector<Flag>& flags, const std::vector<ConfigEntry>& entries, absl::string_view help,
                        Words& words) {
  const std::vector<std::vector<std::string>> given = words.flags;
  for (const ConfigEntry& entry : entries) {
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.is(entry.flag); });
    if (flag == flags.end() || flag->is("--config")) return UnknownFlag(entry.flag, flags, help);
    const auto at = static_cast<size_t>(flag - flags.begin());
    if (given[at].empty()) words.flags[at].insert(words.flags[at].end(), entry.values.begin(), entry.values.end());
  }
  return absl::OkStatus();
}

// What the file of --config says, of flags that the command line does not give.
absl::Status AddConfig(const std::vector<Flag>& flags, absl::string_view help, Words& words) {
  const auto config = std::find_if(flags.begin(), flags.end(), [](const Flag& flag) { return flag.is("--config"); });
  if (config == flags.end()) return absl::OkStatus();
  const std::vector<std::string> paths = words.flags[static_cast<size_t>(config - flags.begin())];
  for (const std::string& path : paths) {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<ConfigEntry> entries, ReadConfig(path));
    const absl::Status added = AddEntries(flags, entries, help, words);
    if (!added.ok()) return absl::InvalidArgumentError(absl::StrCat("'", ForScreen(path), "': ", added.message()));
  }
  return absl::OkStatus();
}

absl::Status Store(const Flag& flag, const std::vector<std::string>& values, SlimArguments& arguments) {
  const bool is_switch = *flag.value == '\0';
  if (values.size() > 1 && !flag.repeatable && !is_switch) {
    return absl::InvalidArgumentError(absl::StrCat(flag.name, " is given twice"));
  }
  for (const std::string& value : values) {
    if (is_switch && value == "false") continue;  // of a configuration file
    if (is_switch && value != "true") {           // "true" is CLI11's word for its mere presence
      return absl::InvalidArgumentError(absl::StrCat(flag.name, " takes no value, found '", ForScreen(value), "'"));
    }
    const absl::Status status = flag.store(value, arguments);
    if (!status.ok()) {
      return absl::InvalidArgumentError(ForScreen(absl::StrCat(flag.name, "=", value, ": ", status.message())));
    }
    arguments.given.push_back(is_switch ? std::string(flag.name) : absl::StrCat(flag.name, "=", value));
  }
  return absl::OkStatus();
}

// The first budget that was given; null: none.
const char* BudgetFlag(const SlimArguments& arguments) {
  return arguments.target_macs.has_value()      ? "--target-macs"
         : arguments.target_params.has_value()  ? "--target-params"
         : arguments.target_size.has_value()    ? "--target-size"
         : arguments.target_latency.has_value() ? "--target-latency"
                                                : nullptr;
}

// A sweep or a search sets budgets itself.
absl::Status CheckScore(const SlimArguments& arguments) {
  const bool scored = !arguments.evaluate.empty() || !arguments.labels.empty();
  const char* const flag = !arguments.sweep.empty()      ? "--sweep"
                           : !arguments.evaluate.empty() ? "--evaluate"
                           : !arguments.labels.empty()   ? "--labels"
                                                         : nullptr;
  const bool forced = std::any_of(arguments.passes.begin(), arguments.passes.end(),
                                  [](const PassChoice& pass) { return pass.rank.has_value(); });
  const char* const other = BudgetFlag(arguments) != nullptr ? BudgetFlag(arguments)
                            : !arguments.plan.empty()        ? "--plan"
                            : forced                         ? "rank="
                                                             : nullptr;
  if (flag != nullptr && other != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " and ", other, " exclude each other: both decide how slim the model gets"));
  }
  if (!arguments.evaluate.empty() && !arguments.labels.empty()) {
    return absl::InvalidArgumentError("--evaluate and --labels exclude each other: there is one score");
  }
  const bool search = scored && arguments.sweep.empty();
  if (search != arguments.max_drop.has_value()) {
    return absl::InvalidArgumentError(search
                                          ? absl::StrCat(flag, " needs --max-drop=X: how much of the score may be lost")
                                          : std::string("--max-drop is for --evaluate or --labels without --sweep"));
  }
  if (arguments.lower_is_better && arguments.evaluate.empty()) {
    return absl::InvalidArgumentError("--lower-is-better is for the score of --evaluate");
  }
  if (!arguments.labels.empty() && arguments.calibration.empty()) {
    return absl::InvalidArgumentError("--labels are those of the samples that --calibration gives");
  }
  if (!arguments.cost_cache.empty() && !arguments.target_latency.has_value()) {
    return absl::InvalidArgumentError(
        "--cost-cache holds the times that --target-latency needs: nothing else asks for any");
  }
  if (!arguments.sweep.empty() && !arguments.plan_out.empty()) {
    return absl::InvalidArgumentError("--sweep has a plan for each of its points: --plan-out takes one");
  }
  return absl::OkStatus();
}

// A plan decides what others would choose.
absl::Status CheckPlan(const SlimArguments& arguments) {
  if (arguments.plan.empty()) return absl::OkStatus();
  const std::vector<std::string> rules = LayerFlags(arguments.rules);
  const char* other = BudgetFlag(arguments);
  if (other == nullptr && !rules.empty()) other = "--keep, --only, --layer and --first-last";
  for (const PassChoice& pass : arguments.passes) {
    if (other == nullptr && FindPass(pass.name)->kind == PassKind::kForm) other = "--pass with a form";
  }
  if (other == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--plan and ", other, " exclude each other: both decide what becomes of layers"));
}

// What the words of a command line must hold.
absl::Status CheckPositions(const SlimArguments& arguments) {
  if (arguments.in.empty()) {
    return absl::InvalidArgumentError("IN and OUT are missing: cnnopt IN.onnx OUT.onnx [options], or --help");
  }
  if (arguments.out.empty() && !arguments.dry_run) {
    return absl::InvalidArgumentError("OUT is missing: cnnopt IN.onnx OUT.onnx [options], or --dry-run");
  }
  return absl::OkStatus();
}

// What no flag can tell alone.
absl::Status CheckTogether(SlimArguments& arguments) {
  if (arguments.quiet && arguments.verbose) {
    return absl::InvalidArgumentError("--quiet and --verbose exclude each other");
  }
  const std::vector<std::string> image_flags = ImageFlags(arguments.images);
  if (arguments.calibration.empty() && !image_flags.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(image_flags[0], " is for images, which --calibration gives"));
  }
  std::vector<PassChoice>& passes = arguments.passes;
  const auto is_auto = [](const PassChoice& pass) { return pass.name == "auto"; };
  if (std::any_of(passes.begin(), passes.end(), is_auto)) {
    if (passes.size() > 1) {
      return absl::InvalidArgumentError("--pass=auto stands for all forms and cannot be given with other passes");
    }
    passes.clear();
  }
  for (const PassChoice& pass : passes) {
    const bool budget =
        arguments.target_macs.has_value() || arguments.target_params.has_value() || arguments.target_size.has_value();
    if (pass.rank.has_value() && budget) {
      return absl::InvalidArgumentError(absl::StrCat("rank= and ",
                                                     arguments.target_macs.has_value()     ? "--target-macs"
                                                     : arguments.target_params.has_value() ? "--target-params"
                                                                                           : "--target-size",
                                                     " exclude each other: both decide how slim a layer gets"));
    }
    if (!arguments.cleanup && FindPass(pass.name)->kind == PassKind::kCleanup) {
      return absl::InvalidArgumentError(absl::StrCat("--no-cleanup and --pass=", pass.name, " exclude each other"));
    }
  }
  CNNOPT_RETURN_IF_ERROR(CheckScore(arguments));
  return CheckPlan(arguments);
}

absl::StatusOr<SlimArguments> StoreAll(const std::vector<Flag>& flags, const Words& words) {
  SlimArguments arguments;
  for (size_t i = 0; i < words.flags.size(); ++i) {
    CNNOPT_RETURN_IF_ERROR(Store(flags[i], words.flags[i], arguments));
  }
  return arguments;
}

}  // namespace

bool HasCalibration(const SlimArguments& arguments) {
  return !arguments.calibration.empty() || !arguments.arrays.empty();
}

absl::StatusOr<SlimArguments> ParseFlags(const std::vector<std::string>& arguments, const std::vector<Flag>& flags,
                                         absl::string_view help) {
  CNNOPT_ASSIGN_OR_RETURN(Words words, Split(arguments, flags, help));
  CNNOPT_RETURN_IF_ERROR(AddConfig(flags, help, words));
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments parsed, StoreAll(flags, words));
  parsed.positions = std::move(words.positions);
  return parsed;
}

absl::StatusOr<SlimArguments> ParseSlimArguments(const std::vector<std::string>& arguments) {
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments parsed, ParseFlags(arguments, Flags(), "cnnopt --help"));
  if (parsed.action != SlimArguments::Action::kSlim) {
    return parsed;
  }
  const std::vector<std::string>& positions = parsed.positions;
  if (positions.size() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected third argument '", ForScreen(positions[2]), "', expected IN OUT and options"));
  }
  if (!positions.empty()) parsed.in = positions[0];
  if (positions.size() > 1) parsed.out = positions[1];
  CNNOPT_RETURN_IF_ERROR(CheckPositions(parsed));
  CNNOPT_RETURN_IF_ERROR(CheckTogether(parsed));
  return parsed;
}

absl::StatusOr<SlimArguments> ArgumentsOf(const std::vector<ConfigEntry>& entries) {
  Words words;
  words.flags.resize(Flags().size());
  CNNOPT_RETURN_IF_ERROR(AddEntries(Flags(), entries, "cnnopt --help", words));
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments arguments, StoreAll(Flags(), words));
  CNNOPT_RETURN_IF_ERROR(CheckTogether(arguments));
  return arguments;
}

std::vector<std::string> CanonicalOptions(const SlimArguments& arguments, absl::string_view calibration_sha256) {
  std::vector<std::string> flags;
  const auto add = [&](const auto&... parts) { flags.push_back(absl::StrCat(parts...)); };
  for (const PassChoice& pass : arguments.passes) {
    add("--pass=", pass.name, pass.rank.has_value() ? absl::StrCat(":rank=", *pass.rank) : "");
  }
  for (const std::string& flag : LayerFlags(arguments.rules)) add(flag);
  if (!arguments.cleanup) add("--no-cleanup");
  if (arguments.assume_constant) add("--assume-constant");
  if (arguments.target_macs.has_value()) add("--target-macs=", ShortestText(*arguments.target_macs));
  if (arguments.target_params.has_value()) add("--target-params=", ShortestText(*arguments.target_params));
  if (arguments.target_size.has_value()) {
    const FileSize& size = *arguments.target_size;
    add("--target-size=", size.fraction > 0 ? ShortestText(size.fraction) : absl::StrCat(size.bytes, "B"));
  }
  if (arguments.target_latency.has_value()) {
    const auto& [fraction, milliseconds] = *arguments.target_latency;
    add("--target-latency=", fraction > 0 ? ShortestText(fraction) : absl::StrCat(ShortestText(milliseconds), "ms"));
    if (arguments.threads > 0) add("--threads=", arguments.threads);
  }
  const Bounds& bounds = arguments.bounds;
  if (bounds.max_error.has_value()) add("--max-error=", ShortestText(*bounds.max_error));
  if (bounds.min_agreement.has_value()) add("--min-agreement=", ShortestText(*bounds.min_agreement));
  if (HasCalibration(arguments)) add("--calibration=sha256:", calibration_sha256);
  for (const std::string& flag : ImageFlags(arguments.images)) add(flag);
  if (arguments.samples.has_value()) add("--samples=", *arguments.samples);
  if (arguments.fit == Fit::kWeights) add("--fit=weights");
  if (arguments.seed != SlimArguments().seed) add("--seed=", arguments.seed);
  for (const auto& [name, shape] : arguments.input_shapes) {
    add("--input-shape=", name, name.empty() ? "" : ":", absl::StrJoin(shape, ","));
  }
  if (arguments.verify != Verify::kEnforce) add("--verify=", arguments.verify == Verify::kOff ? "off" : "report");
  if (arguments.max_memory != kDefaultMaxMemory) add("--max-memory=", arguments.max_memory, "B");
  if (arguments.external_threshold.has_value()) add("--external-data=", *arguments.external_threshold);
  return flags;
}

}  // namespace cnnopt
