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
constexpr Code kBaseExponent = 127;  // Of numbers in [1, 2).

// Whether 3 s is a binary32 number, or overflows: with s = S 2^k and S odd, 3 S is odd too, so that
// it must fit in 24 bits.
bool IsTripleExact(std::uint32_t code) {
  const std::uint32_t trailing = code & 0x7F'FFFF;
  const std::uint32_t significand = code >> 23 == 0 ? trailing : trailing | 0x80'0000;
  return significand == 0 || 3 * (significand >> std::countr_zero(significand)) < 1u << 24;
}

std::uint32_t SmallestInexactTriple() {
  std::uint32_t code = 0;
  while (IsTripleExact(code)) ++code;
  return code;
}

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
      outcome.counterexample = fmt::format("R = {}, s = {:08x}", r, SmallestInexactTriple());
      outcome.figures = fmt::format("R = {}: {} of {} positive s give an inexact product", r,
                                    inexact.load(), kInfinityCode / step);
    }
  }
  return outcome;
}

// fl(fl(R s) + w) against fl(R s + w). Where R s is exact they are one expression. Where it is not,
// w = -fl(R s) tells them apart: unfused it gives 0, fused the error of the product, which is a
// binary32 number. So the set of s for which no w tells them apart is that of exact products; for
// R = 3 it must be the one that IsTripleExact describes.
Outcome Fused(Depth depth, int largest) {
  Outcome outcome;
  const std::uint32_t step = depth == Depth::kFull ? 1 : 251;
  std::mutex mutex;
  std::uint64_t different = 0;
  for (int r = 1; r <= largest; ++r) {
    base::ParallelFor(kInfinityCode / step, 1 << 20, [&](std::uint64_t begin, std::uint64_t end) {
      Outcome mine;
      std::uint64_t mine_different = 0;
      for (std::uint64_t i = begin; i < end; ++i) {
        const auto code = static_cast<std::uint32_t>(i) * step;
        const float s = FromCode(code);
        const float product = static_cast<float>(r) * s;
        if (std::isinf(product)) continue;
        // Both exact in binary64: the product has 26 bits, and its error fewer.
        const double exact = static_cast<double>(r) * s;
        const auto fused = static_cast<float>(exact - product);
        const bool agree = fused == 0;
        mine.Check(agree == (r < 3 || IsTripleExact(code)),
                   [&] { return fmt::format("R = {}, s = {:08x}", r, code); });
        mine_different += agree ? 0 : 1;
      }
      const std::lock_guard lock(mutex);
      outcome.Add(mine);
      different += mine_different;
    });
  }
  if (outcome.verdict != Verdict::kHolds || different == 0) return outcome;
  const std::uint32_t first = SmallestInexactTriple();  // Of all, not only of those met.
  const float s = FromCode(first);
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition = "|R| <= 2, or 3 S < 2^24, where s = S 2^k with S odd";
  outcome.counterexample =
      fmt::format("R = 3, s = {:08x}, w = {:08x}: fused {:08x}, unfused 0", first, ToCode(-(3 * s)),
                  ToCode(static_cast<float>(3.0 * s - 3 * s)));
  outcome.figures = fmt::format(
      "R = 3: {} of {} positive s tell them apart; no s of a 16-bit weight and a whole b does",
      different, kInfinityCode / step);
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

// Where binary32 and then bfloat16 is not one rounding: at the sums x whose binary32 t is a
// midpoint of bfloat16 though x is not, if x lies on the side of the odd neighbour. Around every
// midpoint (quick: every seventh), in eighths of a unit in the last place of binary32; and for sums
// of float32 weights and whole b. `never`: it is said to happen nowhere.
Outcome WhereTwoRoundingsDiffer(Depth depth, bool never) {
  Outcome outcome;
  std::uint64_t different = 0;
  const auto check = [&](const Dyadic& x, Code t) {
    const bool is_midpoint = (t & 0xFFFF) == 0x8000;
    const bool below_is_even = (t & 0x1'0000) == 0;
    const Dyadic rounded = Dyadic::FromCode(kFloat32, t);
    const bool beyond = rounded.is_negative() ? x < rounded : x > rounded;
    const bool predicted = is_midpoint && x != rounded && beyond == below_is_even;
    const Code once = RoundOnce(x);
    const bool differs =
        once != reference::Cast(kFloat32, t, kBfloat16, {}, formats::Overflow::kIeee);
    different += differs ? 1 : 0;
    outcome.Check(never ? !differs : differs == predicted, [&] {
      return fmt::format("R s + w = {}: once {:04x}, by way of {:08x} {:04x}", x.ToString(), once,
                         t, reference::Cast(kFloat32, t, kBfloat16, {}, formats::Overflow::kIeee));
    });
  };
  const Code step = depth == Depth::kFull ? 1 : 7;
  for (Code k = 0; k < 0x7F80; k += step) {
    const Code midpoint = k << 16 | 0x8000;
    const Dyadic t = Dyadic::FromCode(kFloat32, midpoint);
    const Dyadic unit = Dyadic::FromCode(kFloat32, midpoint + 1) - t;
    for (int j = -6; j <= 6; ++j) {
      const Dyadic x = t + (unit * Dyadic::FromInteger(j)).Scale2(-3);
      check(x, RoundToFormat(kFloat32, x, {}, formats::Overflow::kIeee));
    }
  }
  const std::uint64_t around = different;
  std::uint64_t state = 1;
  for (int i = 0; i < (depth == Depth::kFull ? 1'000'000 : 20'000); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const Code max = kBaseExponent << 23 | (state >> 20 & 0x7F'FFFF);
    const Code s = max - ((state >> 60) << 23);  // b = 1 .. 16.
    // Every other weight ends in the bits that bring the sum near a midpoint.
    Code w = (kBaseExponent - 1) << 23 | (state >> 36 & 0x7F'FFFF);
    if (i % 2 != 0) w = (w & ~Code{0xFFFF}) | 0x8000;
    check(Exact(reference::kOne32, s, w), reference::Fma32(reference::kOne32, s, w));
  }
  outcome.figures = fmt::format("{} of {} sums about midpoints differ, {} others", around,
                                outcome.cases, different - around);
  return outcome;
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
    outcome.Add(mine);
  });
  return outcome;
}

}  // namespace

