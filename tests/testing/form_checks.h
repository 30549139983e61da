// What every form promises, as checks that its tests call with cases of their own.
#ifndef CNNOPT_TESTS_TESTING_FORM_CHECKS_H_
#define CNNOPT_TESTS_TESTING_FORM_CHECKS_H_

#include <random>
#include <vector>

#include "passes/form.h"

namespace cnnopt::testing {

// Fitted at `rank`, with and without moments, the form computes what `conv` does: weights to `tolerance` and bias.
void ExpectExact(const Form& form, const Conv& conv, int64_t rank, std::mt19937& random, double tolerance = 1e-7);

// What ranks and errors of a form are like, where it is not the usual.
struct CandidateTerms {
  int64_t step = 8;         // ranks are multiples of it
  double tolerance = 1e-4;  // of an error, relative to the fit's own
};
// With and without moments: at least `count` candidates, cheaper than the layer, whose errors fall and, when it has one
// group, are those of the fits; with moments, the bias (it has one) keeps the mean output.
void ExpectHonestCandidates(const Form& form, const Conv& conv, size_t count, std::mt19937& random,
                            const CandidateTerms& terms = {});

// Patches in a subspace: fits to them are better on them than fits by weights only, by `factor`.
void ExpectMomentsHelp(const Form& form, const Conv& conv, int64_t rank, double factor, std::mt19937& random);

// Dead, all but dead, duplicate and loud channels, dead inputs altogether and zero weights: fits stay finite and small.
void ExpectNoBlowUp(const Form& form, const Conv& conv, const std::vector<int64_t>& ranks, std::mt19937& random);

// No random change of the factors, large or small, improves the weights-only fit at `rank`.
void ExpectLocalOptimum(const Form& form, const Conv& conv, int64_t rank, std::mt19937& random);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_FORM_CHECKS_H_
