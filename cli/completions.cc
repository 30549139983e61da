#include "cli/completions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "passes/catalog.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr const char* kManyModels = "many models, on one machine or on a cluster";

bool IsSwitch(const Flag& flag) { return *flag.value == '\0'; }
bool MayHaveValue(const Flag& flag) { return *flag.value == '['; }

// The names that --pass takes, which may be given as a list.
bool TakesPasses(const Flag& flag) { return flag.is("--pass"); }

Offer OfferOfFlag(const Flag& flag) {
  if (!TakesPasses(flag)) return OfferOf(flag.value);
  Offer offer{{"auto"}};
  for (const PassEntry& entry : Catalog()) offer.words.push_back(entry.name);
  return offer;
}

std::string Words(const Offer& offer) { return absl::StrJoin(offer.words, " "); }

// `text` between single quotes, for a shell.
std::string BetweenQuotes(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// What fits beside a name in a list: the beginning of a help text, up to where a sentence pauses.
std::string Brief(const std::string& help) {
  constexpr size_t kMost = 70;
  std::string brief = help;
  for (const char* pause : {"; ", ". ", ": ", " ("}) brief = brief.substr(0, brief.find(pause));
  return brief.size() <= kMost ? brief : absl::StrCat(Wrap(brief, kMost - 4)[0], " ...");
}

// The first words of commands, each once; and the second ones of those whose first word is `first`.
std::vector<std::string> FirstWords() {
  std::vector<std::string> words;
  for (const Usage& usage : Usages()) {
    const std::string word = usage.name.substr(0, usage.name.find(' '));
    if (!word.empty() && (words.empty() || words.back() != word)) words.push_back(word);
  }
  return words;
}
std::vector<std::string> SecondWords(const std::string& first) {
  std::vector<std::string> words;
  for (const Usage& usage : Usages()) {
    if (absl::StartsWith(usage.name, absl::StrCat(first, " "))) words.push_back(usage.name.substr(first.size() + 1));
  }
  return words;
}

// The name of a command as one word of a script: "batch-run".
std::string Joined(absl::string_view name) { return absl::StrReplaceAll(name, {{" ", "-"}}); }

// ---- bash ------------------------------------------------------------------------------------------------------

// "--fit|inspect--fit": patterns of a case for a flag of several commands.
std::string BashValues() {
  std::string text, silent;
  for (const Usage& usage : Usages()) {
    for (const Flag& flag : *usage.flags) {
      if (IsSwitch(flag) || MayHaveValue(flag)) continue;
      const Offer offer = OfferOfFlag(flag);
      const std::string pattern = absl::StrCat(Joined(usage.name), flag.name);
      if (!offer.words.empty() || offer.files) {
        absl::StrAppend(&text, "    ", pattern, ") words='", Words(offer), "' files=", offer.files ? "yes" : "",
                        " ;;\n");
      } else {
        absl::StrAppend(&silent, silent.empty() ? "" : "|", pattern);
      }
    }
  }
  return absl::StrCat(text, "    ", silent, ") ;;\n");
}

// Flags and positions of each command.
std::string BashFlags() {
  std::string text;
  for (const Usage& usage : Usages()) {
    std::vector<std::string> names;
    for (const Flag& flag : *usage.flags) {
      if (*flag.short_name != '\0') names.emplace_back(flag.short_name);
      names.push_back(absl::StrCat(flag.name, IsSwitch(flag) || MayHaveValue(flag) ? "" : "="));
    }
    absl::StrAppend(&text, "      ", BetweenQuotes(Joined(usage.name)), ") words='", absl::StrJoin(names, " "),
                    "' ;;\n");
  }
  return text;
}

std::string BashPositions() {
  std::string text;
  for (const Usage& usage : Usages()) {
    const Offer offer = OfferOf(usage.positions);
    absl::StrAppend(&text, "      ", BetweenQuotes(Joined(usage.name)), ") words='", Words(offer),
                    "' files=", offer.files ? "yes" : "", " ;;\n");
  }
  return text;
}

// ---- zsh -------------------------------------------------------------------------------------------------------

std::string ZshText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {":", "\\:"}, {"[", "\\["}, {"]", "\\]"}});
}

// ":what it is:what it may be", of a value or a position.
std::string ZshArgument(absl::string_view what, const Offer& offer, bool list) {
  const std::string action = list                   ? absl::StrCat(" _values -s , pass ", Words(offer))
                             : !offer.words.empty() ? absl::StrCat("(", Words(offer), ")")
                             : offer.files          ? "_files"
                                                    : " ";
  return absl::StrCat(":", ZshText(what), ":", action);
}

