// Files as bytes: the only code of this room that calls the operating system about files. Reading by offset,
// writing by temporary file and rename.
#ifndef CNNOPT_ONNX_IO_FILE_IO_H_
#define CNNOPT_ONNX_IO_FILE_IO_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

// "cannot <action> '<path>': <system's words>". ENOENT and ENOTDIR give NotFound; EACCES, EPERM and EROFS
// PermissionDenied; ENOSPC, EDQUOT, EFBIG and ENOMEM ResourceExhausted; all others Unavailable.
absl::Status ErrnoStatus(int error, absl::string_view action, absl::string_view path);

// The folder part of `path`, "." when there is none, and what follows it.
std::string FolderOf(const std::string& path);
std::string NameOf(const std::string& path);

// The path of an existing file without links, "." and "..". Errors as ErrnoStatus.
absl::StatusOr<std::string> RealPath(const std::string& path);

// A regular file open for reading. Anything else (a folder, a FIFO, a device) is refused without waiting for it.
class InputFile {
 public:
  // Errors: InvalidArgument (not a regular file), and as ErrnoStatus.
  static absl::StatusOr<InputFile> Open(const std::string& path);
  // Bytes in memory that are read like a file. They must outlive it. `name` stands in messages for the path.
  static InputFile OfBytes(absl::string_view bytes, std::string name);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // when it was opened

  // Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  absl::StatusOr<size_t> ReadAt(int64_t offset, char* buffer, size_t count) const;
  // Reads `count` bytes; Unavailable when the file has become too short for that.
  absl::Status ReadAllAt(int64_t offset, char* buffer, size_t count) const;
  // Unavailable when the size is no longer that at opening.
  absl::Status CheckUnchanged() const;

 private:
  InputFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_ = -1;
  const char* memory_ = nullptr;  // not null: the bytes are here
  int64_t size_ = 0;
};

// A new file that takes its final name only when it is complete. Until then it is a hidden temporary file in the same
// folder, which goes away with this object, or with the process (temporaries.h).
class AtomicFile {
 public:
  // Creates the temporary file for `target`, with the permissions of the file that is there now. First sweeps
  // temporary files for the same target which killed processes of this host left. `target` must not be a link
  // (ResolveLinks). Errors as ErrnoStatus; InvalidArgument when `target` is not a regular file.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(const std::string& target);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  int64_t size() const { return size_; }
  const std::string& temporary() const { return temporary_; }  // its path until it is renamed, then empty
  absl::Status Append(absl::string_view bytes);
  // Ends writing: checks the size and brings the bytes to the disk.
  absl::Status Finish();
  // Gives the finished file its name, in the folder of the target.
  absl::Status RenameTo(const std::string& path);
  // The same, but the file that has that name now gets the temporary one: a second call undoes the first, and until
  // then the old file goes away with this object.
  absl::Status ExchangeWith(const std::string& path);

 private:
  AtomicFile(std::string target, std::string temporary, int descriptor)
      : target_(std::move(target)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::string target_;     // for messages
  std::string temporary_;  // empty: renamed
  int descriptor_;         // -1: finished
  int64_t size_ = 0;
};

// Where writing to `path` has to go: the file at the end of its links, which need not exist.
// Errors: InvalidArgument (empty, a NUL, a folder, a device), Unavailable (links in a circle).
absl::StatusOr<std::string> ResolveLinks(const std::string& path);

// Brings renames in `folder` to the disk, where that is possible. Not reported when it is not: the renamed file is
// whole and in its place, and after a power cut the old one would be.
void SyncFolder(const std::string& folder);

bool FileExists(const std::string& path);
void RemoveFile(const std::string& path);  // if it is there

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_FILE_IO_H_
