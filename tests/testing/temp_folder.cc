#include "tests/testing/temp_folder.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace cnnopt::testing {

namespace fs = std::filesystem;

TempFolder::TempFolder() : path_((fs::temp_directory_path() / "cnnopt-test-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) {
    std::perror("mkdtemp");
    std::abort();
  }
  path_ = fs::canonical(path_).string();
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempFolder::Path(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

std::string TempFolder::Write(absl::string_view name, absl::string_view bytes) const {
  const std::string path = Path(name);
  fs::create_directories(fs::path(path).parent_path());
  fs::remove(path);  // some file systems flush a file that is cut to nothing and written again
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    std::perror(path.c_str());
    std::abort();
  }
  return path;
}

std::string TempFolder::Link(absl::string_view name, absl::string_view to) const {
  const std::string path = Path(name);
  fs::create_directories(fs::path(path).parent_path());
  fs::create_symlink(fs::path(std::string(to)), path);
  return path;
}

std::vector<std::string> TempFolder::Names() const {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace cnnopt::testing
