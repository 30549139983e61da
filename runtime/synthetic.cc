// Made-up samples. All arithmetic is +, -, *, / and square root in double, and the build keeps the compiler from
// fusing them, so that every machine makes the same bytes.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/status_macros.h"
#include "runtime/samples.h"

namespace cnnopt {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 29;  // of all samples together

// The standard's own distributions differ between libraries; its generators do not.
class Random {
 public:
  Random(uint64_t seed, uint64_t sample, uint64_t input) {
    std::seed_seq sequence = {seed & 0xffffffff, seed >> 32, sample, input};
    generator_.seed(sequence);
  }
  double Uniform() { return static_cast<double>(generator_() >> 11) * 0x1p-53; }  // in [0, 1)
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  // Nearly normal, zero mean, unit variance: a logarithm would not be the same everywhere.
  double Normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
      sum += Uniform();
    }
    return sum;
  }

 private:
  std::mt19937_64 generator_;
};

using Field = std::vector<double>;

size_t Count(const Shape& shape) { return static_cast<size_t>(ElementCount(shape)); }

Field Noise(size_t count, Random& random) {
  Field field(count);
  for (double& value : field) {
    value = random.Normal();
  }
  return field;
}

// Linear interpolation along one axis of [outer, points, inner]: `size` values, each 1/spacing behind the one before.
Field Stretch(const Field& in, size_t points, size_t inner, size_t size, double spacing, double offset) {
  const size_t outer = in.size() / (points * inner);
  Field out(outer * size * inner);
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < size; ++i) {
      const double place = offset + static_cast<double>(i) / spacing;
      const auto point = static_cast<size_t>(place);
      const double weight = place - static_cast<double>(point);
      const double* left = &in[(o * points + point) * inner];
      double* to = &out[(o * size + i) * inner];
      for (size_t k = 0; k < inner; ++k) {
        to[k] = (1 - weight) * left[k] + weight * left[k + inner];
      }
    }
  }
  return out;
}

// Noise whose correlation length is `spacing` in every axis.
Field SmoothNoise(const Shape& shape, double spacing, Random& random) {
  Shape points;
  std::vector<double> offset;
  for (const int64_t size : shape) {
    offset.push_back(random.Uniform());
    points.push_back(static_cast<int64_t>(offset.back() + static_cast<double>(size - 1) / spacing) + 2);
  }
  Field field = Noise(Count(points), random);
  for (size_t axis = shape.size(); axis-- > 0;) {
    const size_t inner = Count(Shape(shape.begin() + static_cast<int64_t>(axis) + 1, shape.end()));
    field = Stretch(field, static_cast<size_t>(points[axis]), inner, static_cast<size_t>(shape[axis]), spacing,
                    offset[axis]);
  }
  return field;
}

// A sum of octaves with a 1/f amplitude spectrum. The power 1/f^2 times the volume of an octave, which grows with
// f^axes, gives the variance each octave needs: f^(axes - 2).
Field Fractal(const Shape& shape, Random& random) {
  const auto longest = static_cast<double>(*std::max_element(shape.begin(), shape.end()));
  const double gain = std::sqrt(std::ldexp(1.0, 2 - static_cast<int>(shape.size())));  // per octave downwards
  Field sum = Noise(Count(shape), random);
  // The finest octave is not interpolated, which costs the others a third of their variance per axis on average.
  double variance = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    variance *= 1.5;
  }
  double amplitude = std::sqrt(variance);
  for (double spacing = 2; spacing < 2 * longest; spacing *= 2) {
    amplitude *= gain;
    const Field octave = SmoothNoise(shape, spacing, random);
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] += amplitude * octave[i];
    }
  }
  return sum;
}

// Sets the box [begin, end) of `field` to `value`.
void FillBox(const Shape& shape, const Shape& begin, const Shape& end, double value, Field& field) {
  Shape index = begin;
  const size_t last = shape.size() - 1;
  while (true) {
    size_t place = 0;
    for (size_t axis = 0; axis < last; ++axis) {
      place = (place + static_cast<size_t>(index[axis])) * static_cast<size_t>(shape[axis + 1]);
    }
    std::fill(field.begin() + static_cast<int64_t>(place) + begin[last],
              field.begin() + static_cast<int64_t>(place) + end[last], value);
    size_t axis = last;
    while (axis > 0 && ++index[axis - 1] == end[axis - 1]) {
      index[axis - 1] = begin[axis - 1];
      --axis;
    }
    if (axis == 0) {
      return;
    }
  }
}

// Objects that hide each other: boxes of one value, small ones more often, which also have a 1/f spectrum.
Field Objects(const Shape& shape, Random& random) {
  constexpr int kObjects = 24;
  Field field(Count(shape), 0.0);
  for (int object = 0; object < kObjects; ++object) {
    const double extent = 0.06 / std::sqrt(random.Uniform(0.01, 1));  // of the picture; density falls with its cube
    Shape begin, end;
    for (const int64_t size : shape) {
      const double half = extent * random.Uniform(0.5, 1.5) * static_cast<double>(size);
      const double centre = random.Uniform() * static_cast<double>(size);
      begin.push_back(std::min(static_cast<int64_t>(std::max(centre - half, 0.0)), size - 1));
      end.push_back(std::clamp(static_cast<int64_t>(centre + half), begin.back() + 1, size));
    }
    FillBox(shape, begin, end, random.Normal(), field);
  }
  return field;
}

