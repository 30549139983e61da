#include "onnx_io/temporaries.h"

#include <unistd.h>

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
  for (const std::string& path : TheList().paths) {
    unlink(path.c_str());
  }
}

}  // namespace cnnopt
