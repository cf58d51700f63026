// SPDX-License-Identifier: Apache-2.0
// binary16 and bfloat16 arithmetic, single and packed in pairs. Sources are widened exactly to
// binary64, products are exact there, sums are taken to odd, and the result is narrowed to odd in
// binary32 (24 >= 11 + 2 bits) and rounded once: a bfloat16 FMA through binary32 or binary64 with
// an ordinary rounding would round twice.
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// What differs between the two formats.
struct Half {
  static constexpr std::uint32_t kInfinity = 0x7C00;
  static std::uint32_t Widen(std::uint32_t code) { return FloatFromHalf(code); }
  static std::uint32_t Narrow(std::uint32_t bits) { return HalfFromFloat(bits); }
};
struct Bfloat {
  static constexpr std::uint32_t kInfinity = 0x7F80;
  static std::uint32_t Widen(std::uint32_t code) { return FloatFromBfloat(code); }
  static std::uint32_t Narrow(std::uint32_t bits) { return BfloatFromFloat(bits); }
};

constexpr std::uint32_t kNan16 = 0x7FFF;
constexpr std::uint32_t kOne16 = 0x3C00;  // 1 in binary16: only that format has .sat.

template <typename F>
std::uint32_t FlushCode(std::uint32_t code) {
  return (code & F::kInfinity) == 0 ? code & 0x8000 : code;
}
template <typename F>
bool IsNan(std::uint32_t code) {
  return (code & 0x7FFF) > F::kInfinity;
}

// kOptions bits: 0 .ftz, 1 .sat, 2 .relu
template <typename F, int kOptions>
std::uint32_t FinishCode(double exact_to_odd) {
  std::uint32_t code = F::Narrow(BitsOfFloat(NarrowToOdd(exact_to_odd)));
  if constexpr ((kOptions & 1) != 0) code = FlushCode<F>(code);
  if constexpr ((kOptions & 2) != 0) {
    code = (code & 0x8000) != 0 || IsNan<F>(code) ? 0 : code;
    code = code > kOne16 ? kOne16 : code;
  }
  if constexpr ((kOptions & 4) != 0) code = (code & 0x8000) != 0 ? 0 : code;
  return code;
}
template <typename F, int kOptions>
double Source(std::uint32_t code) {
  const std::uint32_t flushed = (kOptions & 1) != 0 ? FlushCode<F>(code) : code;
  return FloatOf(F::Widen(flushed));
}

enum Operator { kAdd, kSub, kMul, kFma };

template <typename F, int kOptions, Operator kOperator>
std::uint32_t One(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const double x = Source<F, kOptions>(a);
  const double y = Source<F, kOptions>(b);
  double result = 0;
  if constexpr (kOperator == kAdd) result = AddToOdd(x, y);
  if constexpr (kOperator == kSub) result = AddToOdd(x, -y);
  if constexpr (kOperator == kMul) result = x * y;
  if constexpr (kOperator == kFma) result = AddToOdd(x * y, Source<F, kOptions>(c));
  return FinishCode<F, kOptions>(result);
}

template <typename F, int kOptions, Operator kOperator>
std::uint32_t Pair(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return One<F, kOptions, kOperator>(a & 0xFFFF, b & 0xFFFF, c & 0xFFFF) |
         One<F, kOptions, kOperator>(a >> 16, b >> 16, c >> 16) << 16;
}

template <typename F, int kOptions, Operator kOperator>
std::uint16_t Single2(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::uint16_t>(One<F, kOptions, kOperator>(a, b, 0));
}
template <typename F, int kOptions, Operator kOperator>
std::uint16_t Single3(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  return static_cast<std::uint16_t>(One<F, kOptions, kOperator>(a, b, c));
}
template <typename F, int kOptions, Operator kOperator>
std::uint32_t Pair2(std::uint32_t a, std::uint32_t b) {
  return Pair<F, kOptions, kOperator>(a, b, 0);
}

template <typename F, int kOptions, Operator kOperator>
Execute Instance(bool is_pair) {
  if constexpr (kOperator == kFma) {
    return is_pair ? &Lanes<&Pair<F, kOptions, kOperator>>
                   : &Lanes<&Single3<F, kOptions, kOperator>>;
  } else {
    return is_pair ? &Lanes<&Pair2<F, kOptions, kOperator>>
                   : &Lanes<&Single2<F, kOptions, kOperator>>;
  }
}

template <Operator kOperator>
Binding Bind(const Form& form) {
  const bool is_pair = BitsOf(form.type()) == 32;
  const int options =
      (form.Has("ftz") ? 1 : 0) | (form.Has("sat") ? 2 : 0) | (form.Has("relu") ? 4 : 0);
  if (form.type() == Type::kBf16 || form.type() == Type::kBf16x2) {
    if (options == 0) return {Instance<Bfloat, 0, kOperator>(is_pair)};
    if (options == 4) return {Instance<Bfloat, 4, kOperator>(is_pair)};
    return {};
  }
  switch (options) {
    case 0:
      return {Instance<Half, 0, kOperator>(is_pair)};
    case 1:
      return {Instance<Half, 1, kOperator>(is_pair)};
    case 2:
      return {Instance<Half, 2, kOperator>(is_pair)};
    case 3:
      return {Instance<Half, 3, kOperator>(is_pair)};
    case 4:
      return {Instance<Half, 4, kOperator>(is_pair)};
    case 5:
      return {Instance<Half, 5, kOperator>(is_pair)};
    default:
      return {};
  }
}

