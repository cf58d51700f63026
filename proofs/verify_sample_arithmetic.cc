// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a sample (contract sections 6 and 7): when the product R * s is exact, when two
// roundings are one, and that 2^c is correctly rounded and monotone.
#include <fmt/format.h>
#include <mpfr.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <mutex>

#include "base/parallel.h"
#include "cpu/exp2.h"
#include "formats/catalogue.h"
#include "proofs/claims.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/scale.h"

namespace ulproof::proofs {
namespace {

using formats::Code;
using formats::kBfloat16;
using formats::kFloat32;
using reference::Dyadic;

float FromCode(std::uint32_t code) { return std::bit_cast<float>(code); }
std::uint32_t ToCode(float x) { return std::bit_cast<std::uint32_t>(x); }

constexpr std::uint32_t kInfinityCode = 0x7F800000;

// R * s for every positive finite s (the sign changes nothing): a binary64 product of a small
// integer and a binary32 number is exact, so comparing with it decides. For |R| <= largest there
// must be no inexact product but by overflow; for the first R beyond there must be one.
Outcome ExactProducts(Depth depth, int largest) {
  Outcome outcome;
  const std::uint32_t step = depth == Depth::kFull ? 1 : 251;
  for (int r = 1; r <= largest + 1 && r <= 3; ++r) {
    std::atomic<std::uint64_t> inexact = 0;
    std::atomic<std::uint32_t> first = kInfinityCode;
    base::ParallelFor(kInfinityCode / step, 1 << 20, [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t i = begin; i < end; ++i) {
        const auto code = static_cast<std::uint32_t>(i) * step;
        const float s = FromCode(code);
        const float product = static_cast<float>(r) * s;
        if (std::isinf(product) || product == static_cast<double>(r) * s) continue;
        ++inexact;
        std::uint32_t seen = first;
        while (code < seen && !first.compare_exchange_weak(seen, code)) {
        }
      }
    });
    outcome.cases += kInfinityCode / step;
    if (r <= largest) {
      outcome.Check(inexact == 0,
                    [&] { return fmt::format("R = {}, s = {:08x}", r, first.load()); });
    } else if (inexact != 0 && outcome.verdict == Verdict::kHolds) {
      outcome.verdict = Verdict::kHoldsOnlyIf;
      outcome.condition = fmt::format("|R| <= {}, and R * s does not overflow", largest);
      outcome.counterexample = fmt::format("R = {}, s = {:08x}", r, first.load());
      outcome.figures = fmt::format("R = {}: {} of {} positive s give an inexact product", r,
                                    inexact.load(), kInfinityCode / step);
    }
  }
  return outcome;
}

Code RoundOnce(const Dyadic& x) {
  return RoundToFormat(kBfloat16, x, {}, formats::Overflow::kIeee);
}
Code RoundTwice(Code noise, Code s, Code w) {
  return reference::Cast(kFloat32, reference::Fma32(noise, s, w), kBfloat16, {},
                         formats::Overflow::kIeee);
}
Dyadic Exact(Code noise, Code s, Code w) {
  return Dyadic::FromCode(kFloat32, noise) * Dyadic::FromCode(kFloat32, s) +
         Dyadic::FromCode(kFloat32, w);
}

// The bfloat16 code of a finite binary64 number, ties to even. Precondition: normal in bfloat16.
std::uint64_t Bfloat16Of(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t half = (std::uint64_t{1} << 44) - 1 + (bits >> 45 & 1);
  return (bits + half) >> 45;
}

// high + low = a + b exactly (Knuth); then high with the sticky bit of low (rounding to odd), from
// which a later rounding to few bits is right.
double SumToOdd(double a, double b) {
  const double high = a + b;
  const double virtual_b = high - a;
  const double low = (a - (high - virtual_b)) + (b - virtual_b);
  auto bits = std::bit_cast<std::uint64_t>(high);
  if (low != 0 && (bits & 1) == 0) bits = (low > 0) == (high > 0) ? bits | 1 : bits - 1;
  return std::bit_cast<double>(bits);
}

// A weight and a scale of `scale_bits` significant bits each way around one another: all
// significands, all distances of exponents up to 60 (further apart, the smaller one only decides
// ties, as at 60). R = 2 is R = 1 with the next exponent. Every 9973rd case is also decided by the
// reference.
Outcome TwoRoundings(Depth depth, int scale_bits) {
  Outcome outcome;
  std::mutex mutex;
  const std::uint64_t scales = std::uint64_t{1} << (scale_bits - 1);
  const std::uint64_t step = depth == Depth::kFull ? 1 : 3;
  base::ParallelFor(scales, 8, [&](std::uint64_t begin, std::uint64_t end) {
    Outcome mine;
    std::uint64_t number = begin;
    for (std::uint64_t i = begin; i < end; ++i) {
      const float significand = std::ldexp(static_cast<float>(scales + i), 1 - scale_bits);
      for (std::uint64_t distance = 0; distance <= 120; distance += step) {
        const float s = std::ldexp(significand, static_cast<int>(distance) - 60);
        for (int j = -256; j < 256; ++j) {
          if (std::abs(j) < 128) continue;
          const float w = std::ldexp(static_cast<float>(j), -7);
          const float t = s + w;  // RN32 of the exact sum.
          if (t == 0) continue;
          const std::uint64_t twice = Bfloat16Of(t);
          const std::uint64_t once = Bfloat16Of(SumToOdd(s, w));
          mine.Check(once == twice, [&] {
            return fmt::format("R = 1, s = {:08x}, w = {:08x}", ToCode(s), ToCode(w));
          });
          if (++number % 9973 == 0) {
            const Code by_reference = RoundOnce(Exact(reference::kOne32, ToCode(s), ToCode(w)));
            // Binary64 to bfloat16: other exponent bias, same sign and trailing bits.
            const Code code = (once & 0x40000) >> 3 | ((once & 0x3FFFF) - ((1023 - 127) << 7));
            mine.Check(code == by_reference, [&] {
              return fmt::format("the proof's own rounding is wrong at s = {:08x}, w = {:08x}",
                                 ToCode(s), ToCode(w));
            });
          }
        }
      }
    }
    const std::lock_guard lock(mutex);
    outcome.cases += mine.cases;
    if (mine.verdict == Verdict::kDoesNotHold) {
      outcome.verdict = mine.verdict;
      outcome.counterexample = mine.counterexample;
    }
  });
  return outcome;
}

}  // namespace

