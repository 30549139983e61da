#include "cli/completions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/help.h"
#include "passes/catalog.h"
#include "report/display.h"

namespace cnnopt {
namespace {

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

// Whether `part` is typed as it is.
bool IsWord(absl::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) { return absl::ascii_islower(c); });
}

// What fits beside a name in a list: the beginning of a help text, up to where a sentence pauses.
std::string Brief(const std::string& help) {
  constexpr size_t kMost = 70;
  std::string brief = help;
  for (const char* pause : {"; ", ". ", ": ", " ("}) brief = brief.substr(0, brief.find(pause));
  return brief.size() <= kMost ? brief : absl::StrCat(Wrap(brief, kMost - 4)[0], " ...");
}

// Of "batch run" the parts "batch" and "run", of "inspect" that and "".
std::pair<std::string, std::string> Parts(const std::string& name) {
  return absl::StrSplit(name, absl::MaxSplits(' ', 1));
}

// The commands of two words below each first word; none of "inspect".
struct FirstWord {
  std::string word;
  std::vector<Usage> below;
  Usage alone;  // of a command of one word
};
std::vector<FirstWord> FirstWords() {
  std::vector<FirstWord> firsts;
  for (const Usage& usage : Usages()) {
    if (usage.name.empty()) continue;
    const auto& [first, second] = Parts(usage.name);
    if (firsts.empty() || firsts.back().word != first) firsts.push_back({first, {}, usage});
    if (!second.empty()) firsts.back().below.push_back(usage);
  }
  return firsts;
}

std::string FirstWordsText(absl::string_view between) {
  return absl::StrJoin(FirstWords(), between,
                       [](std::string* out, const FirstWord& first) { absl::StrAppend(out, first.word); });
}

std::string SecondWords(const FirstWord& first) {
  return absl::StrJoin(first.below, " ",
                       [](std::string* out, const Usage& usage) { absl::StrAppend(out, Parts(usage.name).second); });
}

// What is said of a word that commands begin with.
std::string SummaryOf(const FirstWord& first) {
  return first.below.empty() ? first.alone.summary : absl::StrReplaceAll(SecondWords(first), {{" ", ", "}});
}

// ---- bash ------------------------------------------------------------------------------------------------------

