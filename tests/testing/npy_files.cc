#include "tests/testing/npy_files.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt::testing {
namespace {

void Check(bool ok, absl::string_view what) {
  if (!ok) {
    std::cerr << "test file: " << what << "\n";
    std::abort();
  }
}

}  // namespace

std::string NpyFile(absl::string_view dict, absl::string_view data, int version) {
  std::string length;
  for (size_t i = 0, rest = dict.size(); i < (version == 1 ? 2u : 4u); ++i, rest /= 256) {
    length.push_back(static_cast<char>(rest % 256));
  }
  return absl::StrCat("\x93NUMPY", std::string{static_cast<char>(version), '\0'}, length, dict, data);
}

std::string Dict(absl::string_view descr, absl::string_view shape, bool fortran_order) {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': ", fortran_order ? "True" : "False",
                      ", 'shape': ", shape, ", }          \n");
}

std::string ZipFile(const std::map<std::string, std::string>& entries, bool compressed) {
  std::string zip(1 << 24, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  Check(
      archive_write_set_options(writer, compressed ? "zip:compression=deflate" : "zip:compression=store") == ARCHIVE_OK,
      "compression");
  archive_write_set_bytes_in_last_block(writer, 1);
  Check(archive_write_open_memory(writer, zip.data(), zip.size(), &used) == ARCHIVE_OK, "open");
  for (const auto& [name, content] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    Check(archive_write_header(writer, entry) == ARCHIVE_OK, "header");
    Check(archive_write_data(writer, content.data(), content.size()) == static_cast<la_ssize_t>(content.size()),
          "data");
    archive_entry_free(entry);
  }
  Check(archive_write_close(writer) == ARCHIVE_OK, "close");
  archive_write_free(writer);
  zip.resize(used);
  return zip;
}

std::string WriteTemp(absl::string_view name, absl::string_view content) {
  static const TempFolder folder;
  static int files = 0;
  return folder.Write(absl::StrCat(++files, "/", name), content);
}

}  // namespace cnnopt::testing
