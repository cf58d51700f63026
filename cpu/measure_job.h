// SPDX-License-Identifier: Apache-2.0
// What MeasureWeights tells the vector code of every target, and what it gets back: data alone, the
// same for all of them.
#ifndef ULPROOF_CPU_MEASURE_JOB_H_
#define ULPROOF_CPU_MEASURE_JOB_H_

#include <cstddef>
#include <cstdint>
#include <vector>

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

// How a code of the output becomes the binary32 number that it is.
enum class Decoding : std::uint8_t { kTable, kShift };

struct MeasureJob {
  const formats::Operation& op;
  const std::byte* w;
  const float* maxima;      // M of every block.
  const float* block_bits;  // Null when one bitwidth serves the tensor;
  float tensor_factor;      // this is its factor 2^(1 - b).
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

struct Tally {
  std::vector<std::uint32_t> table = std::vector<std::uint32_t>(kTableRows * kEventSets);
  Sums total;
  std::vector<Sums> rows;  // Of the table; empty unless sums_by_binade.
};

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_MEASURE_JOB_H_
