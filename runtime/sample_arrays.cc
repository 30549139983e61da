// Samples from NumPy's arrays: a .npy, a .npz with an array per input, or a folder of .npy files.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/arrangement.h"
#include "runtime/folder.h"
#include "runtime/npy.h"
#include "runtime/sample_source.h"

namespace cnnopt {
namespace {

// One array of a file.
struct Piece {
  std::shared_ptr<const ArrayFile> file;
  std::string array;

  const NpyHeader& header() const { return file->arrays().at(array); }
  const std::string& path() const { return file->path(); }
};

// The bytes of the units `chosen` of a piece.
absl::StatusOr<std::vector<std::string>> ReadUnits(const Piece& piece, Arrangement::Kind kind,
                                                   absl::Span<const int64_t> chosen) {
  if (kind != Arrangement::Kind::kRow) {
    return piece.file->ReadItems(piece.array, chosen);
  }
  std::vector<int64_t> all(static_cast<size_t>(NpyItems(piece.header())));
  std::iota(all.begin(), all.end(), 0);
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> items, piece.file->ReadItems(piece.array, all));
  return std::vector<std::string>{absl::StrJoin(items, "")};
}

// Arrays behind each other.
class ArraySource : public InputSource {
 public:
  explicit ArraySource(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  absl::StatusOr<Shape> SampleShape(const DeclaredInput& input) const override {
    DeclaredInput settled = input;
    for (const Piece& piece : pieces_) {
      CNNOPT_ASSIGN_OR_RETURN(const Arrangement found, Arrange(settled, piece.header().shape, piece.path()));
      settled.shape = found.sample_shape;  // the others have to agree
      settled.ranked = true;
    }
    return settled.shape;
  }

  absl::StatusOr<int64_t> Count(const InputInfo& input) const override {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<Arrangement> found, ArrangeAll(input));
    const bool whole = found[0].kind == Arrangement::Kind::kWholeInputs;
    int64_t units = 0;
    for (const Arrangement& arrangement : found) {
      units += arrangement.units;
    }
    return SamplesOfRows(input, whole ? units * input.shape[0] : units, Where());
  }

  absl::StatusOr<InputSamples> Read(const InputInfo& input, absl::Span<const int64_t> chosen) const override {
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<Arrangement> found, ArrangeAll(input));
    const int64_t units_per_sample = found[0].UnitsPerSample();
    std::vector<int64_t> wanted;  // units, counted over all pieces
    for (const int64_t sample : chosen) {
      for (int64_t unit = 0; unit < units_per_sample; ++unit) {
        wanted.push_back(sample * units_per_sample + unit);
      }
    }
    InputSamples samples;
    std::string bytes;
    int64_t begin = 0;  // the first unit of the piece
    auto next = wanted.begin();
    for (size_t i = 0; i < pieces_.size() && next != wanted.end(); begin += found[i++].units) {
      std::vector<int64_t> here;
      for (; next != wanted.end() && *next < begin + found[i].units; ++next) {
        here.push_back(*next - begin);
      }
      if (here.empty()) {
        continue;
      }
      CNNOPT_ASSIGN_OR_RETURN(std::vector<std::string> units, ReadUnits(pieces_[i], found[i].kind, here));
      if (!pieces_[i].file->in_memory()) samples.files.push_back(pieces_[i].path());
      const auto sample_bytes =
          static_cast<size_t>(PayloadBytes(pieces_[i].header().data_type, ElementCount(input.shape)));
      for (std::string& unit : units) {
        bytes = bytes.empty() ? std::move(unit) : absl::StrCat(bytes, unit);
        if (bytes.size() == sample_bytes) {
          CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, SampleTensor(input, pieces_[i].header().data_type, std::move(bytes)));
          samples.tensors.push_back(std::move(tensor));
          bytes.clear();
        }
      }
    }
    return samples;
  }

  std::vector<std::string> Files() const override {
    std::vector<std::string> files;
    for (const Piece& piece : pieces_) {
      if (!piece.file->in_memory()) files.push_back(piece.path());
    }
    return files;
  }

 private:
  std::string Where() const {
    return pieces_.size() == 1
               ? pieces_[0].path()
               : absl::StrCat(pieces_.size(), pieces_[0].file->in_memory() ? " arrays of " : " files from ",
                              pieces_[0].path(), pieces_[0].file->in_memory() ? "" : " on");
  }

  // Of every piece. They are alike: all hold rows or all whole inputs, of one dtype.
  absl::StatusOr<std::vector<Arrangement>> ArrangeAll(const InputInfo& input) const {
    std::vector<Arrangement> all;
    for (const Piece& piece : pieces_) {
      CNNOPT_ASSIGN_OR_RETURN(Arrangement found, Arrange(input.name, input.shape, piece.header().shape, piece.path()));
      all.push_back(std::move(found));
      const bool whole = all.back().kind == Arrangement::Kind::kWholeInputs;
      const bool first_whole = all[0].kind == Arrangement::Kind::kWholeInputs;
      const int32_t type = piece.header().data_type;
      const int32_t first_type = pieces_[0].header().data_type;
      if (whole != first_whole || type != first_type) {
        const auto describe = [](int32_t data_type, bool inputs) {
          return absl::StrCat(inputs ? "whole inputs" : "rows", " of type ",
                              onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(data_type)));
        };
        return absl::InvalidArgumentError(
            absl::StrCat("input ", Quote(input.name), ": expected ", describe(first_type, first_whole), " as in ",
                         OneLine(pieces_[0].path()), ", found ", describe(type, whole), " in ", OneLine(piece.path())));
      }
    }
    return all;
  }

  const std::vector<Piece> pieces_;  // at least one
};

