// SPDX-License-Identifier: Apache-2.0
// Random numbers of the trainer's own affairs (initial weights, which text a step reads), as pure
// functions of what they are for: nothing has to be stored to resume. Only integers and exact sums,
// so the bits are those of every machine. The noise of the weights is not here: backends draw it.
#ifndef ULPROOF_TRAINER_RANDOM_H_
#define ULPROOF_TRAINER_RANDOM_H_

#include <cstdint>

namespace ulproof::trainer {

// SplitMix64's output function: Steele, Lea and Flood, OOPSLA 2014.
constexpr std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// 64 random bits for (seed, what, index).
constexpr std::uint64_t RandomBits(std::uint64_t seed, std::uint64_t what, std::uint64_t index) {
  return Mix(Mix(Mix(seed) ^ what) ^ index);
}

// About N(0, 1): the sum of twelve uniform 20-bit integers, less its mean and scaled, which is
// exact in double. Bounded by 6, which suits initial weights.
constexpr double RandomNormal(std::uint64_t seed, std::uint64_t what, std::uint64_t index) {
  std::int64_t sum = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {
    std::uint64_t bits = RandomBits(seed, what, 4 * index + i);
    for (int k = 0; k < 3; ++k, bits >>= 20) sum += static_cast<std::int64_t>(bits & 0xFFFFF);
  }
  return static_cast<double>(2 * sum - 12 * 0xFFFFF) * 0x1p-21;
}

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_RANDOM_H_