void Normalise(Field& field) {
  double sum = 0, squares = 0;
  for (const double value : field) {
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(field.size());
  const double mean = sum / count;
  const double variance = squares / count - mean * mean;
  const double scale = variance > 1e-12 ? 1 / std::sqrt(variance) : 1;
  for (double& value : field) {
    value = (value - mean) * scale;
  }
}

// One picture (or signal, or volume) of one channel, mean 0, variance 1.
Field Picture(const Shape& shape, Random& random) {
  Field picture = Fractal(shape, random);
  Normalise(picture);
  Field objects = Objects(shape, random);
  Normalise(objects);
  for (size_t i = 0; i < picture.size(); ++i) {
    picture[i] += 0.7 * objects[i];
  }
  Normalise(picture);
  return picture;
}

// [channels, spatial...]. Three channels are colours, whose correlation in photographs is about 0.9.
Field Channels(size_t channels, const Shape& spatial, Random& random) {
  constexpr double kCorrelation = 0.9;
  if (Count(spatial) == 1) {
    return Noise(channels, random);
  }
  const Field shared = channels == 3 ? Picture(spatial, random) : Field();
  Field all;
  for (size_t channel = 0; channel < channels; ++channel) {
    Field own = Picture(spatial, random);
    for (size_t i = 0; i < shared.size(); ++i) {
      own[i] = std::sqrt(kCorrelation) * shared[i] + std::sqrt(1 - kCorrelation) * own[i];
    }
    all.insert(all.end(), own.begin(), own.end());
  }
  // Contrast and exposure of this picture; over many the mean is 0 and the variance about 1.
  Normalise(all);
  const double contrast = random.Uniform(0.5, 1.3);
  const double brightness = random.Uniform(-0.6, 0.6);
  for (double& value : all) {
    value = contrast * value + brightness;
  }
  return all;
}

// From [channels, pixels] to [pixels, channels].
Field ChannelsLast(const Field& field, size_t channels) {
  const size_t pixels = field.size() / channels;
  Field result(field.size());
  for (size_t channel = 0; channel < channels; ++channel) {
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      result[pixel * channels + channel] = field[channel * pixels + pixel];
    }
  }
  return result;
}

Field Pictures(const Shape& shape, Random& random) {
  const auto one_or_three = [](int64_t size) { return size == 1 || size == 3; };
  // [1,512,1,1] is 512 channels of one pixel.
  const bool channels_last = one_or_three(shape.back()) && !one_or_three(shape[1]) && shape[shape.size() - 2] > 1;
  Shape spatial(shape.begin() + 1, shape.end());
  spatial.erase(channels_last ? spatial.end() - 1 : spatial.begin());
  const auto channels = static_cast<size_t>(channels_last ? shape.back() : shape[1]);
  Field all;
  for (int64_t row = 0; row < shape[0]; ++row) {
    Field picture = Channels(channels, spatial, random);
    if (channels_last) {
      picture = ChannelsLast(picture, channels);
    }
    all.insert(all.end(), picture.begin(), picture.end());
  }
  return all;
}

Field Values(const InputInfo& input, Random& random) {
  const size_t count = Count(input.shape);
  if (input.data_type == onnx::TensorProto::BOOL) {
    return Field(count, 0.0);
  }
  const bool bytes = input.data_type == onnx::TensorProto::UINT8;
  if (!IsFloating(input.data_type) && !bytes) {
    Field field(count);
    for (double& value : field) {
      value = std::floor(random.Uniform(0, 4));
    }
    return field;
  }
  Field field = input.shape.size() >= 3 ? Pictures(input.shape, random) : Noise(count, random);
  for (double& value : field) {
    value = bytes ? 128 + 56 * value : value;
  }
  return field;
}

}  // namespace

absl::StatusOr<std::vector<Sample>> SyntheticSamples(const std::vector<InputInfo>& inputs, int64_t count,
                                                     uint64_t seed) {
  for (const InputInfo& input : inputs) {
    const int64_t elements = ElementCount(input.shape);
    if (elements < 1 || elements > kMaxElements / std::max<int64_t>(count, 1)) {
      return absl::ResourceExhaustedError(absl::StrCat("input '", input.name, "': ", count, " samples of ", elements,
                                                       " elements, expected 1 to ", kMaxElements, " in all"));
    }
  }
  std::vector<Sample> samples(static_cast<size_t>(std::max<int64_t>(count, 0)));
  for (size_t sample = 0; sample < samples.size(); ++sample) {
    for (size_t input = 0; input < inputs.size(); ++input) {
      Random random(seed, sample, input);
      CNNOPT_ASSIGN_OR_RETURN(samples[sample][inputs[input].name],
                              FromDoubles(Values(inputs[input], random), inputs[input].shape, inputs[input].data_type));
    }
  }
  return samples;
}

}  // namespace cnnopt
