// SPDX-License-Identifier: Apache-2.0
// cvt between scalars: integers, binary16/32/64, bfloat16, tf32. The common forms have loops that
// vectorise; every other combination goes exactly through soft_float.h. A destination register
// wider than the type receives the value sign- or zero-extended.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// The parameter of the general conversion.
struct Conversion {
  Type to;
  Type from;
  FloatFlags flags;
  bool integral;  // .rni .rzi .rmi .rpi

  explicit Conversion(std::uint64_t word)
      : to(static_cast<Type>(word >> 8 & 0xFF)),
        from(static_cast<Type>(word >> 16 & 0xFF)),
        flags(word & 0xFF),
        integral((word >> 24 & 1) != 0) {}
};

const FormatSpec& FormatOf(Type type) {
  static constexpr FormatSpec kHalf = formats::kFloat16;
  static constexpr FormatSpec kBfloat = formats::kBfloat16;
  static constexpr FormatSpec kSingle = formats::kFloat32;
  static constexpr FormatSpec kDouble = formats::kFloat64;
  static constexpr FormatSpec kTf32 = kTfloat32;
  switch (type) {
    case Type::kF16:
      return kHalf;
    case Type::kBf16:
      return kBfloat;
    case Type::kF32:
      return kSingle;
    case Type::kTf32:
      return kTf32;
    default:
      return kDouble;
  }
}

Code FlushCode(const FormatSpec& format, Code code) {
  return format.IsSubnormal(code) ? code & format.sign_mask() : code;
}

// .sat to [+0, 1], .relu to [+0, inf).
Code FinishCode(const FormatSpec& format, Code code, const FloatFlags& flags) {
  if (flags.flush && format == formats::kFloat32) code = FlushCode(format, code);
  if (flags.saturate) {
    const Code one = static_cast<Code>(format.bias) << format.trailing_bits;
    if (format.IsNan(code) || format.IsNegative(code)) return 0;
    return std::min(code, one);
  }
  if (flags.relu && format.IsNegative(code) && !format.IsNan(code)) return 0;
  return code;
}

Code FloatToFloat(const Conversion& c, Code code) {
  const FormatSpec& from = FormatOf(c.from);
  const FormatSpec& to = FormatOf(c.to);
  if (c.flags.flush && c.from == Type::kF32) code = FlushCode(from, code);
  if (from.IsNan(code)) {
    if (c.flags.saturate) return 0;
    return DefaultNan(to);
  }
  if (from.IsInfinity(code)) {
    const Code sign = from.IsNegative(code) ? to.sign_mask() : 0;
    const Code magnitude = c.flags.saturate_finite ? to.max_finite_code() : to.infinity_code();
    return FinishCode(to, sign | magnitude, c.flags);
  }
  Unrounded x = FromCode(from, code);
  if (c.integral) {
    // A magnitude of 2^65 and more is an integer already.
    const Integral integer = RoundToIntegral(x, c.flags.rounding);
    if (!integer.overflow) x = {.negative = x.negative, .significand = integer.magnitude};
  }
  const RoundingControl control{.rounding = c.flags.rounding, .saturate = c.flags.saturate_finite};
  return FinishCode(to, RoundTo(to, x, control), c.flags);
}

// Limits of an integer type, as two's complement bits.
std::uint64_t MaximumOf(Type type) {
  const int bits = BitsOf(type) - (IsSigned(type) ? 1 : 0);
  return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}
std::uint64_t MinimumOf(Type type) { return IsSigned(type) ? ~MaximumOf(type) : 0; }

// Out of range saturates. NaN gives 0, but the top bit alone when either side has 64 bits.
std::uint64_t FloatToInteger(const Conversion& c, Code code) {
  const FormatSpec& from = FormatOf(c.from);
  if (c.flags.flush && c.from == Type::kF32) code = FlushCode(from, code);
  if (from.IsNan(code)) {
    const bool is_wide = BitsOf(c.to) == 64 || BitsOf(c.from) == 64;
    return is_wide ? std::uint64_t{1} << (BitsOf(c.to) - 1) : 0;
  }
  const bool negative = from.IsNegative(code);
  const std::uint64_t limit = negative ? MinimumOf(c.to) : MaximumOf(c.to);
  if (from.IsInfinity(code)) return limit;
  const Integral integer = RoundToIntegral(FromCode(from, code), c.flags.rounding);
  const std::uint64_t largest = negative ? ~limit + 1 : limit;
  if (integer.overflow || integer.magnitude > largest) return limit;
  return negative ? ~integer.magnitude + 1 : integer.magnitude;
}