// A case for every flag with a value, behind the name of its command.
std::string BashValues() {
  std::string text, silent;
  for (const Usage& usage : Usages()) {
    for (const Flag& flag : *usage.flags) {
      if (IsSwitch(flag) || MayHaveValue(flag)) continue;
      const Offer offer = OfferOfFlag(flag);
      const std::string pattern = BetweenQuotes(absl::StrCat(usage.name, flag.name));
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
    absl::StrAppend(&text, "      ", BetweenQuotes(usage.name), ") words='", absl::StrJoin(names, " "), "' ;;\n");
  }
  return text;
}

std::string BashPositions() {
  std::string text;
  for (const Usage& usage : Usages()) {
    const Offer offer = OfferOfPositions(usage.positions);
    absl::StrAppend(&text, "      ", BetweenQuotes(usage.name), ") words='", Words(offer),
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
  return absl::StrCat(
      text, "    ",
      BetweenQuotes(absl::StrCat("*", ZshArgument(usage.positions, OfferOfPositions(usage.positions), false))), "\n");
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
  for (const absl::string_view part : absl::StrSplit(value, '|')) {
    const std::string word = absl::StrReplaceAll(part, {{"[", ""}, {"]", ""}});
    if (IsWord(word)) offer.words.push_back(word);
    offer.files = offer.files || absl::StartsWith(word, "FILE") || word == "PATH";
  }
  return offer;
}

Offer OfferOfPositions(absl::string_view positions) {
  Offer offer;
  for (const absl::string_view part : absl::StrSplit(positions, absl::ByAnyChar(" |[]"), absl::SkipEmpty())) {
    if (IsWord(part)) {
      offer.words.emplace_back(part);
    } else {
      offer.files = true;
    }
  }
  return offer;
}

std::string BashCompletion() {
  std::string names, seconds;
  for (const Usage& usage : Usages()) {
    if (!usage.name.empty()) absl::StrAppend(&names, names.empty() ? "" : "|", BetweenQuotes(usage.name));
  }
  for (const FirstWord& first : FirstWords()) {
    if (first.below.empty()) continue;
    absl::StrAppend(&seconds, "    if ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]} == ", first.word, " ]]; then words='",
                    SecondWords(first), "' files=; fi\n");
  }
  return absl::StrCat(R"(# Completion of cnnopt in bash, printed by 'cnnopt completions bash'.
_cnnopt() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= flag= prefix= head= words= files=
  COMPREPLY=()
  local count
  for count in 1 2; do
    ((COMP_CWORD > count)) || continue
    case "${COMP_WORDS[*]:1:count}" in
      )",
                      names, R"() command="${COMP_WORDS[*]:1:count}" ;;
    esac
  done

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
                      FirstWordsText(" "), "'; fi\n", seconds, R"(  elif [[ $flag == --pass && $word == *,* ]]; then
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

std::string ZshFunction(const std::string& command) {
  return absl::StrCat("_cnnopt_", command.empty() ? "slim" : absl::StrReplaceAll(command, {{" ", "_"}}));
}

// The function of a word that several commands begin with: it completes the second one or calls theirs.
std::string ZshGroup(const FirstWord& first) {
  std::string commands, cases;
  for (const Usage& usage : first.below) {
    const std::string second = Parts(usage.name).second;
    absl::StrAppend(&commands, "    ", BetweenQuotes(absl::StrCat(second, ":", ZshText(usage.summary))), "\n");
    absl::StrAppend(&cases, "      ", second, ") shift words; ((CURRENT--)); ", ZshFunction(usage.name), " ;;\n");
  }
  return absl::StrCat("\n", ZshFunction(first.word), "() {\n  local -a commands=(\n", commands,
                      "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n  else\n"
                      "    case $words[2] in\n",
                      cases, "    esac\n  fi\n}\n");
}

std::string ZshCompletion() {
  std::string text = "#compdef cnnopt\n# Completion of cnnopt in zsh, printed by 'cnnopt completions zsh'.\n";
  for (const Usage& usage : Usages()) {
    absl::StrAppend(&text, "\n", ZshFunction(usage.name), "() {\n", ZshArguments(usage), "}\n");
  }
  std::string commands, cases;
  for (const FirstWord& first : FirstWords()) {
    if (!first.below.empty()) absl::StrAppend(&text, ZshGroup(first));
    absl::StrAppend(&commands, "    ", BetweenQuotes(absl::StrCat(first.word, ":", ZshText(SummaryOf(first)))), "\n");
    absl::StrAppend(&cases, "      ", first.word, ") shift words; ((CURRENT--)); ", ZshFunction(first.word),
                    "; return ;;\n");
  }
  return absl::StrCat(text, "\n_cnnopt() {\n  local -a commands=(\n", commands,
                      "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n  else\n"
                      "    case $words[2] in\n",
                      cases,
                      "    esac\n  fi\n  _cnnopt_slim\n}\n\n"
                      "if [[ $funcstack[1] == _cnnopt ]]; then _cnnopt \"$@\"; else compdef _cnnopt cnnopt; fi\n");
}

// When the command is `name`.
std::string FishCondition(const std::string& name) {
  constexpr absl::string_view kSeen = "__fish_seen_subcommand_from ";
  if (name.empty()) return absl::StrCat("not ", kSeen, FirstWordsText(" "));
  const auto& [first, second] = Parts(name);
  return second.empty() ? absl::StrCat(kSeen, first) : absl::StrCat(kSeen, first, "; and ", kSeen, second);
}

std::string FishCompletion() {
  std::string text = "# Completion of cnnopt in fish, printed by 'cnnopt completions fish'.\n";
  for (const FirstWord& first : FirstWords()) {
    absl::StrAppend(&text, "complete -c cnnopt -n __fish_use_subcommand -a ", first.word, " -d ",
                    FishQuoted(SummaryOf(first)), "\n");
    const std::string open =
        absl::StrCat(FishCondition(first.word), "; and not __fish_seen_subcommand_from ", SecondWords(first));
    for (const Usage& usage : first.below) {
      absl::StrAppend(&text, "complete -c cnnopt -n ", FishQuoted(open), " -f -a ", Parts(usage.name).second, " -d ",
                      FishQuoted(usage.summary), "\n");
    }
  }
  for (const Usage& usage : Usages()) {
    const std::string condition = FishQuoted(FishCondition(usage.name));
    const Offer offer = OfferOfPositions(usage.positions);
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
