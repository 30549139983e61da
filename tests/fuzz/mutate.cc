#include "tests/fuzz/mutate.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/fuzz/hostile_edits.h"
#include "tests/fuzz/wrap.h"

namespace cnnopt::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Every message of the tree, and every short string in it.
void Collect(Message& message, std::vector<Message*>& messages, std::vector<std::string>& strings) {
  messages.push_back(&message);
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Collect(field->is_repeated() ? *reflection.MutableRepeatedMessage(&message, field, i)
                                     : *reflection.MutableMessage(&message, field),
                messages, strings);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && field->name() != "raw_data") {
        strings.push_back(field->is_repeated() ? reflection.GetRepeatedString(message, field, i)
                                               : reflection.GetString(message, field));
      }
    }
  }
}

int64_t Number(int64_t now, Choices& choices) {
  static const std::vector<int64_t> kExtremes = {0,
                                                 1,
                                                 -1,
                                                 2,
                                                 3,
                                                 7,
                                                 8,
                                                 16,
                                                 65536,
                                                 int64_t{1} << 31,
                                                 int64_t{1} << 32,
                                                 int64_t{1} << 62,
                                                 std::numeric_limits<int64_t>::max(),
                                                 std::numeric_limits<int64_t>::min()};
  const auto wrapped = static_cast<uint64_t>(now);
  switch (choices.Below(4)) {
    case 0:
      return static_cast<int64_t>(wrapped + 1);
    case 1:
      return static_cast<int64_t>(wrapped - 1);
    default:
      return choices.Of(kExtremes);
  }
}

float Real(Choices& choices) {
  return choices.Of<float>({0.0F, 1.0F, -1.0F, 1e-40F, 1e38F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(), 0.1F});
}

std::string Text(const std::string& now, const std::vector<std::string>& strings, Choices& choices) {
  static const std::vector<std::string> kWords = {"",
                                                  "ai.onnx",
                                                  "com.microsoft",
                                                  "SAME_UPPER",
                                                  "Conv",
                                                  "Relu",
                                                  "Gemm",
                                                  "MatMul",
                                                  "Add",
                                                  "Constant",
                                                  "BatchNormalization",
                                                  "Identity",
                                                  "Concat",
                                                  "Reshape",
                                                  "Mul",
                                                  "Transpose",
                                                  "\xff\xfe",
                                                  "a\nb",
                                                  "group",
                                                  "pads",
                                                  "kernel_shape",
                                                  "ConvTranspose",
                                                  "Pad",
                                                  "Cast"};
  switch (choices.Below(4)) {
    case 0:
      return choices.Of(kWords);
    case 1:
      return now.substr(0, now.size() / 2);
    default:
      return strings.empty() ? "" : choices.Of(strings);
  }
}

