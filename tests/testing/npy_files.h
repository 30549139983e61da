// .npy and .npz files made by tests.
#ifndef CNNOPT_TESTS_TESTING_NPY_FILES_H_
#define CNNOPT_TESTS_TESTING_NPY_FILES_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace cnnopt::testing {

// A .npy file with a header of `dict` and then `data`.
std::string NpyFile(absl::string_view dict, absl::string_view data, int version = 1);
// The usual header, for instance Dict("<f4", "(2, 3)").
std::string Dict(absl::string_view descr, absl::string_view shape, bool fortran_order = false);
// A zip file of `entries`; `compressed` by deflate.
std::string ZipFile(const std::map<std::string, std::string>& entries, bool compressed);

// Writes a file to a folder of its own, removed at the end of the program, and gives its path.
std::string WriteTemp(absl::string_view name, absl::string_view content);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_NPY_FILES_H_
