#include "onnx_io/external_data.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "onnx_io/borrow.h"
#include "onnx_io/checksum.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "onnx_io/tensor_walk.h"

namespace cnnopt {
namespace {

constexpr int64_t kMayStayBytes = int64_t{1} << 20;  // smaller payloads are loaded always
constexpr size_t kMaxLocationBytes = 4096;           // PATH_MAX

absl::Status CheckLocation(absl::string_view location) {
  const char* fault = nullptr;
  if (location.empty()) {
    fault = "is empty";
  } else if (location.size() > kMaxLocationBytes) {
    fault = "is longer than a path can be";
  } else if (location.find('\0') != absl::string_view::npos) {
    fault = "holds a NUL byte";
  } else if (location[0] == '/') {
    fault = "is absolute";
  } else if (location.find('\\') != absl::string_view::npos) {
    fault = "holds a backslash";
  } else if (location.size() > 1 && location[1] == ':' &&
             absl::ascii_isalpha(static_cast<unsigned char>(location[0]))) {
    fault = "starts with a drive letter";
  }
  for (const absl::string_view part : absl::StrSplit(location, '/')) {
    if (part == "..") {
      fault = "leads to a parent folder";
    }
  }
  return fault == nullptr
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat("location ", Quote(location), " of its external data ", fault));
}

absl::StatusOr<int64_t> ParseNumber(const onnx::StringStringEntryProto& entry) {
  int64_t number = 0;
  const bool digits = !entry.value().empty() && std::all_of(entry.value().begin(), entry.value().end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(entry.value(), &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat(entry.key(), " ", Quote(entry.value()), " of its external data is not a number of bytes"));
  }
  return number;
}

// An external payload still to be loaded.
struct Pending {
  onnx::TensorProto* tensor;
  int64_t offset;
  int64_t bytes;
  bool may_stay;  // in its file
};
using PendingByLocation = std::map<std::string, std::vector<Pending>>;

std::string Subject(const onnx::TensorProto& tensor) { return absl::StrCat("tensor ", Quote(tensor.name())); }

absl::StatusOr<PendingByLocation> FindExternal(onnx::ModelProto& model) {
  PendingByLocation pending;
  absl::Status status;
  std::set<const onnx::TensorProto*> main_graph;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) main_graph.insert(&tensor);
  ForEachTensor(model, [&](onnx::TensorProto& tensor, TensorPlace) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL || !status.ok()) {
      return;
    }
    const absl::StatusOr<ExternalRange> range = ReadExternalRange(tensor);
    if (!range.ok()) {
      status = Annotate(range.status(), Subject(tensor));
      return;
    }
    // Types this library does not know have no size but what the file says.
    const int64_t needed = PayloadBytes(tensor.data_type(), ElementCount(TensorShape(tensor)));
    const bool may_stay = needed >= kMayStayBytes && main_graph.count(&tensor) > 0;
    pending[range->location].push_back(
        {&tensor, range->offset, needed >= 0 ? needed : range->length.value_or(0), may_stay});
  });
  CNNOPT_RETURN_IF_ERROR(status);
  return pending;
}

// The two folders, without links, in which external data may lie: the model's as given, and its real one.
struct Folders {
  std::string given, real;
};

absl::StatusOr<Folders> FoldersOf(const std::string& model_path) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string real_path, RealPath(model_path));
  CNNOPT_ASSIGN_OR_RETURN(const std::string given, RealPath(FolderOf(model_path)));
  return Folders{given, FolderOf(real_path)};
}

bool LiesIn(const std::string& path, const std::string& folder) {
  return absl::StartsWith(path, folder == "/" ? folder : folder + "/");
}

absl::StatusOr<InputFile> OpenBeside(const Folders& folders, const std::string& location) {
  absl::StatusOr<std::string> path = RealPath(absl::StrCat(folders.given, "/", location));
  if (absl::IsNotFound(path.status())) {
    path = RealPath(absl::StrCat(folders.real, "/", location));
  }
  CNNOPT_RETURN_IF_ERROR(path.status());
  if (!LiesIn(*path, folders.given) && !LiesIn(*path, folders.real)) {
    return absl::InvalidArgumentError(
        absl::StrCat("external data file ", Quote(location), " is a link out of the model's folder"));
  }
  CNNOPT_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(*path));
  // Nobody put a link in its place between the two calls.
  CNNOPT_ASSIGN_OR_RETURN(const std::string again, RealPath(*path));
  if (again != *path) {
    return absl::UnavailableError(absl::StrCat(Quote(location), " changed while it was opened"));
  }
  return file;
}