InputSources MakeSources(std::map<std::string, std::vector<Piece>> pieces) {
  InputSources sources;
  for (auto& [name, list] : pieces) {
    sources[name] = std::make_unique<ArraySource>(std::move(list));
  }
  return sources;
}

std::string Names(const std::vector<DeclaredInput>& inputs) {
  return absl::StrJoin(inputs, ", ",
                       [](std::string* out, const DeclaredInput& input) { absl::StrAppend(out, Quote(input.name)); });
}

absl::StatusOr<InputSources> OpenFile(const std::string& path, const std::vector<DeclaredInput>& inputs) {
  CNNOPT_ASSIGN_OR_RETURN(ArrayFile opened, ArrayFile::Open(path));
  const auto file = std::make_shared<const ArrayFile>(std::move(opened));
  std::map<std::string, std::vector<Piece>> pieces;
  if (file->arrays().count("") != 0) {
    CNNOPT_RETURN_IF_ERROR(CheckSingleInput(inputs, "one array", path));
    pieces[inputs[0].name] = {{file, ""}};
    return MakeSources(std::move(pieces));
  }
  for (const auto& [name, header] : file->arrays()) {
    const auto same = [&wanted = name](const DeclaredInput& input) { return input.name == wanted; };
    if (std::none_of(inputs.begin(), inputs.end(), same)) {
      return absl::InvalidArgumentError(absl::StrCat("array ", Quote(name), " in ", OneLine(path),
                                                     " belongs to no input it could feed: expected ", Names(inputs)));
    }
    pieces[name] = {{file, name}};
  }
  for (const DeclaredInput& input : inputs) {
    if (pieces.count(input.name) == 0) {
      const auto name = [](std::string* out, const auto& entry) { absl::StrAppend(out, Quote(entry.first)); };
      return absl::InvalidArgumentError(absl::StrCat("no array for input ", Quote(input.name), " in ", OneLine(path),
                                                     ", found ", absl::StrJoin(file->arrays(), ", ", name)));
    }
  }
  return MakeSources(std::move(pieces));
}

bool IsNpy(const std::string& file) { return Extension(file) == "npy"; }

// How an input's name is written in names of files.
std::string NameInFiles(const std::string& input) {
  return absl::StrReplaceAll(input, {{"/", "_"}, {":", "_"}, {"\\", "_"}});
}

// Whether a file below a folder belongs to the input written `name`: name/..., name.npy or prefix.name.npy.
bool BelongsTo(const std::string& file, const std::string& name) {
  if (absl::StartsWith(file, absl::StrCat(name, "/"))) {
    return true;
  }
  const std::string part = file.substr(file.rfind('/') + 1);
  const std::string stem = part.substr(0, part.rfind('.'));
  return stem == name || absl::EndsWith(stem, absl::StrCat(".", name));
}

