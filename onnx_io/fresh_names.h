// Names for what a rewrite adds.
#ifndef CNNOPT_ONNX_IO_FRESH_NAMES_H_
#define CNNOPT_ONNX_IO_FRESH_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "onnx_io/rewrite.h"

namespace cnnopt {

// Hands out names that nothing uses yet. Amortised O(1): it remembers where it stopped for each proposal.
class Namer {
 public:
  void Take(absl::string_view name) { taken_.emplace(name); }
  // `proposal`, or where that is taken, `proposal` and a number. Empty and very long ones become "value".
  std::string Fresh(absl::string_view proposal);

 private:
  absl::flat_hash_set<std::string> taken_;
  absl::flat_hash_map<std::string, int64_t> last_number_;
};

// Gives the values and weights of `rewrite` that are new names nobody has. Those in `made`, the outputs of the nodes
// it removes, keep theirs. Errors: Internal (it makes one name twice).
absl::Status GiveFreshNames(const absl::flat_hash_set<absl::string_view>& made, Namer& namer, Rewrite& rewrite);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_FRESH_NAMES_H_
