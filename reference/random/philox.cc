// SPDX-License-Identifier: Apache-2.0
#include "reference/random/philox.h"

#include "base/check.h"

namespace ulproof::reference {
namespace {

// Contract section 4: the multipliers of counter words 0 and 2, and the Weyl steps of the key
// (golden ratio, sqrt(3) - 1).
constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
constexpr std::uint64_t kMultiplier2 = 0xCD9E8D57;
constexpr std::uint32_t kKeyStep0 = 0x9E3779B9;
constexpr std::uint32_t kKeyStep1 = 0xBB67AE85;

constexpr std::uint32_t Low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t High(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key, int rounds) {
  ULPROOF_CHECK(rounds >= 0);
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product2 = kMultiplier2 * counter[2];
    counter = {High(product2) ^ counter[1] ^ key[0], Low(product2),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
  return counter;
}

std::array<std::uint32_t, 4> Words(std::uint64_t seed, std::uint64_t stream, std::uint64_t group) {
  return Philox4x32({Low(group), High(group), Low(stream), High(stream)}, {Low(seed), High(seed)});
}

}  // namespace ulproof::reference