Code IntegerToFloat(const Conversion& c, std::uint64_t bits) {
  const bool negative = IsSigned(c.from) && bits >> 63 != 0;
  const Unrounded x{.negative = negative, .significand = negative ? ~bits + 1 : bits};
  const FormatSpec& to = FormatOf(c.to);
  return FinishCode(to, RoundTo(to, x, {.rounding = c.flags.rounding}), c.flags);
}

std::uint64_t IntegerToInteger(const Conversion& c, std::uint64_t bits) {
  if (!c.flags.saturate) return bits;
  if (IsSigned(c.from) && bits >> 63 != 0) {
    if (!IsSigned(c.to)) return 0;
    return static_cast<std::int64_t>(bits) < static_cast<std::int64_t>(MinimumOf(c.to))
               ? MinimumOf(c.to)
               : bits;
  }
  return std::min(bits, MaximumOf(c.to));
}

// The low bits of a register as a value of `type`, extended to 64 bits.
std::uint64_t Extend(Type type, std::uint64_t bits) {
  const int unused = 64 - BitsOf(type);
  if (IsSigned(type)) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << unused) >> unused);
  }
  return bits << unused >> unused;
}

std::uint64_t Convert(const Conversion& c, std::uint64_t bits) {
  const std::uint64_t source = Extend(c.from, bits);
  std::uint64_t result = 0;
  if (IsFloat(c.from)) {
    result = IsFloat(c.to) ? FloatToFloat(c, source) : FloatToInteger(c, source);
  } else {
    result = IsFloat(c.to) ? IntegerToFloat(c, source) : IntegerToInteger(c, source);
  }
  // tf32 keeps its 19 bits at the top of the word.
  if (c.to == Type::kTf32) return result << 13;
  return Extend(c.to, result);
}

void General(const Operation& operation, Warp& warp, LaneMask mask) {
  const Conversion conversion(operation.parameter);
  const int to_bytes = operation.register_bytes[0];
  const int from_bytes = operation.register_bytes[1];
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const std::uint64_t bits = from_bytes == 8 ? warp.At<std::uint64_t>(operation.operand[1])[lane]
                                               : warp.At<std::uint32_t>(operation.operand[1])[lane];
    const std::uint64_t result = Convert(conversion, bits);
    if (to_bytes == 8) {
      warp.At<std::uint64_t>(operation.operand[0])[lane] = result;
    } else {
      const auto keep = static_cast<std::uint32_t>(to_bytes == 4 ? ~0U : (1U << 8 * to_bytes) - 1);
      warp.At<std::uint32_t>(operation.operand[0])[lane] =
          static_cast<std::uint32_t>(result) & keep;
    }
  }
}

// Fast forms. Each is right only for registers of the types' own lane width (32 or 64 bits), which
// the decoder checks before it asks for one.
template <typename To, typename From>
To Integer(From a) {
  return static_cast<To>(a);
}
template <typename From>
float ToFloat(From a) {
  return static_cast<float>(a);
}
template <typename From>
double ToDouble(From a) {
  return static_cast<double>(a);
}
template <bool kFlush>
double FloatToDouble(float a) {
  return Canonical(static_cast<double>(FlushIf<kFlush>(a)));
}
template <bool kFlush>
float DoubleToFloat(double a) {
  return Finish<kFlush, false>(static_cast<float>(a));
}
// To the nearest integer, ties to even.
double DoubleToIntegral(double a) { return Canonical(std::nearbyint(a)); }
std::int32_t DoubleToInt(double a) {
  constexpr double kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  const double nearest = std::nearbyint(a);
  const double bounded = nearest >= kLeast ? nearest : kLeast;  // NaN too gives the top bit alone.
  return static_cast<std::int32_t>(bounded <= kMost ? bounded : kMost);
}
std::uint16_t FloatToBfloat(std::uint32_t a) {
  return static_cast<std::uint16_t>(BfloatFromFloat(a));
}
std::uint16_t FloatToHalf(std::uint32_t a) { return static_cast<std::uint16_t>(HalfFromFloat(a)); }
std::uint32_t HalfToFloat(std::uint16_t a) { return FloatFromHalf(a); }
std::uint32_t BfloatToFloat(std::uint16_t a) { return FloatFromBfloat(a); }

