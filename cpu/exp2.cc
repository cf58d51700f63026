// SPDX-License-Identifier: Apache-2.0
#include "cpu/exp2.h"

#include <bit>
#include <cmath>
#include <limits>

#include "cpu/exp2_table.h"

namespace ulproof::cpu {
namespace {

std::uint64_t MultiplyHigh(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{a} * b) >> 64);
}

}  // namespace

// With fraction = i/64 + r, 0 <= r < 2^-6: 2^fraction = 2^(i/64) (1 + q), q = 2^r - 1 =
// r (L1 + r (L2 + ... + r L7)). Errors in units of 2^-64 of q, u = 1:
//   series cut after r^7:   (2^-6 ln 2)^8 / 8! * 2^64       < 0.001
//   Horner, each level:     coefficient 0.5 + truncation 1, then times r <= 2^-6; the last product
//                           truncates 1 more                < 1.03
// so q is off by less than 1.04. The result counts 2^-63: the table entry is off by 0.5 (times
// 1 + q < 1.011), q's error times the entry (< 2) is below 1.04, the last truncation is below 1:
// less than 2.6 in all, and the power 0 is exact because entry 0 and q(0) are.
std::uint64_t Exp2Fixed(std::uint64_t fraction) {
  const std::uint64_t entry = kExp2Table[fraction >> (64 - kExp2TableBits)];
  const std::uint64_t r = fraction & (~std::uint64_t{0} >> kExp2TableBits);
  std::uint64_t sum = kExp2Coefficients.back();
  for (std::size_t k = kExp2Coefficients.size() - 1; k-- > 0;) {
    sum = kExp2Coefficients[k] + MultiplyHigh(sum, r);
  }
  return entry + MultiplyHigh(entry, MultiplyHigh(sum, r));
}

float Exp2(float c) {
  if (std::isnan(c)) return std::numeric_limits<float>::quiet_NaN();
  if (c >= 128) return std::numeric_limits<float>::infinity();
  if (c <= -150) return 0;  // -150 is the tie between 0 and 2^-149.
  if (c < -149) return std::numeric_limits<float>::denorm_min();
  // 2^c is within 2^-26 of 1, and the nearest midpoint 2^-25 away.
  if (std::fabs(c) < 0x1p-26f) return 1;

  // c is a multiple of 2^-49, so both parts are exact.
  const double floor_c = std::floor(double{c});
  const int exponent = static_cast<int>(floor_c);
  const std::uint64_t power = Exp2Fixed(static_cast<std::uint64_t>((c - floor_c) * 0x1p64));

  constexpr int kMinExponent = -126;
  constexpr int kDiscardedBits = 40;  // 64 bits become the 24 of a normal result,
  const int shift =                   // or fewer when it is subnormal; at most 63 here.
      kDiscardedBits + (exponent < kMinExponent ? kMinExponent - exponent : 0);
  // To nearest by the first discarded bit. There is no tie: an integer c discards zeros, and for
  // any other c, 2^c is irrational.
  std::uint32_t code = static_cast<std::uint32_t>(power >> shift);
  code += static_cast<std::uint32_t>(power >> (shift - 1) & 1);
  // A normal significand's leading bit adds 1 to the biased exponent, as does a carry out of it.
  if (exponent > kMinExponent) {
    code += static_cast<std::uint32_t>(exponent - kMinExponent) << 23;
  }
  return std::bit_cast<float>(code);
}

}  // namespace ulproof::cpu
