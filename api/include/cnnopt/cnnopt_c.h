/* cnnopt for C and for whatever can call C: bytes in, bytes out, options and reports as JSON.
 *
 *   void* slim = NULL; size_t size = 0; char* error = NULL;
 *   int code = cnnopt_slim(model, bytes, "{\"target_macs\": 0.5}", 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 *                          &slim, &size, NULL, &error);
 *
 * Options are a JSON object whose keys are the long flags of the command with _ for - ("target_macs": 0.5,
 * "pass": ["dsc"], "calibration": "images.npy"); NULL stands for none. An unknown key is an error that names the
 * nearest known one. Reports are the JSON of --report=FILE.json (docs/report.md).
 *
 * Every function returns what the command would exit with, CNNOPT_DONE and the codes below. What it gives back through
 * a pointer is the caller's and goes to cnnopt_free; a pointer that is NULL asks for nothing. On an error nothing is
 * given back but `error`, one line. Nothing throws, prints, ends the process or keeps state between calls; any number
 * of threads may call at once. No struct crosses this interface: within one CNNOPT_ABI_VERSION it only grows. */
#ifndef CNNOPT_CNNOPT_C_H_
#define CNNOPT_CNNOPT_C_H_

#include <stddef.h>
#include <stdint.h>

#include "cnnopt/version.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define CNNOPT_C_API __attribute__((visibility("default")))

#define CNNOPT_ABI_VERSION 1

enum {
  CNNOPT_DONE = 0,       /* also when there was nothing to gain: the model is the one that was given */
  CNNOPT_INTERNAL = 1,   /* a defect of cnnopt */
  CNNOPT_USAGE = 2,      /* the options make no sense, or ONNX Runtime is needed and missing */
  CNNOPT_INPUT = 3,      /* the model or the samples are unreadable or invalid */
  CNNOPT_REFUSED = 4,    /* a budget or bound could not be met: there is a report, no model, and `error` says which */
  CNNOPT_IO = 74,        /* a file could not be written */
  CNNOPT_TEMPORARY = 75, /* out of memory */
  CNNOPT_CANCELLED = 130 /* the progress function said so */
};

/* CNNOPT_ABI_VERSION of the library that was loaded, and its version, "0.1.0". */
CNNOPT_C_API int cnnopt_abi_version(void);
CNNOPT_C_API const char* cnnopt_version(void);

/* Frees what another function gave back. NULL is fine. */
CNNOPT_C_API void cnnopt_free(void* memory);

/* `done` of `total` steps of `stage` are finished. 0 stops the job at the end of the step. Called by the thread that
 * called the library or by threads that it started, never by two at once. */
typedef int (*cnnopt_progress)(void* data, const char* stage, int64_t done, int64_t total);

/* Slims the `model_bytes` bytes of a model file without external data to `slim`. With nothing to gain that is a copy of
 * the model.
 *
 * Samples may be given as `arrays` arrays in memory, in place of the option "calibration": of each the input's name (""
 * where there is only one), its data type as in ONNX's TensorProto (1 float, 2 uint8, 7 int64, 11 double, ...), its
 * rank and sizes and its elements, row-major. Each holds one sample, samples behind each other, or whole inputs behind
 * each other, as a .npy file does; several of one input stand behind each other. */
CNNOPT_C_API int cnnopt_slim(const void* model, size_t model_bytes, const char* options, size_t arrays,
                             const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                             const int64_t* const* array_shapes, const void* const* array_data,
                             cnnopt_progress progress, void* progress_data, void** slim, size_t* slim_bytes,
                             char** report, char** error);

/* The same from file to file, for models with external data too: `out` holds the old file or the whole new one at every
 * moment. `out` NULL: nothing but the reports that the options name is written. */
CNNOPT_C_API int cnnopt_slim_file(const char* in, const char* out, const char* options, size_t arrays,
                                  const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                                  const int64_t* const* array_shapes, const void* const* array_data,
                                  cnnopt_progress progress, void* progress_data, char** report, char** error);

/* What a model is made of and what its layers could become, as `cnnopt inspect --json` prints it (docs/inspect.md). The
 * options that count are input_shape, pass, no_cleanup, assume_constant, threads and the limits. */
CNNOPT_C_API int cnnopt_inspect(const void* model, size_t model_bytes, const char* options, char** json, char** error);
CNNOPT_C_API int cnnopt_inspect_file(const char* path, const char* options, char** json, char** error);

/* How far two models are apart on the same samples, as `cnnopt compare --json` prints it (docs/inspect.md). The options
 * that count are those of the samples, input_shape, no_latency, threads, ort, the limits, max_error and min_agreement:
 * the last two only say whether there is an "objection". */
CNNOPT_C_API int cnnopt_compare(const void* a, size_t a_bytes, const void* b, size_t b_bytes, const char* options,
                                size_t arrays, const char* const* array_names, const int32_t* array_types,
                                const size_t* array_ranks, const int64_t* const* array_shapes,
                                const void* const* array_data, char** json, char** error);
CNNOPT_C_API int cnnopt_compare_files(const char* a, const char* b, const char* options, size_t arrays,
                                      const char* const* array_names, const int32_t* array_types,
                                      const size_t* array_ranks, const int64_t* const* array_shapes,
                                      const void* const* array_data, char** json, char** error);

#if defined(__cplusplus)
}
#endif

#endif
