// How long each stage of the job took.
#ifndef CNNOPT_PASSES_STAGE_CLOCK_H_
#define CNNOPT_PASSES_STAGE_CLOCK_H_

#include <chrono>
#include <string>
#include <vector>

namespace cnnopt {

struct StageTime {
  std::string stage;
  double seconds = 0;  // of wall time; a stage that came several times has the sum
};

// Told which stage runs now, adds up in `times` what each took; in the order in which stages came first.
class StageClock {
 public:
  explicit StageClock(std::vector<StageTime>& times) : times_(times) {}
  ~StageClock() { Enter(""); }
  StageClock(const StageClock&) = delete;
  StageClock& operator=(const StageClock&) = delete;

  // Ends the current stage and begins `stage`; "" begins none.
  void Enter(const std::string& stage);

 private:
  std::vector<StageTime>& times_;
  std::string current_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_STAGE_CLOCK_H_
