// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a cast from binary32 (contract section 2) on vectors of 32-bit lanes: integers
// and one floating-point addition, steered by the constants of a CastPlan. Each method finds the
// magnitude code as if the target's exponents had no upper bound, then puts sign, overflow and
// special values on it. Included once a target, inside cpu/*.cc files that use foreach_target.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu/cast_plan.h"

#if defined(ULPROOF_CPU_CAST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_CAST_INL_H_
#undef ULPROOF_CPU_CAST_INL_H_
#else
#define ULPROOF_CPU_CAST_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace cast {
namespace hn = hwy::HWY_NAMESPACE;

using formats::RoundingMode;

using DU = hn::ScalableTag<std::uint32_t>;
using DI = hn::RebindToSigned<DU>;
using DF = hn::RebindToFloat<DU>;
using VU = hn::Vec<DU>;
using VI = hn::Vec<DI>;

inline constexpr std::uint32_t kMagnitudeMask = 0x7FFFFFFF;
inline constexpr std::uint32_t kInfinity = 0x7F800000;
inline constexpr std::uint32_t kImplicitBit = 0x00800000;
inline constexpr std::uint32_t kTrailingMask = 0x007FFFFF;
inline constexpr int kTrailingBits = 23;

HWY_INLINE VI Signed(VU v) { return hn::BitCast(DI(), v); }
HWY_INLINE VU Unsigned(VI v) { return hn::BitCast(DU(), v); }
HWY_INLINE VU Magnitude(VU x) { return hn::And(x, hn::Set(DU(), kMagnitudeMask)); }
// All ones where the sign bit is set.
HWY_INLINE VU SignFill(VU x) { return Unsigned(hn::ShiftRight<31>(Signed(x))); }
// The same shift in all lanes. From AVX2 on, shifts by lane are the faster instruction.
HWY_INLINE VU ShiftRightUniform(VU v, int bits) {
#if HWY_TARGET <= HWY_AVX2
  return hn::Shr(v, hn::Set(DU(), static_cast<std::uint32_t>(bits)));
#else
  return hn::ShiftRightSame(v, bits);
#endif
}
HWY_INLINE VU ShiftLeftUniform(VU v, int bits) {
#if HWY_TARGET <= HWY_AVX2
  return hn::Shl(v, hn::Set(DU(), static_cast<std::uint32_t>(bits)));
#else
  return hn::ShiftLeftSame(v, bits);
#endif
}
// 1 where a > b as unsigned numbers, else 0.
HWY_INLINE VU OneIfGreater(VU a, VU b) {
  const DU d;
  return hn::AndNot(hn::VecFromMask(d, hn::Eq(hn::Min(a, b), a)), hn::Set(d, 1));
}
HWY_INLINE VU OneIfNonzero(VU a) {
  return hn::AndNot(hn::VecFromMask(DU(), hn::Eq(a, hn::Zero(DU()))), hn::Set(DU(), 1));
}
HWY_INLINE VU Select(const SignedCodes& codes, VU sign_fill) {
  const DU d;
  const auto positive = static_cast<std::uint32_t>(codes.positive);
  const auto negative = static_cast<std::uint32_t>(codes.negative);
  return hn::Xor(hn::Set(d, positive), hn::And(sign_fill, hn::Set(d, positive ^ negative)));
}

// What lies below the last place of the target, as a 32-bit fraction nu = fraction / 2^32 and the
// next 32 bits after it (whose last bit stands for all that follow).
struct Discarded {
  VU fraction;
  VU next;
};

