#include "cli/commands.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/batch_commands.h"
#include "cli/batch_flags.h"
#include "cli/compare_command.h"
#include "cli/completions.h"
#include "cli/inspect_command.h"
#include "cli/man_page.h"
#include "cli/passes_command.h"
#include "job/parse_number.h"
#include "onnx_io/status_macros.h"
#include "passes/nearest.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr size_t kAnyNumber = SIZE_MAX;

// Flags of the main job that mean the same here, then the command's own.
std::vector<Flag> FlagsOf(std::initializer_list<absl::string_view> shared, std::vector<Flag> own) {
  std::vector<Flag> flags;
  for (const Flag& flag : Flags()) {
    const bool wanted = std::find(shared.begin(), shared.end(), flag.name) != shared.end();
    if (wanted || absl::string_view(flag.name) == "--help") flags.push_back(flag);
  }
  flags.insert(flags.begin(), own.begin(), own.end());
  return flags;
}

Flag JsonFlag() {
  return {"--json", "", "", "Output", "print JSON instead of tables", false, StoreSwitch<&SlimArguments::json, true>};
}

Flag LatencyFlag() {
  return {"--latency",
          "",
          "",
          "Running",
          "measure the time both models take: the default",
          false,
          StoreSwitch<&SlimArguments::latency, true>};
}

Flag ToleranceFlag() {
  return {"--tolerance",
          "",
          "X",
          "Bounds",
          "exit with 4 unless |b - a| <= X (1 + |a|) for all output elements a of A and b of B",
          false,
          [](const std::string& text, SlimArguments& arguments) {
            arguments.tolerance = ParseNumber<double>(text);
            // Written so that not-a-number fails too.
            return arguments.tolerance.has_value() && *arguments.tolerance >= 0
                       ? absl::OkStatus()
                       : absl::InvalidArgumentError("expected a number from 0 on");
          }};
}

// A bound that exits with 4: of the main job the same words mean a search.
Flag BoundFlag(absl::string_view name, const char* help) {
  Flag flag = *std::find_if(Flags().begin(), Flags().end(), [&](const Flag& f) { return name == f.name; });
  flag.group = "Bounds";
  flag.help = help;
  return flag;
}

Flag NoFormsFlag() {
  return {"--no-forms",
          "",
          "",
          "Output",
          "skip the factorisations that tell what each form could do",
          false,
          StoreSwitch<&SlimArguments::forms, false>};
}

