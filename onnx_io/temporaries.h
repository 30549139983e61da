// The temporary files of this process, for one that a signal ends: destructors do not run then.
#ifndef CNNOPT_ONNX_IO_TEMPORARIES_H_
#define CNNOPT_ONNX_IO_TEMPORARIES_H_

#include <mutex>
#include <string>

namespace cnnopt {

// Held while temporary files are made or take their final names: RemoveTemporaries waits for it, so that of several
// files that are renamed together all or none are.
std::unique_lock<std::recursive_mutex> LockTemporaries();

// Puts a file or a folder on the list, or takes it off.
void AddTemporary(const std::string& path);
void ForgetTemporary(const std::string& path);

// Removes every file and every empty folder on the list. For a process about to end: from then on every other thread
// that asks for the lock waits forever.
void RemoveTemporaries();

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_TEMPORARIES_H_
