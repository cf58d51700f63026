// SPDX-License-Identifier: Apache-2.0
#include "fuzz/ptx_evaluator.h"

#include <algorithm>
#include <vector>

#include "formats/catalogue.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/cast.h"

namespace ulproof::fuzz {
namespace {

using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using reference::Dyadic;
using Sources = std::array<std::uint64_t, 4>;
using Signed = std::int64_t;
__extension__ typedef unsigned __int128 Wide;
__extension__ typedef __int128 SignedWide;

constexpr std::uint32_t kNan32 = 0x7FFFFFFF;  // The NaN that operations on f32 return.
constexpr std::uint16_t kNan16 = 0x7FFF;

constexpr std::uint64_t Mask(int bits) { return bits == 64 ? ~0ull : (1ull << bits) - 1; }

template <int kBits>
constexpr Signed AsSigned(std::uint64_t value) {
  const std::uint64_t sign = 1ull << (kBits - 1);
  return static_cast<Signed>(((value & Mask(kBits)) ^ sign) - sign);
}
template <int kBits>
Signed Clamped(Signed value) {
  const auto top = static_cast<Signed>(Mask(kBits - 1));
  return std::clamp(value, -top - 1, top);
}
bool Bit(std::uint64_t value, int place) { return (value >> place & 1) != 0; }

// --- Integers ------------------------------------------------------------------------------------

template <int kBits>
std::uint64_t MulHigh(const Sources& s, bool&) {
  return static_cast<std::uint64_t>(Wide{s[0]} * s[1] >> kBits);
}
template <int kBits>
std::uint64_t MulHighSigned(const Sources& s, bool&) {
  return static_cast<std::uint64_t>(SignedWide{AsSigned<kBits>(s[0])} * AsSigned<kBits>(s[1]) >>
                                    kBits);
}
template <int kBits, bool kIsMax>
std::uint64_t MinMaxSigned(const Sources& s, bool&) {
  const bool first_is_less = AsSigned<kBits>(s[0]) < AsSigned<kBits>(s[1]);
  return first_is_less != kIsMax ? s[0] : s[1];
}
template <bool kIsMax>
std::uint64_t MinMaxUnsigned(const Sources& s, bool&) {
  return (s[0] < s[1]) != kIsMax ? s[0] : s[1];
}

// --- Bits, one after another ---------------------------------------------------------------------

template <int kBits, bool kIsSigned>
std::uint64_t Extract(const Sources& s, bool&) {
  const int first = static_cast<int>(s[1] & 0xFF);
  const int length = static_cast<int>(s[2] & 0xFF);
  const bool fill = kIsSigned && length > 0 && Bit(s[0], std::min(first + length - 1, kBits - 1));
  std::uint64_t result = 0;
  for (int i = 0; i < kBits; ++i) {
    const bool is_field = i < length && first + i < kBits;
    if (is_field ? Bit(s[0], first + i) : fill) result |= 1ull << i;
  }
  return result;
}
template <int kBits>
std::uint64_t Insert(const Sources& s, bool&) {
  const int first = static_cast<int>(s[2] & 0xFF);
  const int length = static_cast<int>(s[3] & 0xFF);
  std::uint64_t result = s[1];
  for (int i = 0; i < length && first + i < kBits; ++i) {
    result &= ~(1ull << (first + i));
    if (Bit(s[0], i)) result |= 1ull << (first + i);
  }
  return result;
}
template <int kBits>
std::uint64_t Reverse(const Sources& s, bool&) {
  std::uint64_t result = 0;
  for (int i = 0; i < kBits; ++i) {
    if (Bit(s[0], i)) result |= 1ull << (kBits - 1 - i);
  }
  return result;
}
template <int kBits>
std::uint64_t CountOnes(const Sources& s, bool&) {
  std::uint64_t count = 0;
  for (int i = 0; i < kBits; ++i) count += Bit(s[0], i);
  return count;
}
template <int kBits>
std::uint64_t LeadingZeros(const Sources& s, bool&) {
  int count = 0;
  while (count < kBits && !Bit(s[0], kBits - 1 - count)) ++count;
  return static_cast<std::uint64_t>(count);
}
template <int kBits>
std::uint64_t ShiftLeft(const Sources& s, bool&) {
  return s[1] >= kBits ? 0 : s[0] << s[1];
}
template <int kBits>
std::uint64_t ShiftRight(const Sources& s, bool&) {
  return s[1] >= kBits ? 0 : s[0] >> s[1];
}
template <int kBits>
std::uint64_t ShiftRightSigned(const Sources& s, bool&) {
  return static_cast<std::uint64_t>(AsSigned<kBits>(s[0]) >>
                                    std::min<std::uint64_t>(s[1], kBits - 1));
}
template <bool kIsLeft, bool kWraps>
std::uint64_t FunnelShift(const Sources& s, bool&) {
  const std::uint64_t n = kWraps ? s[2] & 31 : std::min<std::uint64_t>(s[2], 32);
  const std::uint64_t both = s[1] << 32 | s[0];
  return kIsLeft ? static_cast<std::uint64_t>(Wide{both} << n >> 32) : both >> n;
}
std::uint64_t FindLeading(const Sources& s, bool&) {
  for (int i = 31; i >= 0; --i) {
    if (Bit(s[0], i)) return static_cast<std::uint64_t>(i);
  }
  return 0xFFFFFFFF;
}
std::uint64_t Permute(const Sources& s, bool&) {
  const std::uint64_t bytes = s[1] << 32 | s[0];
  std::uint64_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t selector = s[2] >> (4 * i);
    std::uint64_t byte = bytes >> (8 * (selector & 7)) & 0xFF;
    if ((selector & 8) != 0) byte = Bit(byte, 7) ? 0xFF : 0;
    result |= byte << (8 * i);
  }
  return result;
}
std::uint64_t Lop3(const Sources& s, bool&) {
  std::uint64_t result = 0;
  for (int i = 0; i < 32; ++i) {
    const int row = 4 * Bit(s[0], i) + 2 * Bit(s[1], i) + Bit(s[2], i);
    if (Bit(s[3], row)) result |= 1ull << i;
  }
  return result;
}
template <bool kIsSigned>
std::uint64_t Dot4(const Sources& s, bool&) {
  std::uint64_t sum = s[2];
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t a = s[0] >> (8 * i) & 0xFF;
    const std::uint64_t b = s[1] >> (8 * i) & 0xFF;
    sum += kIsSigned ? static_cast<std::uint64_t>(AsSigned<8>(a) * AsSigned<8>(b)) : a * b;
  }
  return sum;
}