// 1 where the magnitude is rounded away from zero. `truncated` is the magnitude code rounded toward
// zero, whose parity decides ties (and rto) also in formats without trailing bits.
template <RoundingMode kMode>
HWY_INLINE VU RoundsAway(VU truncated, const Discarded& nu, VU sign_fill, VU r, int random_bits) {
  const DU d;
  const VU one = hn::Set(d, 1);
  const VU odd = hn::And(truncated, one);
  if constexpr (kMode == RoundingMode::kNearestEven) {
    // Carries out of 32 bits iff nu > 1/2, or = 1/2 and odd; bit 0 of the fraction is 0 here.
    const VU half = hn::ShiftRight<1>(nu.fraction);
    return hn::ShiftRight<31>(hn::Add(hn::Add(half, odd), hn::Set(d, 0x3FFFFFFF)));
  } else if constexpr (kMode == RoundingMode::kNearestAway) {
    return hn::ShiftRight<31>(nu.fraction);
  } else if constexpr (kMode == RoundingMode::kTowardZero) {
    return hn::Zero(d);
  } else if constexpr (kMode == RoundingMode::kUp) {
    return hn::AndNot(sign_fill, OneIfNonzero(nu.fraction));
  } else if constexpr (kMode == RoundingMode::kDown) {
    return hn::And(sign_fill, OneIfNonzero(nu.fraction));
  } else if constexpr (kMode == RoundingMode::kToOdd) {
    return hn::AndNot(odd, OneIfNonzero(nu.fraction));
  } else {
    // f = floor(nu 2^N), rest = the bits after it. Away iff f + carry + r >= 2^N, where carry is
    // how the variant rounds the rest: down, half up (2r + 1 >= ... is r + 1/2), or to even.
    const VU f = ShiftRightUniform(nu.fraction, 32 - random_bits);
    const VU rest = random_bits == 32
                        ? nu.next
                        : hn::Or(ShiftLeftUniform(nu.fraction, random_bits), OneIfNonzero(nu.next));
    VU carry = hn::Zero(d);
    if constexpr (kMode == RoundingMode::kStochasticB) {
      carry = hn::ShiftRight<31>(rest);
    } else if constexpr (kMode == RoundingMode::kStochasticC) {
      // rest > 1/2, or = 1/2 and f odd.
      const VU limit = hn::Sub(hn::Set(d, 0x80000000), hn::And(f, one));
      carry = OneIfGreater(rest, limit);
    }
    // f + carry + r >= 2^N without leaving 32 bits: r > 2^N - 1 - f, or equal with a carry.
    const VU room = hn::Sub(hn::Set(d, 0xFFFFFFFF >> (32 - random_bits)), f);
    const VU equal = hn::VecFromMask(d, hn::Eq(r, room));
    return hn::Or(OneIfGreater(r, room), hn::And(carry, equal));
  }
}

// A method of a cast is a struct with
//   Codes(plan, x, r)  the codes of the binary32 codes x, for random numbers r
//   kStochastic        whether it reads r
//   kIsShort           whether it is so short that storing one-byte codes needs care.

// Any format, any mode: the significand is shifted right until its last bit is the target's last
// place at that exponent.
template <RoundingMode kMode>
struct AnyShift {
  static constexpr bool kStochastic = kMode >= RoundingMode::kStochasticA;
  static constexpr bool kIsShort = false;

