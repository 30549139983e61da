// Flags from a file, in place of the command line.
#ifndef CNNOPT_JOB_CONFIG_FILE_H_
#define CNNOPT_JOB_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cnnopt {

struct ConfigEntry {
  std::string flag;                 // "--target-macs"
  std::vector<std::string> values;  // "true" or "false" of a switch
};

// The entries of a TOML or INI file, "target-macs = 0.5" or "keep = ['stem', 'head']", in its order. Of TOML only what
// flags need is understood: no tables. Errors, which name the file: InvalidArgument, or as ReadFile.
absl::StatusOr<std::vector<ConfigEntry>> ReadConfig(const std::string& path);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_CONFIG_FILE_H_
