// How far a plan is done.
#ifndef CNNOPT_BATCH_STANDING_H_
#define CNNOPT_BATCH_STANDING_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "batch/manifest.h"
#include "batch/read_reports.h"
#include "batch/record.h"

namespace cnnopt {

struct Standing {
  int64_t ok = 0, rejected = 0, given_up = 0;  // models that are done; given up: crashed too often
  int64_t crashed = 0;                         // to be tried again
  int64_t never = 0;                           // no report has them
  std::vector<std::string> lost;               // ok, but the output is not there
  std::set<int64_t> shards;                    // with models that are not done

  bool complete() const { return shards.empty(); }
};

// Adds one model of the plan. `is_there` says whether the output of a record that is ok still stands.
void AddStanding(const ZooModel& model, const Reports& reports, int64_t tries,
                 const std::function<bool(const Record&)>& is_there, Standing& standing);

// "40 of 41 models done: 38 slimmed or unchanged, 1 rejected, 1 given up after crashes; left: 1 never run".
std::string StandingText(const Standing& standing);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_STANDING_H_
