// One small job of the program in a folder of its own, and what may be in that folder after any fault.
#ifndef CNNOPT_TESTS_FAULTS_JOB_H_
#define CNNOPT_TESTS_FAULTS_JOB_H_

#include <string>
#include <vector>

#include "tests/testing/process.h"
#include "tests/testing/temp_folder.h"

namespace cnnopt::testing {

// in.onnx with its weights in a data file -> out.onnx with a data file, and r.json. Nothing is run in ONNX Runtime.
class Job {
 public:
  // `extra_bytes` more in IN and OUT, to make writing take a while.
  explicit Job(size_t extra_bytes = 0);

  const TempFolder& folder() const { return folder_; }
  const std::string& new_out() const { return new_out_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  // Puts the old OUT and the old report back and removes what the job made.
  void Reset() const;
  Finished Run(RunOptions options = {}) const;

  bool HasNewOut() const;
  // After a run that ended by itself or by a signal it could handle. `code` 0 needs all of the new files; any other
  // the old ones; `printed_too_late`: 74 with the new files, because only the result could not be printed. Never is
  // there a temporary file.
  void ExpectOldOrNew(const Finished& run, bool printed_too_late = false) const;
  // What holds whenever the process was killed: OUT is the old or the new one, whole: its data is there, and when it
  // is new, so is the report. A new report holds the checksum of the new OUT, so that beside the old one it is seen to
  // be another's. Temporary files may be left.
  void ExpectWholeOut() const;

 private:
  TempFolder folder_;
  std::vector<std::string> arguments_;
  std::string new_out_;
  std::vector<std::string> old_names_, new_names_;
};

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FAULTS_JOB_H_
