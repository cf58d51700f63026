// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/noise_tolerance.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "reference/compare/judge.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/sample.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::NoiseLaw;
using formats::Operation;
using formats::OpKind;

// The binary32 codes of 1/2, 3/2, 5/2 and 7/2: where |R| changes.
constexpr std::array<Code, 4> kHalfIntegers = {0x3F000000, 0x3FC00000, 0x40200000, 0x40600000};

Code ExactHalf(const formats::RandomKey& key, std::uint64_t element) {
  return RealNoise(NoiseLaw::kNormal2, key, element);
}

// What a boxmuller kernel may take R for, besides the exact one: the integer across the nearest
// half-integer. Nothing away from the boundaries.
std::optional<int> OtherInteger(const formats::RandomKey& key, std::uint64_t element) {
  const Code half = ExactHalf(key, element);
  const Code magnitude = half & kFloat32.magnitude_mask();
  for (std::size_t k = 0; k < kHalfIntegers.size(); ++k) {
    const Code distance =
        std::max(magnitude, kHalfIntegers[k]) - std::min(magnitude, kHalfIntegers[k]);
    if (distance > kNoiseUlps) continue;
    const int sign = kFloat32.IsNegative(half) ? -1 : 1;
    const int exact = std::abs(IntegerNoise(NoiseLaw::kBoxMuller, key, element));
    // The boundary lies between k and k + 1.
    return sign * (exact == static_cast<int>(k) ? static_cast<int>(k) + 1 : static_cast<int>(k));
  }
  return std::nullopt;
}

int NibbleValue(Code nibble) {
  const int magnitude = static_cast<int>(nibble & 7);
  return nibble & 8 ? -magnitude : magnitude;
}

bool ForgivesNoise(const Case& c, std::uint64_t index, Code expected, Code got) {
  const Operation& op = c.op;
  if (op.law == NoiseLaw::kNormal2) {
    const auto distance = CodesApart(formats::ElementType::CodeOf(kFloat32), expected, got);
    return distance && *distance <= kNoiseUlps;
  }
  if (op.packing == formats::NoisePacking::kInt8) {
    return OtherInteger(op.key, LogicalIndex(op, index)) == static_cast<std::int8_t>(got);
  }
  for (int i = 0; i < 8; ++i) {
    const Code want = expected >> 4 * i & 15;
    const Code have = got >> 4 * i & 15;
    if (want == have) continue;
    const std::uint64_t element = 8 * index + i;
    if (element >= op.shape.count() || have == 8) return false;
    if (OtherInteger(op.key, LogicalIndex(op, element)) != NibbleValue(have)) return false;
  }
  return true;
}

// The sample of an element whose noise is `noise` instead of the law's.
Code SampleWith(const Operation& op, Code noise, Code weight, Code scale, std::uint64_t element) {
  const Code sum = Fma32(noise, scale, weight);
  const std::uint32_t random =
      op.rounding.is_stochastic() ? RoundingRandom(op.rounding.random_bits, op.key, element) : 0;
  return Cast(kFloat32, sum, op.to, op.rounding, op.overflow, random);
}

// Place on the number line, for comparisons. Precondition: not NaN.
std::int64_t Order(const FormatSpec& format, Code code) {
  const auto magnitude = static_cast<std::int64_t>(code & format.magnitude_mask());
  return format.IsNegative(code) ? -magnitude : magnitude;
}

bool ForgivesSample(const Case& c, std::uint64_t index, Code got) {
  const Operation& op = c.op;
  const std::uint64_t row = index / op.shape.cols;
  const std::uint64_t col = index % op.shape.cols;
  const std::uint64_t block = row / op.block.rows * op.grid().cols() + col / op.block.cols;
  const std::uint64_t element = LogicalIndex(op, row, col);
  const Code scale = SampleScale(op, c.inputs[0].view(), c.inputs[1].view(), block);
  const Code weight = ToFloat32(op.from, c.inputs[0].Get(index));
  if (op.law == NoiseLaw::kBoxMuller) {
    const auto other = OtherInteger(op.key, element);
    if (!other) return false;
    const Dyadic value = Dyadic::FromInteger(*other);
    const Code noise = RoundToFormat(kFloat32, value, {}, formats::Overflow::kIeee);
    return SampleWith(op, noise, weight, scale, element) == got;
  }
  // The codes on either side of R, not past zero: there |z / 2| is never that small.
  const Code half = ExactHalf(op.key, element);
  const Code low = SampleWith(op, half - kNoiseUlps, weight, scale, element);
  const Code high = SampleWith(op, half + kNoiseUlps, weight, scale, element);
  if (op.to.IsNan(got) || op.to.IsNan(low) || op.to.IsNan(high)) return got == low || got == high;
  const auto [first, last] = std::minmax({Order(op.to, low), Order(op.to, high)});
  return first <= Order(op.to, got) && Order(op.to, got) <= last;
}

bool ForgivesBackward(const Case& c, std::uint64_t block, Code expected, Code got) {
  const Operation& op = c.op;
  const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
  Dyadic sum_of_magnitudes;
  std::int64_t terms = 0;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const std::uint64_t element = LogicalIndex(op, row, col);
      if (op.law == NoiseLaw::kBoxMuller) {
        if (IsNearDecisionBoundary(op.key, element)) return true;
        continue;
      }
      const Code grad = c.inputs[0].Get(MemoryIndex(op.shape, row, col));
      if (!op.from.IsFinite(grad)) return false;
      sum_of_magnitudes +=
          (Dyadic::FromCode(op.from, grad) * Dyadic::FromCode(kFloat32, ExactHalf(op.key, element)))
              .Abs();
      ++terms;
    }
  }
  const Code scale = c.inputs[1].Get(block);
  if (op.law == NoiseLaw::kBoxMuller || !kFloat32.IsFinite(scale) || !kFloat32.IsFinite(got) ||
      !kFloat32.IsFinite(expected)) {
    return false;
  }
  const Dyadic factor =
      (Dyadic::FromCode(kFloat32, scale) * Dyadic::FromCode(kFloat32, kMinusLn2)).Abs();
  // One smallest subnormal for each rounding that may underflow.
  const Dyadic bound =
      sum_of_magnitudes * factor * Dyadic::FromInteger(terms + kNoiseUlps).Scale2(-23) +
      Dyadic::FromInteger(terms + 2).Scale2(kFloat32.quantum_exponent()) *
          (factor + Dyadic::FromInteger(1));
  return (Dyadic::FromCode(kFloat32, got) - Dyadic::FromCode(kFloat32, expected)).Abs() <= bound;
}

}  // namespace

bool IsNearDecisionBoundary(const formats::RandomKey& key, std::uint64_t element) {
  return OtherInteger(key, element).has_value();
}

bool IsForgiven(const Case& c, std::uint64_t index, Code expected, Code got) {
  if (c.op.law != NoiseLaw::kBoxMuller && c.op.law != NoiseLaw::kNormal2) return false;
  switch (c.op.kind) {
    case OpKind::kNoise:
      return ForgivesNoise(c, index, expected, got);
    case OpKind::kSample:
      return ForgivesSample(c, index, got);
    case OpKind::kBackward:
      return ForgivesBackward(c, index, expected, got);
    default:
      return false;
  }
}

}  // namespace ulproof::reference
