// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic: wraps modulo 2^width unless .sat is written. Division by zero gives all ones
// (the chips' value; PTX leaves it open), and the remainder is then the dividend.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// Twice the width: holds every product. Unsigned arithmetic inside, so that nothing overflows.
template <typename T>
struct Double;
template <>
struct Double<std::uint16_t> {
  using type = std::uint32_t;
};
template <>
struct Double<std::int16_t> {
  using type = std::int32_t;
};
template <>
struct Double<std::uint32_t> {
  using type = std::uint64_t;
};
template <>
struct Double<std::int32_t> {
  using type = std::int64_t;
};
template <>
struct Double<std::uint64_t> {
  __extension__ typedef unsigned __int128 type;
};
template <>
struct Double<std::int64_t> {
  __extension__ typedef __int128 type;
};
template <typename T>
using DoubleOf = typename Double<T>::type;
// std::make_unsigned promotes small types in arithmetic; 32 bits at least avoids that.
template <typename T>
using Modular = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <typename T>
T Add(T a, T b) {
  return static_cast<T>(static_cast<Modular<T>>(a) + static_cast<Modular<T>>(b));
}
template <typename T>
T Sub(T a, T b) {
  return static_cast<T>(static_cast<Modular<T>>(a) - static_cast<Modular<T>>(b));
}
template <typename T>
T MulLow(T a, T b) {
  return static_cast<T>(static_cast<Modular<T>>(a) * static_cast<Modular<T>>(b));
}
template <typename T>
DoubleOf<T> MulWide(T a, T b) {
  return static_cast<DoubleOf<T>>(a) * static_cast<DoubleOf<T>>(b);
}
template <typename T>
T MulHigh(T a, T b) {
  return static_cast<T>(MulWide(a, b) >> (8 * sizeof(T)));
}
template <typename T>
T MadLow(T a, T b, T c) {
  return Add(MulLow(a, b), c);
}
template <typename T>
T MadHigh(T a, T b, T c) {
  return Add(MulHigh(a, b), c);
}
template <typename T>
DoubleOf<T> MadWide(T a, T b, DoubleOf<T> c) {
  return Add(MulWide(a, b), c);
}
template <typename T>
T Div(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return Sub(T{0}, a);  // The smallest value wraps to itself.
  }
  return static_cast<T>(a / b);
}
template <typename T>
T Rem(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}
template <typename T>
T Abs(T a) {
  return a < 0 ? Sub(T{0}, a) : a;
}
template <typename T>
T Neg(T a) {
  return Sub(T{0}, a);
}
template <typename T>
T Min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
T Max(T a, T b) {
  return a < b ? b : a;
}
template <typename T>
T Sad(T a, T b, T c) {
  return Add(c, a < b ? Sub(b, a) : Sub(a, b));
}

std::int32_t Saturate32(std::int64_t x) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(
      x, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
}
std::int32_t AddSat(std::int32_t a, std::int32_t b) {
  return Saturate32(std::int64_t{a} + std::int64_t{b});
}
std::int32_t SubSat(std::int32_t a, std::int32_t b) {
  return Saturate32(std::int64_t{a} - std::int64_t{b});
}
std::int32_t MadHighSat(std::int32_t a, std::int32_t b, std::int32_t c) {
  return Saturate32(std::int64_t{MulHigh(a, b)} + std::int64_t{c});
}
std::int32_t MinRelu(std::int32_t a, std::int32_t b) { return Max(Min(a, b), 0); }
std::int32_t MaxRelu(std::int32_t a, std::int32_t b) { return Max(Max(a, b), 0); }

template <typename T, T (*kHalf)(T, T), bool kRelu>
std::uint32_t BothHalves(std::uint32_t a, std::uint32_t b) {
  const auto half = [](T x, T y) {
    const T r = kHalf(x, y);
    return static_cast<std::uint16_t>(kRelu && r < T{0} ? T{0} : r);
  };
  const std::uint32_t low = half(static_cast<T>(a), static_cast<T>(b));
  const std::uint32_t high = half(static_cast<T>(a >> 16), static_cast<T>(b >> 16));
  return low | high << 16;
}

// mul24 and mad24 use the low 24 bits of their sources; .hi takes bits 16 to 47 of the product.
template <typename T>
T Mul24Low(T a, T b) {
  const auto extend = [](T x) {
    return std::is_signed_v<T> ? static_cast<T>(static_cast<std::uint32_t>(x) << 8) >> 8
                               : static_cast<T>(x & 0xFFFFFF);
  };
  return MulLow<T>(static_cast<T>(extend(a)), static_cast<T>(extend(b)));
}

