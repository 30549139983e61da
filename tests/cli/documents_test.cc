// What the documents tell people to type is understood, and what they point at is there.
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = fs::path(CNNOPT_TESTDATA).parent_path();

// README, CHANGELOG, SECURITY and everything below docs/.
std::vector<fs::path> Documents() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kSource)) {
    if (entry.path().extension() == ".md") paths.push_back(entry.path());
  }
  for (const auto& entry : fs::recursive_directory_iterator(kSource / "docs")) {
    if (entry.path().extension() == ".md") paths.push_back(entry.path());
  }
  return paths;
}

// The lines of code that run cnnopt, those that go on behind a backslash put together.
std::vector<std::string> CommandsIn(const std::string& text) {
  std::vector<std::string> commands;
  bool fenced = false, goes_on = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "```")) fenced = !fenced;
    const bool code = fenced || absl::StartsWith(line, "    ");
    line = absl::StripAsciiWhitespace(line);
    if (goes_on) {
      absl::StrAppend(&commands.back(), " ", line);
    } else if (code && absl::StartsWith(line, "cnnopt ") && !absl::EndsWith(line, "[options]")) {
      commands.emplace_back(line);
    } else {
      continue;
    }
    goes_on = absl::EndsWith(commands.back(), "\\");
    if (goes_on) commands.back().pop_back();
  }
  return commands;
}

// The words of a command as a shell sees them, up to a comment or another command.
std::vector<std::string> Words(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (const char c : command + " ") {
    if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
      quote = quote != '\0' ? '\0' : c;
    } else if (quote != '\0' || c != ' ') {
      word += c;
    } else if (word == "#" || word == "&&" || word == "||" || word == "|" || word == ">") {
      break;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  return words;
}

absl::Status Parse(const std::vector<std::string>& words) {
  const std::vector<std::string> arguments(words.begin() + 1, words.end());
  const auto rest = arguments.begin() + static_cast<std::ptrdiff_t>(WordsOfCommand(arguments));
  if (rest == arguments.begin()) return ParseSlimArguments(arguments).status();
  const Command* const command = FindCommand(absl::StrJoin(arguments.begin(), rest, " "));
  return ParseCommand(*command, {rest, arguments.end()}).status();
}

TEST(Documents, EveryCommandIsUnderstood) {
  size_t count = 0;
  for (const fs::path& path : Documents()) {
    for (const std::string& command : CommandsIn(testing::FileBytes(path))) {
      ++count;
      EXPECT_TRUE(Parse(Words(command)).ok()) << path << ": " << command << "\n" << Parse(Words(command));
    }
  }
  EXPECT_GT(count, 20u);
  EXPECT_FALSE(Parse(Words("cnnopt a.onnx b.onnx --taget-macs=0.5")).ok());
}

// "](docs/control.md#flags)" and, in prose, `docs/control.md`.
TEST(Documents, EveryLinkLeadsSomewhere) {
  size_t count = 0;
  for (const fs::path& path : Documents()) {
    const std::string text = testing::FileBytes(path);
    std::set<fs::path> targets;
    const std::vector<std::string> links = absl::StrSplit(text, "](");
    for (size_t i = 1; i < links.size(); ++i) {
      const std::string link = links[i].substr(0, links[i].find_first_of(")#"));
      if (!link.empty() && !absl::StrContains(link, "://")) targets.insert(path.parent_path() / link);
    }
    const std::vector<std::string> names = absl::StrSplit(text, '`');
    for (size_t i = 1; i < names.size(); i += 2) {
      const bool document = absl::StartsWith(names[i], "docs/") && names[i].find_first_of(" <*\n") == std::string::npos;
      if (document) targets.insert(kSource / names[i]);
    }
    count += targets.size();
    for (const fs::path& target : targets) EXPECT_TRUE(fs::exists(target)) << path << " names " << target;
  }
  EXPECT_GT(count, 10u);
}

}  // namespace
}  // namespace cnnopt
