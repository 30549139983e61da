// Makes a failing model small: drops parts of it as long as a command still fails in the same way.
//
//   reduce IN.onnx OUT.onnx COMMAND    COMMAND is run by the shell with {} replaced by a model's path
//
// "The same way" is the exit code the command has for IN. OUT always holds the smallest model so far.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "onnx/onnx_pb.h"

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// One thing that can be dropped: elements [first, first + count) of a repeated field, or a whole field (count 0).
struct Part {
  Message* message;
  const FieldDescriptor* field;
  int first = 0, count = 0;
};

// Parts of the tree below `message`, outer ones first; lists in pieces of `piece`, single fields when that is 1.
void Collect(Message& message, int piece, std::vector<Part>& parts) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (!field->is_repeated()) {
      if (piece == 1) parts.push_back({&message, field});
      continue;
    }
    const int size = reflection.FieldSize(message, field);
    // From the end, so that dropping one leaves the places of the others.
    for (int end = size; end > 0; end -= piece) {
      const int first = std::max(0, end - piece);
      if (piece == 1 || end - first == piece) parts.push_back({&message, field, first, end - first});
    }
  }
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      Collect(field->is_repeated() ? *reflection.MutableRepeatedMessage(&message, field, i)
                                   : *reflection.MutableMessage(&message, field),
              piece, parts);
    }
  }
}

void Drop(const Part& part) {
  const Reflection& reflection = *part.message->GetReflection();
  if (part.count == 0) {
    reflection.ClearField(part.message, part.field);
    return;
  }
  const int size = reflection.FieldSize(*part.message, part.field);
  for (int i = part.first; i + part.count < size; ++i) {
    reflection.SwapElements(part.message, part.field, i, i + part.count);
  }
  for (int i = 0; i < part.count; ++i) reflection.RemoveLast(part.message, part.field);
}

bool Write(const onnx::ModelProto& model, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  return model.SerializeToOstream(&file) && file.flush().good();
}

class Reducer {
 public:
  Reducer(onnx::ModelProto model, std::string out, std::string command)
      : model_(std::move(model)), out_(std::move(out)), command_(std::move(command)) {}

  int CodeOf(const onnx::ModelProto& model) const {
    const std::string path = out_ + ".try";
    if (!Write(model, path)) return -1;
    const int code = std::system(absl::StrReplaceAll(command_, {{"{}", path}}).c_str());
    std::remove(path.c_str());
    return code;
  }

  // Drops one part after another; whether any could go.
  bool Round(int piece, int code) {
    bool dropped = false;
    // Parts are found anew in every copy; the k-th of one is the k-th of the next as long as none was dropped.
    for (size_t k = 0;;) {
      onnx::ModelProto smaller = model_;
      std::vector<Part> parts;
      Collect(smaller, piece, parts);
      if (k >= parts.size()) return dropped;
      Drop(parts[k]);
      if (CodeOf(smaller) == code) {
        model_ = smaller;
        dropped = Write(model_, out_);
      } else {
        ++k;
      }
    }
  }

  void Run(int code) {
    Write(model_, out_);
    for (int piece = 64; piece > 1; piece /= 2) Round(piece, code);
    while (Round(1, code)) {
    }
    std::cout << "reduce: " << model_.ByteSizeLong() << " bytes, " << model_.graph().node_size() << " nodes left in "
              << out_ << "\n";
  }

 private:
  onnx::ModelProto model_;
  std::string out_, command_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: reduce IN.onnx OUT.onnx 'COMMAND {}'\n";
    return 2;
  }
  onnx::ModelProto model;
  std::ifstream in(argv[1], std::ios::binary);
  if (!model.ParseFromIstream(&in)) {
    std::cerr << "reduce: " << argv[1] << " is no model\n";
    return 2;
  }
  Reducer reducer(model, argv[2], argv[3]);
  const int code = reducer.CodeOf(model);
  if (code == 0) {
    std::cerr << "reduce: the command does not fail for " << argv[1] << "\n";
    return 2;
  }
  reducer.Run(code);
  return 0;
}
