// What many records come to, and how that looks on a screen.
#ifndef CNNOPT_BATCH_TALLY_H_
#define CNNOPT_BATCH_TALLY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "batch/record.h"

namespace cnnopt {

struct Tally {
  int64_t slimmed = 0, unchanged = 0, rejected = 0, crashed = 0;  // each model is one of them
  int64_t skipped = 0;                                            // done before, among them
  int64_t alarms = 0;                                             // models with two different outputs
  int64_t macs_before = 0, macs_after = 0;  // of models that are ok and whose MACs are known, and so on
  int64_t params_before = 0, params_after = 0;
  int64_t bytes_before = 0, bytes_after = 0;
  double seconds = 0;  // of all models

  int64_t models() const { return slimmed + unchanged + rejected + crashed; }
  int64_t failed() const { return rejected + crashed; }
};
void Add(const Record& record, Tally& tally);

// "slimmed", "unchanged", "rejected" or "crashed".
const char* EndWord(const Record& record);

// "12 slimmed, 3 unchanged, 1 rejected, 1 crashed; 4 of them were done before".
std::string CountsText(const Tally& tally);

// The totals, below a table of the models: all when they are few or `verbose`, else those that failed. Lines of at most
// `width` columns. `left`: models that were not run.
std::string BatchTable(const std::vector<Record>& records, int64_t left, size_t width, bool verbose);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_TALLY_H_
