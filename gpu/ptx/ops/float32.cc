// SPDX-License-Identifier: Apache-2.0
// binary32 arithmetic. Round to nearest runs on the host's IEEE arithmetic; the directed modes run
// in integers (soft_float.h). NaN results are 0x7FFFFFFF.
#include <array>

#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/fma_host.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

using formats::kFloat32;

template <bool kFlush, bool kSaturate>
float Add(float a, float b) {
  return Finish<kFlush, kSaturate>(FlushIf<kFlush>(a) + FlushIf<kFlush>(b));
}
template <bool kFlush, bool kSaturate>
float Sub(float a, float b) {
  return Finish<kFlush, kSaturate>(FlushIf<kFlush>(a) - FlushIf<kFlush>(b));
}
template <bool kFlush, bool kSaturate>
float Mul(float a, float b) {
  return Finish<kFlush, kSaturate>(FlushIf<kFlush>(a) * FlushIf<kFlush>(b));
}
// The product of two binary32 is exact in binary64; the sum is taken to odd there and rounded once
// more: 53 >= 24 + 2 bits make that the single rounding of the exact value.
template <bool kFlush, bool kSaturate>
float Fma(float a, float b, float c) {
  const double product = double{FlushIf<kFlush>(a)} * double{FlushIf<kFlush>(b)};
  return Finish<kFlush, kSaturate>(
      static_cast<float>(AddToOdd(product, double{FlushIf<kFlush>(c)})));
}
template <bool kFlush, bool kSaturate>
float Div(float a, float b) {
  return Finish<kFlush, kSaturate>(FlushIf<kFlush>(a) / FlushIf<kFlush>(b));
}
template <bool kFlush, bool kSaturate>
float Rcp(float a) {
  return Finish<kFlush, kSaturate>(1.0F / FlushIf<kFlush>(a));
}
template <bool kFlush, bool kSaturate>
float Sqrt(float a) {
  return Finish<kFlush, kSaturate>(std::sqrt(FlushIf<kFlush>(a)));
}
template <bool kFlush, bool kSaturate>
float Abs(float a) {
  return FloatOf(BitsOfFloat(FlushIf<kFlush>(a)) & ~kSign32);
}
template <bool kFlush, bool kSaturate>
float Neg(float a) {
  return FloatOf(BitsOfFloat(FlushIf<kFlush>(a)) ^ kSign32);
}

std::uint32_t FlushBits(std::uint32_t bits, bool flush) {
  return flush ? BitsOfFloat(Flush(FloatOf(bits))) : bits;
}
std::uint32_t FinishBits(Code bits, const FloatFlags& flags) {
  const float x = FloatOf(FlushBits(static_cast<std::uint32_t>(bits), flags.flush));
  return BitsOfFloat(flags.saturate ? Saturate(x) : x);
}
std::uint32_t SlowAdd(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  const FloatFlags f(word);
  return FinishBits(SoftAdd(kFloat32, FlushBits(a, f.flush), FlushBits(b, f.flush), f.rounding), f);
}
std::uint32_t SlowSub(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  // A NaN stays a NaN whatever its sign.
  return SlowAdd(word, a, b ^ kSign32);
}
std::uint32_t SlowMul(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  const FloatFlags f(word);
  return FinishBits(SoftMul(kFloat32, FlushBits(a, f.flush), FlushBits(b, f.flush), f.rounding), f);
}
std::uint32_t SlowFma(std::uint64_t word, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const FloatFlags f(word);
  return FinishBits(SoftFma(kFloat32, FlushBits(a, f.flush), FlushBits(b, f.flush),
                            FlushBits(c, f.flush), f.rounding),
                    f);
}
std::uint32_t SlowDiv(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  const FloatFlags f(word);
  return FinishBits(SoftDiv(kFloat32, FlushBits(a, f.flush), FlushBits(b, f.flush), f.rounding), f);
}
std::uint32_t SlowRcp(std::uint64_t word, std::uint32_t a) {
  return SlowDiv(word, BitsOfFloat(1.0F), a);
}
std::uint32_t SlowSqrt(std::uint64_t word, std::uint32_t a) {
  const FloatFlags f(word);
  return FinishBits(SoftSqrt(kFloat32, FlushBits(a, f.flush), f.rounding), f);
}

// The four instantiations of a fast function, and its slow one for directed roundings.
#define ULPROOF_FAST(Function)                                        \
  std::array<Execute, 4> {                                            \
    &Lanes<&Function<false, false>>, &Lanes<&Function<false, true>>,  \
        &Lanes<&Function<true, false>>, &Lanes<&Function<true, true>> \
  }

Binding Choose(const Form& form, const std::array<Execute, 4>& fast, Execute slow) {
  if (RoundingOf(form) != Rounding::kNearestEven) return {slow, FloatFlags::Of(form)};
  return {fast[(form.Has("ftz") ? 2 : 0) + (form.Has("sat") ? 1 : 0)]};
}

