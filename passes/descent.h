// Minimisation of a smooth function by limited-memory BFGS.
#ifndef CNNOPT_PASSES_DESCENT_H_
#define CNNOPT_PASSES_DESCENT_H_

#include <functional>

#include "onnx_io/tensor.h"

namespace cnnopt {

// The value of a function at `x`; fills `gradient` (of x's size).
using Function = std::function<double(const Vector& x, Vector& gradient)>;

// Walks downhill from `start` for at most `steps` steps with the two-loop recursion of limited-memory BFGS (Nocedal
// 1980) and a backtracking line search, and returns the best point met. Ends early when a step gains less than
// `least_gain` of the value or no step gains anything. Values that are not finite count as no gain.
Vector Descend(const Function& function, Vector start, int steps, double least_gain);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_DESCENT_H_