  static HWY_INLINE VU RoundedMagnitude(const CastPlan& plan, VU x, VU abs, VU r) {
    const DU d;
    const DI di;
    const VU zero = hn::Zero(d);
    // 1. Significand and exponent. One bit to the left, so that every shift below is at least 1.
    VU significand;
    VI exponent;
    if (plan.resolves_subnormals) {
      // A subnormal is an integer times 2^-149, which the conversion normalises.
      const auto subnormal = hn::Lt(Signed(abs), hn::Set(di, kImplicitBit));
      const VU converted = hn::BitCast(d, hn::ConvertTo(DF(), Signed(abs)));
      const VU bits = hn::IfThenElse(hn::RebindMask(d, subnormal), converted, abs);
      exponent = hn::Sub(Signed(hn::ShiftRight<kTrailingBits>(bits)),
                         hn::IfThenElseZero(subnormal, hn::Set(di, 149)));
      significand = hn::Or(hn::And(bits, hn::Set(d, kTrailingMask)), hn::Set(d, kImplicitBit));
    } else {
      // As it stands: subnormals share the exponent of the smallest normal numbers.
      exponent = hn::Max(Signed(hn::ShiftRight<kTrailingBits>(abs)), hn::Set(di, 1));
      significand =
          hn::Sub(abs, hn::ShiftLeft<kTrailingBits>(Unsigned(hn::Sub(exponent, hn::Set(di, 1)))));
    }
    significand = hn::ShiftLeft<1>(significand);
    // 2. The place of the last bit: below the smallest exponent the grid stays as it is. From the
    //    shift kMaxShift on, the fraction is positive and smaller than any comparison can tell.
    constexpr int kMaxShift = kStochastic ? 62 : 31;
    const VI field = hn::Add(exponent, hn::Set(di, plan.rebias));
    const VI base = hn::Max(field, hn::Set(di, plan.min_field));
    const VI wanted = hn::Add(hn::Sub(base, field), hn::Set(di, plan.discarded_bits + 1));
    const VI shift = hn::Min(wanted, hn::Set(di, kMaxShift));
    // 3. Split there.
    VU kept;
    Discarded nu = {zero, zero};
    if constexpr (kStochastic) {
      const VU right = hn::And(Unsigned(shift), hn::Set(d, 31));
      const VU left = hn::And(Unsigned(hn::Neg(shift)), hn::Set(d, 31));
      const VU shifted_left = hn::Shl(significand, left);
      const VU shifted_right = hn::Shr(significand, right);
      const auto far = hn::RebindMask(d, hn::Gt(shift, hn::Set(di, 32)));
      const auto out = hn::RebindMask(d, hn::Gt(shift, hn::Set(di, 31)));
      kept = hn::IfThenZeroElse(out, shifted_right);
      nu.fraction = hn::IfThenElse(far, shifted_right, shifted_left);
      nu.next = hn::IfThenElseZero(far, shifted_left);
    } else {
      kept = hn::Shr(significand, Unsigned(shift));
      nu.fraction = hn::Shl(significand, hn::Sub(hn::Set(d, 32), Unsigned(shift)));
    }
    // 4. Round. The sum of exponent field and significand is the code, also when a carry runs from
    //    one into the other.
    const VU truncated = hn::Add(ShiftLeftUniform(Unsigned(base), plan.trailing_bits), kept);
    const VU away = RoundsAway<kMode>(truncated, nu, SignFill(x), r, plan.rounding.random_bits);
    const VU rounded = hn::Add(truncated, away);
    // Step 1 gave a zero a leading bit, too.
    return plan.resolves_subnormals ? hn::IfThenZeroElse(hn::Eq(abs, zero), rounded) : rounded;
  }

  static HWY_INLINE VU Codes(const CastPlan& plan, VU x, VU r) {
    const DU d;
    const DI di;
    const VU zero = hn::Zero(d);
    const VU abs = Magnitude(x);
    const VU sign_fill = SignFill(x);
    // Below the range of a format without zero all that is left is its smallest value, code 0.
    const VU magnitude = Unsigned(hn::Max(Signed(RoundedMagnitude(plan, x, abs, r)), hn::Zero(di)));
    const VU sign_mask = hn::IfThenElse(hn::Eq(magnitude, zero), hn::Set(d, plan.zero_sign_mask),
                                        hn::Set(d, plan.sign_mask));
    VU code = hn::Or(magnitude, hn::And(sign_fill, sign_mask));
    const auto overflows =
        hn::RebindMask(d, hn::Gt(Signed(magnitude), Signed(hn::Set(d, plan.max_finite))));
    code = hn::IfThenElse(overflows, Select(plan.overflow, sign_fill), code);
    if (plan.positive_only) {
      const auto positive = hn::RebindMask(d, hn::Gt(Signed(x), hn::Zero(di)));
      code = hn::IfThenElse(positive, code, hn::Set(d, plan.nonpositive));
    }
    const VU infinity = hn::Set(d, kInfinity);
    code = hn::IfThenElse(hn::Eq(abs, infinity), Select(plan.infinity, sign_fill), code);
    const auto nan = hn::RebindMask(d, hn::Gt(Signed(abs), Signed(infinity)));
    return hn::IfThenElse(nan, hn::Set(d, plan.nan), code);
  }
};