absl::StatusOr<ExitCode> RunPasses(const SlimArguments&, const Console& console) {
  console.out << PassesText();
  return kExitDone;
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      {"inspect", "MODEL...", 1, kAnyNumber, "what models are made of",
       "Lists every Conv, ConvTranspose, Gemm and MatMul with its size and cost and the cheapest form whose weights "
       "are "
       "matched to 25 %, or why the layer is kept; then a summary. Nothing is run and nothing is written. Several "
       "models are summed up side by side.",
       FlagsOf({"--input-shape", "--pass", "--no-cleanup", "--assume-constant", "--threads", "--verbose"},
               {JsonFlag(), NoFormsFlag()}),
       RunInspect},
      {"compare", "A.onnx B.onnx", 2, 2, "how far two models are apart",
       "Runs both models on the same samples and prints, for each output: the relative error (Euclidean norm of the "
       "difference over that of A's output), the largest, the mean and the 99 % quantile of |b - a|, the ratio of "
       "signal "
       "to noise, the cosine, the smallest --tolerance that would pass, and top-1 and top-5 agreement of classifiers "
       "with "
       "the margin between A's best two classes; beside them sizes, MACs and time.",
       FlagsOf({"--calibration", "--scale", "--mean", "--std", "--resize", "--crop", "--channel-order", "--layout",
                "--samples", "--seed", "--input-shape", "--no-latency", "--threads", "--ort"},
               {JsonFlag(), LatencyFlag(), ToleranceFlag(),
                BoundFlag("--max-error", "exit with 4 when the relative error of an output is larger, 0 < X <= 1"),
                BoundFlag("--min-agreement", "exit with 4 when a smaller share of rows keeps its top-1, 0 < X <= 1")}),
       RunCompare},
      {"batch run", "ZOO|MANIFEST OUT", 2, 2, "slim every model of a folder",
       "Slims every .onnx file below the folder ZOO into the same place below OUT, one process each, with the options "
       "of the main job. What crashes, hangs or takes too much memory is a line in the report and stops nothing. A "
       "model "
       "is skipped when a record beside its output says that it was made of the same input with the same options and "
       "version; so the same command goes on where it was ended. Leaves OUT/cnnopt-batch.jsonl and .html, and exits "
       "with "
       "6 when a model failed. Given a manifest of 'cnnopt batch plan' it does one shard or all, and leaves lines in a "
       "file of its own; it exits with 0 once each of its models is done or given up, with 75 when SIGTERM ended it.",
       BatchRunFlags(), RunBatchRun},
      {"batch plan", "ZOO", 1, 1, "make a manifest for a cluster",
       "Prints the manifest of all models below the folder ZOO, for 'cnnopt batch run': digests, estimated cost, "
       "shards "
       "of about the same cost, and the options, which are those of the main job. Nothing is run and nothing is "
       "written.",
       BatchPlanFlags(), RunBatchPlan},
      {"batch status", "MANIFEST REPORTS", 2, 2, "print the shards that are left",
       "Prints the numbers of the shards with models that are not done, 3,7-9 as sbatch --array takes them, and on "
       "stderr how many models are done. REPORTS is the folder that 'cnnopt batch run' wrote to; without it no shard "
       "has "
       "begun. A model is done when it is slimmed, unchanged or rejected, and when it crashed so often that it is "
       "given "
       "up; one whose output is gone is not. Exits with 0 when all are done, with 75 when some are left.",
       BatchStatusFlags(), RunBatchStatus},
      {"batch merge", "REPORTS...", 1, kAnyNumber, "make one report of many",
       "Prints one report, a line for each model by path, of reports and folders of reports: the same bytes in "
       "whatever "
       "order they are given and however often. Of lines about one model ok goes before rejected, rejected before "
       "crashed. Exits with 6 when two runs gave different outputs for one model, which should never be.",
       BatchMergeFlags(), RunBatchMerge},
      {"passes", "", 0, 0, "list every form and cleanup pass", "Prints one line for each: name, kind, what it does.",
       FlagsOf({}, {}), RunPasses},
      {"completions", "bash|zsh|fish", 1, 1, "complete words in a shell",
       "Prints a script that lets the shell complete commands, options, their values and files. Of bash: source it, or "
       "put it below share/bash-completion/completions under the name cnnopt. Installation does so for all three.",
       FlagsOf({}, {}), RunCompletions},
      {"man", "[markdown]", 0, 1, "print the manual page",
       "Prints every option of every command as a manual page, 'cnnopt man | man -l -' shows it; with the word "
       "markdown "
       "as docs/options.md.",
       FlagsOf({}, {}), RunMan},
  };
  return commands;
}

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

size_t WordsOfCommand(const std::vector<std::string>& arguments) {
  for (size_t words = std::min<size_t>(2, arguments.size()); words > 0; --words) {
    if (FindCommand(absl::StrJoin(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(words), " "))) {
      return words;
    }
  }
  return 0;
}

absl::Status CheckCommandName(const std::string& word) {
  std::vector<std::string> known = {"help", "version"};
  for (const Command& command : Commands()) {
    const absl::string_view name = command.name;
    known.emplace_back(name.substr(0, name.find(' ')));
  }
  const std::string nearest = Nearest(word, known);
  std::error_code unseen;
  if (nearest.empty() || word.find_first_of("./-") != std::string::npos || std::filesystem::exists(word, unseen)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is neither a command nor a file '", ForScreen(word),
                                                 "', did you mean 'cnnopt ",
                                                 nearest == "help" || nearest == "version" ? "--" : "", nearest, "'?"));
}

absl::StatusOr<SlimArguments> ParseCommand(const Command& command, const std::vector<std::string>& arguments) {
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments parsed,
                          ParseFlags(arguments, command.flags, absl::StrCat("cnnopt ", command.name, " --help")));
  if (parsed.action != SlimArguments::Action::kSlim) return parsed;
  const size_t found = parsed.positions.size();
  const std::string usage =
      absl::StrCat("cnnopt ", command.name, *command.positions == '\0' ? "" : " ", command.positions);
  if (found > command.most) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument '", ForScreen(parsed.positions[command.most]), "', expected '", usage, "'"));
  }
  if (found < command.least) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", command.least == command.most ? "" : "at least ",
                                                   command.least, command.least == 1 ? " argument" : " arguments",
                                                   " of '", usage, "', found ", found));
  }
  return parsed;
}

}  // namespace cnnopt