std::string ZshFlag(const Flag& flag) {
  const std::string value =
      IsSwitch(flag)
          ? ""
          : absl::StrCat(MayHaveValue(flag) ? ":" : "", ZshArgument(flag.value, OfferOfFlag(flag), TakesPasses(flag)));
  const std::string help = absl::StrCat("[", ZshText(Brief(flag.help)), "]");
  const std::string name = absl::StrCat(flag.repeatable ? "*" : "", flag.name,
                                        IsSwitch(flag)       ? ""
                                        : MayHaveValue(flag) ? "=-"
                                                             : "=");
  if (*flag.short_name == '\0') return absl::StrCat("    ", BetweenQuotes(absl::StrCat(name, help, value)), " \\\n");
  return absl::StrCat("    ", BetweenQuotes(absl::StrCat("(", flag.short_name, ")", name, help)), " \\\n    ",
                      BetweenQuotes(absl::StrCat("(", flag.name, ")", flag.short_name, help)), " \\\n");
}

std::string ZshArguments(const Usage& usage) {
  std::string text = "  _arguments -S : \\\n";
  for (const Flag& flag : *usage.flags) absl::StrAppend(&text, ZshFlag(flag));
  if (usage.positions.empty()) return absl::StrCat(text, "    && return\n");
  return absl::StrCat(text, "    ",
                      BetweenQuotes(absl::StrCat("*", ZshArgument(usage.positions, OfferOf(usage.positions), false))),
                      "\n");
}

// ---- fish ------------------------------------------------------------------------------------------------------

std::string FishQuoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishFlag(const Flag& flag, const std::string& condition) {
  const Offer offer = OfferOfFlag(flag);
  std::string text = absl::StrCat("complete -c cnnopt -n ", condition, " -l ", flag.name + 2);
  if (*flag.short_name != '\0') absl::StrAppend(&text, " -s ", flag.short_name + 1);
  if (!IsSwitch(flag) && !MayHaveValue(flag)) absl::StrAppend(&text, offer.files ? " -r -F" : " -x");
  if (!offer.words.empty()) absl::StrAppend(&text, " -a ", FishQuoted(Words(offer)));
  return absl::StrCat(text, " -d ", FishQuoted(Brief(flag.help)), "\n");
}

}  // namespace

Offer OfferOf(absl::string_view value) {
  Offer offer;
  for (const absl::string_view group : absl::StrSplit(value, ' ')) {
    for (const absl::string_view part : absl::StrSplit(group, '|')) {
      const std::string word = absl::StrReplaceAll(part, {{"[", ""}, {"]", ""}});
      const bool typed_as_it_is = !word.empty() && std::all_of(word.begin(), word.end(),
                                                               [](unsigned char c) { return absl::ascii_islower(c); });
      if (typed_as_it_is) offer.words.push_back(word);
      const bool file = absl::StartsWith(word, "FILE") || word == "PATH" || absl::StartsWith(word, "MODEL") ||
                        absl::EndsWith(word, ".onnx") || word == "FOLDER" || word == "ZOO" || word == "MANIFEST" ||
                        absl::StartsWith(word, "REPORTS");
      offer.files = offer.files || file;
    }
  }
  return offer;
}

std::string BashCompletion() {
  std::string subcommands, offers;
  for (const std::string& first : FirstWords()) {
    const std::vector<std::string> second = SecondWords(first);
    if (second.empty()) continue;
    absl::StrAppend(&subcommands, "    ", first, ")\n      case ${COMP_WORDS[2]} in\n      ",
                    absl::StrJoin(second, "|"), ") ((COMP_CWORD > 2)) && command=", first,
                    "-${COMP_WORDS[2]} ;;\n      esac ;;\n");
    absl::StrAppend(&offers, "    if ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]} == ", first, " ]]; then words='",
                    absl::StrJoin(second, " "), "' files=; fi\n");
  }
  return absl::StrCat(R"(# Completion of cnnopt in bash, printed by 'cnnopt completions bash'.
_cnnopt() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= flag= prefix= head= words= files=
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then
    case ${COMP_WORDS[1]} in
)",
                      subcommands, "    ", absl::StrJoin(FirstWords(), "|"), R"() command=${COMP_WORDS[1]} ;;
    esac
  fi

  # The flag whose value stands here. '=' is a word of its own unless COMP_WORDBREAKS says otherwise.
  if [[ $word == = ]]; then
    flag=$before word=
  elif [[ $before == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $word == --*=* ]]; then
    flag=${word%%=*} prefix=${word%%=*}= word=${word#*=}
  else
    flag=$before
  fi
  case $command$flag in
)",
                      BashValues(), R"(    *) flag= ;;
  esac

  if [[ -z $flag && $word == -* ]]; then
    case $command in
)",
                      BashFlags(), R"(    esac
  elif [[ -z $flag ]]; then
    case $command in
)",
                      BashPositions(), R"(    esac
    if ((COMP_CWORD == 1)); then words=')",
                      absl::StrJoin(FirstWords(), " "), "'; fi\n", offers,
                      R"(  elif [[ $flag == --pass && $word == *,* ]]; then
    head=${word%,*}, word=${word##*,}
  fi
  mapfile -t COMPREPLY < <(compgen -P "$prefix$head" -W "$words" -- "$word")
  if [[ -n $files ]]; then
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -P "$prefix" -f -- "$word")
    compopt -o filenames 2>/dev/null
  fi
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  return 0
}
complete -F _cnnopt cnnopt
)");
}

