// SPDX-License-Identifier: Apache-2.0
// Casting (contract sections 2 and 3): the exact probabilities and the bias of the three stochastic
// roundings, where a cast through another format differs, and that the SIMD casts are the
// reference's for every input.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/parallel.h"
#include "cpu/backend_cpu.h"
#include "cpu/cast_kernels.h"
#include "formats/codec.h"
#include "proofs/claims.h"
#include "reference/backend_reference.h"
#include "reference/compare/exhaustive.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/cast.h"

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

// P(away from zero) by enumerating all r, for all 2^7 fractions nu that float16 has between two
// neighbours of float8_e4m3fn, against what the definitions come to: floor(nu 2^N), floor(nu 2^N +
// 1/2) and RNE(nu 2^N) of the 2^N numbers r. And the mean error over all these fractions, in ulp:
// -(2^-N - 2^-7) / 2, +2^-8 and 0 for N < 7, none from N = 7 on. `all_nearest`: it is said that all
// three round nu 2^N to nearest.
Outcome Probabilities(bool all_nearest) {
  Outcome outcome;
  constexpr int kFractionBits = 7;
  constexpr std::uint64_t kFractions = 1 << kFractionBits;
  for (int bits = 1; bits <= 8; ++bits) {
    std::array<std::int64_t, 3> error = {};  // Sum of away - nu 2^N, in units of 2^-7.
    for (std::uint64_t k = 0; k < kFractions; ++k) {
      const std::uint64_t scaled = k << bits;  // nu 2^N in units of 2^-7.
      const std::uint64_t down = scaled / kFractions;
      const std::uint64_t half_up = (scaled + kFractions / 2) / kFractions;
      const bool is_tie = scaled % kFractions == kFractions / 2;
      const std::array<std::uint64_t, 3> expected = {all_nearest ? half_up : down, half_up,
                                                     half_up - (is_tie ? half_up & 1 : 0)};
      for (std::size_t variant = 0; variant < 3; ++variant) {
        const Rounding rounding = {
            static_cast<RoundingMode>(static_cast<int>(RoundingMode::kStochasticA) +
                                      static_cast<int>(variant)),
            bits};
        std::uint64_t away = 0;
        for (std::uint32_t r = 0; r < 1u << bits; ++r) {
          away += reference::Cast(kFloat16, 0x3C00 + k, kFloat8E4m3fn, rounding, Overflow::kIeee,
                                  r) == 0x39
                      ? 1
                      : 0;
        }
        outcome.Check(away == expected[variant], [&] {
          return fmt::format("{}, nu = {}/128: away from zero for {} of {} r",
                             RoundingName(rounding), k, away, 1 << bits);
        });
        error[variant] +=
            static_cast<std::int64_t>(away << kFractionBits) - static_cast<std::int64_t>(scaled);
      }
    }
    // Mean error times 2^N 2^7 2^7 is the sum; -(2^-N - 2^-7) / 2 becomes (2^N - 2^7) 2^6.
    const bool is_coarse = bits < kFractionBits;
    const std::int64_t a = is_coarse ? ((1 << bits) - 128) * 64 : 0;
    const std::int64_t b = is_coarse ? 64 << bits : 0;
    outcome.Check(all_nearest || error == std::array<std::int64_t, 3>{a, b, 0}, [&] {
      return fmt::format("N = {}: mean errors {}, {}, {}", bits, error[0], error[1], error[2]);
    });
  }
  outcome.figures =
      "mean over all fractions of K > N bits: A low by (2^-N - 2^-K) / 2 ulp, B high by 2^-(K+1), "
      "C none; none of them for K <= N";
  return outcome;
}

// --- Through float16

constexpr std::uint64_t kBatch = std::uint64_t{1} << 16;
constexpr std::uint64_t kPositive = 0x7F800000;  // The codes of positive finite binary32 numbers.

formats::Operation CastOf(const FormatSpec& to, const Rounding& rounding) {
  return {.from = kFloat32, .to = to, .rounding = rounding, .shape = {.rows = 1, .cols = kBatch}};
}