// rne: adding 2^(exponent + discarded bits), a power of two whose last place is the target's last
// place at that exponent, makes the adder round there, and its trailing bits are the rounded
// significand. Needs no case for subnormals: their exponent is the smallest one. Inputs beyond the
// range, NaN among them, are clamped to a power of two that overflows.
template <bool kOverflowIsNan>
struct AlignedAdd {
  static constexpr bool kStochastic = false;
  static constexpr bool kIsShort = true;

  static HWY_INLINE VU Codes(const CastPlan& plan, VU x, VU /*r*/) {
    const DU d;
    const DF df;
    const VU abs = Magnitude(x);
    const VU clamped = hn::Min(abs, hn::Set(d, plan.clamp));
    const VU exponent =
        hn::Max(hn::And(clamped, hn::Set(d, kInfinity)), hn::Set(d, plan.min_exponent));
    const VU addend = hn::Add(
        exponent, hn::Set(d, static_cast<std::uint32_t>(plan.discarded_bits) << kTrailingBits));
    const VU sum = hn::BitCast(d, hn::Add(hn::BitCast(df, clamped), hn::BitCast(df, addend)));
    // Biased exponent - 1 in its field; the significand's leading bit adds the 1 to normal codes.
    const VU field =
        hn::Add(ShiftRightUniform(exponent, plan.discarded_bits),
                hn::Set(d, static_cast<std::uint32_t>(plan.rebias) << plan.trailing_bits));
    const VU magnitude = hn::Add(hn::Sub(sum, addend), field);
    const VU sign = hn::And(SignFill(x), hn::Set(d, plan.sign_mask));
    // What overflows stands right above the largest finite value, or is that value.
    const VU limit = hn::Set(d, static_cast<std::uint32_t>(plan.overflow.positive));
    const VU code = hn::Min(magnitude, limit);
    if constexpr (kOverflowIsNan) {
      const auto is_number = hn::RebindMask(d, hn::Lt(Signed(magnitude), Signed(limit)));
      return hn::Or(code, hn::IfThenElseZero(is_number, sign));
    } else {
      const auto nan = hn::RebindMask(d, hn::Gt(Signed(abs), Signed(hn::Set(d, kInfinity))));
      return hn::IfThenElse(nan, hn::Set(d, plan.nan), hn::Or(code, sign));
    }
  }
};

// rne to the upper bits of a binary32: the carry runs through to infinity by itself.
struct UpperBits {
  static constexpr bool kStochastic = false;
  static constexpr bool kIsShort = true;

  static HWY_INLINE VU Codes(const CastPlan& plan, VU x, VU /*r*/) {
    const DU d;
    const int discarded = plan.discarded_bits;
    const VU odd = hn::And(ShiftRightUniform(x, discarded), hn::Set(d, 1));
    const VU below_half = hn::Set(d, (std::uint32_t{1} << (discarded - 1)) - 1);
    const VU code = ShiftRightUniform(hn::Add(x, hn::Add(odd, below_half)), discarded);
    const auto nan = hn::RebindMask(d, hn::Gt(Signed(Magnitude(x)), Signed(hn::Set(d, kInfinity))));
    return hn::IfThenElse(nan, hn::Set(d, plan.nan), code);
  }
};

HWY_INLINE void StoreCodes(VU codes, std::uint32_t* out) { hn::StoreU(codes, DU(), out); }
template <typename Code>
HWY_INLINE void StoreCodes(VU codes, Code* out) {
  const hn::Rebind<Code, DU> narrow;
  hn::StoreU(hn::TruncateTo(narrow, codes), narrow, out);
}

