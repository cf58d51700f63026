// SPDX-License-Identifier: Apache-2.0
#include "cpu/noise_kernels.h"

#include <algorithm>
#include <cstring>

#include "base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/noise_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/noise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

using formats::NoisePacking;
using formats::Operation;

// Calls body(element, logical, count) for the pieces of rows that make up elements [begin, end) of
// the call, each at most kNoiseRowElements long.
template <class Body>
HWY_INLINE void ForEachRowPiece(const Operation& op, std::uint64_t begin, std::uint64_t end,
                                const Body& body) {
  std::uint64_t row = begin / op.shape.cols;
  std::uint64_t col = begin % op.shape.cols;
  while (begin < end) {
    const std::uint64_t count =
        std::min({std::uint64_t{kNoiseRowElements}, op.shape.cols - col, end - begin});
    body(begin, op.key.offset + row * op.shape.stride() + col, static_cast<std::size_t>(count));
    begin += count;
    col += count;
    if (col == op.shape.cols) {
      col = 0;
      ++row;
    }
  }
}

// Eight two's complement bytes, |R| <= 7, to eight sign-magnitude nibbles.
HWY_INLINE std::uint32_t PackNibbles(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t sign = (bytes >> 7) & kOnes;
  const std::uint64_t magnitude = (bytes ^ sign * 0xFF) + sign;
  std::uint64_t nibbles = magnitude | sign << 3;
  nibbles = (nibbles | nibbles >> 4) & 0x00FF00FF00FF00FF;
  nibbles = (nibbles | nibbles >> 8) & 0x0000FFFF0000FFFF;
  return static_cast<std::uint32_t>(nibbles | nibbles >> 16);
}

// Elements [begin, end) of the call; for nibbles `begin` is a multiple of 8, and so is `end` unless
// it is the last element's.
void NoiseRange(const Operation& op, std::uint64_t begin, std::uint64_t end, void* out) {
  NoiseSource source(op.law, op.key);
  if (!formats::HasIntegerNoise(op.law)) {
    float* reals = static_cast<float*>(out);
    ForEachRowPiece(op, begin, end, [&](std::uint64_t i, std::uint64_t logical, std::size_t count) {
      std::memcpy(reals + i, source.Reals(logical, count), count * sizeof(float));
    });
    return;
  }
  if (op.packing == NoisePacking::kInt8) {
    std::int8_t* bytes = static_cast<std::int8_t*>(out);
    ForEachRowPiece(op, begin, end, [&](std::uint64_t i, std::uint64_t logical, std::size_t count) {
      std::memcpy(bytes + i, source.Integers(logical, count), count);
    });
    return;
  }
  // Words may span rows: a few of them are gathered as bytes, then packed.
  std::uint32_t* words = static_cast<std::uint32_t*>(out);
  for (; begin < end; begin += kNoiseRowElements) {
    std::int8_t bytes[kNoiseRowElements] = {};
    const std::uint64_t stop = std::min<std::uint64_t>(begin + kNoiseRowElements, end);
    ForEachRowPiece(op, begin, stop,
                    [&](std::uint64_t i, std::uint64_t logical, std::size_t count) {
                      std::memcpy(bytes + (i - begin), source.Integers(logical, count), count);
                    });
    for (std::uint64_t i = begin; i < stop; i += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, bytes + (i - begin), sizeof(eight));
      words[i / 8] = PackNibbles(eight);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(NoiseRange);

void RunNoise(Target target, const formats::Operation& op, const formats::Buffer& noise) {
  constexpr std::uint64_t kGrain = 1 << 16;  // A multiple of the 8 elements of a nibble word.
  const auto noise_range = ULPROOF_FOR_TARGET(NoiseRange, target);
  base::ParallelFor(op.shape.count(), kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    noise_range(op, begin, end, noise.data);
  });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
