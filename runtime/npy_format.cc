#include "runtime/npy_format.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

using onnx::TensorProto;

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicSize = 6;
constexpr size_t kMaxHeaderBytes = size_t{64} * 1024;
constexpr size_t kMaxRank = 16;

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed .npy header: ", what));
}

// The Python literal of a header: a dict of strings, bools and tuples of whole numbers.
class HeaderParser {
 public:
  explicit HeaderParser(absl::string_view text) : rest_(text) {}

  // The next character that is no space, taken when it is `c`.
  bool Take(char c) {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool AtEnd() { return absl::StripLeadingAsciiWhitespace(rest_).empty(); }

  absl::StatusOr<std::string> String() {
    for (const char quote : {'\'', '"'}) {
      if (Take(quote)) {
        const size_t end = rest_.find(quote);
        if (end == absl::string_view::npos) {
          return Malformed("a string does not end");
        }
        const std::string string(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return string;
      }
    }
    return Malformed("expected a string");
  }

  absl::StatusOr<bool> Bool() {
    const std::string word = Word();
    if (word != "True" && word != "False") {
      return Malformed("fortran_order is neither True nor False");
    }
    return word == "True";
  }

  absl::StatusOr<Shape> Tuple() {
    Shape shape;
    if (!Take('(')) {
      return Malformed("shape is no tuple");
    }
    while (!Take(')')) {
      std::string word = Word();
      if (!word.empty() && word.back() == 'L') {  // Python 2 wrote long numbers so
        word.pop_back();
      }
      int64_t size = -1;
      const bool digits = !word.empty() && std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
      if (!digits || !absl::SimpleAtoi(word, &size)) {
        return Malformed("shape holds something else than sizes");
      }
      shape.push_back(size);
      if (shape.size() > kMaxRank) {
        return Malformed(absl::StrCat("more than ", kMaxRank, " dimensions"));
      }
      if (!Take(',')) {
        if (!Take(')')) {
          return Malformed("shape does not end");
        }
        break;
      }
    }
    return shape;
  }

 private:
  std::string Word() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), absl::ascii_isalnum);
    const std::string word(rest_.begin(), end);
    rest_.remove_prefix(word.size());
    return word;
  }

  absl::string_view rest_;
};

int32_t DataType(absl::string_view kind_and_size) {
  static const std::map<absl::string_view, int32_t> kTypes = {
      {"f2", TensorProto::FLOAT16}, {"f4", TensorProto::FLOAT},  {"f8", TensorProto::DOUBLE},
      {"i1", TensorProto::INT8},    {"i2", TensorProto::INT16},  {"i4", TensorProto::INT32},
      {"i8", TensorProto::INT64},   {"u1", TensorProto::UINT8},  {"u2", TensorProto::UINT16},
      {"u4", TensorProto::UINT32},  {"u8", TensorProto::UINT64}, {"b1", TensorProto::BOOL}};
  const auto found = kTypes.find(kind_and_size);
  return found == kTypes.end() ? TensorProto::UNDEFINED : found->second;
}

absl::Status SetDescr(const std::string& descr, NpyHeader& header) {
  absl::string_view type = descr;
  if (!type.empty() && absl::StrContains("<>|=", type.substr(0, 1))) {
    header.big_endian = type[0] == '>';
    type.remove_prefix(1);
  }
  if (!type.empty() && type[0] == 'O') {
    return absl::InvalidArgumentError("object arrays are not read: they would need unpickling");
  }
  header.data_type = DataType(type);
  if (header.data_type == TensorProto::UNDEFINED) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype '", absl::CHexEscape(descr), "' is not read, only bool, integers and floats"));
  }
  return absl::OkStatus();
}

absl::Status ReadValue(const std::string& key, HeaderParser& parser, NpyHeader& header) {
  if (key == "descr") {
    if (parser.Take('[')) {
      return absl::InvalidArgumentError("structured arrays are not read");
    }
    CNNOPT_ASSIGN_OR_RETURN(const std::string descr, parser.String());
    return SetDescr(descr, header);
  }
  if (key == "fortran_order") {
    CNNOPT_ASSIGN_OR_RETURN(header.fortran_order, parser.Bool());
    return absl::OkStatus();
  }
  if (key == "shape") {
    CNNOPT_ASSIGN_OR_RETURN(header.shape, parser.Tuple());
    return absl::OkStatus();
  }
  return Malformed("a key other than descr, fortran_order and shape");
}