// min and max as in float32.cc. Parameter bits: 0 maximum, 1 .NaN, 2 .ftz, 3 .xorsign.abs.
template <typename F>
std::uint32_t MinMaxCode(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  if ((word & 4) != 0) {
    a = FlushCode<F>(a);
    b = FlushCode<F>(b);
  }
  const std::uint32_t sign = (a ^ b) & 0x8000;
  const bool signed_by_product = (word & 8) != 0;
  if (signed_by_product) {
    a &= 0x7FFF;
    b &= 0x7FFF;
  }
  const bool a_nan = IsNan<F>(a);
  const bool b_nan = IsNan<F>(b);
  if ((a_nan && b_nan) || ((word & 2) != 0 && (a_nan || b_nan))) return kNan16;
  std::uint32_t result = a;
  if (a_nan) {
    result = b;
  } else if (!b_nan) {
    const auto order = [](std::uint32_t x) {
      return (x & 0x8000) != 0 ? ~static_cast<std::int32_t>(x & 0x7FFF)
                               : static_cast<std::int32_t>(x);
    };
    const bool a_less = order(a) < order(b);
    result = a_less == ((word & 1) != 0) ? b : a;
  }
  return signed_by_product ? (result & 0x7FFF) | sign : result;
}
template <typename F>
std::uint16_t MinMaxSingle(std::uint64_t word, std::uint16_t a, std::uint16_t b) {
  return static_cast<std::uint16_t>(MinMaxCode<F>(word, a, b));
}
template <typename F>
std::uint32_t MinMaxPair(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  return MinMaxCode<F>(word, a & 0xFFFF, b & 0xFFFF) | MinMaxCode<F>(word, a >> 16, b >> 16) << 16;
}

template <typename F, bool kFlush, bool kNegate>
std::uint16_t SignSingle(std::uint16_t a) {
  const std::uint32_t code = kFlush ? FlushCode<F>(a) : a;
  return static_cast<std::uint16_t>(kNegate ? code ^ 0x8000 : code & 0x7FFF);
}
template <typename F, bool kFlush, bool kNegate>
std::uint32_t SignPair(std::uint32_t a) {
  return SignSingle<F, kFlush, kNegate>(static_cast<std::uint16_t>(a)) |
         std::uint32_t{SignSingle<F, kFlush, kNegate>(static_cast<std::uint16_t>(a >> 16))} << 16;
}
template <bool kNegate>
Binding BindSign(const Form& form) {
  const bool is_pair = BitsOf(form.type()) == 32;
  if (form.Has("ftz")) {
    return {is_pair ? &Lanes<&SignPair<Half, true, kNegate>>
                    : &Lanes<&SignSingle<Half, true, kNegate>>};
  }
  return {is_pair ? &Lanes<&SignPair<Half, false, kNegate>>
                  : &Lanes<&SignSingle<Half, false, kNegate>>};
}

}  // namespace

Binding AddHalf(const Form& form) {
  return form.opcode == "add" ? Bind<kAdd>(form) : Bind<kSub>(form);
}
Binding MulHalf(const Form& form) { return Bind<kMul>(form); }
Binding FmaHalf(const Form& form) { return Bind<kFma>(form); }
Binding SignHalf(const Form& form) {
  const bool is_bfloat = form.type() == Type::kBf16 || form.type() == Type::kBf16x2;
  if (is_bfloat && form.Has("ftz")) return {};
  return form.opcode == "neg" ? BindSign<true>(form) : BindSign<false>(form);
}
Binding MinMaxHalf(const Form& form) {
  const bool is_bfloat = form.type() == Type::kBf16 || form.type() == Type::kBf16x2;
  if (form.Has("xorsign") != form.Has("abs") || (is_bfloat && form.Has("ftz"))) return {};
  const std::uint64_t word = (form.opcode == "max" ? 1U : 0U) | (form.Has("NaN") ? 2U : 0U) |
                             (form.Has("ftz") ? 4U : 0U) | (form.Has("abs") ? 8U : 0U);
  const bool is_pair = BitsOf(form.type()) == 32;
  if (is_bfloat) {
    return {is_pair ? &ActiveLanes<&MinMaxPair<Bfloat>> : &ActiveLanes<&MinMaxSingle<Bfloat>>,
            word};
  }
  return {is_pair ? &ActiveLanes<&MinMaxPair<Half>> : &ActiveLanes<&MinMaxSingle<Half>>, word};
}

}  // namespace ulproof::gpu::ptx::ops
