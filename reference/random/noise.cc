// SPDX-License-Identifier: Apache-2.0
// The laws that need integers only, clause by clause of contract section 5. Box-Muller's real
// arithmetic is in box_muller.cc.
#include "reference/random/noise.h"

#include "base/check.h"
#include "formats/catalogue.h"
#include "formats/codec.h"
#include "formats/rounding.h"
#include "reference/random/philox.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::NoiseLaw;
using formats::RandomKey;

// The 16-bit u of rg16: lane = i mod 8 takes a half of w[lane div 2], low half for even lanes.
std::uint32_t HalfWord(std::uint64_t seed, std::uint64_t stream, std::uint64_t element) {
  const std::uint64_t lane = element % 8;
  const std::uint32_t word = Words(seed, stream, element / 8)[lane / 2];
  return lane % 2 == 0 ? word & 0xFFFF : word >> 16;
}

// The 32-bit u of rg32 and uniform.
std::uint32_t FullWord(std::uint64_t seed, std::uint64_t stream, std::uint64_t element) {
  return Words(seed, stream, element / 4)[element % 4];
}

// The 12 bits of an element of rgbits, plane p0 (the sign) first. Planes p4g..p4g+3 are the words
// of group 3q + g.
std::uint32_t PlaneBits(std::uint64_t seed, std::uint64_t stream, std::uint64_t element) {
  const std::uint64_t run = element / 32;
  const unsigned bit = element % 32;
  std::uint32_t number = 0;
  for (std::uint64_t group = 0; group < 3; ++group) {
    for (const std::uint32_t plane : Words(seed, stream, 3 * run + group)) {
      number = number << 1 | (plane >> bit & 1);
    }
  }
  return number;
}

const formats::ThresholdLaw& ThresholdsOf(NoiseLaw law) {
  switch (law) {
    case NoiseLaw::kRg16:
      return formats::kRg16Law;
    case NoiseLaw::kRg32:
      return formats::kRg32Law;
    default:
      break;
  }
  ULPROOF_CHECK(law == NoiseLaw::kRgbits, "not a threshold law");
  return formats::kRgbitsLaw;
}

Code Float32Code(bool negative, std::uint64_t significand, int exponent) {
  const auto code = formats::EncodeExact(formats::kFloat32, negative, significand, exponent);
  ULPROOF_CHECK(code.has_value());
  return *code;
}

// R = (w >> 8) 2^-24 - 0.5 = (n - 2^23) 2^-24: at most 24 significant bits, so exact in binary32.
Code UniformNoise(std::uint32_t word) {
  const std::int64_t numerator = std::int64_t{word >> 8} - (1 << 23);
  const bool negative = numerator < 0;
  return Float32Code(negative, negative ? -numerator : numerator, -24);
}

}  // namespace

std::uint32_t ThresholdNumber(NoiseLaw law, const RandomKey& key, std::uint64_t element) {
  switch (law) {
    case NoiseLaw::kRg16:
      return HalfWord(key.seed, key.stream, element);
    case NoiseLaw::kRg32:
      return FullWord(key.seed, key.stream, element);
    default:
      break;
  }
  ULPROOF_CHECK(law == NoiseLaw::kRgbits, "not a threshold law");
  return PlaneBits(key.seed, key.stream, element);
}

int ThresholdNoise(const formats::ThresholdLaw& law, std::uint32_t number) {
  ULPROOF_CHECK(std::uint64_t{number} >> (law.magnitude_bits + 1) == 0);
  const std::uint32_t sign = number >> law.magnitude_bits;
  const std::uint32_t magnitude_number = number & ((std::uint32_t{1} << law.magnitude_bits) - 1);
  int magnitude = 0;
  for (const std::uint32_t threshold : law.thresholds) magnitude += magnitude_number < threshold;
  return sign != 0 ? -magnitude : magnitude;
}

BoxMullerWords BoxMullerWordsOf(const RandomKey& key, std::uint64_t element) {
  const auto words = Words(key.seed, key.stream, element / 2);
  return {.radius = words[0], .angle = words[1], .is_sine = element % 2 == 1};
}

int IntegerNoise(NoiseLaw law, const RandomKey& key, std::uint64_t element) {
  ULPROOF_CHECK(HasIntegerNoise(law));
  if (law == NoiseLaw::kBoxMuller) return BoxMullerInteger(BoxMullerWordsOf(key, element));
  return ThresholdNoise(ThresholdsOf(law), ThresholdNumber(law, key, element));
}

Code RealNoise(NoiseLaw law, const RandomKey& key, std::uint64_t element) {
  switch (law) {
    case NoiseLaw::kUniform:
      return UniformNoise(FullWord(key.seed, key.stream, element));
    case NoiseLaw::kNormal2:
      return BoxMullerHalf(BoxMullerWordsOf(key, element));
    default:
      break;
  }
  const int noise = IntegerNoise(law, key, element);
  return Float32Code(noise < 0, noise < 0 ? -noise : noise, 0);
}

std::uint32_t RoundingRandom(int random_bits, const RandomKey& key, std::uint64_t element) {
  ULPROOF_CHECK(1 <= random_bits && random_bits <= formats::kMaxRandomBits);
  const std::uint64_t stream = key.stream ^ formats::kRoundingStreamBit;
  const std::uint32_t number =
      random_bits <= 16 ? HalfWord(key.seed, stream, element) : FullWord(key.seed, stream, element);
  return random_bits == 32 ? number : number & ((std::uint32_t{1} << random_bits) - 1);
}

}  // namespace ulproof::reference
