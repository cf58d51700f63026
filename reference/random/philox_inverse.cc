// SPDX-License-Identifier: Apache-2.0
#include "reference/random/philox_inverse.h"

#include "reference/random/philox.h"

namespace ulproof::reference {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier2 = 0xCD9E8D57;
constexpr std::uint32_t kKeyStep0 = 0x9E3779B9, kKeyStep1 = 0xBB67AE85;

// Of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits that are right,
// of which x itself has three.
constexpr std::uint32_t Inverse(std::uint32_t x) {
  std::uint32_t inverse = x;
  for (int step = 0; step < 4; ++step) inverse *= 2 - x * inverse;
  return inverse;
}
static_assert(Inverse(kMultiplier0) * kMultiplier0 == 1);
static_assert(Inverse(kMultiplier2) * kMultiplier2 == 1);

std::uint32_t High(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(std::uint64_t{a} * b >> 32);
}

}  // namespace

WordsPlace PlaceOfWords(std::uint64_t seed, std::array<std::uint32_t, 4> words) {
  const auto key0 = static_cast<std::uint32_t>(seed);
  const auto key1 = static_cast<std::uint32_t>(seed >> 32);
  std::array<std::uint32_t, 4> c = words;
  for (std::uint32_t round = kPhiloxRounds; round-- > 0;) {
    // The low halves of the products give back what was multiplied, and that the high halves.
    const std::uint32_t c0 = c[3] * Inverse(kMultiplier0);
    const std::uint32_t c2 = c[1] * Inverse(kMultiplier2);
    c = {c0, c[0] ^ High(c2, kMultiplier2) ^ (key0 + round * kKeyStep0), c2,
         c[2] ^ High(c0, kMultiplier0) ^ (key1 + round * kKeyStep1)};
  }
  return {.stream = c[2] | std::uint64_t{c[3]} << 32, .group = c[0] | std::uint64_t{c[1]} << 32};
}

}  // namespace ulproof::reference
