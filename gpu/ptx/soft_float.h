// SPDX-License-Identifier: Apache-2.0
// Floating-point arithmetic in integers: every operation is exact and then rounded once, to any
// format that has a FormatSpec, in any rounding mode of PTX. The plain definition that the fast
// paths of ops/ stand on and are tested against; the host's rounding mode is never touched.
#ifndef ULPROOF_GPU_PTX_SOFT_FLOAT_H_
#define ULPROOF_GPU_PTX_SOFT_FLOAT_H_

#include <cstdint>

#include "formats/catalogue.h"
#include "formats/format_spec.h"

namespace ulproof::gpu::ptx {

using formats::Code;
using formats::FormatSpec;
__extension__ typedef unsigned __int128 Uint128;

inline constexpr FormatSpec kTfloat32 = formats::SpecOf("tfloat32");

// .rn .rz .rm .rp .rna .rs
enum class Rounding : std::uint8_t {
  kNearestEven,
  kTowardZero,
  kDown,
  kUp,
  kNearestAway,
  kStochastic,
};

struct RoundingControl {
  Rounding rounding = Rounding::kNearestEven;
  // .satfinite: beyond the largest finite value, and infinity, become that value.
  bool saturate = false;
  // kStochastic: away from zero iff the first random_bits bits of the discarded fraction plus
  // `random` carry out of them. random_bits <= 32.
  int random_bits = 0;
  std::uint32_t random = 0;
};

// (-1)^negative * (significand + f) * 2^exponent, with f = 0, or 0 < f < 1 when `sticky` is set.
struct Unrounded {
  bool negative = false;
  Uint128 significand = 0;
  int exponent = 0;
  bool sticky = false;
};

// The NaN that the simulator returns where PTX leaves its bits open: all trailing bits set, but
// 0xFFF8000000000000 for binary64 (what the chips give).
Code DefaultNan(const FormatSpec& format);

// One rounding of x. x may be zero (the result keeps its sign); a sticky x has at least 64
// significant bits. Overflow goes to infinity or the largest finite value as IEEE 754 says for the
// mode; to NaN in formats without infinity.
Code RoundTo(const FormatSpec& format, const Unrounded& x, const RoundingControl& control);

// Precondition: the code is finite.
Unrounded FromCode(const FormatSpec& format, Code code);

// a * b + c, a / b and the square root, rounded once. add(a, b) is a * 1 + b; mul(a, b) is
// a * b + -0 (which keeps the sign of a zero product), or + +0 when rounding down.
Code SoftFma(const FormatSpec& format, Code a, Code b, Code c, Rounding rounding);
Code SoftAdd(const FormatSpec& format, Code a, Code b, Rounding rounding);
Code SoftMul(const FormatSpec& format, Code a, Code b, Rounding rounding);
Code SoftDiv(const FormatSpec& format, Code a, Code b, Rounding rounding);
Code SoftSqrt(const FormatSpec& format, Code a, Rounding rounding);

// Rounds to an integer. `magnitude` is exact, or 2^64 and more reported as overflow.
struct Integral {
  bool negative = false;
  std::uint64_t magnitude = 0;
  bool overflow = false;
};
Integral RoundToIntegral(const Unrounded& x, Rounding rounding);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_SOFT_FLOAT_H_