// Four consecutive vectors of one-byte codes. On wide vectors narrowing each by itself would take
// as long as a short cast, so that they are narrowed together.
HWY_INLINE void StoreFour(VU a, VU b, VU c, VU d, std::uint8_t* out) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const DU du;
  const hn::Repartition<std::int16_t, DI> d16;
  const hn::Repartition<std::uint8_t, DU> d8;
  // Within each block of 16 bytes: a and c, b and d interleaved; then a, b, c, d.
  const auto ab = hn::ReorderDemote2To(d16, Signed(a), Signed(b));
  const auto cd = hn::ReorderDemote2To(d16, Signed(c), Signed(d));
  const auto interleaved = hn::BitCast(d8, hn::Or(ab, hn::ShiftLeft<8>(cd)));
  alignas(16) static constexpr std::uint8_t kGather[16] = {0, 2, 4, 6, 8, 10, 12, 14,
                                                           1, 3, 5, 7, 9, 11, 13, 15};
  const VU by_block =
      hn::BitCast(du, hn::TableLookupBytes(interleaved, hn::LoadDup128(d8, kGather)));
  // Then all of a, all of b, ...: four bytes v of block k go to place v * blocks + k.
  constexpr std::size_t kLanes = hn::MaxLanes(DU());
  alignas(64) static constexpr auto kOrder = [] {
    std::array<std::int32_t, kLanes> order{};
    for (std::size_t i = 0; i < kLanes; ++i) {
      order[i] = static_cast<std::int32_t>(i % (kLanes / 4) * 4 + i / (kLanes / 4));
    }
    return order;
  }();
  const VU codes = hn::TableLookupLanes(by_block, hn::SetTableIndices(du, kOrder.data()));
  hn::StoreU(hn::BitCast(d8, codes), d8, out);
#else
  const std::size_t lanes = hn::Lanes(DU());
  StoreCodes(a, out);
  StoreCodes(b, out + lanes);
  StoreCodes(c, out + 2 * lanes);
  StoreCodes(d, out + 3 * lanes);
#endif
}

// One row; CastRowFunction (cpu/cast_kernels.h) with a typed output.
template <class Method, typename Code>
HWY_NOINLINE void CastRowTo(const CastPlan& caller_plan, const float* HWY_RESTRICT in,
                            Code* HWY_RESTRICT out, std::size_t count,
                            const std::uint32_t* HWY_RESTRICT random) {
  const CastPlan plan = caller_plan;  // A local whose fields no store through `out` can change.
  const DU d;
  const DF df;
  const std::size_t lanes = hn::Lanes(d);
  const auto cast_vector = [&](const float* from, const std::uint32_t* r, Code* to) HWY_ATTR {
    const VU x = hn::BitCast(d, hn::LoadU(df, from));
    StoreCodes(Method::Codes(plan, x, Method::kStochastic ? hn::LoadU(d, r) : hn::Zero(d)), to);
  };
  std::size_t i = 0;
  if constexpr (sizeof(Code) == 1 && Method::kIsShort) {
    const auto codes = [&](std::size_t first) HWY_ATTR {
      return Method::Codes(plan, hn::BitCast(d, hn::LoadU(df, in + first)), hn::Zero(d));
    };
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
      StoreFour(codes(i), codes(i + lanes), codes(i + 2 * lanes), codes(i + 3 * lanes), out + i);
    }
  }
  for (; i + lanes <= count; i += lanes) {
    cast_vector(in + i, Method::kStochastic ? random + i : nullptr, out + i);
  }
  if (i == count || hn::MaxLanes(d) == 1) return;
  // The last few, through memory of a whole vector.
  const std::size_t rest = count - i;
  HWY_ALIGN float last_in[hn::MaxLanes(DF())] = {};
  HWY_ALIGN std::uint32_t last_random[hn::MaxLanes(DU())] = {};
  HWY_ALIGN Code last_out[hn::MaxLanes(DU())];
  std::memcpy(last_in, in + i, rest * sizeof(float));
  if (Method::kStochastic) std::memcpy(last_random, random + i, rest * sizeof(std::uint32_t));
  cast_vector(last_in, last_random, last_out);
  std::memcpy(out + i, last_out, rest * sizeof(Code));
}

template <class Method>
void CastRow(const CastPlan& plan, const float* in, void* codes, std::size_t count,
             const std::uint32_t* random) {
  switch (plan.storage_bytes) {
    case 1:
      return CastRowTo<Method>(plan, in, static_cast<std::uint8_t*>(codes), count, random);
    case 2:
      return CastRowTo<Method>(plan, in, static_cast<std::uint16_t*>(codes), count, random);
    default:
      return CastRowTo<Method>(plan, in, static_cast<std::uint32_t*>(codes), count, random);
  }
}

}  // namespace cast
}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
