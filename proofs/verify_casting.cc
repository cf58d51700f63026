// SPDX-License-Identifier: Apache-2.0
// Casting (contract sections 2, 3 and 9): the bias of the three stochastic roundings, what a cast
// through another format changes, and which MX scale rules let a group's maximum saturate.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <mutex>

#include "base/parallel.h"
#include "cpu/cast_kernels.h"
#include "formats/block_spec.h"
#include "formats/codec.h"
#include "proofs/claims.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/cast.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::proofs {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat16;
using formats::kFloat32;
using formats::kFloat8E4m3fn;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using reference::Dyadic;

// The error of the mean in units of 2^-20 ulp and per 2^bits draws: all r of `bits` bits for x at
// 1 + nu/8, nu = k 2^-20, between the neighbours 1 and 1.125 of float8_e4m3fn. Exact integers:
// 2^20 (number of r that round away) - k 2^bits.
std::int64_t MeanError(RoundingMode mode, int bits, std::int64_t k) {
  const Code x = 0x3F80'0000 + static_cast<Code>(k);
  std::int64_t away = 0;
  for (std::uint32_t r = 0; r < 1u << bits; ++r) {
    const Code y = reference::Cast(kFloat32, x, kFloat8E4m3fn, {mode, bits}, Overflow::kIeee, r);
    away += y == 0x39 ? 1 : 0;
  }
  return (away << 20) - (k << bits);
}

// Bounds in units of 2^-20 ulp times 2^bits: 2^20 is 2^-bits ulp.
Outcome Bias(bool claim_a_unbiased) {
  Outcome outcome;
  constexpr std::int64_t kUnit = 1 << 20;  // 2^-N ulp.
  for (const int bits : {1, 2, 3, 5}) {
    std::int64_t least_a = 0;
    for (std::int64_t k = 0; k < kUnit; k += kUnit >> (bits + 3)) {
      for (const std::int64_t near : {k, k + 1, k + (kUnit >> (bits + 3)) - 1}) {
        const std::int64_t a = MeanError(RoundingMode::kStochasticA, bits, near);
        const std::int64_t b = MeanError(RoundingMode::kStochasticB, bits, near);
        const std::int64_t c = MeanError(RoundingMode::kStochasticC, bits, near);
        least_a = std::min(least_a, a);
        const bool right = (claim_a_unbiased ? 2 * std::abs(a) <= kUnit : a <= 0 && a > -kUnit) &&
                           2 * std::abs(b) <= kUnit && 2 * std::abs(c) <= kUnit;
        outcome.Check(right, [&] {
          return fmt::format("N = {}, nu = {} * 2^-20: errors {}, {}, {} of 2^-20 ulp / 2^N", bits,
                             near, a, b, c);
        });
      }
    }
    // Half a unit and a half is beyond what B and C may do, and A nearly reaches a whole one.
    outcome.Check(least_a < -kUnit * 3 / 4, [&] { return fmt::format("A at N = {}", bits); });
  }
  outcome.figures = "error of the mean: A in (-2^-N, 0] ulp, B and C in [-2^-(N+1), 2^-(N+1)] ulp";
  return outcome;
}

