#include "onnx_io/file_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "onnx_io/checksum.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/temporaries.h"

namespace cnnopt {
namespace {

// Calls f until no signal interrupts it.
template <typename F>
auto Retry(F f) {
  auto result = f();
  while (result == -1 && errno == EINTR) {
    result = f();
  }
  return result;
}

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError("an empty file name");
  }
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("file name ", Quote(path), " holds a NUL byte"));
  }
  return absl::OkStatus();
}

absl::Status CheckRegular(const struct stat& info, const std::string& path) {
  const char* kind = S_ISREG(info.st_mode)    ? nullptr
                     : S_ISDIR(info.st_mode)  ? "a folder"
                     : S_ISFIFO(info.st_mode) ? "a pipe"
                     : S_ISSOCK(info.st_mode) ? "a socket"
                                              : "a device";
  return kind == nullptr ? absl::OkStatus()
                         : absl::InvalidArgumentError(absl::StrCat(Quote(path), " is ", kind, ", not a file"));
}

std::string HostName() {
  char name[65] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') {
    return "host";
  }
  std::string host(name);
  std::replace_if(host.begin(), host.end(), [](char c) { return c == '.' || c == '/'; }, '-');
  return host;
}

// What the names of all temporary files of this host for one target start with. The target's own name may be as long
// as a name can be, so it comes in as a checksum.
std::string TemporaryPrefix(const std::string& target) {
  return absl::StrCat(".cnnopt-", Sha256Hex(NameOf(target)).substr(0, 16), ".", HostName(), ".");
}

// Removes `path` unless a living process holds it; every writer keeps its temporary file locked.
void RemoveIfUnlocked(const std::string& path) {
  const int descriptor = Retry([&] { return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC); });
  if (descriptor == -1) {
    return;
  }
  const bool held = flock(descriptor, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK;
  if (!held) {
    unlink(path.c_str());
  }
  close(descriptor);
}

// Removes what processes that no longer live left behind for `target`.
void Sweep(const std::string& target) {
  const std::string folder = FolderOf(target);
  const std::string prefix = TemporaryPrefix(target);
  DIR* listing = opendir(folder.c_str());
  if (listing == nullptr) {
    return;
  }
  std::vector<std::string> leftovers;
  while (const dirent* entry = readdir(listing)) {
    absl::string_view rest = entry->d_name;
    int pid = 0;
    if (absl::ConsumePrefix(&rest, prefix) && absl::EndsWith(rest, ".tmp") &&
        absl::SimpleAtoi(rest.substr(0, rest.find('.')), &pid) && pid > 0 && kill(pid, 0) == -1 && errno == ESRCH) {
      leftovers.push_back(absl::StrCat(folder, "/", entry->d_name));
    }
  }
  closedir(listing);
  for (const std::string& path : leftovers) {
    RemoveIfUnlocked(path);
  }
}

// Two ways to exchange the names of two files; both give -1 and errno as of rename.
// With `aside`, a second name of `b`, there is a file named `b` at every moment, whatever ends the process.
int ExchangeByLink(const std::string& a, const std::string& b, const std::string& aside) {
  const bool renamed = rename(a.c_str(), b.c_str()) == 0;
  if (renamed && rename(aside.c_str(), a.c_str()) == 0) {
    return 0;
  }
  const int error = errno;
  if (!renamed) {
    unlink(aside.c_str());
  } else if (link(b.c_str(), a.c_str()) == 0) {
    rename(aside.c_str(), b.c_str());
  }
  errno = error;
  return -1;
}

// Without hard links there is no file named `b` for a moment.
int ExchangeByRenames(const std::string& a, const std::string& b, const std::string& aside) {
  if (rename(b.c_str(), aside.c_str()) == -1) {
    return -1;
  }
  if (rename(a.c_str(), b.c_str()) == 0 && rename(aside.c_str(), a.c_str()) == 0) {
    return 0;
  }
  const int error = errno;
  rename(b.c_str(), a.c_str());
  rename(aside.c_str(), b.c_str());
  errno = error;
  return -1;
}

// Exchanges the names of two files; -1 and errno as of rename.
int ExchangeNames(const std::string& a, const std::string& b) {
  if (renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) {
    return 0;
  }
  // Not every file system can: then one after the other.
  const std::string aside = absl::StrCat(a, ".tmp");
  return link(b.c_str(), aside.c_str()) == 0 ? ExchangeByLink(a, b, aside) : ExchangeByRenames(a, b, aside);
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view action, absl::string_view path) {
  const std::string message =
      absl::StrCat("cannot ", action, " ", Quote(path), ": ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

absl::StatusOr<std::string> RealPath(const std::string& path) {
  CNNOPT_RETURN_IF_ERROR(CheckPath(path));
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
  if (real == nullptr) {
    return ErrnoStatus(errno, "open", path);
  }
  return std::string(real.get());
}

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  CNNOPT_RETURN_IF_ERROR(CheckPath(path));
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const int descriptor = Retry([&] { return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); });
  if (descriptor == -1) {
    // A socket cannot even be opened.
    return errno == ENXIO ? absl::InvalidArgumentError(absl::StrCat(Quote(path), " is a socket or device, not a file"))
                          : ErrnoStatus(errno, "open", path);
  }
  InputFile file(path, descriptor);
  struct stat info{};
  if (fstat(descriptor, &info) == -1) {
    return ErrnoStatus(errno, "read", path);
  }
  CNNOPT_RETURN_IF_ERROR(CheckRegular(info, path));
  file.size_ = info.st_size;
  return file;
}

InputFile InputFile::OfBytes(absl::string_view bytes, std::string name) {
  InputFile file(std::move(name), -1);
  file.memory_ = bytes.data() == nullptr ? "" : bytes.data();
  file.size_ = static_cast<int64_t>(bytes.size());
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      memory_(other.memory_),
      size_(other.size_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ != -1) {
    close(descriptor_);
  }
}

