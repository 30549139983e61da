#include "batch/standing.h"

#include "absl/strings/str_cat.h"

namespace cnnopt {

void AddStanding(const ZooModel& model, const Reports& reports, int64_t tries,
                 const std::function<bool(const Record&)>& is_there, Standing& standing) {
  const auto found = reports.records.find(model.path);
  if (found == reports.records.end()) {
    ++standing.never;
    standing.shards.insert(model.shard);
    return;
  }
  const Record& record = found->second;
  if (record.fate == Fate::kRejected) {
    ++standing.rejected;
  } else if (record.fate == Fate::kCrashed) {
    const bool done = IsTerminal(record, tries);
    ++(done ? standing.given_up : standing.crashed);
    if (!done) standing.shards.insert(model.shard);
  } else if (is_there(record)) {
    ++standing.ok;
  } else {
    standing.lost.push_back(model.path);
    standing.shards.insert(model.shard);
  }
}

std::string StandingText(const Standing& standing) {
  const int64_t done = standing.ok + standing.rejected + standing.given_up;
  const auto lost = static_cast<int64_t>(standing.lost.size());
  const int64_t all = done + standing.crashed + standing.never + lost;
  std::string text = absl::StrCat(done, " of ", all, " models done: ", standing.ok, " slimmed or unchanged, ",
                                  standing.rejected, " rejected, ", standing.given_up, " given up after crashes");
  if (standing.complete()) return text;
  return absl::StrCat(text, "; left: ", standing.never, " never run, ", standing.crashed, " crashed, ", lost,
                      " whose output is not there");
}

}  // namespace cnnopt
