// Arrays seen as samples of an input.
#ifndef CNNOPT_RUNTIME_ARRANGEMENT_H_
#define CNNOPT_RUNTIME_ARRANGEMENT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/sample_source.h"
#include "runtime/samples.h"
#include "runtime/session.h"

namespace cnnopt {

// What one array holds.
struct Arrangement {
  enum class Kind {
    kRow,          // one row, without a batch axis
    kRows,         // rows behind each other
    kWholeInputs,  // whole inputs behind each other: one axis more than the input has
  };
  Kind kind = Kind::kRows;
  int64_t units = 0;  // rows, or whole inputs
  Shape sample_shape;

  // Units in one sample.
  int64_t UnitsPerSample() const { return kind == Kind::kWholeInputs || sample_shape.empty() ? 1 : sample_shape[0]; }
};

// An array of shape `found` for an input of shape `expected` (-1: open; an open batch is 1 unless the array holds whole
// inputs). Errors: InvalidArgument, "input 'x': expected [N,3,?,?], found [2,2] in <path>".
absl::StatusOr<Arrangement> Arrange(const std::string& name, const Shape& expected, const Shape& found,
                                    const std::string& path);
// The same for an input that may be of unknown rank, which then is the array's.
absl::StatusOr<Arrangement> Arrange(const DeclaredInput& input, const Shape& found, const std::string& path);

// How many samples `rows` rows make. Errors: InvalidArgument when there are fewer than one sample takes.
absl::StatusOr<int64_t> SamplesOfRows(const InputInfo& input, int64_t rows, const std::string& path);

// The bytes of one sample as a tensor of the input's dtype and shape: converted value by value, as FromDoubles does.
absl::StatusOr<Tensor> SampleTensor(const InputInfo& input, int32_t data_type, std::string bytes);

// That a path which feeds one input feeds only one. Errors: InvalidArgument, which says how to name one.
absl::Status CheckSingleInput(const std::vector<DeclaredInput>& inputs, const std::string& what,
                              const std::string& path);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_ARRANGEMENT_H_
