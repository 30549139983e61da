// A library's options as the flags of the command, so that every option has one definition.
#ifndef CNNOPT_API_ENTRIES_H_
#define CNNOPT_API_ENTRIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cnnopt/cnnopt.h"
#include "job/config_file.h"
#include "job/options.h"

namespace cnnopt {

// Whether a flag of the command means something in a library. The others are of the screen, or a caller does itself
// what they ask for.
bool IsLibraryFlag(absl::string_view flag);

// The flags that make `options` out of the defaults. Arrays are no flags.
std::vector<ConfigEntry> EntriesOf(const Options& options);

// The flags that a JSON object names: {"target_macs": 0.5, "pass": ["dsc"], "no_latency": true}. Its keys are the
// flags' long names with _ for -. Values are numbers, texts, true and false, lists where a flag takes several or its
// text has commas, and objects where its text is NAME:VALUE or NAME=VALUE. Null leaves a flag out. Errors:
// InvalidArgument, one line that names the key, and the known one that was probably meant.
absl::StatusOr<std::vector<ConfigEntry>> EntriesOfJson(absl::string_view json);

}  // namespace cnnopt

#endif  // CNNOPT_API_ENTRIES_H_
