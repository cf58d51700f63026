// SPDX-License-Identifier: Apache-2.0
// What the kernels of the quantizers with a fitted scale are told once a call, and what those of a
// block return (contract section 14).
#ifndef ULPROOF_CPU_QUANTIZER_PLAN_H_
#define ULPROOF_CPU_QUANTIZER_PLAN_H_

#include <array>

#include "cpu/cast_kernels.h"
#include "formats/operation.h"

namespace ulproof::cpu {

// How a number becomes a level, resolved once a call.
struct QuantizerPlan {
  formats::Operation op;
  WidenRowFunction widen_row;
  float low, high;         // The outermost levels.
  bool is_format = false;  // Then u is cast, and the level read from a table.
  CastPlan cast = {};
  CastRowFunction cast_row = nullptr;
  std::array<float, 256> level_of_code = {};
};

// The statistics of a block that the scale comes from.
struct BlockMoments {
  float mean, variance;
};
struct BlockEnds {
  float min, max;  // Zeros are +0; NaN when the block holds one.
  float largest;   // max |x|, NaN likewise.
};
struct FittedPair {
  float scale, zero;
};

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_QUANTIZER_PLAN_H_