template <typename To>
Execute IntegerTo(Type from) {
  return ForInteger(
      from, []<typename From>(TypeTag<From>) -> Execute { return &Lanes<&Integer<To, From>>; });
}

}  // namespace

// cvt whose registers have the width of their types, round to nearest where it rounds, and no other
// modifier than .ftz on binary32, or .rni on binary64; null when there is no fast form.
Execute FastConversion(const Form& form) {
  const Type to = form.type(0);
  const Type from = form.type(1);
  static constexpr std::string_view kSlow[] = {"rz",  "rm",  "rp",  "rna",  "rni",      "rzi",
                                               "rmi", "rpi", "sat", "relu", "satfinite"};
  if (form.modifiers.size() == 3 && form.Has("rni") && from == Type::kF64) {
    if (to == Type::kF64) return &Lanes<&DoubleToIntegral>;
    if (to == Type::kS32) return &Lanes<&DoubleToInt>;
  }
  if (form.Find(kSlow) >= 0) return nullptr;
  const bool flush = form.Has("ftz");
  if (from == Type::kF32 && to == Type::kBf16 && !flush) return &Lanes<&FloatToBfloat>;
  if (from == Type::kF32 && to == Type::kF16 && !flush) return &Lanes<&FloatToHalf>;
  if (from == Type::kF16 && to == Type::kF32 && !flush) return &Lanes<&HalfToFloat>;
  if (from == Type::kBf16 && to == Type::kF32) return &Lanes<&BfloatToFloat>;
  if (from == Type::kF32 && to == Type::kF64) {
    return flush ? &Lanes<&FloatToDouble<true>> : &Lanes<&FloatToDouble<false>>;
  }
  if (from == Type::kF64 && to == Type::kF32) {
    return flush ? &Lanes<&DoubleToFloat<true>> : &Lanes<&DoubleToFloat<false>>;
  }
  if (flush) return nullptr;
  if (IsInteger(from) && to == Type::kF32) {
    return ForInteger(
        from, []<typename From>(TypeTag<From>) -> Execute { return &Lanes<&ToFloat<From>>; });
  }
  if (IsInteger(from) && to == Type::kF64) {
    return ForInteger(
        from, []<typename From>(TypeTag<From>) -> Execute { return &Lanes<&ToDouble<From>>; });
  }
  if (!IsInteger(from) || !IsInteger(to)) return nullptr;
  switch (BitsOf(to)) {
    case 16:
      return IntegerTo<std::uint16_t>(from);
    case 32:
      return IntegerTo<std::uint32_t>(from);
    case 64:
      return IntegerTo<std::uint64_t>(from);
    default:
      return nullptr;
  }
}

Binding ConvertScalar(const Form& form) {
  const Type to = form.type(0);
  const Type from = form.type(1);
  static constexpr std::string_view kIntegral[] = {"rni", "rzi", "rmi", "rpi"};
  const int integral = form.Find(kIntegral);
  const bool has_rounding = form.Find(kRoundingNames) >= 0;
  const bool to_float = IsFloat(to);
  const bool from_float = IsFloat(from);
  // What PTX asks for: an integer rounding to an integer or within a type, a rounding where bits
  // can be lost, none elsewhere.
  if (from_float && !to_float && (integral < 0 || has_rounding)) return {};
  if (!from_float && to_float && (!has_rounding || integral >= 0)) return {};
  if (!from_float && !to_float && (has_rounding || integral >= 0)) return {};
  if (from_float && to_float) {
    const bool loses = FormatOf(to).trailing_bits < FormatOf(from).trailing_bits ||
                       FormatOf(to).exponent_bits < FormatOf(from).exponent_bits;
    if (to == from ? has_rounding : integral >= 0 || has_rounding != loses) return {};
  }
  std::uint64_t word = FloatFlags::Of(form) & ~std::uint64_t{7};
  word |= integral >= 0 ? static_cast<std::uint64_t>(integral)
                        : static_cast<std::uint64_t>(RoundingOf(form));
  word |= static_cast<std::uint64_t>(to) << 8 | static_cast<std::uint64_t>(from) << 16;
  if (integral >= 0 && from_float && to_float) word |= 1U << 24;
  return {&General, word};
}

}  // namespace ulproof::gpu::ptx::ops
