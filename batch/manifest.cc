#include "batch/manifest.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "batch/json_fields.h"
#include "batch/line_reader.h"
#include "onnx_io/checksum.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kSchema[] = "cnnopt-manifest/1";
constexpr double kShardSeconds = 1200;
constexpr int64_t kMostDefaultShards = 1000;

std::string RenderHead(const Manifest& manifest) {
  Json options = Json::array();
  for (const std::string& option : manifest.options) options.push_back(ValidUtf8(option));
  return Json({{"schema", kSchema},
               {"version", manifest.version},
               {"zoo", ValidUtf8(manifest.zoo)},
               {"options", options},
               {"options_sha256", manifest.options_sha256},
               {"shards", manifest.shards},
               {"models", manifest.models.size()}})
      .dump();
}

std::string RenderModel(const ZooModel& model) {
  Json json = Json::object();
  PutPath(model.path, json);
  json["sha256"] = model.sha256;
  json["bytes"] = model.bytes;
  if (!model.data_sha256.empty()) {
    json["data_sha256"] = model.data_sha256;
    json["data_bytes"] = model.data_bytes;
  }
  if (!model.test_data_sha256.empty()) json["test_data_sha256"] = model.test_data_sha256;
  if (!model.problem.empty()) json["problem"] = ValidUtf8(model.problem);
  json["memory"] = model.memory;
  json["cost"] = model.cost;
  json["shard"] = model.shard;
  return json.dump();
}

absl::Status ReadHead(absl::string_view line, Manifest& manifest, int64_t& models) {
  JsonFields fields(line);
  std::string schema;
  fields.Read("schema", schema);
  if (!fields.status().ok() || schema != kSchema) {
    return absl::InvalidArgumentError(
        absl::StrCat("found no head with the schema ", kSchema, ", expected what 'cnnopt batch plan' prints"));
  }
  fields.Read("version", manifest.version);
  fields.Read("zoo", manifest.zoo);
  fields.Read("options", manifest.options);
  fields.Read("options_sha256", manifest.options_sha256);
  fields.Read("shards", manifest.shards);
  fields.Read("models", models);
  CNNOPT_RETURN_IF_ERROR(fields.status());
  return manifest.shards > 0 ? absl::OkStatus() : absl::InvalidArgumentError("field 'shards': expected 1 or more");
}

// Whether `path` stays within the folder it is relative to.
bool StaysBelow(const std::string& path) {
  int64_t depth = 0;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    depth += part == ".." ? -1 : part.empty() || part == "." ? 0 : 1;
    if (depth < 0) return false;
    begin = end + 1;
  }
  return path.empty() || path[0] != '/';
}

absl::StatusOr<ZooModel> ReadModelLine(absl::string_view line, int64_t shards) {
  JsonFields fields(line);
  ZooModel model;
  fields.ReadPath(model.path);
  fields.Read("sha256", model.sha256);
  fields.Read("bytes", model.bytes);
  fields.ReadIfThere("data_sha256", model.data_sha256);
  fields.ReadIfThere("data_bytes", model.data_bytes);
  fields.ReadIfThere("test_data_sha256", model.test_data_sha256);
  fields.ReadIfThere("problem", model.problem);
  fields.Read("memory", model.memory);
  fields.Read("cost", model.cost);
  fields.Read("shard", model.shard);
  CNNOPT_RETURN_IF_ERROR(fields.status());
  if (model.shard >= shards)
    return absl::InvalidArgumentError("field 'shard': expected less than 'shards' of the head");
  if (!StaysBelow(model.path)) {
    return absl::InvalidArgumentError("field 'path': expected one that stays in the zoo");
  }
  return model;
}

}  // namespace

std::string RenderManifest(Manifest& manifest) {
  std::string text = absl::StrCat(RenderHead(manifest), "\n");
  for (const ZooModel& model : manifest.models) absl::StrAppend(&text, RenderModel(model), "\n");
  manifest.sha256 = Sha256Hex(text);
  return absl::StrCat(text, Json({{"manifest_sha256", manifest.sha256}}).dump(), "\n");
}

absl::StatusOr<Manifest> ReadManifest(const std::string& path, const std::function<bool(const ZooModel&)>& wanted) {
  CNNOPT_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  Manifest manifest;
  Sha256 digest;
  int64_t number = 0, expected = 0;
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("manifest ", Quote(path), ", line ", number, ": ", what));
  };
  std::string line;
  while (true) {
    CNNOPT_ASSIGN_OR_RETURN(const bool got, lines.Next(line));
    ++number;
    if (!got) return wrong("it ends before its last line: the file was cut short");
    if (number == 1) {
      const absl::Status status = ReadHead(line, manifest, expected);
      if (!status.ok()) return wrong(status.message());
    } else if (number == expected + 2) {
      break;
    } else {
      absl::StatusOr<ZooModel> model = ReadModelLine(line, manifest.shards);
      if (!model.ok()) return wrong(model.status().message());
      if (wanted(*model)) manifest.models.push_back(*std::move(model));
    }
    digest.Update(absl::StrCat(line, "\n"));
  }
  JsonFields end(line);
  end.Read("manifest_sha256", manifest.sha256);
  if (!end.status().ok() || manifest.sha256 != digest.Hex()) {
    return wrong("its digest is not that of the lines before: the file was changed");
  }
  CNNOPT_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
  ++number;
  if (more) return wrong("found a line behind the last one");
  return manifest;
}

std::string ModelKey(const Manifest& manifest, const ZooModel& model) {
  // A NUL stands in none of them.
  Sha256 key;
  const auto add = [&](absl::string_view part) {
    key.Update(part);
    key.Update(absl::string_view("\0", 1));
  };
  for (const std::string* part :
       {&manifest.version, &manifest.options_sha256, &model.sha256, &model.data_sha256, &model.test_data_sha256}) {
    add(*part);
  }
  for (const std::string& option : manifest.options) add(option);
  return key.Hex();
}

void AssignShards(Manifest& manifest) {
  std::vector<size_t> order(manifest.models.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double cost_a = manifest.models[a].cost, cost_b = manifest.models[b].cost;
    return cost_a != cost_b ? cost_a > cost_b : a < b;
  });
  using Load = std::pair<double, int64_t>;
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int64_t shard = 0; shard < manifest.shards; ++shard) loads.emplace(0.0, shard);
  for (const size_t m : order) {
    const auto [load, shard] = loads.top();
    loads.pop();
    manifest.models[m].shard = shard;
    loads.emplace(load + manifest.models[m].cost, shard);
  }
}

int64_t ShardsFor(const std::vector<ZooModel>& models) {
  double cost = 0;
  for (const ZooModel& model : models) cost += model.cost;
  const auto shards = static_cast<int64_t>(std::ceil(std::min(cost / kShardSeconds, 1e9)));
  return std::clamp<int64_t>(shards, 1, kMostDefaultShards);
}

}  // namespace cnnopt
