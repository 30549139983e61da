// A library like ONNX Runtime 1.19: it has none of the later functions, and prints when it is asked for them.
#include <onnxruntime_c_api.h>

#include <cstdio>

namespace {

const OrtApi* ORT_API_CALL GetApi(uint32_t version) NO_EXCEPTION {
  std::fprintf(stderr, "the requested version %u is not available\n", version);
  return nullptr;
}

const char* ORT_API_CALL GetVersionString() NO_EXCEPTION { return "1.19.2"; }

constexpr OrtApiBase kBase = {GetApi, GetVersionString};

}  // namespace

extern "C" __attribute__((visibility("default"))) const OrtApiBase* ORT_API_CALL OrtGetApiBase(void) NO_EXCEPTION {
  return &kBase;
}
