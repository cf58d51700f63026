// SPDX-License-Identifier: Apache-2.0
// What the kernels of the quantizers with a fitted scale are told once a call, and what those of a
// block return (contract section 14).
#ifndef ULPROOF_CPU_QUANTIZER_PLAN_H_
#define ULPROOF_CPU_QUANTIZER_PLAN_H_

#include <array>
#include <cstdint>

#include "cpu/cast_kernels.h"
#include "formats/operation.h"

namespace ulproof::cpu {

// How a number becomes a level, resolved once a call.
enum class LevelKind : std::uint8_t {
  kIntegers,     // Between `low` and `high`.
  kAllIntegers,  //
  kFormat,       // By adding and subtracting a power of two, with ties to an even significand.
  kAnyFormat,    // Cast, and the level read from a table: without trailing bits, or very wide.
};

enum class InputKind : std::uint8_t { kFloat32, kBfloat16, kFloat16 };

struct QuantizerPlan {
  formats::Operation op;
  InputKind input;
  LevelKind kind;
  float low, high;   // The outermost levels.
  float half_width;  // Of section 14; 0 for all integers.
  // kFormat: the binary32 codes of the smallest normal value and of the factor 2^(23 - m).
  std::uint32_t smallest_normal = 0, to_last_place = 0;
  // kAnyFormat.
  CastPlan cast = {};
  CastRowFunction cast_row = nullptr;
  std::array<float, 256> level_of_code = {};
};

// The statistics of a block that the scale comes from.
struct BlockMoments {
  float mean;
  float mean_deviation;  // Of squares (sigma) or magnitudes (laplace).
};
struct BlockMagnitudes {
  float mean, mean_square;
};
struct BlockEnds {
  float min, max;  // Zeros are +0; NaN when the block holds one.
};
struct FittedPair {
  float scale, zero;
};

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_QUANTIZER_PLAN_H_
