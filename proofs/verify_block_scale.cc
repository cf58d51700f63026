// SPDX-License-Identifier: Apache-2.0
// The scale of a block-scaled format (contract section 9): under which rule the maximum of a group
// saturates or does not reach the top binade, how large an error gets, and whether a weight with
// noise still fits the scale that was made from the maximum without it.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "formats/block_spec.h"
#include "formats/codec.h"
#include "proofs/claims.h"
#include "proofs/rational.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::proofs {
namespace {

using formats::BlockFormat;
using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::Overflow;
using formats::ScaleRule;
using reference::Dyadic;
using reference::Rational;

constexpr Code kSignificands = 128;  // Of a bfloat16 maximum in one binade.

std::vector<BlockFormat> MxFormats() {
  std::vector<BlockFormat> formats;
  for (const BlockFormat& format : formats::kBlockFormats) {
    if (!format.has_tensor_scale) formats.push_back(format);
  }
  return formats;
}

// The maximum with trailing bits m, in [1, 2): a group's elements depend on its exponent only
// where the scale's range ends.
Dyadic Maximum(Code m) { return Dyadic::FromCode(kFloat32, (0x3F80 + m) << 16); }

// log2 of the scale that a rule makes of it.
std::int64_t ScaleExponent(const BlockFormat& format, ScaleRule rule, Code m) {
  return static_cast<std::int64_t>(reference::MxScale(format, rule, (0x3F80 + m) << 16)) - 127;
}

// An element of the group: what x becomes, in x's own units, and whether it was too large.
struct Element {
  Dyadic value;
  bool saturates;
};
Element Quantize(const BlockFormat& format, std::int64_t scale, const Dyadic& x) {
  const FormatSpec spec = reference::ElementSpec(format);
  const auto detail =
      reference::RoundToFormatDetail(spec, x.Scale2(-scale), {}, Overflow::kSaturate);
  return {Dyadic::FromCode(spec, detail.code).Scale2(scale), detail.overflow};
}

// A row of a table for `figures`: "mxfp4 ceil 3".
void Append(std::string& text, const std::string& item) {
  text += fmt::format("{}{}", text.empty() ? "" : "; ", item);
}

// A claim that held apart from `exceptions` (a list made with Append, or empty) holds only if: the
// first of them, counted in `unit`, is the counterexample, and all of them follow `figures`.
void HoldsOnlyIf(Outcome& outcome, const std::string& exceptions, const char* unit,
                 const char* condition, const char* figures) {
  if (outcome.verdict != Verdict::kHolds || exceptions.empty()) return;
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition = condition;
  outcome.counterexample = exceptions.substr(0, exceptions.find(';')) + unit;
  outcome.figures = figures + exceptions;
}

// Every significand of a bfloat16 maximum: does it round beyond the largest finite element?
Outcome Saturation(bool only_ceil) {
  Outcome outcome;
  std::string saturating;
  for (const BlockFormat& format : MxFormats()) {
    for (const ScaleRule rule : formats::kScaleRules) {
      if (only_ceil && rule != ScaleRule::kCeil && rule != ScaleRule::kRceil) continue;
      int count = 0;
      for (Code m = 0; m < kSignificands; ++m) {
        count += Quantize(format, ScaleExponent(format, rule, m), Maximum(m)).saturates ? 1 : 0;
      }
      outcome.cases += kSignificands;
      if (count == 0) continue;
      Append(saturating, fmt::format("{} {} {}", format.name, ScaleRuleName(rule), count));
      if (rule == ScaleRule::kCeil || rule == ScaleRule::kRceil) {
        outcome.verdict = Verdict::kDoesNotHold;
        outcome.counterexample = saturating;
        return outcome;
      }
    }
  }
  HoldsOnlyIf(outcome, saturating, " significands of M", "the rule is ceil or rceil",
              "of 128 significands of M saturate: ");
  return outcome;
}

// The maximum's element is below the top binade of its format: half of the codes are not used.
Outcome LostBinade(bool only_floor) {
  Outcome outcome;
  std::string lost;
  for (const BlockFormat& format : MxFormats()) {
    const std::int64_t top = Dyadic::FromCode(reference::ElementSpec(format),
                                              reference::ElementSpec(format).max_finite_code())
                                 .FloorLog2();
    for (const ScaleRule rule : formats::kScaleRules) {
      const bool may_lose = rule == ScaleRule::kCeil || rule == ScaleRule::kRceil;
      if (only_floor && may_lose) continue;
      int count = 0;
      for (Code m = 0; m < kSignificands; ++m) {
        const std::int64_t scale = ScaleExponent(format, rule, m);
        const std::int64_t reached = Quantize(format, scale, Maximum(m)).value.FloorLog2() - scale;
        outcome.Check(reached == top || (may_lose && reached == top - 1), [&] {
          return fmt::format("{} {}: M = {} reaches 2^{}", format.name, ScaleRuleName(rule),
                             Maximum(m).ToString(), reached);
        });
        count += reached == top ? 0 : 1;
      }
      if (count > 0) Append(lost, fmt::format("{} {} {}", format.name, ScaleRuleName(rule), count));
    }
  }
  HoldsOnlyIf(outcome, lost, " significands of M", "the rule is floor or even",
              "of 128 significands of M lose one binade, never two: ");
  return outcome;
}

// The largest error in a group as a fraction of its maximum, exactly: all maxima of a binade, and
// all bfloat16 weights of the binade of the maximum and the one below. (Further down the step of
// the grid is no larger, and neither is half of it.) Where elements are floating-point and the
// maximum does not saturate, it is 1 / (2^(m+1) + 1): a tie at M = w = 1 + 2^-(m+1). `only_these`:
// the rules and formats of the condition alone.
Outcome LargestError(bool only_these) {
  Outcome outcome;
  std::string worst_cases;
  for (const BlockFormat& format : MxFormats()) {
    const int m = reference::ElementSpec(format).trailing_bits;
    const Rational bound(1, (2 << m) + 1);
    for (const ScaleRule rule : formats::kScaleRules) {
      Rational worst = 0;
      bool saturates = false;
      for (Code trailing = 0; trailing < kSignificands; ++trailing) {
        const Dyadic max = Maximum(trailing);
        const std::int64_t scale = ScaleExponent(format, rule, trailing);
        saturates = saturates || Quantize(format, scale, max).saturates;
        Dyadic largest;
        for (Code w = 0x3F00; w <= 0x3F80 + trailing; ++w) {
          const Dyadic x = Dyadic::FromCode(kFloat32, w << 16);
          largest = std::max(largest, (Quantize(format, scale, x).value - x).Abs());
          ++outcome.cases;
        }
        worst = std::max(worst, Rational(ToRational(largest) / ToRational(max)));
      }
      const bool in_condition = !format.is_int8 && !saturates;
      if (in_condition) {
        outcome.Check(worst == bound, [&] {
          return fmt::format("{} {}: {}", format.name, ScaleRuleName(rule), worst.str());
        });
      } else if (!only_these && worst > bound) {
        Append(worst_cases, fmt::format("{} {} {}", format.name, ScaleRuleName(rule), worst.str()));
      }
    }
  }
  HoldsOnlyIf(
      outcome, worst_cases, " of M",
      "elements are floating-point and the rule is ceil or rceil, or even but for mxfp8_e4m3",
      "the bound is met at M = w = 1 + 2^-(m+1); larger errors: ");
  return outcome;
}

// A weight of size M with outward noise of R = 2, M (1 + 2^(2-b)), under the scale of M: how many
// significands of M let it saturate. None does with ceil from b = 3 on, nor with rceil from b = m +
// 4 on, and one bit less is not enough. M / X is no more than the largest element there, and equal
// to it for one of these M, so the worst M is among them. `only_ceil`: only that.
Outcome NoiseFits(bool only_ceil) {
  Outcome outcome;
  std::string table;
  for (const BlockFormat& format : MxFormats()) {
    const int m = reference::ElementSpec(format).trailing_bits;
    for (const ScaleRule rule : formats::kScaleRules) {
      int fits_from = 1;
      for (int b = 1; b <= 14; ++b) {
        bool fits = true;
        for (Code trailing = 0; trailing < kSignificands; ++trailing) {
          const Dyadic max = Maximum(trailing);
          const Dyadic sample = max + max.Scale2(2 - b);
          fits = fits && !Quantize(format, ScaleExponent(format, rule, trailing), sample).saturates;
          ++outcome.cases;
        }
        if (!fits) fits_from = b + 1;
      }
      if (rule == ScaleRule::kCeil || rule == ScaleRule::kRceil) {
        outcome.Check(fits_from == (rule == ScaleRule::kCeil ? 3 : m + 4), [&] {
          return fmt::format("{} {}: from b = {}", format.name, ScaleRuleName(rule), fits_from);
        });
      } else {
        Append(table, fmt::format("{} {} {}", format.name, ScaleRuleName(rule),
                                  fits_from > 14 ? "never" : fmt::format("from {}", fits_from)));
      }
    }
  }
  if (outcome.verdict == Verdict::kHolds && !only_ceil) {
    outcome.verdict = Verdict::kHoldsOnlyIf;
    outcome.condition = "the rule is ceil and b >= 3, or rceil and b >= m + 4";
    outcome.counterexample = "mxfp8_e4m3 floor: saturates for every b";
    outcome.figures = "for every M: " + table;
  }
  return outcome;
}

}  // namespace

Outcome MxRulesOverflow(Depth) { return Saturation(false); }
Outcome MxRulesOverflowVariant(Depth) { return Saturation(true); }
Outcome MxRulesBinade(Depth) { return LostBinade(false); }
Outcome MxRulesBinadeVariant(Depth) { return LostBinade(true); }
Outcome MxRulesError(Depth) { return LargestError(false); }
Outcome MxRulesErrorVariant(Depth) { return LargestError(true); }
Outcome NoiseFitsBlockScale(Depth) { return NoiseFits(false); }
Outcome NoiseFitsBlockScaleVariant(Depth) { return NoiseFits(true); }

}  // namespace ulproof::proofs