absl::StatusOr<size_t> InputFile::ReadAt(int64_t offset, char* buffer, size_t count) const {
  if (memory_ != nullptr) {
    const size_t got = std::min(count, static_cast<size_t>(std::max<int64_t>(size_ - offset, 0)));
    std::copy_n(memory_ + std::min(offset, size_), got, buffer);
    return got;
  }
  size_t done = 0;
  while (done < count) {
    const ssize_t got =
        Retry([&] { return pread(descriptor_, buffer + done, count - done, offset + static_cast<off_t>(done)); });
    if (got == -1) {
      return ErrnoStatus(errno, "read", path_);
    }
    if (got == 0) {
      break;
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::Status InputFile::ReadAllAt(int64_t offset, char* buffer, size_t count) const {
  CNNOPT_ASSIGN_OR_RETURN(const size_t got, ReadAt(offset, buffer, count));
  return got == count ? absl::OkStatus()
                      : absl::UnavailableError(absl::StrCat(Quote(path_), " became shorter while it was read"));
}

absl::Status InputFile::CheckUnchanged() const {
  if (memory_ != nullptr) return absl::OkStatus();
  struct stat info{};
  if (fstat(descriptor_, &info) == -1) {
    return ErrnoStatus(errno, "read", path_);
  }
  return info.st_size == size_ ? absl::OkStatus()
                               : absl::UnavailableError(absl::StrCat(Quote(path_), " changed from ", size_, " to ",
                                                                     info.st_size, " bytes while it was read"));
}

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& target) {
  CNNOPT_RETURN_IF_ERROR(CheckPath(target));
  struct stat old{};
  const bool exists = lstat(target.c_str(), &old) == 0;
  if (exists) {
    CNNOPT_RETURN_IF_ERROR(CheckRegular(old, target));
  }
  Sweep(target);
  const std::string prefix = absl::StrCat(FolderOf(target), "/", TemporaryPrefix(target), getpid(), ".");
  std::random_device random;
  int descriptor = -1;
  std::string temporary;
  const auto lock = LockTemporaries();
  do {
    temporary = absl::StrCat(prefix, absl::StrFormat("%08x", random()), ".tmp");
    descriptor = Retry(
        [&] { return open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t{0666}); });
  } while (descriptor == -1 && errno == EEXIST);
  if (descriptor == -1) {
    return ErrnoStatus(errno, "write", target);
  }
  AddTemporary(temporary);
  std::unique_ptr<AtomicFile> file(new AtomicFile(target, std::move(temporary), descriptor));
  flock(descriptor, LOCK_EX | LOCK_NB);
  if (exists) {
    // File systems without permission bits refuse; the new file then has those of every file there.
    static_cast<void>(fchmod(descriptor, old.st_mode & 0777));
  }
  return file;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ != -1) {
    close(descriptor_);
  }
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
    ForgetTemporary(temporary_);
  }
}

absl::Status AtomicFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = Retry([&] { return write(descriptor_, bytes.data(), bytes.size()); });
    if (written <= 0) {
      return ErrnoStatus(written == 0 ? EIO : errno, "write", target_);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    size_ += written;
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Finish() {
  struct stat info{};
  if (fstat(descriptor_, &info) == -1 || Retry([&] { return fsync(descriptor_); }) == -1) {
    return ErrnoStatus(errno, "write", target_);
  }
  if (info.st_size != size_) {
    return absl::UnavailableError(
        absl::StrCat("wrote ", size_, " bytes to ", Quote(target_), ", it holds ", info.st_size));
  }
  // After an interrupted close the descriptor is gone all the same.
  if (close(std::exchange(descriptor_, -1)) == -1 && errno != EINTR) {
    return ErrnoStatus(errno, "write", target_);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::RenameTo(const std::string& path) {
  const auto lock = LockTemporaries();
  if (rename(temporary_.c_str(), path.c_str()) == -1) {
    return ErrnoStatus(errno, "write", path);
  }
  ForgetTemporary(temporary_);
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status AtomicFile::ExchangeWith(const std::string& path) {
  const auto lock = LockTemporaries();
  if (ExchangeNames(temporary_, path) == -1) {
    return ErrnoStatus(errno, "write", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolveLinks(const std::string& path) {
  CNNOPT_RETURN_IF_ERROR(CheckPath(path));
  std::string target = path;
  struct stat info{};
  constexpr int kMaxLinks = 40;  // what the kernel follows, too
  for (int links = 0; lstat(target.c_str(), &info) == 0 && S_ISLNK(info.st_mode); ++links) {
    std::string next(PATH_MAX, '\0');
    const ssize_t length = readlink(target.c_str(), next.data(), next.size());
    if (length == -1 || links == kMaxLinks) {
      return ErrnoStatus(length == -1 ? errno : ELOOP, "write", path);
    }
    next.resize(static_cast<size_t>(length));
    target = absl::StartsWith(next, "/") ? next : absl::StrCat(FolderOf(target), "/", next);
  }
  if (stat(target.c_str(), &info) == 0) {
    CNNOPT_RETURN_IF_ERROR(CheckRegular(info, path));
  }
  const std::string name = NameOf(target);
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(absl::StrCat(Quote(path), " is a folder, not a file"));
  }
  return target;
}

void SyncFolder(const std::string& folder) {
  const int descriptor = Retry([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor != -1) {
    static_cast<void>(Retry([&] { return fsync(descriptor); }));
    close(descriptor);
  }
}

bool FileExists(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0;
}

void RemoveFile(const std::string& path) { unlink(path.c_str()); }

}  // namespace cnnopt
