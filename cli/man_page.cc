#include "cli/man_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/help.h"
#include "job/version.h"
#include "passes/catalog.h"
#include "report/display.h"

namespace cnnopt {
namespace {

// `text` as roff: a backslash is one, a dash can be copied and searched for, no line is a request.
std::string Roff(absl::string_view text) {
  const std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}});
  return !escaped.empty() && escaped[0] == '.' ? absl::StrCat("\\&", escaped) : escaped;
}

std::string RoffEntry(const std::string& term, const std::string& meaning) {
  return absl::StrCat(".TP\n.B ", Roff(term), "\n", Roff(meaning), "\n");
}

std::string RoffPasses(PassKind kind) {
  std::string text;
  for (const PassEntry& entry : Catalog()) {
    if (entry.kind == kind) absl::StrAppend(&text, RoffEntry(entry.name, entry.summary));
  }
  return text;
}

// Of a command: the options of its own, and the names of those that are explained with the main job.
std::string RoffCommand(const Usage& usage) {
  std::string text = absl::StrCat(".SS ", Roff(Synopsis(usage)), "\n", Roff(usage.about), "\n");
  std::vector<std::string> shared;
  for (const Flag& flag : *usage.flags) {
    const bool same = std::any_of(Flags().begin(), Flags().end(),
                                  [&](const Flag& f) { return f.is(flag.name) && f.help == flag.help; });
    if (same) {
      shared.push_back(Roff(flag.name));
    } else {
      absl::StrAppend(&text, RoffEntry(FlagTerm(flag), flag.help));
    }
  }
  if (shared.size() > 1) {  // --help goes without saying
    absl::StrAppend(&text, ".PP\nOptions as of the main job: ", absl::StrJoin(shared, ", "), ".\n");
  }
  return text;
}

// What people do most, as a description and a command each.
const std::vector<std::pair<const char*, const char*>>& Examples() {
  static const std::vector<std::pair<const char*, const char*>> examples = {
      {"Half of the multiplications, fitted to real inputs:",
       "cnnopt resnet.onnx slim.onnx --target-macs=0.5 --calibration=images.npy"},
      {"As slim as a relative output error of 3 % allows, with a page of charts:",
       "cnnopt resnet.onnx slim.onnx --max-error=0.03 --calibration=images.npy --report=slim.html"},
      {"As slim as your own score allows, which may fall by half a point:",
       "cnnopt resnet.onnx slim.onnx --evaluate='python3 eval.py {model}' --max-drop=0.5"},
      {"Depthwise separable convolutions only, without any data:",
       "cnnopt resnet.onnx slim.onnx --pass=dsc --target-macs=0.7 --fit=weights"},
      {"What each layer could become:", "cnnopt inspect resnet.onnx"},
  };
  return examples;
}

// `text` in a cell of a Markdown table.
std::string Cell(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"*", "\\*"}, {"_", "\\_"}, {"<", "\\<"}});
}

// The same between backticks, where only a bar means something.
std::string CodeCell(absl::string_view text) {
  return absl::StrCat("`", absl::StrReplaceAll(text, {{"|", "\\|"}}), "`");
}

std::string TableHead(absl::string_view first, absl::string_view second) {
  return absl::StrCat("| ", first, " | ", second, " |\n|---|---|\n");
}

std::string TableRow(absl::string_view code, absl::string_view text) {
  return absl::StrCat("| ", CodeCell(code), " | ", Cell(text), " |\n");
}

std::string Paragraph(absl::string_view text) {
  constexpr size_t kWidth = 120;
  return absl::StrCat(absl::StrJoin(Wrap(text, kWidth), "\n"), "\n");
}

std::string OptionsOf(const Usage& usage) {
  std::string text = absl::StrCat("\n## ", usage.name.empty() ? "The main job" : absl::StrCat("cnnopt ", usage.name),
                                  "\n\n    ", Synopsis(usage), "\n\n", Paragraph(usage.about));
  std::string group;
  for (const Flag& flag : *usage.flags) {
    if (flag.group != group) {
      group = flag.group;
      absl::StrAppend(&text, "\n### ", group, "\n\n", TableHead("option", "what it does"));
    }
    absl::StrAppend(&text, TableRow(FlagTerm(flag), flag.help));
  }
  return text;
}

}  // namespace