// What the reference makes of a middle value.
struct Second {
  Code code;
  bool is_halfway;  // The value is half way between two neighbours,
  bool goes_up;     // and goes to the larger one.
  double value;     // The middle value itself.
};
std::vector<Second> SecondCasts(const FormatSpec& middle, const FormatSpec& to) {
  std::vector<Second> second;
  const auto value = [&](Code code) { return Dyadic::FromCode(to, code); };
  for (Code code = 0; code <= middle.infinity_code(); ++code) {
    const Code y = reference::Cast(middle, code, to, {}, Overflow::kIeee);
    const Code down =
        reference::Cast(middle, code, to, {RoundingMode::kTowardZero}, Overflow::kIeee);
    bool is_halfway = false;
    if (middle.IsFinite(code) && to.IsFinite(down)) {
      // Beyond the largest finite value the neighbour is where the next one would be.
      const Dyadic above =
          down < to.max_finite_code() ? value(down + 1) : value(down).Scale2(1) - value(down - 1);
      is_halfway = Dyadic::FromCode(middle, code).Scale2(1) == value(down) + above;
    }
    const formats::Decoded exact = Decode(middle, code);
    second.push_back({y, is_halfway, y != down,
                      std::ldexp(static_cast<double>(exact.significand), exact.exponent)});
  }
  return second;
}

struct Differences {
  std::uint64_t cases = 0;
  std::uint64_t different = 0;
  std::uint64_t not_as_predicted = 0;
  Code first = kPositive;        // The first input that differs,
  Code first_wrong = kPositive;  // and the first that is not as predicted.
};

// All positive finite binary32 inputs (quick: every 251st): cast to `to` directly, and through
// float16 by `first`. Predicted to differ: the inputs whose float16 is half way between two
// neighbours of `to` and another number than they, if they lie on the side that the tie does not go
// to; `either_side`: wherever they lie.
Differences Through(Depth depth, const Rounding& first, const FormatSpec& to, bool either_side) {
  const std::uint64_t step = depth == Depth::kFull ? 1 : 251;
  const cpu::Target target = cpu::RunnableTargets().front();
  const std::vector<Second> second = SecondCasts(kFloat16, to);
  std::mutex mutex;
  Differences all = {.cases = kPositive / step / kBatch * kBatch};
  base::ParallelFor(kPositive / step / kBatch, 1, [&](std::uint64_t begin, std::uint64_t end) {
    const auto tensor = [](const FormatSpec& f) {
      return formats::Tensor(formats::ElementType::CodeOf(f), kBatch);
    };
    formats::Tensor x = tensor(kFloat32), middle = tensor(kFloat16), once = tensor(to);
    auto* const x_codes = x.view().As<std::uint32_t>();
    const auto* const middle_codes = middle.view().As<std::uint16_t>();
    const auto* const once_codes = once.view().As<std::uint8_t>();
    Differences mine;
    for (std::uint64_t batch = begin; batch < end; ++batch) {
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        x_codes[i] = static_cast<std::uint32_t>((batch * kBatch + i) * step);
      }
      cpu::CastRange(target, CastOf(to, {}), x.view(), once.view(), 0, kBatch);
      cpu::CastRange(target, CastOf(kFloat16, first), x.view(), middle.view(), 0, kBatch);
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        const Second& twice = second[middle_codes[i]];
        bool predicted = false;
        if (twice.is_halfway) {
          const double exact = std::bit_cast<float>(x_codes[i]);
          predicted =
              exact != twice.value && (either_side || (exact < twice.value) == twice.goes_up);
        }
        const bool differs = once_codes[i] != twice.code;
        if (differs) mine.first = std::min<Code>(mine.first, x_codes[i]);
        if (differs != predicted) mine.first_wrong = std::min<Code>(mine.first_wrong, x_codes[i]);
        mine.different += differs ? 1 : 0;
        mine.not_as_predicted += differs != predicted ? 1 : 0;
      }
    }
    const std::lock_guard lock(mutex);
    all.different += mine.different;
    all.not_as_predicted += mine.not_as_predicted;
    all.first = std::min(all.first, mine.first);
    all.first_wrong = std::min(all.first_wrong, mine.first_wrong);
  });
  return all;
}

// The smallest input that differs, from the first one of those taken: the inputs that differ come
// in runs of 2^12 codes or more (half a unit in float16's last place), so no run lies between two
// taken.
Code Smallest(Code first, const FormatSpec& to) {
  Code smallest = first;
  for (Code x = first - 251; x < first && smallest == first; ++x) {
    const auto cast = [](const FormatSpec& from, Code code, const FormatSpec& target) {
      return reference::Cast(from, code, target, {}, Overflow::kIeee);
    };
    if (cast(kFloat16, cast(kFloat32, x, kFloat16), to) != cast(kFloat32, x, to)) smallest = x;
  }
  return smallest;
}

constexpr std::array<FormatSpec, 2> kFloat8 = {kFloat8E4m3fn, formats::kFloat8E5m2};

