// SPDX-License-Identifier: Apache-2.0
// What formats and bitwidths do to the tensors of a file (contract section 10), in bounded memory:
// each piece of a tensor is read once and measured under every setting, beside the expectation
// that needs no draw.
#ifndef ULPROOF_CLI_MEASURE_H_
#define ULPROOF_CLI_MEASURE_H_

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sample_tensor.h"
#include "cli/tensor_file.h"
#include "cpu/weight_statistics.h"

namespace ulproof::cli {

// One counter of the contract by its word.
struct CountedEvent {
  std::string_view name;
  std::uint64_t cpu::WeightCounts::*count;
  bool of_noise;  // Its rate is a share of the elements with noise, not of all finite ones.
};
inline constexpr std::array<CountedEvent, 7> kCountedEvents = {{
    {"absorbed", &cpu::WeightCounts::absorbed, true},
    {"swamped", &cpu::WeightCounts::swamped, true},
    {"flushed", &cpu::WeightCounts::flushed, false},
    {"subnormal", &cpu::WeightCounts::subnormal, false},
    {"saturated", &cpu::WeightCounts::saturated, false},
    {"overflowed", &cpu::WeightCounts::overflowed, false},
    {"exact", &cpu::WeightCounts::exact, false},
}};

// Expected counts: for each R of the law, the counts under that R times its probability. Of a real
// law, the probability of the Rs that make an element count.
struct Expectation {
  std::array<double, kCountedEvents.size()> events = {};
  double noisy = 0;
  double noise = 0;                             // Sum of (sampled - w)^2,
  double error = 0;                             // and of sampled - w.
  std::vector<double> absorbed_below_max = {};  // As WeightStatistics::below_max.
  std::vector<double> noisy_below_max = {};
  std::vector<double> noise_below_max = {};        // Under sums_by_binade,
  std::vector<double> noisy_noise_below_max = {};  // and what R != 0 gives of it.

  void Add(const cpu::WeightStatistics& under_r, double probability, bool is_noisy);
  Expectation& operator+=(const Expectation& other);
};

struct Measurement {
  cpu::WeightStatistics observed;
  // Real laws (uniform, normal2): absorbed, flushed and what overflows, where nothing can; the
  // other events are NaN. Nothing where that cannot be had.
  std::optional<Expectation> expected;
  double scale_squares = 0;  // Sum of s^2 over the elements of finite s, under sums_by_binade.
};

// What the elements of one tensor are measured under.
struct MeasureSetting {
  formats::FormatSpec to = formats::kBfloat16;
  float bits = 4;
  formats::BlockShape block = {};
};

// Adds what further elements gave: both parts if they have one; else there is no expectation.
void Join(Measurement& sum, const Measurement& part);

struct TensorMeasurement {
  std::uint64_t non_finite_weights = 0;  // NaNs and infinities in the tensor itself.
  std::vector<Measurement> settings;     // In the order of the settings.
};

struct MeasureRequest {
  formats::Operation op;  // Law, key, rounding, overflow, pow2; `from` and `shape` of the tensor.
  std::vector<MeasureSetting> settings;
  bool expect = true;
  bool sums_by_binade = false;  // See cpu::MeasureOptions.
  std::uint64_t piece_bytes = kDefaultPieceBytes;
  std::uint64_t every = 1;  // Measures the first of so many pieces, and leaves out the others.
};

// Empty when the request can be measured, else the reason why not.
std::string WhyMeasureRefused(const MeasureRequest& request);

// `read` fills elements [first, first + count) of the tensor, codes of op.from. `advance`, if
// given, is called with elements done, every setting counted. Errors: those of `read`.
// Precondition: WhyMeasureRefused is empty.
base::Result<TensorMeasurement> MeasureTensor(
    const MeasureRequest& request,
    const std::function<base::Status(std::uint64_t first, std::uint64_t count, void* out)>& read,
    const std::function<void(std::uint64_t elements)>& advance = {});

// A bound on the chance that a count so far from its expectation comes by chance, in natural
// logarithms, at most 0. The count is a sum of `elements` independent events whose chances differ;
// Chernoff's bound for it is the binomial's of the mean chance (Hoeffding 1956):
// P <= 2 exp(-n KL(observed / n || expected / n)).
double LogChance(double observed, double expected, double elements);

// 10 log10(signal / noise); infinite without noise, NaN without either.
double SnrDb(const cpu::WeightCounts& counts);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_MEASURE_H_
