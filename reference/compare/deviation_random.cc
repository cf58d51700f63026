// SPDX-License-Identifier: Apache-2.0
// Random words, noise and indices under a variant (contract sections 4 and 5).
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "formats/codec.h"
#include "reference/compare/deviation_steps.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::NoiseLaw;

using Words = std::array<std::uint32_t, 4>;

constexpr std::uint32_t Low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t High(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

Words CounterOf(CounterRule rule, std::uint64_t stream, std::uint64_t group) {
  const std::uint32_t g0 = Low(group), g1 = High(group), s0 = Low(stream), s1 = High(stream);
  switch (rule) {
    case CounterRule::kContract:
      break;
    case CounterRule::kStreamFirst:
      return {s0, s1, g0, g1};
    case CounterRule::kHalvesSwapped:
      return {g1, g0, s1, s0};
    case CounterRule::kGroupHalvesSwapped:
      return {g1, g0, s0, s1};
    case CounterRule::kStreamHalvesSwapped:
      return {g0, g1, s1, s0};
    case CounterRule::kGroupLow32:
      return {g0, 0, s0, s1};
    case CounterRule::kStreamLow32:
      return {g0, g1, s0, 0};
    case CounterRule::kReversed:
      return {s1, s0, g1, g0};
  }
  return {g0, g1, s0, s1};
}

Words VariantWords(const Variant& v, std::uint64_t stream, std::uint64_t group) {
  const PhiloxVariant& p = v.philox;
  Words c = CounterOf(p.counter, stream, group);
  std::uint32_t k0 = Low(v.op.key.seed), k1 = p.key_low32 ? 0 : High(v.op.key.seed);
  if (p.key_words_swapped) std::swap(k0, k1);
  std::uint64_t multiplier0 = 0xD2511F53, multiplier2 = 0xCD9E8D57;
  if (p.multipliers_swapped) std::swap(multiplier0, multiplier2);
  std::uint32_t step0 = 0x9E3779B9, step1 = 0xBB67AE85;
  if (p.key_steps_swapped) std::swap(step0, step1);
  if (p.key_steps_alike) step1 = step0;
  if (p.key_never_stepped) step0 = step1 = 0;
  for (int round = 0; round < p.rounds; ++round) {
    if (p.key_stepped_first) k0 += step0, k1 += step1;
    std::uint64_t product0 = multiplier0 * c[0];
    const std::uint64_t product2 = multiplier2 * c[2];
    if (p.first_product_swapped) product0 = std::rotl(product0, 32);
    if (p.products_swapped) {
      c = {Low(product2) ^ c[1] ^ k0, High(product2), Low(product0) ^ c[3] ^ k1, High(product0)};
    } else {
      c = {High(product2) ^ c[1] ^ k0, Low(product2), High(product0) ^ c[3] ^ k1, Low(product0)};
    }
    if (!p.key_stepped_first) k0 += step0, k1 += step1;
  }
  if (p.words_reversed) return {c[3], c[2], c[1], c[0]};
  return c;
}

std::uint32_t HalfWord(const Variant& v, std::uint64_t stream, std::uint64_t element,
                       bool high_first) {
  const std::uint64_t lane = element % 8;
  const Words words = VariantWords(v, stream, element / 8);
  const std::uint32_t word = v.law.lanes_by_half ? words[lane % 4] : words[lane / 2];
  const bool high = (v.law.lanes_by_half ? lane / 4 : lane % 2) != (high_first ? 1u : 0u);
  return high ? word >> 16 : word & 0xFFFF;
}

std::uint32_t FullWord(const Variant& v, std::uint64_t stream, std::uint64_t element) {
  return VariantWords(v, stream, element / 4)[element % 4];
}

// Sign in the top bit, U below, as ThresholdNumber has it.
std::uint32_t PlaneBits(const Variant& v, std::uint64_t element) {
  const std::uint64_t run = element / 32 * (v.law.runs_of_four_groups ? 4 : 3);
  const unsigned bit = v.law.lanes_reversed ? 31 - element % 32 : element % 32;
  std::array<std::uint32_t, 12> bits;
  for (std::uint64_t group = 0; group < 3; ++group) {
    const Words words = VariantWords(v, v.op.key.stream, run + group);
    for (std::size_t i = 0; i < 4; ++i) bits[4 * group + i] = words[i] >> bit & 1;
  }
  if (v.law.sign_plane_last) std::rotate(bits.begin(), bits.end() - 1, bits.end());
  if (v.law.planes_reversed) std::reverse(bits.begin() + 1, bits.end());
  std::uint32_t number = 0;
  for (const std::uint32_t b : bits) number = number << 1 | b;
  return number;
}

int ThresholdNoise(const Variant& v, const formats::ThresholdLaw& law, std::uint32_t number) {
  const bool low_sign = v.law.sign == SignRule::kLowBit;
  const std::uint32_t mask = (std::uint32_t{1} << law.magnitude_bits) - 1;
  const std::uint32_t u = low_sign ? number >> 1 & mask : number & mask;
  int magnitude = 0;
  for (std::size_t k = 0; k < law.thresholds.size(); ++k) {
    if (law.thresholds[k] == 0) continue;
    magnitude += static_cast<std::int64_t>(u) < law.thresholds[k] + v.law.threshold_step[k];
  }
  magnitude = std::min(magnitude, v.law.largest);
  bool negative = (low_sign ? number & 1 : number >> law.magnitude_bits) != 0;
  if (v.law.sign == SignRule::kInverted) negative = !negative;
  if (v.law.sign == SignRule::kNever) negative = false;
  return negative ? -magnitude : magnitude;
}

BoxMullerWords PairOf(const Variant& v, std::uint64_t element) {
  const Words words = VariantWords(v, v.op.key.stream, element / 2);
  return {.radius = words[0], .angle = words[1], .is_sine = element % 2 == 1};
}

// The number of a threshold law whose low bit may be a sign: rg16 and rg32 have no spare bits, so
// their u is as long as the word.
std::uint32_t ThresholdNumberOf(const Variant& v, std::uint64_t element) {
  switch (v.op.law) {
    case NoiseLaw::kRg16:
      return HalfWord(v, v.op.key.stream, element, v.law.high_half_first);
    case NoiseLaw::kRg32:
      return FullWord(v, v.op.key.stream, element);
    default:
      return PlaneBits(v, element);
  }
}

}  // namespace

