#include "cli/help.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "job/exit_code.h"
#include "job/options.h"
#include "passes/catalog.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kColumn = 26;  // of explanations

// "  term   explanation", the explanation wrapped in a column of its own that starts at `column`.
std::string Entry(const std::string& term, const std::string& explanation, size_t column) {
  std::string text = absl::StrCat("  ", term);
  if (text.size() + 2 > column) {
    absl::StrAppend(&text, "\n", std::string(column, ' '));
  } else {
    text.resize(column, ' ');
  }
  std::string break_and_indent = absl::StrCat("\n", std::string(column, ' '));
  const char* between = "";
  for (const std::string& line : Wrap(explanation, kWidth - column)) {
    absl::StrAppend(&text, between, line);
    between = break_and_indent.c_str();
  }
  return absl::StrCat(text, "\n");
}

std::string FlagTerm(const Flag& flag) {
  const bool spelt_out = *flag.value == '[' || *flag.value == '\0';
  return absl::StrCat(flag.short_name, *flag.short_name == '\0' ? "" : ", ", flag.name, spelt_out ? "" : "=",
                      flag.value);
}

// All flags below the headings of their groups.
std::string FlagEntries(const std::vector<Flag>& flags) {
  std::string text, group;
  for (const Flag& flag : flags) {
    if (flag.group != group) {
      group = flag.group;
      absl::StrAppend(&text, "\n", group, ":\n");
    }
    absl::StrAppend(&text, Entry(FlagTerm(flag), flag.help, kColumn));
  }
  return text;
}

std::string PassEntries(PassKind kind, size_t column) {
  std::string text;
  for (const PassEntry& entry : Catalog()) {
    if (entry.kind == kind) {
      absl::StrAppend(&text, Entry(entry.name, entry.summary, column));
    }
  }
  return text;
}

}  // namespace

std::string HelpText() {
  std::string text = "usage: cnnopt IN.onnx OUT.onnx [options]   slim a model\n";
  for (const Command& command : Commands()) {
    const std::string usage = absl::StrCat("       cnnopt ", command.name, " ", command.positions);
    absl::StrAppend(&text, usage, std::string(43 - std::min<size_t>(usage.size(), 42), ' '), command.summary, "\n");
  }
  absl::StrAppend(&text,
                  "\n"
                  "Reads a trained convolutional network, replaces convolutions by cheaper ones,\n"
                  "compares the result with the original and writes a slimmer ONNX file. IN is\n"
                  "only read; OUT holds its old content or the whole new model at any moment.\n");
  absl::StrAppend(&text, FlagEntries(Flags()));
  absl::StrAppend(&text, "\nForms, for --pass:\n", PassEntries(PassKind::kForm, kColumn));
  absl::StrAppend(&text, "\nCleanup passes, for --pass:\n", PassEntries(PassKind::kCleanup, kColumn));
  absl::StrAppend(&text, "\nExit codes:\n");
  for (const ExitCodeEntry& entry : ExitCodes()) {
    absl::StrAppend(&text, Entry(absl::StrCat(entry.code), entry.meaning, 7));
  }
  absl::StrAppend(&text, "\nNO_COLOR turns colours off. Nothing is sent anywhere.\n");
  return text;
}

std::string BatchHelp() {
  std::string text = "usage: cnnopt batch COMMAND ... [options]\n\nMany models, on one machine or on a cluster:\n";
  for (const Command& command : Commands()) {
    if (!absl::StartsWith(command.name, "batch ")) continue;
    absl::StrAppend(&text, Entry(absl::StrCat("cnnopt ", command.name, " ", command.positions), command.summary, 40));
  }
  return absl::StrCat(text, "\n'cnnopt batch COMMAND --help' explains each.\n");
}

std::string CommandHelp(const Command& command) {
  std::string text = absl::StrCat("usage: cnnopt ", command.name, *command.positions == '\0' ? "" : " ",
                                  command.positions, " [options]\n\n");
  for (const std::string& line : Wrap(command.about, kWidth)) {
    absl::StrAppend(&text, line, "\n");
  }
  return absl::StrCat(text, FlagEntries(command.flags));
}

}  // namespace cnnopt