// All positive finite binary32 inputs (quick: every 61st): cast to float8_e4m3fn directly and
// through `middle`, both ties to even.
Outcome Through(Depth depth, const FormatSpec& middle) {
  Outcome outcome;
  const std::uint64_t step = depth == Depth::kFull ? 1 : 61;
  constexpr std::uint64_t kBatch = std::uint64_t{1} << 16;
  constexpr std::uint64_t kEnd = 0x7F800000;
  const cpu::Target target = cpu::RunnableTargets().front();
  const auto type = [](const FormatSpec& f) { return formats::ElementType::CodeOf(f); };
  const auto operation = [&](const FormatSpec& from, const FormatSpec& to) {
    return formats::Operation{.kind = formats::OpKind::kCast,
                              .from = from,
                              .to = to,
                              .shape = {.rows = 1, .cols = kBatch}};
  };
  std::mutex mutex;
  std::uint64_t different = 0;
  Code first = kEnd;
  base::ParallelFor(kEnd / step / kBatch, 1, [&](std::uint64_t begin, std::uint64_t end) {
    formats::Tensor x(type(kFloat32), kBatch), between(type(middle), kBatch);
    formats::Tensor once(type(kFloat8E4m3fn), kBatch), twice(type(kFloat8E4m3fn), kBatch);
    std::uint64_t mine = 0;
    Code mine_first = kEnd;
    for (std::uint64_t batch = begin; batch < end; ++batch) {
      for (std::uint64_t i = 0; i < kBatch; ++i) x.Set(i, (batch * kBatch + i) * step);
      const auto cast = [&](formats::Tensor& from, formats::Tensor& to) {
        cpu::CastRange(target, operation(from.type().format, to.type().format), from.view(),
                       to.view(), 0, kBatch);
      };
      cast(x, once);
      if (middle == kFloat32) {
        cast(x, twice);
      } else {
        cast(x, between);
        for (std::uint64_t i = 0; i < kBatch; ++i) {
          twice.Set(i, reference::Cast(middle, between.Get(i), kFloat8E4m3fn, {}, Overflow::kIeee));
        }
      }
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        if (once.Get(i) == twice.Get(i)) continue;
        ++mine;
        mine_first = std::min(mine_first, x.Get(i));
      }
    }
    const std::lock_guard lock(mutex);
    different += mine;
    first = std::min(first, mine_first);
  });
  outcome.cases = kEnd / step / kBatch * kBatch;
  if (different != 0) {
    outcome.verdict = Verdict::kDoesNotHold;
    outcome.counterexample = fmt::format("x = {:08x}", first);
  }
  outcome.figures = fmt::format("{} of {} positive inputs differ", different, outcome.cases);
  return outcome;
}

// Every significand of a bfloat16 maximum (a format's scale does not depend on the exponent but at
// the ends of its range): does max / X round beyond the largest finite element?
Outcome Saturation(bool only_ceil) {
  using formats::ScaleRule;
  Outcome outcome;
  std::string saturating;
  for (const formats::BlockFormat& format : formats::kBlockFormats) {
    if (format.has_tensor_scale) continue;
    const FormatSpec element = reference::ElementSpec(format);
    for (const ScaleRule rule : formats::kScaleRules) {
      if (only_ceil && rule != ScaleRule::kCeil && rule != ScaleRule::kRceil) continue;
      int count = 0;
      for (Code m = 0; m < 128; ++m) {
        const Code max = (0x3F80 + m) << 16;
        const Code scale = reference::MxScale(format, rule, max);
        const std::int64_t exponent = static_cast<std::int64_t>(scale) - 127;
        const auto detail = reference::RoundToFormatDetail(
            element, Dyadic::FromCode(kFloat32, max).Scale2(-exponent), {}, Overflow::kSaturate);
        count += detail.overflow ? 1 : 0;
        ++outcome.cases;
      }
      if (count == 0) continue;
      saturating += fmt::format("{}{} {}: {} of 128", saturating.empty() ? "" : "; ", format.name,
                                formats::ScaleRuleName(rule), count);
      if (rule == ScaleRule::kCeil || rule == ScaleRule::kRceil) {
        outcome.verdict = Verdict::kDoesNotHold;
        outcome.counterexample = saturating;
        return outcome;
      }
    }
  }
  if (!saturating.empty()) {
    outcome.verdict = Verdict::kHoldsOnlyIf;
    outcome.condition = "the rule is ceil or rceil";
    outcome.counterexample = saturating.substr(0, saturating.find(';'));
    outcome.figures = "significands of M that saturate: " + saturating;
  }
  return outcome;
}

}  // namespace

Outcome StochasticBias(Depth) { return Bias(false); }
Outcome StochasticBiasVariant(Depth) { return Bias(true); }
Outcome CastThroughFloat16(Depth depth) { return Through(depth, kFloat16); }
Outcome CastThroughFloat16Variant(Depth) { return Through(Depth::kQuick, kFloat32); }
Outcome MxRulesOverflow(Depth) { return Saturation(false); }
Outcome MxRulesOverflowVariant(Depth) { return Saturation(true); }

}  // namespace ulproof::proofs