std::uint64_t VariantIndex(const Variant& v, std::uint64_t row, std::uint64_t col) {
  const formats::Operation& op = v.op;
  const std::uint64_t relative = row * op.shape.stride() + col, offset = op.key.offset;
  const std::uint64_t across = op.grid().cols();
  const std::uint64_t row_in = row % op.block.rows, col_in = col % op.block.cols;
  switch (v.index) {
    case IndexRule::kContract:
      break;
    case IndexRule::kPlusOne:
      return offset + relative + 1;
    case IndexRule::kMinusOne:
      return offset + relative - 1;
    case IndexRule::kStrideIgnored:
      return offset + row * op.shape.cols + col;
    case IndexRule::kStrideOfBlock:
      return offset + row * op.block.cols + col;
    case IndexRule::kColumnMajor:
      return offset + col * op.shape.rows + row;
    case IndexRule::kColumnOnly:
      return offset + col;
    case IndexRule::kWithinBlock:
      return offset + row_in * op.block.cols + col_in;
    case IndexRule::kBlockAfterBlock:
      return offset +
             ((row / op.block.rows * across + col / op.block.cols) * op.block.rows + row_in) *
                 op.block.cols +
             col_in;
    case IndexRule::kOffsetTwice:
      return 2 * offset + relative;
    case IndexRule::kOffsetDownToEight:
      return offset / 8 * 8 + relative;
    case IndexRule::kOffsetInWords:
      return 8 * offset + relative;
    case IndexRule::kLow32:
      return Low(offset + relative);
    case IndexRule::kRelativeLow32:
      return offset + Low(relative);
    case IndexRule::kModulo32:
      return (offset + relative) % 32;
    case IndexRule::kDividedBy32:
      return (offset + relative) / 32;
    case IndexRule::kDividedBy8:
      return (offset + relative) / 8 * 8;
    case IndexRule::kFirstHalfOfEight:
      return (offset + relative) & ~std::uint64_t{4};
  }
  return offset + relative;
}

int VariantIntegerNoise(const Variant& v, std::uint64_t element) {
  switch (v.op.law) {
    case NoiseLaw::kRg16:
      return ThresholdNoise(v, formats::kRg16Law, ThresholdNumberOf(v, element));
    case NoiseLaw::kRg32:
      return ThresholdNoise(v, formats::kRg32Law, ThresholdNumberOf(v, element));
    case NoiseLaw::kRgbits:
      return ThresholdNoise(v, formats::kRgbitsLaw, ThresholdNumberOf(v, element));
    default:
      break;
  }
  const int noise = std::clamp(BoxMullerInteger(PairOf(v, element)), -v.law.largest, v.law.largest);
  return v.law.sign == SignRule::kInverted ? -noise : noise;
}

Code VariantRealNoise(const Variant& v, std::uint64_t element) {
  bool negative = false;
  std::uint64_t magnitude = 0;
  int exponent = 0;
  if (v.op.law == NoiseLaw::kNormal2) {
    const Code half = BoxMullerHalf(PairOf(v, element));
    return v.law.sign == SignRule::kInverted ? half ^ formats::kFloat32.sign_mask() : half;
  }
  if (v.op.law == NoiseLaw::kUniform) {
    const std::int64_t numerator =
        std::int64_t{FullWord(v, v.op.key.stream, element) >> 8} - (1 << 23);
    negative = (numerator < 0) != (v.law.sign == SignRule::kInverted && numerator != 0);
    magnitude = static_cast<std::uint64_t>(numerator < 0 ? -numerator : numerator);
    exponent = -24;
  } else {
    const int noise = VariantIntegerNoise(v, element);
    negative = noise < 0;
    magnitude = static_cast<std::uint64_t>(negative ? -noise : noise);
  }
  return *formats::EncodeExact(formats::kFloat32, negative, magnitude, exponent);
}

std::uint32_t VariantRandom(const Variant& v, std::uint64_t element) {
  const int bits = v.op.rounding.random_bits;
  const RandomRule rule = v.cast.random;
  if (rule == RandomRule::kZero) return 0;
  if (rule == RandomRule::kPairsAlike) element &= ~std::uint64_t{1};
  const std::uint64_t stream = rule == RandomRule::kNoiseStream
                                   ? v.op.key.stream
                                   : v.op.key.stream ^ formats::kRoundingStreamBit;
  const bool half = bits <= 16 && rule != RandomRule::kOtherWords;
  const std::uint32_t number =
      half ? HalfWord(v, stream, element,
                      v.law.high_half_first || rule == RandomRule::kHighHalfFirst)
           : FullWord(v, stream, element);
  const std::uint32_t mask = bits == 32 ? ~0u : (std::uint32_t{1} << bits) - 1;
  if (rule == RandomRule::kHighBits) return number >> ((half ? 16 : 32) - bits) & mask;
  return (rule == RandomRule::kInverted ? ~number : number) & mask;
}

}  // namespace ulproof::reference
