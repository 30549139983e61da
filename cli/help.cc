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

Usage UsageOf(const Command& command) {
  return {command.name, command.positions, command.summary, command.about, &command.flags};
}

}  // namespace

std::vector<Usage> Usages() {
  std::vector<Usage> usages = {
      {"", "IN.onnx OUT.onnx", "slim a model",
       "Reads a trained convolutional network, replaces convolutions by cheaper ones, compares the result with the "
       "original and writes a slimmer ONNX file. IN is only read; OUT holds its old content or the whole new model at "
       "any moment. Nothing is sent anywhere.",
       &Flags()}};
  for (const Command& command : Commands()) usages.push_back(UsageOf(command));
  return usages;
}

std::string Synopsis(const Usage& usage) {
  return absl::StrCat("cnnopt", usage.name.empty() ? "" : " ", usage.name, usage.positions.empty() ? "" : " ",
                      usage.positions, " [options]");
}

std::string FlagTerm(const Flag& flag) {
  const bool spelt_out = *flag.value == '[' || *flag.value == '\0';
  return absl::StrCat(flag.short_name, *flag.short_name == '\0' ? "" : ", ", flag.name, spelt_out ? "" : "=",
                      flag.value);
}

const std::vector<EnvironmentEntry>& Environment() {
  static const std::vector<EnvironmentEntry> entries = {
      {"CNNOPT_ORT", "the ONNX Runtime library to use where --ort names none"},
      {"NO_COLOR", "when not empty, nothing is printed in colour"},
      {"TERM", "when it is dumb or missing, there is neither colour nor a progress bar"},
      {"TMPDIR", "the folder for the models that --evaluate looks at; default /tmp"},
  };
  return entries;
}

std::string HelpText() {
  std::string text;
  for (const Usage& usage : Usages()) {
    const bool main_job = usage.name.empty();
    const std::string line = absl::StrCat(text.empty() ? "usage: " : "       ", "cnnopt", main_job ? "" : " ",
                                          usage.name, " ", usage.positions, main_job ? " [options]" : "");
    absl::StrAppend(&text, line, std::string(43 - std::min<size_t>(line.size(), 42), ' '), usage.summary, "\n");
  }
  absl::StrAppend(&text, "\n");
  for (const std::string& line : Wrap(Usages()[0].about, kWidth)) absl::StrAppend(&text, line, "\n");
  absl::StrAppend(&text, FlagEntries(Flags()));
  absl::StrAppend(&text, "\nForms, for --pass:\n", PassEntries(PassKind::kForm, kColumn));
  absl::StrAppend(&text, "\nCleanup passes, for --pass:\n", PassEntries(PassKind::kCleanup, kColumn));
  absl::StrAppend(&text, "\nExit codes:\n");
  for (const ExitCodeEntry& entry : ExitCodes()) {
    absl::StrAppend(&text, Entry(absl::StrCat(entry.code), entry.meaning, 7));
  }
  absl::StrAppend(&text, "\nEnvironment:\n");
  for (const EnvironmentEntry& entry : Environment()) {
    absl::StrAppend(&text, Entry(entry.name, entry.meaning, kColumn));
  }
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
  std::string text = absl::StrCat("usage: ", Synopsis(UsageOf(command)), "\n\n");
  for (const std::string& line : Wrap(command.about, kWidth)) {
    absl::StrAppend(&text, line, "\n");
  }
  return absl::StrCat(text, FlagEntries(command.flags));
}

}  // namespace cnnopt
