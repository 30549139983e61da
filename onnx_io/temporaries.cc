#include "onnx_io/temporaries.h"

#include <cstdio>
#include <set>

namespace cnnopt {
namespace {

struct List {
  std::recursive_mutex mutex;
  std::set<std::string> paths;
};

// Never destroyed: the thread that waits for signals outlives main.
List& TheList() {
  static List& list = *new List;
  return list;
}

}  // namespace

std::unique_lock<std::recursive_mutex> LockTemporaries() { return std::unique_lock(TheList().mutex); }

void AddTemporary(const std::string& path) {
  const auto lock = LockTemporaries();
  TheList().paths.insert(path);
}

void ForgetTemporary(const std::string& path) {
  const auto lock = LockTemporaries();
  TheList().paths.erase(path);
}

void RemoveTemporaries() {
  TheList().mutex.lock();  // for good
  const std::set<std::string>& paths = TheList().paths;
  // Backwards: what is in a folder comes before the folder.
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) std::remove(path->c_str());
}

}  // namespace cnnopt
