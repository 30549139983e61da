#include "runtime/npy.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "onnx_io/status_macros.h"
#include "runtime/npy_format.h"

namespace cnnopt {
namespace {

constexpr int kMaxArrays = 10'000;

// Called for each array of a file; `data` stands behind the header.
using OnArray = std::function<absl::Status(const std::string& name, const NpyHeader& header, const ByteSource& data)>;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(descriptor_); }
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

// Gives this thread a UTF-8 locale: in the plain one libarchive loses names outside ASCII.
class Utf8Names {
 public:
  Utf8Names() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_ != nullptr) {
      before_ = uselocale(utf8_);
    }
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() {
    if (utf8_ != nullptr) {
      uselocale(before_);
      freelocale(utf8_);
    }
  }

 private:
  const locale_t utf8_;
  locale_t before_ = nullptr;
};

absl::Status IoError(absl::string_view doing) {
  return absl::UnavailableError(absl::StrCat("cannot ", doing, ": ", std::strerror(errno)));
}

absl::StatusOr<std::unique_ptr<File>> OpenRegularFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not make us wait
  if (descriptor < 0) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
        return absl::NotFoundError("no such file");
      case EACCES:
        return absl::PermissionDeniedError("permission denied");
      default:
        return IoError("open");
    }
  }
  auto file = std::make_unique<File>(descriptor);
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError("not a regular file");
  }
  return file;
}

ByteSource FileSource(const File& file) {
  return [&file](char* to, size_t size) -> absl::StatusOr<size_t> {
    size_t got = 0;
    while (got < size) {
      const ssize_t count = read(file.descriptor(), to + got, size - got);
      if (count < 0 && errno != EINTR) {
        return IoError("read");
      }
      if (count == 0) {
        break;
      }
      got += static_cast<size_t>(std::max<ssize_t>(count, 0));
    }
    return got;
  };
}

absl::Status VisitNpy(const File& file, const OnArray& visit) {
  const ByteSource source = FileSource(file);
  CNNOPT_ASSIGN_OR_RETURN(const NpyHeader header, ReadNpyHeader(source));
  struct stat status = {};
  const off_t place = lseek(file.descriptor(), 0, SEEK_CUR);
  if (fstat(file.descriptor(), &status) != 0 || place < 0) {
    return IoError("read");
  }
  if (header.bytes != status.st_size - place) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", header.bytes, " bytes of data, found ", status.st_size - place));
  }
  return visit("", header, source);
}

absl::Status ArchiveError(archive* zip) {
  const char* message = archive_error_string(zip);
  return absl::InvalidArgumentError(absl::StrCat("not a readable .npz: ", message == nullptr ? "unknown" : message));
}

ByteSource EntrySource(archive* zip) {
  return [zip](char* to, size_t size) -> absl::StatusOr<size_t> {
    size_t got = 0;
    while (got < size) {
      const la_ssize_t count = archive_read_data(zip, to + got, size - got);
      if (count < 0) {
        return ArchiveError(zip);  // a wrong checksum too
      }
      if (count == 0) {
        break;
      }
      got += static_cast<size_t>(count);
    }
    return got;
  };
}

absl::StatusOr<std::string> ArrayName(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  absl::string_view name = path == nullptr ? "" : path;
  if (!absl::ConsumeSuffix(&name, ".npy") || name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("entry '", absl::CHexEscape(name), "' is no .npy"));
  }
  return std::string(name);
}

absl::Status VisitNpz(const File& file, const OnArray& visit) {
  const Utf8Names utf8_names;
  const std::unique_ptr<archive, int (*)(archive*)> zip(archive_read_new(), archive_read_free);
  // The central directory counts, as for NumPy: not the streamable reader, which believes the entries' own headers.
  if (zip == nullptr || archive_read_support_format_zip_seekable(zip.get()) != ARCHIVE_OK ||
      archive_read_open_fd(zip.get(), file.descriptor(), 1 << 16) != ARCHIVE_OK) {
    return zip == nullptr ? absl::ResourceExhaustedError("out of memory") : ArchiveError(zip.get());
  }
  archive_entry* entry = nullptr;
  for (int arrays = 0;; ++arrays) {
    const int got = archive_read_next_header(zip.get(), &entry);
    if (got == ARCHIVE_EOF) {
      return absl::OkStatus();
    }
    if (got < ARCHIVE_WARN) {
      return ArchiveError(zip.get());
    }
    if (arrays == kMaxArrays) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxArrays, " arrays"));
    }
    CNNOPT_ASSIGN_OR_RETURN(const std::string name, ArrayName(entry));
    const ByteSource source = EntrySource(zip.get());
    absl::StatusOr<NpyHeader> header = ReadNpyHeader(source);
    const absl::Status status = header.ok() ? visit(name, *header, source) : header.status();
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("array '", absl::CHexEscape(name), "': ", status.message()));
    }
  }
}

absl::StatusOr<bool> IsZip(const File& file) {
  char start[2] = {};
  if (pread(file.descriptor(), start, sizeof start, 0) < 0) {
    return IoError("read");
  }
  return start[0] == 'P' && start[1] == 'K';
}

absl::Status Visit(const std::string& path, const OnArray& visit) {
  const auto visit_file = [&]() -> absl::Status {
    CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenRegularFile(path));
    CNNOPT_ASSIGN_OR_RETURN(const bool zip, IsZip(*file));
    return zip ? VisitNpz(*file, visit) : VisitNpy(*file, visit);
  };
  const absl::Status status = visit_file();
  return absl::Status(status.code(), absl::StrCat("'", path, "': ", status.message()));
}

}  // namespace

absl::StatusOr<std::map<std::string, Tensor>> ReadArrays(const std::string& path, int64_t max_bytes) {
  std::map<std::string, Tensor> arrays;
  int64_t left = max_bytes;
  CNNOPT_RETURN_IF_ERROR(
      Visit(path, [&](const std::string& name, const NpyHeader& header, const ByteSource& data) -> absl::Status {
        if (header.bytes > left) {
          return absl::ResourceExhaustedError(
              absl::StrCat(header.bytes, " bytes of data, over the limit of ", max_bytes, " in all"));
        }
        left -= header.bytes;
        CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, ReadNpyData(header, data));
        return arrays.emplace(name, std::move(tensor)).second ? absl::OkStatus()
                                                              : absl::InvalidArgumentError("there are two of it");
      }));
  return arrays;
}

absl::StatusOr<std::map<std::string, Shape>> ReadArrayShapes(const std::string& path) {
  std::map<std::string, Shape> shapes;
  CNNOPT_RETURN_IF_ERROR(Visit(path, [&](const std::string& name, const NpyHeader& header, const ByteSource&) {
    shapes.emplace(name, header.shape);
    return absl::OkStatus();
  }));
  return shapes;
}

absl::StatusOr<Tensor> ReadNpy(const std::string& path, int64_t max_bytes) {
  CNNOPT_ASSIGN_OR_RETURN(auto arrays, ReadArrays(path, max_bytes));
  const auto array = arrays.find("");
  if (array == arrays.end()) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is a .npz file, expected .npy"));
  }
  return std::move(array->second);
}

absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(const std::string& path, int64_t max_bytes) {
  CNNOPT_ASSIGN_OR_RETURN(auto arrays, ReadArrays(path, max_bytes));
  if (arrays.count("") != 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is a .npy file, expected .npz"));
  }
  return arrays;
}

}  // namespace cnnopt
