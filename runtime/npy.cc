#include "runtime/npy.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "onnx_io/file_io.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/npy_format.h"

namespace cnnopt {
namespace {

constexpr int kMaxArrays = 10'000;
constexpr size_t kBufferBytes = size_t{1} << 16;

// Called for each array of a file; `data` stands behind the header. False: no further array is wanted.
using OnArray = std::function<absl::StatusOr<bool>(const std::string& name, const NpyHeader& header, ByteSource& data)>;

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

class FileSource : public ByteSource {
 public:
  explicit FileSource(const InputFile& file) : file_(file) {}
  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    CNNOPT_ASSIGN_OR_RETURN(const size_t got, file_.ReadAt(place_, to, size));
    place_ += static_cast<int64_t>(got);
    return got;
  }
  absl::Status Skip(int64_t size) override {
    place_ += size;
    return absl::OkStatus();
  }
  int64_t place() const { return place_; }

 private:
  const InputFile& file_;
  int64_t place_ = 0;
};

absl::Status VisitNpy(const InputFile& file, const OnArray& visit) {
  FileSource source(file);
  CNNOPT_ASSIGN_OR_RETURN(const NpyHeader header, ReadNpyHeader(source));
  const int64_t found = file.size() - source.place();
  if (header.bytes != found) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", header.bytes, " bytes of data, found ", found));
  }
  return visit("", header, source).status();
}

absl::Status ArchiveError(archive* zip) {
  const char* message = archive_error_string(zip);
  return absl::InvalidArgumentError(absl::StrCat("not a readable .npz: ", message == nullptr ? "unknown" : message));
}

// The unpacked bytes of the entry at which the zip stands.
class EntrySource : public ByteSource {
 public:
  explicit EntrySource(archive* zip) : zip_(zip) {}
  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    size_t got = 0;
    while (got < size) {
      const la_ssize_t count = archive_read_data(zip_, to + got, size - got);
      if (count < 0) {
        return ArchiveError(zip_);  // a wrong checksum too
      }
      if (count == 0) {
        break;
      }
      got += static_cast<size_t>(count);
    }
    return got;
  }
  absl::Status Skip(int64_t size) override {
    std::string unused(static_cast<size_t>(std::min<int64_t>(size, kBufferBytes)), '\0');
    while (size > 0) {
      CNNOPT_ASSIGN_OR_RETURN(const size_t got,
                              Read(unused.data(), static_cast<size_t>(std::min<int64_t>(size, kBufferBytes))));
      if (got == 0) {
        break;
      }
      size -= static_cast<int64_t>(got);
    }
    return absl::OkStatus();
  }

 private:
  archive* const zip_;
};

// What libarchive reads a file through.
struct ZipFile {
  const InputFile& file;
  int64_t place = 0;
  absl::Status status;
  char buffer[kBufferBytes];
};

la_ssize_t ReadZip(archive* zip, void* data, const void** buffer) {
  auto& input = *static_cast<ZipFile*>(data);
  *buffer = input.buffer;
  const absl::StatusOr<size_t> got = input.file.ReadAt(input.place, input.buffer, sizeof input.buffer);
  if (!got.ok()) {
    input.status = got.status();
    archive_set_error(zip, EIO, "read error");
    return -1;
  }
  input.place += static_cast<int64_t>(*got);
  return static_cast<la_ssize_t>(*got);
}

la_int64_t SeekZip(archive*, void* data, la_int64_t offset, int whence) {
  auto& input = *static_cast<ZipFile*>(data);
  const int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? input.place : input.file.size();
  input.place = std::clamp<int64_t>(base + offset, 0, input.file.size());
  return input.place;
}

absl::StatusOr<std::string> ArrayName(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  absl::string_view name = path == nullptr ? "" : path;
  if (!absl::ConsumeSuffix(&name, ".npy") || name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", Quote(name), " is no .npy"));
  }
  return std::string(name);
}

absl::Status VisitEntries(archive* zip, const OnArray& visit) {
  archive_entry* entry = nullptr;
  for (int arrays = 0;; ++arrays) {
    const int got = archive_read_next_header(zip, &entry);
    if (got == ARCHIVE_EOF) {
      return absl::OkStatus();
    }
    if (got < ARCHIVE_WARN) {
      return ArchiveError(zip);
    }
    if (arrays == kMaxArrays) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxArrays, " arrays"));
    }
    CNNOPT_ASSIGN_OR_RETURN(const std::string name, ArrayName(entry));
    EntrySource source(zip);
    const absl::StatusOr<NpyHeader> header = ReadNpyHeader(source);
    const absl::StatusOr<bool> more = header.ok() ? visit(name, *header, source) : header.status();
    if (!more.ok()) {
      return Annotate(more.status(), absl::StrCat("array ", Quote(name)));
    }
    if (!*more) {
      return absl::OkStatus();
    }
  }
}

