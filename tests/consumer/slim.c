/* slim IN OUT SAMPLES.npy: the same in C, from bytes to bytes; then what goes wrong comes back as a code and a line. */
#include <cnnopt/cnnopt_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  unsigned char* bytes = NULL;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(74);
  *size = (size_t)ftell(file);
  rewind(file);
  bytes = malloc(*size);
  if (bytes == NULL || fread(bytes, 1, *size, file) != *size) exit(74);
  fclose(file);
  return bytes;
}

static int count_steps(void* data, const char* stage, int64_t done, int64_t total) {
  int* steps = data;
  ++*steps;
  return stage[0] != '\0' && done <= total;
}

static int stop(void* data, const char* stage, int64_t done, int64_t total) {
  (void)data;
  (void)stage;
  (void)done;
  (void)total;
  return 0;
}

#define EXPECT(condition)                                                     \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                               \
    }                                                                         \
  } while (0)

int main(int argc, char** argv) {
  char options[4096];
  unsigned char* model;
  void* slim = NULL;
  size_t size = 0, slim_size = 0;
  char *report = NULL, *error = NULL;
  int steps = 0, code;
  FILE* out;
  if (argc != 4) return 2;
  EXPECT(cnnopt_abi_version() == CNNOPT_ABI_VERSION);
  EXPECT(strcmp(cnnopt_version(), CNNOPT_VERSION) == 0);
  model = read_file(argv[1], &size);
  snprintf(options, sizeof options,
           "{\"target_macs\": 0.6, \"calibration\": \"%s\", \"samples\": 10, \"no_latency\": true}", argv[3]);

  code = cnnopt_slim(model, size, options, 0, NULL, NULL, NULL, NULL, NULL, count_steps, &steps, &slim, &slim_size,
                     &report, &error);
  if (error != NULL) fprintf(stderr, "%s\n", error);
  EXPECT(code == CNNOPT_DONE && error == NULL && slim != NULL && slim_size > 0 && slim_size < size && steps > 5);
  EXPECT(strstr(report, "\"verdict\": \"slimmed\"") != NULL);
  out = fopen(argv[2], "wb");
  EXPECT(out != NULL && fwrite(slim, 1, slim_size, out) == slim_size && fclose(out) == 0);
  cnnopt_free(slim);
  cnnopt_free(report);

  code = cnnopt_slim(model, size, "{\"target_mac\": 0.6}", 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &slim,
                     &slim_size, &report, &error);
  EXPECT(code == CNNOPT_USAGE && slim == NULL && slim_size == 0 && report == NULL);
  EXPECT(strstr(error, "did you mean 'target_macs'") != NULL);
  cnnopt_free(error);

  code = cnnopt_slim(model, size / 2, options, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &slim, &slim_size, NULL,
                     &error);
  EXPECT(code == CNNOPT_INPUT && slim == NULL && strchr(error, '\n') == NULL);
  cnnopt_free(error);

  code = cnnopt_slim(model, size, options, 0, NULL, NULL, NULL, NULL, NULL, stop, NULL, &slim, &slim_size, NULL, NULL);
  EXPECT(code == CNNOPT_CANCELLED && slim == NULL);
  free(model);
  return 0;
}
