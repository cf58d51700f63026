// SPDX-License-Identifier: Apache-2.0
// The hash of contract section 11 in pieces. One step is h -> h * kMultiplier + code (mod 2^64), an
// affine map, and affine maps compose: the hash of a long sequence is put together from the maps of
// its parts, which threads and machines can make in any order.
#ifndef ULPROOF_REFERENCE_COMPARE_AFFINE_HASH_H_
#define ULPROOF_REFERENCE_COMPARE_AFFINE_HASH_H_

#include <cstdint>

#include "formats/format_spec.h"

namespace ulproof::reference {

// The map h -> h * factor + sum of a run of codes; the empty run is the identity.
struct AffineHash {
  static constexpr std::uint64_t kStart = 1469598103934665603u;
  static constexpr std::uint64_t kMultiplier = 1099511628211u;

  std::uint64_t factor = 1;
  std::uint64_t sum = 0;

  friend constexpr bool operator==(const AffineHash&, const AffineHash&) = default;

  constexpr void Append(formats::Code code) { *this = Then({kMultiplier, code}); }
  // This run, then `next`.
  constexpr AffineHash Then(const AffineHash& next) const {
    return {factor * next.factor, sum * next.factor + next.sum};
  }
  // This run, `count` times over: by repeated squaring.
  constexpr AffineHash Times(std::uint64_t count) const {
    AffineHash result;
    AffineHash power = *this;
    for (; count != 0; count >>= 1) {
      if (count & 1) result = result.Then(power);
      power = power.Then(power);
    }
    return result;
  }
  // The hash of contract section 11, if this run is all codes.
  constexpr std::uint64_t Value() const { return kStart * factor + sum; }
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_AFFINE_HASH_H_