// --- binary32 ------------------------------------------------------------------------------------

const FormatSpec& kF32 = formats::kFloat32;

// a * b + c, rounded once.
std::uint64_t Fused(std::uint64_t a, std::uint64_t b, std::uint64_t c, RoundingMode mode) {
  if (kF32.IsNan(a) || kF32.IsNan(b) || kF32.IsNan(c)) return kNan32;
  const bool product_is_negative = kF32.IsNegative(a) != kF32.IsNegative(b);
  if (kF32.IsInfinity(a) || kF32.IsInfinity(b)) {
    const bool is_invalid = kF32.IsZero(a) || kF32.IsZero(b) ||
                            (kF32.IsInfinity(c) && kF32.IsNegative(c) != product_is_negative);
    return is_invalid ? kNan32 : 0x7F800000u | (product_is_negative ? 0x80000000u : 0);
  }
  if (kF32.IsInfinity(c)) return c;
  const Dyadic product = Dyadic::FromCode(kF32, a) * Dyadic::FromCode(kF32, b);
  const Dyadic sum = product + Dyadic::FromCode(kF32, c);
  const bool is_sum_of_like_zeros =
      product.is_zero() && kF32.IsZero(c) && product_is_negative == kF32.IsNegative(c);
  const bool negative_zero =
      is_sum_of_like_zeros ? product_is_negative : mode == RoundingMode::kDown;
  return reference::RoundToFormat(kF32, sum, {mode}, Overflow::kIeee, 0, negative_zero);
}
template <RoundingMode kMode>
std::uint64_t FusedForm(const Sources& s, bool&) {
  return Fused(s[0], s[1], s[2], kMode);
}
template <RoundingMode kMode>
std::uint64_t AddForm(const Sources& s, bool&) {
  return Fused(s[0], 0x3F800000, s[1], kMode);
}
template <RoundingMode kMode>
std::uint64_t SubForm(const Sources& s, bool&) {
  return Fused(s[1], 0xBF800000, s[0], kMode);
}
template <RoundingMode kMode>
std::uint64_t MulForm(const Sources& s, bool&) {
  // Plus a zero of the product's own sign, which changes nothing.
  const bool is_negative = kF32.IsNegative(s[0]) != kF32.IsNegative(s[1]);
  return Fused(s[0], s[1], is_negative ? 0x80000000 : 0, kMode);
}

