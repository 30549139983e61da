// Runs models, each in a process of its own, several at a time.
#ifndef CNNOPT_BATCH_POOL_H_
#define CNNOPT_BATCH_POOL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "batch/manifest.h"
#include "batch/record.h"
#include "batch/stop_signals.h"

namespace cnnopt {

struct PoolOptions {
  std::string program;               // the cnnopt to run
  std::string zoo, out;              // folders
  std::vector<std::string> options;  // for every model
  bool check_inputs = false;         // the models may not be those of the manifest any more
  std::string scratch;               // an existing folder for the children's reports
  std::string attempt;               // of this run
  int64_t jobs = 1;
  int64_t memory_budget = 0;  // bytes that all models running at a time may be estimated to take
  int64_t memory_cap = 0;     // address space of one; 0: its share of the budget, or more if it needs more
  double timeout = 0;         // seconds; 0: none
  double grace = 0;           // seconds after SIGTERM
  int64_t tries = 1;
};

// Runs the models of `manifest` whose outputs are not there yet, dearest first; one that crashed is tried again at the
// end, alone. `finished` gets the record of each, those of skipped models too, once its record stands beside its
// output; an error of it ends the run. Gives the signal that ended the run early, 0 when none did: then nothing is left
// of what was running. Errors: Unavailable, or of `finished`.
absl::StatusOr<int> RunPool(const PoolOptions& options, const Manifest& manifest, StopSignals& signals,
                            const std::function<absl::Status(const Record&)>& finished);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_POOL_H_