absl::Status CheckRange(const Pending& range, int64_t file_bytes) {
  if (range.bytes <= file_bytes && range.offset <= file_bytes - range.bytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("needs ", range.bytes, " bytes at offset ", range.offset,
                                                 " of an external data file of ", file_bytes, " bytes"));
}

// The bytes all of `pending` take; nothing is allocated for them.
absl::StatusOr<int64_t> CheckRanges(const PendingByLocation& pending, const Folders& folders, int64_t memory_bytes) {
  int64_t total = 0;
  for (const auto& [location, ranges] : pending) {
    absl::StatusOr<InputFile> file = OpenBeside(folders, location);
    if (!file.ok()) {
      return Annotate(file.status(), Subject(*ranges.front().tensor));
    }
    for (const Pending& range : ranges) {
      CNNOPT_RETURN_IF_ERROR(Annotate(CheckRange(range, file->size()), Subject(*range.tensor)));
      if (range.bytes > memory_bytes - total) {
        return absl::ResourceExhaustedError(absl::StrCat(Subject(*range.tensor), ": external data takes more than the ",
                                                         memory_bytes,
                                                         " bytes left of the limit (--max-model-memory)"));
      }
      total += range.bytes;
    }
  }
  return total;
}

absl::Status LoadRanges(const std::vector<Pending>& ranges, const std::shared_ptr<const InputFile>& shared,
                        std::vector<std::unique_ptr<StoredPayload>>* stored) {
  const InputFile& file = *shared;
  for (const Pending& range : ranges) {
    // The file may be another one than when the ranges were checked.
    CNNOPT_RETURN_IF_ERROR(Annotate(CheckRange(range, file.size()), Subject(*range.tensor)));
    if (stored != nullptr && range.may_stay) {
      MarkStored(*stored->emplace_back(std::make_unique<StoredPayload>(shared, range.offset, range.bytes)),
                 *range.tensor);
      continue;
    }
    std::string* payload = range.tensor->mutable_raw_data();
    payload->resize(static_cast<size_t>(range.bytes));
    CNNOPT_RETURN_IF_ERROR(file.ReadAllAt(range.offset, payload->data(), payload->size()));
    range.tensor->clear_data_location();
    range.tensor->clear_external_data();
  }
  return file.CheckUnchanged();
}

void AddEntry(absl::string_view key, absl::string_view value, onnx::TensorProto& tensor) {
  onnx::StringStringEntryProto* entry = tensor.add_external_data();
  entry->set_key(std::string(key));
  entry->set_value(std::string(value));
}

}  // namespace

absl::StatusOr<ExternalRange> ReadExternalRange(const onnx::TensorProto& tensor) {
  ExternalRange range;
  std::set<absl::string_view> keys;
  for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
    if (!keys.insert(entry.key()).second) {
      return absl::InvalidArgumentError(absl::StrCat("external data gives ", Quote(entry.key()), " twice"));
    }
    if (entry.key() == "location") {
      range.location = entry.value();
    } else if (entry.key() == "offset") {
      CNNOPT_ASSIGN_OR_RETURN(range.offset, ParseNumber(entry));
    } else if (entry.key() == "length") {
      CNNOPT_ASSIGN_OR_RETURN(range.length, ParseNumber(entry));
    }
  }
  if (keys.count("location") == 0) {
    return absl::InvalidArgumentError("external data has no location");
  }
  CNNOPT_RETURN_IF_ERROR(CheckLocation(range.location));
  return range;
}

absl::StatusOr<LoadedData> LoadExternalData(onnx::ModelProto& model, const std::string& model_path,
                                            int64_t memory_bytes, std::vector<std::unique_ptr<StoredPayload>>* stored) {
  LoadedData loaded;
  CNNOPT_ASSIGN_OR_RETURN(const PendingByLocation pending, FindExternal(model));
  if (pending.empty()) {
    return loaded;
  }
  CNNOPT_ASSIGN_OR_RETURN(const Folders folders, FoldersOf(model_path));
  CNNOPT_ASSIGN_OR_RETURN(loaded.bytes, CheckRanges(pending, folders, memory_bytes));
  for (const auto& [location, ranges] : pending) {
    CNNOPT_ASSIGN_OR_RETURN(InputFile file, OpenBeside(folders, location));
    CNNOPT_RETURN_IF_ERROR(LoadRanges(ranges, std::make_shared<const InputFile>(std::move(file)), stored));
    loaded.tensors += static_cast<int64_t>(ranges.size());
  }
  return loaded;
}