std::string ManPage(const std::string& version) {
  const std::vector<Usage> usages = Usages();
  std::string text = absl::StrCat(".TH CNNOPT 1 \"\" \"cnnopt ", version,
                                  "\" \"User Commands\"\n.SH NAME\ncnnopt \\- make a trained convolutional network "
                                  "smaller and faster\n.SH SYNOPSIS\n.nh\n.ad l\n");
  for (const Usage& usage : usages) {
    absl::StrAppend(&text, usage.name.empty() ? "" : ".br\n", ".B ", Roff(Synopsis(usage)), "\n");
  }
  absl::StrAppend(&text, ".SH DESCRIPTION\n", Roff(usages[0].about), "\n.SH OPTIONS\n");
  std::string group;
  for (const Flag& flag : Flags()) {
    if (flag.group != group) {
      group = flag.group;
      absl::StrAppend(&text, ".SS ", Roff(group), "\n");
    }
    absl::StrAppend(&text, RoffEntry(FlagTerm(flag), flag.help));
  }
  absl::StrAppend(&text, ".SH FORMS\nFor \\-\\-pass and \\-\\-layer.\n", RoffPasses(PassKind::kForm),
                  ".SH CLEANUP PASSES\nFor \\-\\-pass. They compute the same function.\n",
                  RoffPasses(PassKind::kCleanup), ".SH COMMANDS\n");
  for (size_t i = 1; i < usages.size(); ++i) absl::StrAppend(&text, RoffCommand(usages[i]));
  absl::StrAppend(&text, ".SH EXIT STATUS\n");
  for (const ExitCodeEntry& entry : ExitCodes()) {
    absl::StrAppend(&text, RoffEntry(absl::StrCat(entry.code), entry.meaning));
  }
  absl::StrAppend(&text, ".SH ENVIRONMENT\n");
  for (const EnvironmentEntry& entry : Environment()) absl::StrAppend(&text, RoffEntry(entry.name, entry.meaning));
  absl::StrAppend(&text, ".SH EXAMPLES\n");
  for (const auto& [what, command] : Examples()) {
    absl::StrAppend(&text, ".PP\n", Roff(what), "\n.PP\n.nf\n.RS\n", Roff(command), "\n.RE\n.fi\n");
  }
  return text;
}

std::string OptionsPage() {
  std::string text =
      "# Options\n\nEvery option of every command, as `cnnopt --help` and `cnnopt COMMAND --help` list them. "
      "This page is printed by\n`cnnopt man markdown`, the manual page by `cnnopt man`.\n";
  for (const Usage& usage : Usages()) {
    absl::StrAppend(&text, OptionsOf(usage));
    if (!usage.name.empty()) continue;
    for (const PassKind kind : {PassKind::kForm, PassKind::kCleanup}) {
      absl::StrAppend(&text, kind == PassKind::kForm ? "\n### Forms, for `--pass` and `--layer`\n\n"
                                                     : "\n### Cleanup passes, for `--pass`\n\n");
      absl::StrAppend(&text, TableHead("name", "what it does"));
      for (const PassEntry& entry : Catalog()) {
        if (entry.kind == kind) absl::StrAppend(&text, TableRow(entry.name, entry.summary));
      }
    }
  }
  absl::StrAppend(&text, "\n## Exit codes\n\n", TableHead("code", "meaning"));
  for (const ExitCodeEntry& entry : ExitCodes())
    absl::StrAppend(&text, TableRow(absl::StrCat(entry.code), entry.meaning));
  absl::StrAppend(&text, "\n## Environment\n\n", TableHead("variable", "meaning"));
  for (const EnvironmentEntry& entry : Environment()) absl::StrAppend(&text, TableRow(entry.name, entry.meaning));
  return text;
}

absl::StatusOr<ExitCode> RunMan(const SlimArguments& arguments, const Console& console) {
  if (arguments.positions.empty()) {
    console.out << ManPage(kToolVersion);
  } else if (arguments.positions[0] == "markdown") {
    console.out << OptionsPage();
  } else {
    return From(Origin::kUsage, absl::InvalidArgumentError(absl::StrCat("man ", ForScreen(arguments.positions[0]),
                                                                        ": expected markdown, or nothing")));
  }
  return kExitDone;
}

}  // namespace cnnopt
