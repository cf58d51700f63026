// SPDX-License-Identifier: Apache-2.0
// Forms whose bits PTX does not specify: evaluated in binary64 and rounded, which is closer than
// any chip promises. Special values follow the tables of the PTX ISA. Every row that uses these is
// tagged kApproximate; a result that depends on them is not evidence about a device's bits.
#include <cmath>

#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

enum Function : std::uint64_t { kRcp, kSqrt, kRsqrt, kSin, kCos, kLg2, kEx2, kTanh };
constexpr std::string_view kFunctionNames[] = {"rcp", "sqrt", "rsqrt", "sin",
                                               "cos", "lg2",  "ex2",   "tanh"};

double Evaluate(std::uint64_t function, double x) {
  switch (function) {
    case kRcp:
      return 1.0 / x;
    case kSqrt:
      return std::sqrt(x);
    case kRsqrt:
      return 1.0 / std::sqrt(x);
    case kSin:
      return std::sin(x);
    case kCos:
      return std::cos(x);
    case kLg2:
      return std::log2(x);
    case kEx2:
      return std::exp2(x);
    default:
      return std::tanh(x);
  }
}

// Parameter: the function, and 8 for .ftz.
float Unary32(std::uint64_t word, float a) {
  const bool flush = (word & 8) != 0;
  const float x = flush ? Flush(a) : a;
  const auto result = static_cast<float>(Evaluate(word & 7, x));
  return Canonical(flush ? Flush(result) : result);
}

// The chips' binary64 seeds keep only the upper word of the result.
std::uint64_t Unary64(std::uint64_t word, double a) {
  const double result = Canonical(Evaluate(word & 7, a));
  return std::bit_cast<std::uint64_t>(result) & 0xFFFFFFFF00000000;
}
double Rsqrt64(std::uint64_t, double a) { return Canonical(1.0 / std::sqrt(a)); }

template <std::uint32_t (*kWiden)(std::uint32_t), std::uint32_t (*kNarrow)(std::uint32_t)>
std::uint16_t Unary16(std::uint64_t word, std::uint16_t a) {
  const double x = FloatOf(kWiden(a));
  return static_cast<std::uint16_t>(kNarrow(BitsOfFloat(NarrowToOdd(Evaluate(word & 7, x)))));
}
template <std::uint32_t (*kWiden)(std::uint32_t), std::uint32_t (*kNarrow)(std::uint32_t)>
std::uint32_t Unary16x2(std::uint64_t word, std::uint32_t a) {
  return Unary16<kWiden, kNarrow>(word, static_cast<std::uint16_t>(a)) |
         std::uint32_t{Unary16<kWiden, kNarrow>(word, static_cast<std::uint16_t>(a >> 16))} << 16;
}

// Parameter bits: 0 .ftz, 1 .full. div.approx multiplies by a reciprocal, which is zero for the
// two largest binades of b.
float Div32(std::uint64_t word, float a, float b) {
  const bool flush = (word & 1) != 0;
  const float x = flush ? Flush(a) : a;
  const float y = flush ? Flush(b) : b;
  const float magnitude = std::fabs(y);
  auto result = static_cast<float>(double{x} / double{y});
  if ((word & 2) == 0 && magnitude > 0x1p126F && magnitude < FloatOf(kInfinity32)) {
    result = x * std::copysign(0.0F, y);
  }
  return Canonical(flush ? Flush(result) : result);
}

std::uint64_t FunctionOf(const Form& form) {
  for (std::uint64_t i = 0; i < std::size(kFunctionNames); ++i) {
    if (form.opcode == kFunctionNames[i]) return i | (form.Has("ftz") ? 8 : 0);
  }
  return 0;
}

}  // namespace

Binding Approximate32(const Form& form) { return {&ActiveLanes<&Unary32>, FunctionOf(form)}; }
Binding Approximate64(const Form& form) {
  if (form.opcode == "rsqrt" && !form.Has("ftz")) return {&ActiveLanes<&Rsqrt64>};
  return {&ActiveLanes<&Unary64>, FunctionOf(form)};
}
Binding Approximate16(const Form& form) {
  const std::uint64_t function = FunctionOf(form);
  switch (form.type()) {
    case Type::kF16:
      return {&ActiveLanes<&Unary16<&FloatFromHalf, &HalfFromFloat>>, function};
    case Type::kF16x2:
      return {&ActiveLanes<&Unary16x2<&FloatFromHalf, &HalfFromFloat>>, function};
    case Type::kBf16:
      return {&ActiveLanes<&Unary16<&FloatFromBfloat, &BfloatFromFloat>>, function};
    default:
      return {&ActiveLanes<&Unary16x2<&FloatFromBfloat, &BfloatFromFloat>>, function};
  }
}
Binding DivApproximate32(const Form& form) {
  return {&ActiveLanes<&Div32>, (form.Has("ftz") ? 1U : 0U) | (form.Has("full") ? 2U : 0U)};
}

}  // namespace ulproof::gpu::ptx::ops