// min and max. A NaN loses against a number, or with .NaN wins; +0 is greater than -0; with
// .xorsign.abs magnitudes are compared and the result has the product's sign. Parameter bits:
// 0 maximum, 1 .NaN, 2 .ftz, 3 .xorsign.abs.
std::uint32_t MinMaxBits(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  a = FlushBits(a, (word & 4) != 0);
  b = FlushBits(b, (word & 4) != 0);
  const bool signed_by_product = (word & 8) != 0;
  const std::uint32_t sign = (a ^ b) & kSign32;
  if (signed_by_product) {
    a &= ~kSign32;
    b &= ~kSign32;
  }
  const bool a_nan = (a & ~kSign32) > kInfinity32;
  const bool b_nan = (b & ~kSign32) > kInfinity32;
  if ((a_nan && b_nan) || ((word & 2) != 0 && (a_nan || b_nan))) return kNan32;
  std::uint32_t result = a;
  if (a_nan) {
    result = b;
  } else if (!b_nan) {
    // As sign-magnitude integers the codes order as their values do, -0 below +0.
    const auto order = [](std::uint32_t x) {
      return (x & kSign32) != 0 ? ~static_cast<std::int64_t>(x & ~kSign32)
                                : static_cast<std::int64_t>(x);
    };
    const bool a_less = order(a) < order(b);
    result = a_less == ((word & 1) != 0) ? b : a;
  }
  return signed_by_product ? (result & ~kSign32) | sign : result;
}

// The common forms without options, free of branches.
template <bool kMaximum>
std::uint32_t FastMinMax(std::uint32_t a, std::uint32_t b) {
  const auto order = [](std::uint32_t x) {
    return static_cast<std::int32_t>(
        x ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> 31) >> 1));
  };
  const bool take_a = kMaximum ? order(a) >= order(b) : order(a) <= order(b);
  std::uint32_t result = take_a ? a : b;
  const bool a_nan = (a & ~kSign32) > kInfinity32;
  const bool b_nan = (b & ~kSign32) > kInfinity32;
  result = b_nan ? a : result;
  result = a_nan ? b : result;
  return a_nan && b_nan ? kNan32 : result;
}
// Of three; parameter bit 4: of their magnitudes.
std::uint32_t MinMax3(std::uint64_t word, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const std::uint32_t keep = (word & 16) != 0 ? ~kSign32 : ~0U;
  return MinMaxBits(word, MinMaxBits(word, a & keep, b & keep), c & keep);
}

}  // namespace

Binding AddFloat32(const Form& form) {
  if (form.opcode == "add") return Choose(form, ULPROOF_FAST(Add), &ActiveLanes<&SlowAdd>);
  return Choose(form, ULPROOF_FAST(Sub), &ActiveLanes<&SlowSub>);
}
Binding MulFloat32(const Form& form) {
  return Choose(form, ULPROOF_FAST(Mul), &ActiveLanes<&SlowMul>);
}
Binding FmaFloat32(const Form& form) {
  if (RoundingOf(form) == Rounding::kNearestEven) {
    if (const Execute host = HostFma(form.Has("ftz"), form.Has("sat"))) return {host};
  }
  return PortableFmaFloat32(form);
}
Binding PortableFmaFloat32(const Form& form) {
  return Choose(form, ULPROOF_FAST(Fma), &ActiveLanes<&SlowFma>);
}
Binding DivFloat32(const Form& form) {
  return Choose(form, ULPROOF_FAST(Div), &ActiveLanes<&SlowDiv>);
}
Binding RcpFloat32(const Form& form) {
  return Choose(form, ULPROOF_FAST(Rcp), &ActiveLanes<&SlowRcp>);
}
Binding SqrtFloat32(const Form& form) {
  return Choose(form, ULPROOF_FAST(Sqrt), &ActiveLanes<&SlowSqrt>);
}
Binding SignFloat32(const Form& form) {
  return form.opcode == "abs" ? Choose(form, ULPROOF_FAST(Abs), nullptr)
                              : Choose(form, ULPROOF_FAST(Neg), nullptr);
}
namespace {

std::uint64_t MinMaxWord(const Form& form) {
  return (form.opcode == "max" ? 1U : 0U) | (form.Has("NaN") ? 2U : 0U) |
         (form.Has("ftz") ? 4U : 0U);
}

}  // namespace

Binding MinMaxFloat32(const Form& form) {
  if (form.modifiers.size() == 1) {
    return {form.opcode == "max" ? &Lanes<&FastMinMax<true>> : &Lanes<&FastMinMax<false>>};
  }
  if (form.Has("xorsign") != form.Has("abs")) return {};
  return {&ActiveLanes<&MinMaxBits>, MinMaxWord(form) | (form.Has("abs") ? 8U : 0U)};
}
Binding MinMax3Float32(const Form& form) {
  return {&ActiveLanes<&MinMax3>, MinMaxWord(form) | (form.Has("abs") ? 16U : 0U)};
}

}  // namespace ulproof::gpu::ptx::ops