// The input with the longest name among those that a file belongs to; null: none.
const DeclaredInput* OwnerOf(const std::string& file, const std::vector<DeclaredInput>& inputs) {
  const DeclaredInput* owner = nullptr;
  for (const DeclaredInput& input : inputs) {
    if (BelongsTo(file, NameInFiles(input.name)) && (owner == nullptr || owner->name.size() < input.name.size())) {
      owner = &input;
    }
  }
  return owner;
}

absl::Status CheckDistinctNames(const std::vector<DeclaredInput>& inputs) {
  std::map<std::string, std::string> owners;
  for (const DeclaredInput& input : inputs) {
    const auto [owner, fresh] = owners.emplace(NameInFiles(input.name), input.name);
    if (!fresh) {
      return absl::InvalidArgumentError(absl::StrCat("inputs ", Quote(owner->second), " and ", Quote(input.name),
                                                     " have the same name in files, ", Quote(owner->first),
                                                     ": give NAME=PATH for each"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<InputSources> OpenFolder(const SamplePlace& place, const std::vector<DeclaredInput>& inputs) {
  CNNOPT_RETURN_IF_ERROR(CheckDistinctNames(inputs));
  std::map<std::string, std::vector<Piece>> pieces;
  for (const std::string& file : place.files) {
    if (!IsNpy(file)) {
      continue;
    }
    const DeclaredInput* owner = inputs.size() == 1 ? &inputs[0] : OwnerOf(file, inputs);
    if (owner == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quote(place.Below(file)), " belongs to no input by its name: expected ", Names(inputs),
                       " as INPUT.npy, PREFIX.INPUT.npy or INPUT/..., with _ for / and :"));
    }
    CNNOPT_ASSIGN_OR_RETURN(ArrayFile opened, ArrayFile::Open(place.Below(file)));
    auto array = std::make_shared<const ArrayFile>(std::move(opened));
    if (array->arrays().count("") == 0) {
      return absl::InvalidArgumentError(absl::StrCat(Quote(array->path()), " is a .npz file, expected .npy"));
    }
    pieces[owner->name].push_back({std::move(array), ""});
  }
  for (const DeclaredInput& input : inputs) {
    if (pieces.count(input.name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("no .npy file for input ", Quote(input.name), " in ",
                                                     OneLine(place.path), ": expected ",
                                                     Quote(NameInFiles(input.name) + ".npy")));
    }
  }
  return MakeSources(std::move(pieces));
}

absl::StatusOr<InputSources> OpenArrays(const SamplePlace& place, const std::vector<DeclaredInput>& inputs,
                                        const ImageOptions&) {
  return place.is_folder ? OpenFolder(place, inputs) : OpenFile(place.path, inputs);
}

}  // namespace

absl::StatusOr<InputSources> SourcesOfArrays(absl::Span<const ArrayView> arrays,
                                             const std::vector<DeclaredInput>& inputs) {
  std::map<std::string, std::vector<Piece>> pieces;
  for (const ArrayView& array : arrays) {
    std::string name = array.name;
    if (name.empty()) {
      CNNOPT_RETURN_IF_ERROR(CheckSingleInput(inputs, "an array without a name", "the samples"));
      name = inputs[0].name;
    }
    const auto same = [&](const DeclaredInput& input) { return input.name == name; };
    if (std::none_of(inputs.begin(), inputs.end(), same)) {
      return absl::InvalidArgumentError(
          absl::StrCat("array ", Quote(name), " belongs to no input: expected ", Names(inputs)));
    }
    CNNOPT_ASSIGN_OR_RETURN(
        ArrayFile file, ArrayFile::OfMemory(absl::StrCat("array ", name), array.data_type, array.shape, array.bytes));
    pieces[name].push_back({std::make_shared<const ArrayFile>(std::move(file)), ""});
  }
  for (const DeclaredInput& input : inputs) {
    if (pieces.count(input.name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("no array for input ", Quote(input.name)));
    }
  }
  return MakeSources(std::move(pieces));
}

SampleKind ArrayKind() { return {"arrays (.npy, .npz)", {"npy", "npz"}, {"\x93NUMPY", "PK"}, IsNpy, OpenArrays}; }

}  // namespace cnnopt