Outcome ProductExact(Depth depth) { return ExactProducts(depth, 2); }
Outcome ProductExactVariant(Depth depth) { return ExactProducts(depth, 3); }
Outcome FusedIsUnfused(Depth depth) { return Fused(depth, 3); }
Outcome FusedIsUnfusedVariant(Depth depth) { return Fused(depth, 2); }
Outcome TwoRoundingsSet(Depth depth) { return WhereTwoRoundingsDiffer(depth, false); }
Outcome TwoRoundingsSetVariant(Depth) { return WhereTwoRoundingsDiffer(Depth::kQuick, true); }

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

// RN32(2^c) by MPFR for every step-th code from begin * step on. Where 2^c is 1 or beyond the range
// for certain, only every 1021st of them.
Outcome EqualsMpfr(std::uint64_t begin, std::uint64_t end, std::uint64_t step) {
  Outcome outcome;
  mpfr_t x, y;
  mpfr_inits2(24, x, y, static_cast<mpfr_ptr>(nullptr));
  const mpfr_exp_t emin = mpfr_get_emin();  // A thread's own.
  const mpfr_exp_t emax = mpfr_get_emax();
  for (std::uint64_t i = begin; i < end && i * step < std::uint64_t{1} << 32; ++i) {
    const float c = FromCode(static_cast<std::uint32_t>(i * step));
    if (std::isnan(c)) continue;
    if (step == 1 && i % 1021 != 0 && (std::fabs(c) < 0x1p-27f || std::fabs(c) > 160)) continue;
    mpfr_set_flt(x, c, MPFR_RNDN);
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    mpfr_subnormalize(y, mpfr_exp2(y, x, MPFR_RNDN), MPFR_RNDN);
    mpfr_set_emin(emin);
    mpfr_set_emax(emax);
    const std::uint32_t expected = ToCode(mpfr_get_flt(y, MPFR_RNDN));
    // The reference's own power is MPFR's too, and slow: of the full depth, a sample.
    const bool by_reference =
        (step == 1 && i % 4099 != 0) || reference::Exp2(ToCode(c)) == expected;
    outcome.Check(ToCode(cpu::Exp2(c)) == expected && by_reference,
                  [&] { return fmt::format("c = {:08x}", ToCode(c)); });
  }
  mpfr_clears(x, y, static_cast<mpfr_ptr>(nullptr));
  mpfr_free_cache();
  return outcome;
}

// Every c with |c| in [2^-26, 152): the 64-bit 2^c stays clear of every rounding boundary by more
// than an error of `error_units` 2^-63, so rounding it is rounding the real number. Smaller |c|
// give 1 and larger ones the ends of the range.
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
  outcome.figures = fmt::format("nearest to a boundary: {} units of 2^-63, error below {}",
                                nearest.load(), error_units);
  return outcome;
}