Outcome ProductExact(Depth depth) { return ExactProducts(depth, 2); }
Outcome ProductExactVariant(Depth depth) { return ExactProducts(depth, 3); }

Outcome TwoRoundingsAreOne(Depth depth) {
  Outcome outcome = TwoRoundings(depth, 8);  // s has as many significant bits as M.
  if (outcome.verdict != Verdict::kHolds) return outcome;
  // What the condition leaves out: |R| = 3, and a b that is not an integer (contract section 7).
  struct Outside {
    Code noise, s, w;
  };
  const Code half_way = reference::Scale(0x3F96'0000, 0x40B8'9ED3, false);
  for (const Outside& c : {Outside{0x4040'0000, 0x3F81'0000, 0xAB80'0000},
                           Outside{reference::kOne32, half_way, 0x3F80'0000}}) {
    ++outcome.cases;
    if (RoundTwice(c.noise, c.s, c.w) == RoundOnce(Exact(c.noise, c.s, c.w))) {
      outcome.verdict = Verdict::kDoesNotHold;
      outcome.counterexample = "the condition is not needed";
      return outcome;
    }
  }
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition = "b is an integer and |R| <= 2";
  outcome.counterexample =
      "w = 1, M = 1.171875, b = 5.769387722015381, R = 1: 3f86, once rounded 3f85";
  return outcome;
}
Outcome TwoRoundingsAreOneVariant(Depth) { return TwoRoundings(Depth::kQuick, 11); }

namespace {

// Every c with |c| in [2^-26, 152): the 64-bit 2^c stays clear of every rounding boundary by more
// than its error, so rounding it is rounding the real number. Smaller |c| give 1 and larger ones
// the ends of the range. MPFR rounds a sample of all.
Outcome Exp2Decided(Depth depth, std::uint64_t error_units) {
  Outcome outcome;
  std::atomic<std::uint64_t> nearest = ~std::uint64_t{0};
  std::atomic<std::uint32_t> at = 0;
  constexpr std::uint32_t kFirst = 0x32800000;
  constexpr std::uint32_t kLast = 0x43180000;
  constexpr std::uint64_t kUnit = std::uint64_t{1} << 39;  // One in the 25th bit of 64.
  const std::uint32_t step = depth == Depth::kFull ? 1 : 61;
  base::ParallelFor((kLast - kFirst) / step, 1 << 16, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint32_t code = kFirst + static_cast<std::uint32_t>(i) * step;
      for (const double c : {double{FromCode(code)}, -double{FromCode(code)}}) {
        const double fraction = c - std::floor(c);
        if (fraction == 0) continue;  // 2^c is exact.
        const std::uint64_t rest =
            cpu::Exp2Fixed(static_cast<std::uint64_t>(fraction * 0x1p64)) % kUnit;
        const std::uint64_t distance = std::min(rest, kUnit - rest);
        std::uint64_t seen = nearest;
        while (distance < seen) {
          if (nearest.compare_exchange_weak(seen, distance)) at = code;
        }
      }
    }
  });
  outcome.cases = 2 * std::uint64_t{(kLast - kFirst) / step};
  outcome.Check(nearest > error_units, [&] { return fmt::format("|c| = {:08x}", at.load()); });
  mpfr_t x, y;
  mpfr_inits2(24, x, y, static_cast<mpfr_ptr>(nullptr));
  const mpfr_exp_t emin = mpfr_get_emin();
  const mpfr_exp_t emax = mpfr_get_emax();
  for (std::uint64_t code = 0; code < std::uint64_t{1} << 32; code += 400'009) {
    const float c = FromCode(static_cast<std::uint32_t>(code));
    if (std::isnan(c)) continue;
    mpfr_set_flt(x, c, MPFR_RNDN);
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    mpfr_subnormalize(y, mpfr_exp2(y, x, MPFR_RNDN), MPFR_RNDN);
    mpfr_set_emin(emin);
    mpfr_set_emax(emax);
    const std::uint32_t expected = ToCode(mpfr_get_flt(y, MPFR_RNDN));
    outcome.Check(ToCode(cpu::Exp2(c)) == expected && reference::Exp2(ToCode(c)) == expected,
                  [&] { return fmt::format("c = {:08x}", ToCode(c)); });
  }
  mpfr_clears(x, y, static_cast<mpfr_ptr>(nullptr));
  mpfr_free_cache();
  outcome.figures = fmt::format("nearest to a boundary: {} units of 2^-63, error below {}",
                                nearest.load(), error_units);
  return outcome;
}

// RN32(2^c) over neighbouring c, from -infinity to +infinity.
Outcome Exp2Monotone(Depth depth, bool strictly) {
  Outcome outcome;
  std::mutex mutex;
  // In the order of the numbers: negative codes downwards, then positive codes upwards.
  const auto nth = [](std::int64_t n) {
    return n < 0 ? 0x80000000u | static_cast<std::uint32_t>(-n) : static_cast<std::uint32_t>(n);
  };
  constexpr std::int64_t kEnd = kInfinityCode;
  const std::int64_t window = 1 << 16;
  const std::int64_t skip = depth == Depth::kFull ? 1 : 64;
  const std::uint64_t windows = static_cast<std::uint64_t>(2 * kEnd / (window * skip));
  base::ParallelFor(windows, 1, [&](std::uint64_t begin, std::uint64_t end) {
    Outcome mine;
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::int64_t first = -kEnd + static_cast<std::int64_t>(i) * window * skip;
      float previous = cpu::Exp2(FromCode(nth(first)));
      for (std::int64_t n = first + 1; n <= first + window; ++n) {
        const float power = cpu::Exp2(FromCode(nth(n)));
        mine.Check(strictly ? power > previous : power >= previous,
                   [&] { return fmt::format("c = {:08x}", nth(n)); });
        previous = power;
      }
    }
    const std::lock_guard lock(mutex);
    outcome.cases += mine.cases;
    if (mine.verdict == Verdict::kDoesNotHold && outcome.verdict == Verdict::kHolds) {
      outcome.verdict = mine.verdict;
      outcome.counterexample = mine.counterexample;
    }
  });
  return outcome;
}

}  // namespace

Outcome Exp2CorrectlyRounded(Depth depth) { return Exp2Decided(depth, cpu::kExp2ErrorUnits); }
Outcome Exp2CorrectlyRoundedVariant(Depth) { return Exp2Decided(Depth::kQuick, 1 << 20); }
Outcome ScaleMonotone(Depth depth) { return Exp2Monotone(depth, false); }
Outcome ScaleMonotoneVariant(Depth) { return Exp2Monotone(Depth::kQuick, true); }

}  // namespace ulproof::proofs