ExternalPayloads::ExternalPayloads(onnx::ModelProto& model, int64_t threshold) {
  if (threshold < 0) {
    return;
  }
  ForEachTensor(model, [&](onnx::TensorProto& tensor, TensorPlace place) {
    const bool right_place = place == TensorPlace::kInitializer || place == TensorPlace::kAttribute;
    const int64_t bytes = RawBytes(tensor);
    if (!right_place || bytes == 0 || bytes < threshold) {
      return;
    }
    Moved& moved = moved_.emplace_back();
    moved.tensor = &tensor;
    moved.stored = StoredPayloadOf(tensor);
    if (moved.stored == nullptr)
      moved.payload.swap(*tensor.mutable_raw_data());  // the string stays the same object: others may borrow it
    tensor.clear_raw_data();
    moved.old_fields.mutable_external_data()->Swap(tensor.mutable_external_data());
    if (tensor.has_data_location()) {
      moved.old_fields.set_data_location(tensor.data_location());
    }
  });
}

int64_t ExternalPayloads::Moved::bytes() const {
  return stored == nullptr ? static_cast<int64_t>(payload.size()) : stored->bytes();
}

absl::StatusOr<std::string> ExternalPayloads::Moved::Checksum() const {
  if (stored == nullptr) return Sha256Hex(payload);
  Sha256 hash;
  CNNOPT_RETURN_IF_ERROR(stored->Stream([&](absl::string_view piece) {
    hash.Update(piece);
    return absl::OkStatus();
  }));
  return hash.Hex();
}

ExternalPayloads::~ExternalPayloads() {
  for (Moved& moved : moved_) {
    if (moved.stored == nullptr) moved.tensor->mutable_raw_data()->swap(moved.payload);
    moved.tensor->mutable_external_data()->Swap(moved.old_fields.mutable_external_data());
    moved.tensor->clear_data_location();
    if (moved.old_fields.has_data_location()) {
      moved.tensor->set_data_location(moved.old_fields.data_location());
    }
  }
}

absl::StatusOr<ExternalPayloads::DataFile> ExternalPayloads::Write(
    const std::string& model_name, const std::function<absl::Status(absl::string_view)>& append) {
  constexpr int64_t kBig = int64_t{1} << 20;  // such payloads start on a page, so that a reader can map them
  std::map<std::string, int64_t> offsets;     // of payloads, by checksum
  Sha256 hash;
  DataFile file;
  const auto add = [&](absl::string_view bytes) {
    hash.Update(bytes);
    file.bytes += static_cast<int64_t>(bytes.size());
    return append(bytes);
  };
  std::vector<int64_t> offset_of;
  for (const Moved& moved : moved_) {
    CNNOPT_ASSIGN_OR_RETURN(const std::string checksum, moved.Checksum());
    const auto [known, is_new] = offsets.emplace(checksum, 0);
    if (is_new) {
      const int64_t alignment = moved.bytes() >= kBig ? 4096 : 64;
      const int64_t padding = (alignment - file.bytes % alignment) % alignment;
      CNNOPT_RETURN_IF_ERROR(add(std::string(static_cast<size_t>(padding), '\0')));
      known->second = file.bytes;
      CNNOPT_RETURN_IF_ERROR(moved.stored == nullptr ? add(moved.payload) : moved.stored->Stream(add));
    }
    offset_of.push_back(known->second);
  }
  // A file name has at most 255 bytes.
  file.name = absl::StrCat(model_name.substr(0, 200), ".", hash.Hex().substr(0, 16), ".data");
  for (size_t i = 0; i < moved_.size(); ++i) {
    onnx::TensorProto& tensor = *moved_[i].tensor;
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    AddEntry("location", file.name, tensor);
    AddEntry("offset", absl::StrCat(offset_of[i]), tensor);
    AddEntry("length", absl::StrCat(moved_[i].bytes()), tensor);
  }
  return file;
}

}  // namespace cnnopt