void SetScalar(Message& message, const FieldDescriptor* field, const std::vector<std::string>& strings,
               Choices& choices) {
  const Reflection& reflection = *message.GetReflection();
  const int size = field->is_repeated() ? reflection.FieldSize(message, field) : 0;
  const int index = size > 0 ? static_cast<int>(choices.Below(size)) : -1;
  const bool repeated = field->is_repeated();
  const auto edit = [&](auto get, auto get_repeated, auto set, auto set_repeated, auto add, auto change) {
    if (!repeated) {
      (reflection.*set)(&message, field, change((reflection.*get)(message, field)));
    } else if (index >= 0) {
      (reflection.*set_repeated)(&message, field, index, change((reflection.*get_repeated)(message, field, index)));
    } else {
      (reflection.*add)(&message, field, change(decltype((reflection.*get)(message, field)){}));
    }
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      edit(&Reflection::GetInt32, &Reflection::GetRepeatedInt32, &Reflection::SetInt32, &Reflection::SetRepeatedInt32,
           &Reflection::AddInt32,
           [&]([[maybe_unused]] auto now) { return static_cast<int32_t>(Number(now, choices)); });
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      edit(&Reflection::GetInt64, &Reflection::GetRepeatedInt64, &Reflection::SetInt64, &Reflection::SetRepeatedInt64,
           &Reflection::AddInt64, [&]([[maybe_unused]] auto now) { return Number(now, choices); });
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      edit(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64, &Reflection::SetUInt64,
           &Reflection::SetRepeatedUInt64, &Reflection::AddUInt64, [&]([[maybe_unused]] auto now) {
             return static_cast<uint64_t>(Number(static_cast<int64_t>(now), choices));
           });
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      edit(&Reflection::GetFloat, &Reflection::GetRepeatedFloat, &Reflection::SetFloat, &Reflection::SetRepeatedFloat,
           &Reflection::AddFloat, [&]([[maybe_unused]] auto now) { return Real(choices); });
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      edit(&Reflection::GetDouble, &Reflection::GetRepeatedDouble, &Reflection::SetDouble,
           &Reflection::SetRepeatedDouble, &Reflection::AddDouble,
           [&]([[maybe_unused]] auto now) { return static_cast<double>(Real(choices)); });
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      edit(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue, &Reflection::SetEnumValue,
           &Reflection::SetRepeatedEnumValue, &Reflection::AddEnumValue,
           [&]([[maybe_unused]] auto now) { return static_cast<int>(choices.Below(24)); });
      break;
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string now = !repeated    ? reflection.GetString(message, field)
                              : index >= 0 ? reflection.GetRepeatedString(message, field, index)
                                           : "";
      const std::string text = Text(now, strings, choices);
      if (!repeated) {
        reflection.SetString(&message, field, text);
      } else if (index >= 0) {
        reflection.SetRepeatedString(&message, field, index, text);
      } else {
        reflection.AddString(&message, field, text);
      }
      break;
    }
    default:
      break;
  }
}

void EditList(Message& message, const FieldDescriptor* field, Choices& choices) {
  const Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, field);
  const int one = static_cast<int>(choices.Below(size)), other = static_cast<int>(choices.Below(size));
  switch (choices.Below(3)) {
    case 0:
      reflection.SwapElements(&message, field, one, other);
      break;
    case 1:
      reflection.SwapElements(&message, field, one, size - 1);
      reflection.RemoveLast(&message, field);
      break;
    default:
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        reflection.RemoveLast(&message, field);
      } else {
        const Message& copied = reflection.GetRepeatedMessage(message, field, one);
        Message* copy = copied.New();
        copy->CopyFrom(copied);
        reflection.AddAllocatedMessage(&message, field, copy);
      }
  }
}

}  // namespace

void MutateField(onnx::ModelProto& model, Choices& choices) {
  std::vector<Message*> messages;
  std::vector<std::string> strings;
  Collect(model, messages, strings);
  Message& message = *messages[static_cast<size_t>(choices.Below(static_cast<int64_t>(messages.size())))];
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  const bool present = !fields.empty() && !choices.OneIn(5);
  const FieldDescriptor* field =
      present ? choices.Of(fields)
              : message.GetDescriptor()->field(static_cast<int>(choices.Below(message.GetDescriptor()->field_count())));
  if (field->is_repeated() && reflection.FieldSize(message, field) > 0 && choices.OneIn(2)) {
    EditList(message, field, choices);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!field->is_repeated()) {
      reflection.ClearField(&message, field);
    } else {
      reflection.AddMessage(&message, field);
    }
  } else if (present && choices.OneIn(6)) {
    reflection.ClearField(&message, field);
  } else {
    SetScalar(message, field, strings, choices);
  }
}

void MutateModel(onnx::ModelProto& model, Choices& choices) {
  switch (choices.Below(6)) {
    case 1:
      WrapNode(model, choices);
      break;
    case 2:
      EditHostilely(model, choices);
      break;
    default:
      MutateField(model, choices);
  }
}

}  // namespace cnnopt::testing
