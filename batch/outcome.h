// How a child's end becomes a record.
#ifndef CNNOPT_BATCH_OUTCOME_H_
#define CNNOPT_BATCH_OUTCOME_H_

#include <sys/resource.h>

#include <string>

#include "batch/manifest.h"
#include "batch/record.h"

namespace cnnopt {

struct ChildEnd {
  int status = 0;  // of wait
  rusage usage{};
  double seconds = 0;
  double timeout = 0;  // it was killed after so many seconds; 0: it was not
  std::string errors;  // the end of its stderr
  std::string report;  // the path of its JSON report, which need not exist
};

// What became of `model`, whose output is to stand at `output`: fate, reason and figures.
Record JudgeEnd(const ChildEnd& end, const ZooModel& model, const std::string& output);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_OUTCOME_H_