template <bool kSignedA, bool kSignedB>
std::uint32_t Dp4a(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  for (int i = 0; i < 32; i += 8) {
    const auto x = static_cast<std::uint8_t>(a >> i);
    const auto y = static_cast<std::uint8_t>(b >> i);
    const int p = kSignedA ? static_cast<std::int8_t>(x) : x;
    const int q = kSignedB ? static_cast<std::int8_t>(y) : y;
    c += static_cast<std::uint32_t>(p * q);
  }
  return c;
}
// The parameter is the first byte of b: 0 (.lo) or 2 (.hi).
template <bool kSignedA, bool kSignedB>
std::uint32_t Dp2a(std::uint64_t first_byte, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  for (int i = 0; i < 2; ++i) {
    const auto x = static_cast<std::uint16_t>(a >> (16 * i));
    const auto y = static_cast<std::uint8_t>(b >> (8 * (static_cast<int>(first_byte) + i)));
    const std::int64_t p = kSignedA ? static_cast<std::int16_t>(x) : x;
    const std::int64_t q = kSignedB ? static_cast<std::int8_t>(y) : y;
    c += static_cast<std::uint32_t>(p * q);
  }
  return c;
}

// Extended precision: x + y + carry in and out through the warp's carry word. Subtraction keeps
// the borrow there. kTerms: 2 for a and b, 3 for the product of a and b plus c.
template <typename T, bool kSubtract, bool kCarryIn, int kProduct>
void Carry(const Operation& operation, Warp& warp, LaneMask mask) {
  using U = std::make_unsigned_t<T>;
  auto* const result = warp.At<U>(operation.operand[0]);
  const auto* const a = warp.At<U>(operation.operand[1]);
  const auto* const b = warp.At<U>(operation.operand[2]);
  const auto* const c = warp.At<U>(operation.operand[3]);
  const bool writes_carry = operation.parameter != 0;
  const LaneMask carry_in = kCarryIn ? *warp.At<LaneMask>(kCarrySlot) : 0;
  LaneMask carry_out = 0;
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    U x = a[lane];
    U y = b[lane];
    if (kProduct != 0) {
      x = kProduct == 1 ? MulLow<T>(static_cast<T>(x), static_cast<T>(y))
                        : MulHigh<T>(static_cast<T>(x), static_cast<T>(y));
      y = c[lane];
    }
    const U in = (carry_in >> lane) & 1;
    const U first = kSubtract ? x - y : x + y;
    const U sum = kSubtract ? first - in : first + in;
    const bool out = kSubtract ? (x < y || first < in) : (first < x || sum < first);
    if (out) carry_out |= kLaneBit[lane];
    result[lane] = sum;
  }
  if (writes_carry) SetPredicate(warp, kCarrySlot, mask, carry_out);
}

template <bool kSubtract, bool kCarryIn, int kProduct>
Binding BindCarry(const Form& form) {
  if (BitsOf(form.type()) < 32) return {};
  return {ForInteger(form.type(),
                     []<typename T>(TypeTag<T>) -> Execute {
                       if constexpr (sizeof(T) >= 4) {
                         return &Carry<T, kSubtract, kCarryIn, kProduct>;
                       } else {
                         return nullptr;
                       }
                     }),
          form.Has("cc") ? 1U : 0U};
}

}  // namespace

#define ULPROOF_INTEGER_BINDER(Name, Function)                   \
  Binding Name(const Form& form) {                               \
    return {ForInteger(form.type(), []<typename T>(TypeTag<T>) { \
      return static_cast<Execute>(&Lanes<&Function<T>>);         \
    })};                                                         \
  }
ULPROOF_INTEGER_BINDER(AddInteger, Add)
ULPROOF_INTEGER_BINDER(SubInteger, Sub)
ULPROOF_INTEGER_BINDER(DivInteger, Div)
ULPROOF_INTEGER_BINDER(RemInteger, Rem)
ULPROOF_INTEGER_BINDER(NegInteger, Neg)
ULPROOF_INTEGER_BINDER(MinInteger, Min)
ULPROOF_INTEGER_BINDER(MaxInteger, Max)
ULPROOF_INTEGER_BINDER(SadInteger, Sad)
#undef ULPROOF_INTEGER_BINDER

