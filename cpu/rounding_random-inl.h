// SPDX-License-Identifier: Apache-2.0
// The random numbers of stochastic rounding (contract section 2): the low N bits of the u of rg16
// (N <= 16) or rg32, drawn from the stream with kRoundingStreamBit flipped.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "formats/noise_law.h"

#if defined(ULPROOF_CPU_ROUNDING_RANDOM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_ROUNDING_RANDOM_INL_H_
#undef ULPROOF_CPU_ROUNDING_RANDOM_INL_H_
#else
#define ULPROOF_CPU_ROUNDING_RANDOM_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

inline constexpr std::size_t kRoundingRowElements = 512;

// r[i] = the r of logical element first + i. `key.offset` is not added.
// Preconditions: 1 <= random_bits <= 32, 1 <= count <= kRoundingRowElements.
HWY_INLINE void RoundingNumbers(int random_bits, const formats::RandomKey& key, std::uint64_t first,
                                std::size_t count, std::uint32_t* HWY_RESTRICT r) {
  alignas(64) std::uint32_t words[4 * PhiloxPaddedGroups(kRoundingRowElements / 4 + 1)] = {};
  const std::uint64_t stream = key.stream ^ formats::kRoundingStreamBit;
  const std::uint64_t per_group = random_bits <= 16 ? 8 : 4;
  const std::size_t phase = static_cast<std::size_t>(first % per_group);
  PhiloxWords(key.seed, stream, first / per_group, (phase + count + per_group - 1) / per_group,
              words);
  const std::uint32_t mask = ~std::uint32_t{0} >> (32 - random_bits);
  if (random_bits <= 16) {
    std::uint16_t halves[2 * std::size(words)];
    std::memcpy(halves, words, sizeof(words));
    for (std::size_t i = 0; i < count; ++i) r[i] = halves[phase + i] & mask;
  } else {
    for (std::size_t i = 0; i < count; ++i) r[i] = words[phase + i] & mask;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