absl::Status TooShort() { return absl::InvalidArgumentError("the .npy data ends too early"); }

absl::Status ReadExactly(ByteSource& source, char* to, size_t size) {
  CNNOPT_ASSIGN_OR_RETURN(const size_t got, source.Read(to, size));
  return got == size ? absl::OkStatus() : TooShort();
}

// Elements from big to little endian.
void SwapBytes(size_t element_bytes, std::string& bytes) {
  for (size_t i = 0; i < bytes.size(); i += element_bytes) {
    std::reverse(&bytes[i], &bytes[i] + element_bytes);
  }
}

// From first index fastest to last index fastest.
std::string FromFortranOrder(const Shape& shape, size_t element_bytes, const std::string& bytes) {
  std::vector<size_t> stride(shape.size(), element_bytes);
  for (size_t axis = 1; axis < shape.size(); ++axis) {
    stride[axis] = stride[axis - 1] * static_cast<size_t>(shape[axis - 1]);
  }
  std::string result;
  result.reserve(bytes.size());
  std::vector<int64_t> index(shape.size(), 0);
  size_t from = 0;
  while (result.size() < bytes.size()) {
    result.append(bytes, from, element_bytes);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) {
        break;
      }
      index[axis] = 0;
      from -= stride[axis] * static_cast<size_t>(shape[axis]);
    }
  }
  return result;
}

// The data behind a header, of which only parts are wanted.
class DataReader {
 public:
  DataReader(ByteSource& source, int64_t bytes) : source_(source), bytes_(bytes) {}

  // Reads `size` bytes at `offset`, which never moves back.
  absl::StatusOr<std::string> ReadAt(int64_t offset, int64_t size) {
    constexpr int64_t kStep = int64_t{1} << 24;  // what is not there is not allocated
    CNNOPT_RETURN_IF_ERROR(MoveTo(offset));
    std::string bytes;
    for (int64_t left = size; left > 0;) {
      const size_t place = bytes.size();
      bytes.resize(place + static_cast<size_t>(std::min(kStep, left)));
      CNNOPT_RETURN_IF_ERROR(ReadExactly(source_, &bytes[place], bytes.size() - place));
      left -= static_cast<int64_t>(bytes.size() - place);
    }
    place_ += size;
    return bytes;
  }

  // That the data ends where the header says.
  absl::Status CheckEnd() {
    if (place_ < bytes_) {  // the last byte must be there
      CNNOPT_RETURN_IF_ERROR(ReadAt(bytes_ - 1, 1).status());
    }
    char more = 0;
    CNNOPT_ASSIGN_OR_RETURN(const size_t extra, source_.Read(&more, 1));
    return extra == 0 ? absl::OkStatus()
                      : absl::InvalidArgumentError(
                            absl::StrCat("data goes on after the ", bytes_, " bytes its header declares"));
  }

 private:
  absl::Status MoveTo(int64_t offset) {
    CNNOPT_RETURN_IF_ERROR(source_.Skip(offset - place_));
    place_ = offset;
    return absl::OkStatus();
  }

  ByteSource& source_;
  const int64_t bytes_;
  int64_t place_ = 0;
};