Binding AbsInteger(const Form& form) {
  switch (form.type()) {
    case Type::kS16:
      return {&Lanes<&Abs<std::int16_t>>};
    case Type::kS32:
      return {&Lanes<&Abs<std::int32_t>>};
    case Type::kS64:
      return {&Lanes<&Abs<std::int64_t>>};
    default:
      return {};
  }
}

Binding MulInteger(const Form& form) {
  const bool high = form.Has("hi");
  return {ForInteger(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    return high ? &Lanes<&MulHigh<T>> : &Lanes<&MulLow<T>>;
  })};
}

Binding MulWideInteger(const Form& form) {
  return {ForInteger(form.type(), []<typename T>(TypeTag<T>) -> Execute {
    if constexpr (sizeof(T) < 8) {
      return &Lanes<&MulWide<T>>;
    } else {
      return nullptr;
    }
  })};
}

Binding MadInteger(const Form& form) {
  const bool high = form.Has("hi");
  return {ForInteger(form.type(), [&]<typename T>(TypeTag<T>) -> Execute {
    return high ? &Lanes<&MadHigh<T>> : &Lanes<&MadLow<T>>;
  })};
}

Binding MadWideInteger(const Form& form) {
  return {ForInteger(form.type(), []<typename T>(TypeTag<T>) -> Execute {
    if constexpr (sizeof(T) < 8) {
      return &Lanes<&MadWide<T>>;
    } else {
      return nullptr;
    }
  })};
}

Binding SaturatedInteger(const Form& form) {
  if (form.opcode == "add") return {&Lanes<&AddSat>};
  if (form.opcode == "sub") return {&Lanes<&SubSat>};
  return {&Lanes<&MadHighSat>};
}

Binding ReluInteger(const Form& form) {
  return {form.opcode == "min" ? &Lanes<&MinRelu> : &Lanes<&MaxRelu>};
}

Binding PackedInteger(const Form& form) {
  const bool is_signed = form.type() == Type::kS16x2;
  const bool relu = form.Has("relu");
  if (form.opcode == "add") {
    return {&Lanes<&BothHalves<std::uint16_t, &Add<std::uint16_t>, false>>};
  }
  if (form.opcode == "min") {
    if (!is_signed) return {&Lanes<&BothHalves<std::uint16_t, &Min<std::uint16_t>, false>>};
    return {relu ? &Lanes<&BothHalves<std::int16_t, &Min<std::int16_t>, true>>
                 : &Lanes<&BothHalves<std::int16_t, &Min<std::int16_t>, false>>};
  }
  if (!is_signed) return {&Lanes<&BothHalves<std::uint16_t, &Max<std::uint16_t>, false>>};
  return {relu ? &Lanes<&BothHalves<std::int16_t, &Max<std::int16_t>, true>>
               : &Lanes<&BothHalves<std::int16_t, &Max<std::int16_t>, false>>};
}

Binding Mul24(const Form& form) {
  return {form.type() == Type::kS32 ? &Lanes<&Mul24Low<std::int32_t>>
                                    : &Lanes<&Mul24Low<std::uint32_t>>};
}

Binding DotProduct(const Form& form) {
  const bool a = IsSigned(form.type(0));
  const bool b = IsSigned(form.type(1));
  if (form.opcode == "dp4a") {
    if (a) return {b ? &Lanes<&Dp4a<true, true>> : &Lanes<&Dp4a<true, false>>};
    return {b ? &Lanes<&Dp4a<false, true>> : &Lanes<&Dp4a<false, false>>};
  }
  const std::uint64_t first_byte = form.Has("hi") ? 2 : 0;
  if (a)
    return {b ? &ActiveLanes<&Dp2a<true, true>> : &ActiveLanes<&Dp2a<true, false>>, first_byte};
  return {b ? &ActiveLanes<&Dp2a<false, true>> : &ActiveLanes<&Dp2a<false, false>>, first_byte};
}

Binding AddCarry(const Form& form) { return BindCarry<false, false, 0>(form); }
Binding AddWithCarry(const Form& form) { return BindCarry<false, true, 0>(form); }
Binding SubCarry(const Form& form) { return BindCarry<true, false, 0>(form); }
Binding SubWithCarry(const Form& form) { return BindCarry<true, true, 0>(form); }
Binding MadCarry(const Form& form) {
  return form.Has("hi") ? BindCarry<false, false, 2>(form) : BindCarry<false, false, 1>(form);
}
Binding MadWithCarry(const Form& form) {
  return form.Has("hi") ? BindCarry<false, true, 2>(form) : BindCarry<false, true, 1>(form);
}

}  // namespace ulproof::gpu::ptx::ops