// The place of a number on the line: -0 just below +0, which is how min and max see them.
std::int64_t Place(std::uint64_t code) {
  const auto magnitude = static_cast<std::int64_t>(code & 0x7FFFFFFF);
  return Bit(code, 31) ? -magnitude - 1 : magnitude;
}
template <bool kIsMax>
std::uint64_t MinMaxFloat(const Sources& s, bool&) {
  if (kF32.IsNan(s[0])) return kF32.IsNan(s[1]) ? kNan32 : s[1];
  if (kF32.IsNan(s[1])) return s[0];
  return (Place(s[0]) < Place(s[1])) != kIsMax ? s[0] : s[1];
}
bool IsUnordered(const Sources& s) { return kF32.IsNan(s[0]) || kF32.IsNan(s[1]); }
// -1, 0 or 1: by value, so zeros are equal.
int Order(const Sources& s) {
  if (kF32.IsZero(s[0]) && kF32.IsZero(s[1])) return 0;
  return (Place(s[0]) > Place(s[1])) - (Place(s[0]) < Place(s[1]));
}

std::uint64_t CastTo(const FormatSpec& to, std::uint64_t code, RoundingMode mode,
                     std::uint64_t nan) {
  if (kF32.IsNan(code)) return nan;
  return reference::Cast(kF32, code, to, {mode}, Overflow::kIeee);
}
std::uint64_t FromHalf(const FormatSpec& from, std::uint64_t code) {
  if (from.IsNan(code)) return kNan32;
  return reference::Cast(from, code, kF32, {}, Overflow::kIeee);
}
// An integer rounded once: its magnitude is a significand.
std::uint64_t FromInteger(bool negative, std::uint64_t magnitude, RoundingMode mode) {
  if (magnitude == 0) return 0;
  const formats::Decoded x = {formats::ValueClass::kNormal, negative, magnitude, 0};
  return reference::RoundToFormat(kF32, x, {mode}, Overflow::kIeee);
}
// To an integer of 32 bits: NaN is zero, what is beyond is the end of the range. Toward zero, or to
// nearest even, of significand * 2^exponent.
template <bool kIsSigned, bool kIsNearest>
std::uint64_t ToInteger(const Sources& s, bool&) {
  const std::uint64_t code = s[0];
  const bool negative = kF32.IsNegative(code);
  const std::uint64_t least = kIsSigned ? 0x80000000 : 0;
  const std::uint64_t most = kIsSigned ? 0x7FFFFFFF : 0xFFFFFFFF;
  if (kF32.IsNan(code)) return 0;
  if (kF32.IsInfinity(code)) return negative ? least : most;
  const formats::Decoded x = formats::Decode(kF32, code);
  std::uint64_t magnitude = 0;
  if (x.exponent >= 10) return x.significand == 0 ? 0 : negative ? least : most;
  if (x.exponent >= 0) {
    magnitude = x.significand << x.exponent;
  } else if (x.exponent > -26) {
    const int down = -x.exponent;
    const std::uint64_t rest = x.significand & Mask(down);
    const std::uint64_t half = 1ull << (down - 1);
    magnitude = x.significand >> down;
    if (kIsNearest && (rest > half || (rest == half && (magnitude & 1) != 0))) ++magnitude;
  }
  if (negative) return kIsSigned ? (magnitude > least ? least : 0 - magnitude) : 0;
  return std::min(magnitude, most);
}

// --- The table -----------------------------------------------------------------------------------

template <RoundingMode kMode>
void AddArithmetic(std::string_view add, std::string_view sub, std::string_view mul,
                   std::string_view fma, std::vector<EvaluatedForm>& forms) {
  forms.push_back({add, 'r', "rr", AddForm<kMode>});
  forms.push_back({sub, 'r', "rr", SubForm<kMode>});
  forms.push_back({mul, 'r', "rr", MulForm<kMode>});
  forms.push_back({fma, 'r', "rrr", FusedForm<kMode>});
}

