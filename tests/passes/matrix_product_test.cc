// Products in panels are the product, whatever the panels and the threads.
#include "passes/matrix_product.h"

#include <cstdint>
#include <random>

#include "gtest/gtest.h"
#include "onnx_io/tensor.h"
#include "tests/testing/convolution.h"

namespace cnnopt {
namespace {

using ::cnnopt::testing::RandomMatrix;
using ::cnnopt::testing::RelativeDistance;

TEST(MatrixProductTest, PanelsAreEvenAndWholeVectors) {
  EXPECT_EQ(ProductPanel(64, 576, 576), 288);
  EXPECT_EQ(ProductPanel(64, 1024, 1024), 512);
  EXPECT_EQ(ProductPanel(64, 1152, 1152), 288);
  EXPECT_EQ(ProductPanel(64, 2304, 2304), 384);
  for (int64_t columns = 600; columns < 5000; columns += 7) {
    EXPECT_LE(ProductPanel(64, 2304, columns), 512);
    EXPECT_EQ(ProductPanel(64, 2304, columns) % 16, 0);
  }
}

TEST(MatrixProductTest, LittleWorkIsOnePiece) {
  EXPECT_EQ(ProductPanel(0, 0, 0), 1);
  EXPECT_EQ(ProductPanel(5, 30, 1), 1);
  EXPECT_EQ(ProductPanel(5, 30, 2500), 2500);
}

TEST(MatrixProductTest, IsTheProductOnAnyNumberOfThreads) {
  std::mt19937 random(3);
  for (const int64_t columns : {0, 1, 15, 16, 17, 1024, 1025, 2500}) {
    const Matrix a = RandomMatrix(random, 50, 400), b = RandomMatrix(random, 400, columns);
    const Matrix product = Product(a, b, 1);
    EXPECT_EQ(product.rows(), 50);
    EXPECT_EQ(product.cols(), columns);
    if (columns > 0) {
      EXPECT_LT(RelativeDistance(product, Matrix(a * b)), 1e-14) << columns;
    }
    EXPECT_TRUE(product == Product(a, b, 3)) << columns;
    const MatrixF in_float = Product<MatrixF>(a.cast<float>(), b.cast<float>(), 2);
    if (columns > 0) {
      EXPECT_LT(RelativeDistance(Matrix(in_float.cast<double>()), product), 1e-5) << columns;
    }
  }
}

}  // namespace
}  // namespace cnnopt
