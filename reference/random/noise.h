// SPDX-License-Identifier: Apache-2.0
// The noise R of one element under each law (contract section 5), decided exactly. `element` is
// the logical index in the whole tensor: callers add RandomKey::offset, nothing here does, so the
// noise of an element cannot depend on launch shape, shard, thread or order of calls.
#ifndef ULPROOF_REFERENCE_RANDOM_NOISE_H_
#define ULPROOF_REFERENCE_RANDOM_NOISE_H_

#include <array>
#include <cstdint>

#include "formats/format_spec.h"
#include "formats/noise_law.h"

namespace ulproof::reference {

// R of an integer law; |R| <= 3. `boxmuller` is decided from the exact real z.
// Precondition: HasIntegerNoise(law).
int IntegerNoise(formats::NoiseLaw law, const formats::RandomKey& key, std::uint64_t element);

// The binary32 code of R for every law. Exact, except that `normal2` is RN32 of the exact real
// z / 2 (contract section 5). R = 0 is +0.
formats::Code RealNoise(formats::NoiseLaw law, const formats::RandomKey& key,
                        std::uint64_t element);

// The r of an element of a stochastic rounding with `random_bits` bits (contract section 2): the
// low bits of rg16's u, or rg32's beyond 16 bits, from the stream xor kRoundingStreamBit.
// Precondition: 1 <= random_bits <= 32.
std::uint32_t RoundingRandom(int random_bits, const formats::RandomKey& key, std::uint64_t element);

// --- The decisions apart from their random words, for tests, proofs and `replay`

// The random number of a threshold law's element, sign in the top bit (bit magnitude_bits):
// u of rg16 and rg32, (sign plane, U) of rgbits. Precondition: law is one of these three.
std::uint32_t ThresholdNumber(formats::NoiseLaw law, const formats::RandomKey& key,
                              std::uint64_t element);

// R from that number: |R| = how many thresholds exceed its low bits, negative if the top bit is
// set. Precondition: number < 2^(magnitude_bits + 1).
int ThresholdNoise(const formats::ThresholdLaw& law, std::uint32_t number);

// The pair of words behind a Box-Muller element, and which half of the pair it is.
struct BoxMullerWords {
  std::uint32_t radius;  // w0: u = (w0 + 0.5) 2^-32
  std::uint32_t angle;   // w1: v = (w1 + 0.5) 2^-32
  bool is_sine;          // z1, the odd elements.
};
BoxMullerWords BoxMullerWordsOf(const formats::RandomKey& key, std::uint64_t element);

// z / 2 rounded to an integer, and to binary32 (the code), of the exact real z.
int BoxMullerInteger(const BoxMullerWords& words);
formats::Code BoxMullerHalf(const BoxMullerWords& words);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_RANDOM_NOISE_H_