// What a lambda of the table takes.
#define ULPROOF_FORM(expression)                       \
  [](const Sources& s, bool& carry) -> std::uint64_t { \
    (void)s, (void)carry;                              \
    return static_cast<std::uint64_t>(expression);     \
  }

std::vector<EvaluatedForm> MakeForms() {
  std::vector<EvaluatedForm> forms = {
      {"mov.b32", 'r', "x", ULPROOF_FORM(s[0])},
      {"add.u32", 'r', "rx", ULPROOF_FORM(s[0] + s[1])},
      {"sub.s32", 'r', "rx", ULPROOF_FORM(s[0] - s[1])},
      {"add.sat.s32", 'r', "rx",
       ULPROOF_FORM(Clamped<32>(AsSigned<32>(s[0]) + AsSigned<32>(s[1])))},
      {"sub.sat.s32", 'r', "rr",
       ULPROOF_FORM(Clamped<32>(AsSigned<32>(s[0]) - AsSigned<32>(s[1])))},
      {"mul.lo.s32", 'r', "rx", ULPROOF_FORM(s[0] * s[1])},
      {"mul.hi.u32", 'r', "rx", MulHigh<32>},
      {"mul.hi.s32", 'r', "rx", MulHighSigned<32>},
      {"mul.wide.u32", 'd', "rx", ULPROOF_FORM(s[0] * s[1])},
      {"mul.wide.s32", 'd', "rr", ULPROOF_FORM(AsSigned<32>(s[0]) * AsSigned<32>(s[1]))},
      {"mad.lo.u32", 'r', "rrx", ULPROOF_FORM(s[0] * s[1] + s[2])},
      {"mad.hi.u32", 'r', "rrr", ULPROOF_FORM((s[0] * s[1] >> 32) + s[2])},
      {"mad.wide.u32", 'd', "rrd", ULPROOF_FORM(s[0] * s[1] + s[2])},
      {"min.u32", 'r', "rx", MinMaxUnsigned<false>},
      {"max.u32", 'r', "rr", MinMaxUnsigned<true>},
      {"min.s32", 'r', "rx", MinMaxSigned<32, false>},
      {"max.s32", 'r', "rr", MinMaxSigned<32, true>},
      {"neg.s32", 'r', "r", ULPROOF_FORM(0 - s[0])},
      {"abs.s32", 'r', "r", ULPROOF_FORM(Bit(s[0], 31) ? 0 - s[0] : s[0])},
      {"sad.u32", 'r', "rrr", ULPROOF_FORM(s[2] + (s[0] < s[1] ? s[1] - s[0] : s[0] - s[1]))},
      {"dp4a.u32.u32", 'r', "rrr", Dot4<false>},
      {"dp4a.s32.s32", 'r', "rrr", Dot4<true>},
      {"add.cc.u32", 'r', "rr", ULPROOF_FORM((carry = (s[0] + s[1]) >> 32 != 0, s[0] + s[1]))},
      {"addc.u32", 'r', "rr", ULPROOF_FORM(s[0] + s[1] + carry)},
      {"addc.cc.u32", 'r', "rr",
       [](const Sources& s, bool& carry) {
         const std::uint64_t sum = s[0] + s[1] + carry;
         carry = sum >> 32 != 0;
         return sum;
       }},
      {"sub.cc.u32", 'r', "rr", ULPROOF_FORM((carry = s[0] < s[1], s[0] - s[1]))},
      {"subc.u32", 'r', "rr", ULPROOF_FORM(s[0] - s[1] - carry)},
      {"and.b32", 'r', "rx", ULPROOF_FORM(s[0] & s[1])},
      {"or.b32", 'r', "rx", ULPROOF_FORM(s[0] | s[1])},
      {"xor.b32", 'r', "rx", ULPROOF_FORM(s[0] ^ s[1])},
      {"not.b32", 'r', "r", ULPROOF_FORM(~s[0])},
      {"cnot.b32", 'r', "r", ULPROOF_FORM(s[0] == 0)},
      {"shl.b32", 'r', "rx", ShiftLeft<32>},
      {"shr.u32", 'r', "rx", ShiftRight<32>},
      {"shr.s32", 'r', "rx", ShiftRightSigned<32>},
      {"shf.l.wrap.b32", 'r', "rrr", FunnelShift<true, true>},
      {"shf.l.clamp.b32", 'r', "rrx", FunnelShift<true, false>},
      {"shf.r.wrap.b32", 'r', "rrx", FunnelShift<false, true>},
      {"shf.r.clamp.b32", 'r', "rrr", FunnelShift<false, false>},
      {"bfe.u32", 'r', "rrr", Extract<32, false>},
      {"bfe.s32", 'r', "rxx", Extract<32, true>},
      {"bfi.b32", 'r', "rrrr", Insert<32>},
      {"bfind.u32", 'r', "r", FindLeading},
      {"brev.b32", 'r', "r", Reverse<32>},
      {"popc.b32", 'r', "r", CountOnes<32>},
      {"clz.b32", 'r', "r", LeadingZeros<32>},
      {"prmt.b32", 'r', "rrx", Permute},
      {"lop3.b32", 'r', "rrri", Lop3},
      // 64 and 16 bits.
      {"add.s64", 'd', "dd", ULPROOF_FORM(s[0] + s[1])},
      {"sub.s64", 'd', "dd", ULPROOF_FORM(s[0] - s[1])},
      {"mul.lo.u64", 'd', "dd", ULPROOF_FORM(s[0] * s[1])},
      {"mul.hi.u64", 'd', "dd", MulHigh<64>},
      {"mul.hi.s64", 'd', "dd", MulHighSigned<64>},
      {"mad.lo.s64", 'd', "ddd", ULPROOF_FORM(s[0] * s[1] + s[2])},
      {"min.u64", 'd', "dd", MinMaxUnsigned<false>},
      {"max.s64", 'd', "dd", MinMaxSigned<64, true>},
      {"and.b64", 'd', "dd", ULPROOF_FORM(s[0] & s[1])},
      {"xor.b64", 'd', "dd", ULPROOF_FORM(s[0] ^ s[1])},
      {"not.b64", 'd', "d", ULPROOF_FORM(~s[0])},
      {"shl.b64", 'd', "dx", ShiftLeft<64>},
      {"shr.u64", 'd', "dx", ShiftRight<64>},
      {"shr.s64", 'd', "dr", ShiftRightSigned<64>},
      {"bfe.u64", 'd', "drr", Extract<64, false>},
      {"bfe.s64", 'd', "drr", Extract<64, true>},
      {"bfi.b64", 'd', "ddrr", Insert<64>},
      {"brev.b64", 'd', "d", Reverse<64>},
      {"popc.b64", 'r', "d", CountOnes<64>},
      {"clz.b64", 'r', "d", LeadingZeros<64>},
      {"add.u16", 'h', "hh", ULPROOF_FORM(s[0] + s[1])},
      {"mul.lo.u16", 'h', "hh", ULPROOF_FORM(s[0] * s[1])},
      {"mul.wide.s16", 'r', "hh", ULPROOF_FORM(AsSigned<16>(s[0]) * AsSigned<16>(s[1]))},
      {"min.s16", 'h', "hh", MinMaxSigned<16, false>},
      {"shr.s16", 'h', "hr", ShiftRightSigned<16>},
      {"shl.b16", 'h', "hr", ShiftLeft<16>},
      // Integer conversions.
      {"cvt.u32.u16", 'r', "h", ULPROOF_FORM(s[0])},
      {"cvt.s32.s16", 'r', "h", ULPROOF_FORM(AsSigned<16>(s[0]))},
      {"cvt.s32.s8", 'r', "r", ULPROOF_FORM(AsSigned<8>(s[0]))},
      {"cvt.u16.u32", 'h', "r", ULPROOF_FORM(s[0])},
      {"cvt.sat.s16.s32", 'h', "r", ULPROOF_FORM(Clamped<16>(AsSigned<32>(s[0])))},
      {"cvt.sat.u8.s32", 'r', "r", ULPROOF_FORM(std::clamp<Signed>(AsSigned<32>(s[0]), 0, 255))},
      {"cvt.s64.s32", 'd', "r", ULPROOF_FORM(AsSigned<32>(s[0]))},
      {"cvt.u64.u32", 'd', "r", ULPROOF_FORM(s[0])},
      {"cvt.u32.u64", 'r', "d", ULPROOF_FORM(s[0])},
      // Comparisons and choices.
      {"setp.eq.u32", 'p', "rx", ULPROOF_FORM(s[0] == s[1])},
      {"setp.lt.u32", 'p', "rx", ULPROOF_FORM(s[0] < s[1])},
      {"setp.hs.u32", 'p', "rr", ULPROOF_FORM(s[0] >= s[1])},
      {"setp.gt.s32", 'p', "rx", ULPROOF_FORM(AsSigned<32>(s[0]) > AsSigned<32>(s[1]))},
      {"setp.le.s64", 'p', "dd", ULPROOF_FORM(AsSigned<64>(s[0]) <= AsSigned<64>(s[1]))},
      {"setp.ne.and.u32", 'p', "rrp", ULPROOF_FORM(s[0] != s[1] && s[2] != 0)},
      {"xor.pred", 'p', "pp", ULPROOF_FORM(s[0] != s[1])},
      {"not.pred", 'p', "p", ULPROOF_FORM(s[0] == 0)},
      {"selp.b32", 'r', "rxp", ULPROOF_FORM(s[2] != 0 ? s[0] : s[1])},
      {"selp.b64", 'd', "ddp", ULPROOF_FORM(s[2] != 0 ? s[0] : s[1])},
      {"slct.u32.s32", 'r', "rrr", ULPROOF_FORM(AsSigned<32>(s[2]) >= 0 ? s[0] : s[1])},
      // binary32.
      {"min.f32", 'r', "rr", MinMaxFloat<false>},
      {"max.f32", 'r', "rr", MinMaxFloat<true>},
      {"setp.lt.f32", 'p', "rr", ULPROOF_FORM(!IsUnordered(s) && Order(s) < 0)},
      {"setp.geu.f32", 'p', "rr", ULPROOF_FORM(IsUnordered(s) || Order(s) >= 0)},
      {"setp.eq.f32", 'p', "rr", ULPROOF_FORM(!IsUnordered(s) && Order(s) == 0)},
      {"setp.nan.f32", 'p', "rr", ULPROOF_FORM(IsUnordered(s))},
      {"cvt.rn.f32.u32", 'r', "r",
       ULPROOF_FORM(FromInteger(false, s[0], RoundingMode::kNearestEven))},
      {"cvt.rz.f32.s32", 'r', "r",
       ULPROOF_FORM(FromInteger(Bit(s[0], 31), Bit(s[0], 31) ? (0 - s[0]) & Mask(32) : s[0],
                                RoundingMode::kTowardZero))},
      {"cvt.rp.f32.u64", 'r', "d", ULPROOF_FORM(FromInteger(false, s[0], RoundingMode::kUp))},
      {"cvt.rzi.s32.f32", 'r', "r", ToInteger<true, false>},
      {"cvt.rni.u32.f32", 'r', "r", ToInteger<false, true>},
      {"cvt.rni.s32.f32", 'r', "r", ToInteger<true, true>},
      {"cvt.rn.f16.f32", 'h', "r",
       ULPROOF_FORM(CastTo(formats::kFloat16, s[0], RoundingMode::kNearestEven, kNan16))},
      {"cvt.rz.f16.f32", 'h', "r",
       ULPROOF_FORM(CastTo(formats::kFloat16, s[0], RoundingMode::kTowardZero, kNan16))},
      {"cvt.rn.bf16.f32", 'h', "r",
       ULPROOF_FORM(CastTo(formats::kBfloat16, s[0], RoundingMode::kNearestEven, kNan16))},
      {"cvt.f32.f16", 'r', "h", ULPROOF_FORM(FromHalf(formats::kFloat16, s[0]))},
  };
  AddArithmetic<RoundingMode::kNearestEven>("add.rn.f32", "sub.rn.f32", "mul.rn.f32", "fma.rn.f32",
                                            forms);
  AddArithmetic<RoundingMode::kTowardZero>("add.rz.f32", "sub.rz.f32", "mul.rz.f32", "fma.rz.f32",
                                           forms);
  AddArithmetic<RoundingMode::kDown>("add.rm.f32", "sub.rm.f32", "mul.rm.f32", "fma.rm.f32", forms);
  AddArithmetic<RoundingMode::kUp>("add.rp.f32", "sub.rp.f32", "mul.rp.f32", "fma.rp.f32", forms);
  return forms;
}

#undef ULPROOF_FORM

}  // namespace

std::span<const EvaluatedForm> EvaluatedForms() {
  static const std::vector<EvaluatedForm> forms = MakeForms();
  return forms;
}

}  // namespace ulproof::fuzz
