// Large products on several threads.
#ifndef CNNOPT_PASSES_MATRIX_PRODUCT_H_
#define CNNOPT_PASSES_MATRIX_PRODUCT_H_

#include <algorithm>
#include <cstdint>

#include "passes/parallel.h"

namespace cnnopt {

// Columns of a product of `rows` x `columns`, each element a sum over `inner`, that are one piece of work: an even
// number of equal pieces of at most 512, whole vectors each; all where a thread would take longer to start than to
// work. Pieces are never so small that BLAS would sum in another order: products are the same in pieces and whole.
constexpr int64_t ProductPanel(int64_t rows, int64_t inner, int64_t columns) {
  constexpr int64_t kMostOfTwo = 1024, kVector = 16;
  constexpr double kWorthwhile = double{1 << 24};  // multiplications
  const double work = static_cast<double>(rows) * static_cast<double>(inner) * static_cast<double>(columns);
  if (work < kWorthwhile) return std::max<int64_t>(columns, 1);
  const int64_t pieces = 2 * ((columns + kMostOfTwo - 1) / kMostOfTwo);
  const int64_t width = (columns + pieces - 1) / pieces;
  return (width + kVector - 1) / kVector * kVector;
}

// A B for two matrices of one type, a panel of B's columns at a time. The result does not depend on the number of
// threads.
template <typename AnyMatrix>
AnyMatrix Product(const AnyMatrix& a, const AnyMatrix& b, int threads) {
  AnyMatrix product(a.rows(), b.cols());
  ParallelRanges(b.cols(), ProductPanel(a.rows(), a.cols(), b.cols()), threads, [&](int64_t begin, int64_t width) {
    product.middleCols(begin, width).noalias() = a * b.middleCols(begin, width);
  });
  return product;
}

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_MATRIX_PRODUCT_H_
