// A folder of models, looked at from outside: nothing is run.
#ifndef CNNOPT_BATCH_ZOO_H_
#define CNNOPT_BATCH_ZOO_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "batch/manifest.h"

namespace cnnopt {

// A model file and what it has in other files, by content.
struct ModelDigest {
  std::string sha256;
  int64_t bytes = 0;
  std::string data_sha256;  // "": no external data
  int64_t data_bytes = 0;
};
// External data that is missing counts as empty: reading the model will tell. Errors: as InputFile.
absl::StatusOr<ModelDigest> DigestModel(const std::string& path);

// The digest of a file, or of all files below a folder and their names. Errors: as FilesBelow and InputFile.
absl::StatusOr<std::string> DigestPath(const std::string& path);

// The paths within `zoo` of all models that are not outputs themselves: nothing below `out`, nothing with a record
// beside it. In natural order. Errors: as FilesBelow.
absl::StatusOr<std::vector<std::string>> FindModels(const std::string& zoo, const std::string& out);

// What the plan says of one model, but for its shard. What cannot be read becomes its `problem`. `test_data`: look for
// test_data_set_* beside it.
ZooModel DescribeModel(const std::string& zoo, const std::string& path, bool test_data);

// `folder`/`path`.
std::string Below(const std::string& folder, absl::string_view path);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_ZOO_H_
