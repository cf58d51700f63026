// SPDX-License-Identifier: Apache-2.0
// What MeasureWeights tells the vector code of every target, and what it gets back: data alone, the
// same for all of them.
#ifndef ULPROOF_CPU_MEASURE_JOB_H_
#define ULPROOF_CPU_MEASURE_JOB_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/calm_rounding.h"
#include "cpu/cast_kernels.h"
#include "cpu/sample_kernels.h"
#include "cpu/weight_statistics.h"

namespace ulproof::cpu {

// Columns that are worked on together, and room for the vector that begins in the last of them.
inline constexpr std::size_t kMeasureCols = 512;
inline constexpr std::size_t kMeasureRoom = kMeasureCols + 64;

// The events of an element, as bits.
enum Event : std::int32_t {
  kNoisy = 1,
  kAbsorbed = 2,
  kSwamped = 4,
  kFlushed = 8,
  kSubnormal = 16,
  kExact = 32,
  kSaturated = 64,
  kOverflowed = 128,
};
inline constexpr std::int32_t kEventSets = 256;
// Nothing is absorbed without noise: that set is free to mean an element that is not counted.
inline constexpr std::int32_t kNotFinite = kAbsorbed;

// Rows of the table: the binade below the maximum, from 127 down to -149, and two more.
inline constexpr std::int32_t kBinades = 277;
inline constexpr std::int32_t kZeroRow = kBinades;
inline constexpr std::int32_t kNoBinadeRow = kBinades + 1;
inline constexpr std::int32_t kTableRows = kBinades + 2;

// Calm rows (cpu/measure_calm-inl.h) have a smaller table: binades, and a row for w = 0. Its
// columns are sets of what a few comparisons say, from which the events follow. Neighbours are
// counted in copies of it, so that none waits for the count of another.
enum CalmFact : std::int32_t {
  kHasNoise = 1,         // R != 0
  kSameAsW = 2,          // sampled = cast(w)
  kSameAsNoise = 4,      // sampled = cast(R s)
  kRounded = 8,          // sampled != t
  kSampledZero = 16,     // sampled = 0
  kBelowNormal = 32,     // |sampled| is less than the smallest normal number.
  kSumRepresented = 64,  // t is the real number R s + w.
};
inline constexpr int kCalmFacts = 7;
inline constexpr std::int32_t kCalmFactSets = 1 << kCalmFacts;
inline constexpr std::int32_t kCalmBinades = 63;
inline constexpr std::int32_t kCalmZeroRow = kCalmBinades;
inline constexpr std::int32_t kCalmRows = kCalmBinades + 1;
inline constexpr std::size_t kCalmCells = kCalmRows * kCalmFactSets;
inline constexpr std::size_t kCalmCopies = 4;

// Under fixed noises the columns are the sets of those that are absorbed.
inline constexpr int kFixedNoises = 4;
inline constexpr std::size_t kFixedCells = kCalmRows << kFixedNoises;

// How a code of the output becomes the binary32 number that it is.
enum class Decoding : std::uint8_t { kTable, kShift };

struct MeasureJob {
  const formats::Operation& op;
  const std::byte* w;
  const float* maxima;      // M of every block; null where parts are whole blocks and find it.
  const float* block_bits;  // Null when one bitwidth serves the tensor;
  float tensor_factor;      // this is its factor 2^(1 - b).
  std::span<const Noise> noises;
  const MeasureOptions& options;
  WidenRowFunction widen_row;
  CastPlan plan;
  CastRowFunction cast_row;
  // The same rounding with room above the largest value, so that what lies beyond it shows.
  CastPlan beyond_plan;
  CastRowFunction beyond_row;
  Decoding decoding;
  int shift;
  const float* values;  // For kTable.
  float max_finite;
  float min_normal;
  CalmRounding calm;
  bool draws_calm_noise;  // The law has no |R| beyond 2.
};

// Part of a row of blocks: at most kMeasureCols columns.
struct MeasurePart {
  std::uint64_t row_begin, row_end, col_begin, col_end, first_block;
};

struct Sums {
  double signal = 0;
  double noise = 0;
  double error = 0;
};

// What befell the elements under one noise. Tables are empty as long as nothing is in them.
struct Tally {
  std::vector<std::uint32_t> table;                           // [row][set of events]
  std::vector<std::uint32_t> calm;                            // [copy][row][set of facts]
  WeightCounts fixed;                                         // Of calm rows under a fixed noise:
  std::vector<std::uint64_t> fixed_elements, fixed_absorbed;  // [row]
  Sums total;
  std::vector<Sums> rows;  // Of the table; empty unless sums_by_binade.
};

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_MEASURE_JOB_H_
