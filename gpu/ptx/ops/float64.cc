// SPDX-License-Identifier: Apache-2.0
// binary64 arithmetic. Round to nearest runs on the host (fma by the C library, which is exact);
// the directed modes run in integers (soft_float.h).
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

using formats::kFloat64;
using Bits = std::uint64_t;

double Add(double a, double b) { return Canonical(a + b); }
double Sub(double a, double b) { return Canonical(a - b); }
double Mul(double a, double b) { return Canonical(a * b); }
double Div(double a, double b) { return Canonical(a / b); }
double Rcp(double a) { return Canonical(1.0 / a); }
double Sqrt(double a) { return Canonical(std::sqrt(a)); }
double Fma(double a, double b, double c) { return Canonical(std::fma(a, b, c)); }
Bits Abs(Bits a) { return a & ~kSign64; }
Bits Neg(Bits a) { return a ^ kSign64; }

Rounding Mode(Bits word) { return FloatFlags(word).rounding; }
Bits SlowAdd(Bits word, Bits a, Bits b) { return SoftAdd(kFloat64, a, b, Mode(word)); }
Bits SlowSub(Bits word, Bits a, Bits b) { return SoftAdd(kFloat64, a, b ^ kSign64, Mode(word)); }
Bits SlowMul(Bits word, Bits a, Bits b) { return SoftMul(kFloat64, a, b, Mode(word)); }
Bits SlowDiv(Bits word, Bits a, Bits b) { return SoftDiv(kFloat64, a, b, Mode(word)); }
Bits SlowRcp(Bits word, Bits a) {
  return SoftDiv(kFloat64, std::bit_cast<Bits>(1.0), a, Mode(word));
}
Bits SlowSqrt(Bits word, Bits a) { return SoftSqrt(kFloat64, a, Mode(word)); }
Bits SlowFma(Bits word, Bits a, Bits b, Bits c) { return SoftFma(kFloat64, a, b, c, Mode(word)); }

Binding Choose(const Form& form, Execute fast, Execute slow) {
  if (RoundingOf(form) == Rounding::kNearestEven) return {fast};
  return {slow, FloatFlags::Of(form)};
}

template <bool kMaximum>
Bits MinMax(Bits a, Bits b) {
  const auto is_nan = [](Bits x) { return (x & ~kSign64) > 0x7FF0000000000000; };
  if (is_nan(a)) return is_nan(b) ? kNan64 : b;
  if (is_nan(b)) return a;
  const auto order = [](Bits x) {
    return static_cast<std::int64_t>((x & kSign64) != 0 ? x ^ ~kSign64 : x);
  };
  const bool a_less = order(a) < order(b);
  return a_less == kMaximum ? b : a;
}

}  // namespace

Binding AddFloat64(const Form& form) {
  if (form.opcode == "add") return Choose(form, &Lanes<&Add>, &ActiveLanes<&SlowAdd>);
  return Choose(form, &Lanes<&Sub>, &ActiveLanes<&SlowSub>);
}
Binding MulFloat64(const Form& form) { return Choose(form, &Lanes<&Mul>, &ActiveLanes<&SlowMul>); }
Binding DivFloat64(const Form& form) { return Choose(form, &Lanes<&Div>, &ActiveLanes<&SlowDiv>); }
Binding RcpFloat64(const Form& form) { return Choose(form, &Lanes<&Rcp>, &ActiveLanes<&SlowRcp>); }
Binding SqrtFloat64(const Form& form) {
  return Choose(form, &Lanes<&Sqrt>, &ActiveLanes<&SlowSqrt>);
}
Binding FmaFloat64(const Form& form) { return Choose(form, &Lanes<&Fma>, &ActiveLanes<&SlowFma>); }
Binding SignFloat64(const Form& form) {
  return {form.opcode == "abs" ? &Lanes<&Abs> : &Lanes<&Neg>};
}
Binding MinMaxFloat64(const Form& form) {
  return {form.opcode == "max" ? &Lanes<&MinMax<true>> : &Lanes<&MinMax<false>>};
}

}  // namespace ulproof::gpu::ptx::ops