absl::Status VisitNpz(const InputFile& file, const OnArray& visit) {
  const Utf8Names utf8_names;
  const auto input = std::unique_ptr<ZipFile>(new ZipFile{file, 0, absl::OkStatus(), {}});
  const std::unique_ptr<archive, int (*)(archive*)> zip(archive_read_new(), archive_read_free);
  // The central directory counts, as for NumPy: not the streamable reader, which believes the entries' own headers.
  if (zip == nullptr || archive_read_support_format_zip_seekable(zip.get()) != ARCHIVE_OK ||
      archive_read_set_seek_callback(zip.get(), SeekZip) != ARCHIVE_OK ||
      archive_read_open(zip.get(), input.get(), nullptr, ReadZip, nullptr) != ARCHIVE_OK) {
    return zip == nullptr ? absl::ResourceExhaustedError("out of memory") : ArchiveError(zip.get());
  }
  const absl::Status status = VisitEntries(zip.get(), visit);
  return input->status.ok() ? status : input->status;
}

absl::Status Visit(const InputFile& file, const OnArray& visit) {
  char start[2] = {};
  CNNOPT_RETURN_IF_ERROR(file.ReadAt(0, start, sizeof start).status());
  const bool zip = start[0] == 'P' && start[1] == 'K';
  return AnnotateWith(zip ? VisitNpz(file, visit) : VisitNpy(file, visit), [&] { return Quote(file.path()); });
}

}  // namespace

absl::StatusOr<ArrayFile> ArrayFile::Open(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  ArrayFile result;
  result.path_ = path;
  const auto keep = [&](const std::string& name, const NpyHeader& header, ByteSource&) -> absl::StatusOr<bool> {
    if (!result.arrays_.emplace(name, header).second) {
      return absl::InvalidArgumentError("there are two of it");
    }
    return true;
  };
  CNNOPT_RETURN_IF_ERROR(Visit(file, keep));
  return result;
}

absl::StatusOr<ArrayFile> ArrayFile::OfMemory(std::string name, int32_t data_type, const Shape& shape,
                                              absl::string_view bytes) {
  const int64_t count = ElementCount(shape);
  const int64_t expected = count < 0 ? -1 : PayloadBytes(data_type, count);
  if (expected < 0 || expected != static_cast<int64_t>(bytes.size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        Quote(name), ": shape [", absl::StrJoin(shape, ","), "] and data type ", data_type,
        expected < 0 ? " are no array" : absl::StrCat(" take ", expected, " bytes, found ", bytes.size())));
  }
  ArrayFile result;
  result.path_ = std::move(name);
  result.memory_ = bytes.data() == nullptr ? "" : bytes.data();
  NpyHeader& header = result.arrays_[""];
  header.data_type = data_type;
  header.shape = shape;
  header.bytes = expected;
  return result;
}

absl::StatusOr<std::vector<std::string>> ArrayFile::ReadItems(const std::string& name,
                                                              absl::Span<const int64_t> chosen) const {
  if (memory_ != nullptr) {
    const NpyHeader& header = arrays_.at(name);
    const auto item_bytes = static_cast<size_t>(header.bytes / std::max<int64_t>(NpyItems(header), 1));
    std::vector<std::string> items;
    for (const int64_t item : chosen) items.emplace_back(memory_ + static_cast<size_t>(item) * item_bytes, item_bytes);
    return items;
  }
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path_));
  const NpyHeader& expected = arrays_.at(name);
  std::vector<std::string> items;
  bool found = false;
  const auto read = [&](const std::string& here, const NpyHeader& header, ByteSource& data) -> absl::StatusOr<bool> {
    if (here != name) {
      return true;
    }
    found = header == expected;
    if (found) {
      CNNOPT_ASSIGN_OR_RETURN(items, ReadNpyItems(header, data, chosen));
    }
    return false;
  };
  CNNOPT_RETURN_IF_ERROR(Visit(file, read));
  if (!found) {
    return absl::UnavailableError(absl::StrCat(Quote(path_), " changed while it was read"));
  }
  return items;
}

}  // namespace cnnopt
