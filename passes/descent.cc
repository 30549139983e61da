#include "passes/descent.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace cnnopt {
namespace {

constexpr size_t kMemory = 10;        // steps that the curvature is estimated from
constexpr double kSufficient = 1e-4;  // share of the gain the slope promises that a step must bring (Armijo)
constexpr int kMostHalvings = 12;     // of a step, before the direction is given up
constexpr double kFirstStep = 1e-2;   // length of the first step against that of the start, before anything is known
constexpr double kCurvature = 1e-10;  // least cosine between a step and its change of gradient to learn from

// A step s and the change y of the gradient over it.
struct Move {
  Vector s, y;
  double inverse;  // 1 / s^T y
};

// -H g, H the inverse Hessian as the moves tell it.
Vector Direction(const Vector& gradient, const std::deque<Move>& moves) {
  Vector direction = -gradient;
  std::vector<double> weights(moves.size());
  for (size_t m = moves.size(); m-- > 0;) {
    weights[m] = moves[m].inverse * moves[m].s.dot(direction);
    direction -= weights[m] * moves[m].y;
  }
  direction *= 1 / (moves.back().inverse * moves.back().y.squaredNorm());
  for (size_t m = 0; m < moves.size(); ++m) {
    direction += (weights[m] - moves[m].inverse * moves[m].y.dot(direction)) * moves[m].s;
  }
  return direction;
}

}  // namespace

Vector Descend(const Function& function, Vector start, int steps, double least_gain) {
  Vector x = std::move(start), gradient(x.size());
  double value = function(x, gradient);
  std::deque<Move> moves;
  Vector next(x.size()), next_gradient(x.size());
  for (int step = 0; step < steps && std::isfinite(value); ++step) {
    Vector direction = moves.empty() ? Vector(-gradient * (kFirstStep * x.norm() / std::max(gradient.norm(), 1e-300)))
                                     : Direction(gradient, moves);
    const double slope = direction.dot(gradient);
    if (!(slope < 0)) return x;
    double next_value = 0, length = 1;
    int halvings = 0;
    for (; halvings < kMostHalvings; ++halvings, length /= 2) {
      next = x + length * direction;
      next_value = function(next, next_gradient);
      if (std::isfinite(next_value) && next_value <= value + kSufficient * length * slope) break;
    }
    if (halvings == kMostHalvings) return x;
    Move move{next - x, next_gradient - gradient, 0};
    const double curvature = move.s.dot(move.y);
    if (curvature > kCurvature * move.s.norm() * move.y.norm()) {
      move.inverse = 1 / curvature;
      moves.push_back(std::move(move));
      if (moves.size() > kMemory) moves.pop_front();
    }
    const double gain = value - next_value;
    std::swap(x, next);
    std::swap(gradient, next_gradient);
    value = next_value;
    if (gain < least_gain * std::abs(value)) return x;
  }
  return x;
}

}  // namespace cnnopt
