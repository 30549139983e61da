// The plan of a batch: every model of a zoo with its digest, its estimated cost and its shard, and the options. One
// line of JSON for each, a head and an end with the digest of all before; nobody changes it afterwards.
#ifndef CNNOPT_BATCH_MANIFEST_H_
#define CNNOPT_BATCH_MANIFEST_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cnnopt {

struct ZooModel {
  std::string path;         // within the zoo
  std::string sha256;       // of the .onnx file; "": it could not be read
  int64_t bytes = 0;        // of the .onnx file
  std::string data_sha256;  // of its external data; "": it has none
  int64_t data_bytes = 0;
  std::string test_data_sha256;  // of test_data_set_* in its folder; "": there are none
  std::string problem;           // why it is rejected unseen; "": it is not
  int64_t memory = 0;            // estimated bytes
  double cost = 0;               // estimated seconds on one processor
  int64_t shard = 0;
};

struct Manifest {
  std::string version;               // of the program that is to run the models
  std::string zoo;                   // its folder
  std::vector<std::string> options;  // for every model, as flags
  std::string options_sha256;        // of the files that the options name
  int64_t shards = 1;
  std::vector<ZooModel> models;  // by path
  std::string sha256;            // of the whole
};

// The text, and its digest in `manifest.sha256`.
std::string RenderManifest(Manifest& manifest);

// Reads and checks a manifest whole, but keeps only the models that `wanted` takes. Errors, which name the file and
// line: InvalidArgument (no manifest, damaged, cut short, changed), else as InputFile.
absl::StatusOr<Manifest> ReadManifest(const std::string& path, const std::function<bool(const ZooModel&)>& wanted);

// What says whether a result is still good: the same digest of input, data, options and version.
std::string ModelKey(const Manifest& manifest, const ZooModel& model);

// Shards of about the same cost, the dearest models first. Sets `shard` of each model.
void AssignShards(Manifest& manifest);
// As many as give each about twenty minutes, at most 1000, which every scheduler takes.
int64_t ShardsFor(const std::vector<ZooModel>& models);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_MANIFEST_H_