std::string ZshCompletion() {
  std::string text = "#compdef cnnopt\n# Completion of cnnopt in zsh, printed by 'cnnopt completions zsh'.\n";
  std::string commands, cases;
  for (const Usage& usage : Usages()) {
    const std::string function = usage.name.empty() ? "_cnnopt_slim" : absl::StrCat("_cnnopt_", Joined(usage.name));
    absl::StrAppend(&text, "\n", function, "() {\n", ZshArguments(usage), "}\n");
    if (usage.name.empty() || absl::StrContains(usage.name, " ")) continue;
    absl::StrAppend(&commands, "    ", BetweenQuotes(absl::StrCat(usage.name, ":", ZshText(usage.summary))), "\n");
    absl::StrAppend(&cases, "      ", usage.name, ") shift words; ((CURRENT--)); ", function, "; return ;;\n");
  }
  for (const std::string& first : FirstWords()) {
    std::string subcommands, subcases;
    for (const std::string& second : SecondWords(first)) {
      const Command* const command = FindCommand(absl::StrCat(first, " ", second));
      absl::StrAppend(&subcommands, "    ", BetweenQuotes(absl::StrCat(second, ":", ZshText(command->summary))), "\n");
      absl::StrAppend(&subcases, "      ", second, ") shift words; ((CURRENT--)); _cnnopt_", first, "-", second,
                      " ;;\n");
    }
    if (subcommands.empty()) continue;
    absl::StrAppend(&text, "\n_cnnopt_", first, "() {\n  local -a subcommands=(\n", subcommands,
                    "  )\n  if ((CURRENT == 2)); then\n    _describe command subcommands\n  else\n"
                    "    case $words[2] in\n",
                    subcases, "    esac\n  fi\n}\n");
    absl::StrAppend(&commands, "    ", BetweenQuotes(absl::StrCat(first, ":", kManyModels)), "\n");
    absl::StrAppend(&cases, "      ", first, ") shift words; ((CURRENT--)); _cnnopt_", first, "; return ;;\n");
  }
  return absl::StrCat(text, "\n_cnnopt() {\n  local -a commands=(\n", commands,
                      "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n  else\n"
                      "    case $words[2] in\n",
                      cases,
                      "    esac\n  fi\n  _cnnopt_slim\n}\n\n"
                      "if [[ $funcstack[1] == _cnnopt ]]; then _cnnopt \"$@\"; else compdef _cnnopt cnnopt; fi\n");
}

std::string FishCompletion() {
  const std::string names = absl::StrJoin(FirstWords(), " ");
  std::string text = "# Completion of cnnopt in fish, printed by 'cnnopt completions fish'.\n";
  for (const std::string& first : FirstWords()) {
    const std::string second = absl::StrJoin(SecondWords(first), " ");
    if (second.empty()) continue;
    absl::StrAppend(&text, "complete -c cnnopt -n __fish_use_subcommand -a ", first, " -d ", FishQuoted(kManyModels),
                    "\n");
    for (const std::string& word : SecondWords(first)) {
      absl::StrAppend(&text, "complete -c cnnopt -n ",
                      FishQuoted(absl::StrCat("__fish_seen_subcommand_from ", first,
                                              "; and not __fish_seen_subcommand_from ", second)),
                      " -f -a ", word, " -d ", FishQuoted(FindCommand(absl::StrCat(first, " ", word))->summary), "\n");
    }
  }
  for (const Usage& usage : Usages()) {
    const bool one_word = !absl::StrContains(usage.name, " ");
    const std::string seen = absl::StrReplaceAll(usage.name, {{" ", "; and __fish_seen_subcommand_from "}});
    const std::string condition = usage.name.empty()
                                      ? FishQuoted(absl::StrCat("not __fish_seen_subcommand_from ", names))
                                      : FishQuoted(absl::StrCat("__fish_seen_subcommand_from ", seen));
    if (!usage.name.empty() && one_word) {
      absl::StrAppend(&text, "complete -c cnnopt -n __fish_use_subcommand -a ", usage.name, " -d ",
                      FishQuoted(usage.summary), "\n");
    }
    const Offer offer = OfferOf(usage.positions);
    if (!offer.files) {
      absl::StrAppend(&text, "complete -c cnnopt -n ", condition, " -f",
                      offer.words.empty() ? "" : absl::StrCat(" -a ", FishQuoted(Words(offer))), "\n");
    }
    for (const Flag& flag : *usage.flags) absl::StrAppend(&text, FishFlag(flag, condition));
  }
  return text;
}

absl::StatusOr<ExitCode> RunCompletions(const SlimArguments& arguments, const Console& console) {
  const std::string& shell = arguments.positions[0];
  if (shell == "bash") {
    console.out << BashCompletion();
  } else if (shell == "zsh") {
    console.out << ZshCompletion();
  } else if (shell == "fish") {
    console.out << FishCompletion();
  } else {
    return From(Origin::kUsage, absl::InvalidArgumentError(
                                    absl::StrCat("completions ", ForScreen(shell), ": expected bash, zsh or fish")));
  }
  return kExitDone;
}

}  // namespace cnnopt
