// A folder for the files of one test.
#ifndef CNNOPT_TESTS_TESTING_TEMP_FOLDER_H_
#define CNNOPT_TESTS_TESTING_TEMP_FOLDER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt::testing {

// Made empty, removed with all in it.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();

  const std::string& path() const { return path_; }
  std::string Path(absl::string_view name) const;
  // Writes a file, and the folders it needs; returns its path.
  std::string Write(absl::string_view name, absl::string_view bytes) const;
  // Makes `name` a link to `to`; returns its path.
  std::string Link(absl::string_view name, absl::string_view to) const;
  // Names of the entries of the folder itself, sorted, hidden ones too.
  std::vector<std::string> Names() const;

 private:
  std::string path_;
};

std::string FileBytes(const std::string& path);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_TEMP_FOLDER_H_