// Through float16 is directly, if the first cast rounds to odd. `only_odd`: nothing else is asked.
Outcome ThroughFloat16(Depth depth, bool only_odd) {
  Outcome outcome;
  for (const FormatSpec& to : kFloat8) {
    const Differences odd = Through(depth, {RoundingMode::kToOdd}, to, false);
    outcome.cases += odd.cases;
    outcome.Check(odd.different == 0, [&] { return fmt::format("rto: x = {:08x}", odd.first); });
    if (only_odd) continue;
    const Differences nearest = Through(depth, {}, to, false);
    outcome.cases += nearest.cases;
    outcome.figures +=
        fmt::format("{}{}: {} of {} positive inputs differ", outcome.figures.empty() ? "" : ", ",
                    FormatName(to), nearest.different, nearest.cases);
    if (nearest.different == 0 || outcome.verdict != Verdict::kHolds) continue;
    outcome.verdict = Verdict::kHoldsOnlyIf;
    outcome.condition = "the first cast rounds to odd (rto)";
    outcome.counterexample =
        fmt::format("{}, rne and rne: x = {:08x}", FormatName(to), Smallest(nearest.first, to));
  }
  return outcome;
}

Outcome WhereThroughFloat16Differs(Depth depth, bool either_side) {
  Outcome outcome;
  for (const FormatSpec& to : kFloat8) {
    const Differences found = Through(depth, {}, to, either_side);
    outcome.cases += found.cases;
    outcome.Check(found.not_as_predicted == 0 && found.different > 0,
                  [&] { return fmt::format("{}: x = {:08x}", FormatName(to), found.first_wrong); });
  }
  return outcome;
}

// --- The SIMD casts

// Sweeps of all codes of a source against the exact reference's runs of equal outputs. Quick: from
// bfloat16 and float16 to every format of up to 8 bits. Full: from float32 to every format of up to
// 19 bits, other policies than `ovf` under rne only (they act after the rounding). `wrong_mode`:
// the SIMD cast does rna where rne is asked.
Outcome FastCasts(Depth depth, bool wrong_mode) {
  Outcome outcome;
  const bool is_full = depth == Depth::kFull;
  const auto subject = cpu::MakeCpuBackend(cpu::RunnableTargets().front());
  const auto truth = reference::MakeReferenceBackend();
  std::vector<Rounding> roundings(formats::kDeterministicRoundings.begin(),
                                  formats::kDeterministicRoundings.end());
  for (const RoundingMode mode :
       {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC}) {
    roundings.push_back({mode, 4});
  }
  int casts = 0;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    if (entry.spec.storage_bits() > (is_full ? 19 : 8)) continue;
    for (const FormatSpec& from : {kFloat32, formats::kBfloat16, kFloat16}) {
      if ((from == kFloat32) != is_full) continue;
      for (const Rounding& rounding : roundings) {
        for (const Overflow overflow : formats::kOverflows) {
          if (is_full && overflow != Overflow::kIeee && rounding != Rounding{}) continue;
          formats::Operation op = {
              .from = from, .to = entry.spec, .rounding = rounding, .overflow = overflow};
          if (rounding.is_stochastic()) op.random = 11;
          const auto oracle = reference::IntervalOracle::Make(op);
          if (wrong_mode && rounding == Rounding{}) op.rounding = {RoundingMode::kNearestAway};
          const auto result = Sweep(*subject, *truth, op, &oracle.value());
          ++casts;
          outcome.cases += result->inputs();
          outcome.Check(result->mismatches == 0, [&] {
            const reference::SweepMismatch& m = result->first_mismatches.front();
            return fmt::format("{}: {:x} gives {:x}, not {:x}", OperationName(op), m.input, m.got,
                               m.expected);
          });
        }
      }
    }
  }
  outcome.figures = fmt::format("{} casts, {}", casts, subject->name());
  return outcome;
}

}  // namespace

Outcome StochasticBias(Depth) { return Bias(false); }
Outcome StochasticBiasVariant(Depth) { return Bias(true); }
Outcome StochasticProbability(Depth) { return Probabilities(false); }
Outcome StochasticProbabilityVariant(Depth) { return Probabilities(true); }
Outcome CastThroughFloat16(Depth depth) { return ThroughFloat16(depth, false); }
Outcome CastThroughFloat16Variant(Depth) { return ThroughFloat16(Depth::kQuick, true); }
Outcome CastThroughFloat16Set(Depth depth) { return WhereThroughFloat16Differs(depth, false); }
Outcome CastThroughFloat16SetVariant(Depth) {
  return WhereThroughFloat16Differs(Depth::kQuick, true);
}
Outcome FastCastsExact(Depth depth) { return FastCasts(depth, false); }
Outcome FastCastsExactVariant(Depth) { return FastCasts(Depth::kQuick, true); }

}  // namespace ulproof::proofs