// Items whose elements stand apart from each other, each `items` elements behind the one before.
absl::StatusOr<std::vector<std::string>> ReadScattered(int64_t bytes, int64_t items, int64_t element_bytes,
                                                       absl::Span<const int64_t> chosen, DataReader& reader) {
  constexpr int64_t kBlock = int64_t{1} << 20;
  std::vector<std::string> result(chosen.size());
  std::string block;
  int64_t start = 0;  // where in the data `block` begins
  for (int64_t column = 0; column < bytes; column += items * element_bytes) {
    for (size_t i = 0; i < chosen.size(); ++i) {
      const int64_t place = column + chosen[i] * element_bytes;
      if (place >= start + static_cast<int64_t>(block.size())) {
        CNNOPT_ASSIGN_OR_RETURN(block, reader.ReadAt(place, std::min(kBlock * element_bytes, bytes - place)));
        start = place;
      }
      result[i].append(block, static_cast<size_t>(place - start), static_cast<size_t>(element_bytes));
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text) {
  NpyHeader header;
  HeaderParser parser(text);
  if (!parser.Take('{')) {
    return Malformed("expected a dict");
  }
  std::set<std::string> keys;
  while (!parser.Take('}')) {
    CNNOPT_ASSIGN_OR_RETURN(const std::string key, parser.String());
    if (!keys.insert(key).second) {
      return Malformed("a key twice");
    }
    if (!parser.Take(':')) {
      return Malformed("a key without a value");
    }
    CNNOPT_RETURN_IF_ERROR(ReadValue(key, parser, header));
    if (!parser.Take(',')) {
      if (!parser.Take('}')) {
        return Malformed("the dict does not end");
      }
      break;
    }
  }
  if (keys.size() != 3 || !parser.AtEnd()) {
    return Malformed(keys.size() != 3 ? "a key is missing" : "something after the dict");
  }
  const int64_t count = ElementCount(header.shape);
  header.bytes = count < 0 ? -1 : PayloadBytes(header.data_type, count);
  if (header.bytes < 0) {
    return Malformed("impossible shape");
  }
  return header;
}

absl::StatusOr<NpyHeader> ReadNpyHeader(ByteSource& source) {
  char start[kMagicSize + 2];  // and the version
  CNNOPT_RETURN_IF_ERROR(ReadExactly(source, start, sizeof start));
  if (std::memcmp(start, kMagic, kMagicSize) != 0) {
    return absl::InvalidArgumentError("not a .npy file");
  }
  const int version = start[kMagicSize];
  if (version < 1 || version > 3) {
    return absl::InvalidArgumentError(absl::StrCat(".npy version ", version, " is not known, only 1 to 3"));
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  unsigned char length[4] = {};
  CNNOPT_RETURN_IF_ERROR(ReadExactly(source, reinterpret_cast<char*>(length), length_bytes));
  size_t size = 0;
  for (size_t i = length_bytes; i-- > 0;) {
    size = size * 256 + length[i];
  }
  if (size > kMaxHeaderBytes) {
    return Malformed(absl::StrCat(size, " bytes long, at most ", kMaxHeaderBytes, " are read"));
  }
  std::string text(size, '\0');
  CNNOPT_RETURN_IF_ERROR(ReadExactly(source, text.data(), size));
  return ParseNpyHeader(text);
}

int64_t NpyItems(const NpyHeader& header) { return header.shape.empty() ? 1 : header.shape[0]; }

Shape NpyItemShape(const NpyHeader& header) {
  return header.shape.empty() ? Shape() : Shape(header.shape.begin() + 1, header.shape.end());
}

absl::StatusOr<std::vector<std::string>> ReadNpyItems(const NpyHeader& header, ByteSource& source,
                                                      absl::Span<const int64_t> chosen) {
  const int64_t items = NpyItems(header);
  const Shape item_shape = NpyItemShape(header);
  const int64_t element_bytes = ElementBytes(header.data_type);
  DataReader reader(source, header.bytes);
  std::vector<std::string> result;
  if (header.fortran_order) {
    CNNOPT_ASSIGN_OR_RETURN(result, ReadScattered(header.bytes, items, element_bytes, chosen, reader));
  } else {
    for (const int64_t item : chosen) {
      const int64_t item_bytes = header.bytes / items;
      CNNOPT_ASSIGN_OR_RETURN(std::string bytes, reader.ReadAt(item * item_bytes, item_bytes));
      result.push_back(std::move(bytes));
    }
  }
  CNNOPT_RETURN_IF_ERROR(reader.CheckEnd());
  for (std::string& bytes : result) {
    if (header.big_endian) {
      SwapBytes(static_cast<size_t>(element_bytes), bytes);
    }
    if (header.fortran_order) {
      bytes = FromFortranOrder(item_shape, static_cast<size_t>(element_bytes), bytes);
    }
  }
  return result;
}

}  // namespace cnnopt