// The operations of gpu/kernels/exp2.cuh on this machine, in the same order: binary64 is the same
// everywhere. `terms` of the series after the linear one; the kernels have 13.
float Exp2InBinary64(float c, int terms) {
  if (c >= 128) return FromCode(kInfinityCode);
  if (c <= -150) return 0;
  constexpr double kSeries[] = {0x1.ebfbdff82c58fp-3,  0x1.c6b08d704a0c0p-5,  0x1.3b2ab6fba4e77p-7,
                                0x1.5d87fe78a6731p-10, 0x1.430912f86c787p-13, 0x1.ffcbfc588b0c7p-17,
                                0x1.62c0223a5c824p-20, 0x1.b5253d395e7c4p-24, 0x1.e4cf5158b8ecap-28,
                                0x1.e8cac7351bb25p-32, 0x1.c3bd650fc2986p-36, 0x1.816193166d0f9p-40,
                                0x1.314964d5878a9p-44};
  const double n = std::nearbyint(double{c});
  const double f = c - n;
  double p = kSeries[terms - 1];
  for (int k = terms - 2; k >= 0; --k) p = std::fma(p, f, kSeries[k]);
  constexpr double kLn2High = 0x1.62e42fefa39efp-1;
  constexpr double kLn2Low = 0x1.abc9e3b39803fp-56;
  const double linear = f * kLn2High;
  const double linear_error = std::fma(f, kLn2Low, std::fma(f, kLn2High, -linear));
  const double one_plus = 1 + linear;
  const double rest = (linear - (one_plus - 1)) + (linear_error + f * f * p);
  const double high = one_plus + rest;
  const double low = rest - (high - one_plus);
  auto bits = std::bit_cast<std::int64_t>(high);
  if (low != 0 && (bits & 1) == 0) bits += low > 0 ? 1 : -1;
  bits += static_cast<std::int64_t>(n) << 52;
  return static_cast<float>(std::bit_cast<double>(bits));
}

Outcome KernelExp2(Depth depth, int terms) {
  Outcome outcome;
  std::mutex mutex;
  const std::uint32_t step = depth == Depth::kFull ? 1 : 251;
  base::ParallelFor(kInfinityCode / step, 1 << 16, [&](std::uint64_t begin, std::uint64_t end) {
    Outcome mine;
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint32_t code = static_cast<std::uint32_t>(i) * step;
      // Far below 2^-26 the result is 1, and above 150 the end of the range: there, a sample.
      if ((code < 0x3100'0000 || code > 0x4320'0000) && i % 1021 != 0) continue;
      for (const float c : {FromCode(code), -FromCode(code)}) {
        mine.Check(ToCode(Exp2InBinary64(c, terms)) == ToCode(cpu::Exp2(c)),
                   [&] { return fmt::format("c = {:08x}", ToCode(c)); });
      }
    }
    const std::lock_guard lock(mutex);
    outcome.Add(mine);
  });
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
    outcome.Add(mine);
  });
  return outcome;
}

}  // namespace

Outcome Exp2CorrectlyRounded(Depth depth) {
  Outcome outcome = Exp2Decided(depth, cpu::kExp2ErrorUnits);
  std::mutex mutex;
  const std::uint64_t codes = std::uint64_t{1} << 32;
  const std::uint64_t mpfr_step = depth == Depth::kFull ? 1 : 400'009;
  base::ParallelFor(codes / mpfr_step + 1, 1 << 18, [&](std::uint64_t begin, std::uint64_t end) {
    const Outcome mine = EqualsMpfr(begin, end, mpfr_step);
    const std::lock_guard lock(mutex);
    outcome.Add(mine);
  });
  return outcome;
}
Outcome Exp2CorrectlyRoundedVariant(Depth) { return Exp2Decided(Depth::kQuick, 1 << 20); }
Outcome Exp2OfTheKernels(Depth depth) { return KernelExp2(depth, 13); }
Outcome Exp2OfTheKernelsVariant(Depth) { return KernelExp2(Depth::kQuick, 8); }
Outcome ScaleMonotone(Depth depth) { return Exp2Monotone(depth, false); }
Outcome ScaleMonotoneVariant(Depth) { return Exp2Monotone(Depth::kQuick, true); }

}  // namespace ulproof::proofs
