// The files below a folder, in the order in which people count.
#ifndef CNNOPT_RUNTIME_FOLDER_H_
#define CNNOPT_RUNTIME_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

// Whether path `a` stands before path `b`: folder by folder, runs of digits compared as numbers ("img2" before
// "img10"), everything else by bytes.
bool NaturalLess(absl::string_view a, absl::string_view b);

// Paths, relative to `folder`, of all regular files below it in natural order. Entries whose names start with a dot are
// left out; links to files count, links to folders below `folder` are not followed. Errors, which name the folder:
// NotFound, InvalidArgument (no folder), PermissionDenied, ResourceExhausted (more than a million files), Unavailable.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder);

// What follows the last dot of the last part of `path`, in lower case: "jpg"; "" when there is none.
std::string Extension(absl::string_view path);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_FOLDER_H_
