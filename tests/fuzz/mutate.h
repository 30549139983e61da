// Edits of a model as data: each is a small step away from what an exporter wrote.
#ifndef CNNOPT_TESTS_FUZZ_MUTATE_H_
#define CNNOPT_TESTS_FUZZ_MUTATE_H_

#include "onnx/onnx_pb.h"
#include "tests/fuzz/choices.h"

namespace cnnopt::testing {

// Changes one field somewhere in `model`: a number to one that is next to it or extreme, a string to another one of the
// model, an element of a list removed, doubled or moved, a field cleared or set.
void MutateField(onnx::ModelProto& model, Choices& choices);
// The same, or now and then a larger step: a node goes into a function or a nested graph (wrap.h), or something hostile
// is claimed (hostile_edits.h).
void MutateModel(onnx::ModelProto& model, Choices& choices);

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_MUTATE_H_
