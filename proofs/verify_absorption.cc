// SPDX-License-Identifier: Apache-2.0
// When noise is absorbed (contract section 7, claim 3): w + R s rounds back to w. Decided for every
// signed format of the catalogue with at most 16 bits: all significands of the maximum M, all
// weights up to it, R = +-1 and +-2, whole bitwidths b. The model is integers; a sample of its
// decisions is put to the reference.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "formats/catalogue.h"
#include "formats/codec.h"
#include "proofs/claims.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/scale.h"

namespace ulproof::proofs {
namespace {

using formats::Code;
using formats::FormatSpec;

struct Absorption {
  std::uint64_t cases = 0;
  std::uint64_t absorbed = 0;
  std::uint64_t at_ties = 0;  // Of `absorbed`: w + R s is a midpoint of two neighbours.
  std::uint64_t disagreements = 0;
  std::string first = {};  // The first absorbed case.

  void Add(const Absorption& other) {
    cases += other.cases;
    absorbed += other.absorbed;
    at_ties += other.at_ties;
    disagreements += other.disagreements;
    if (first.empty()) first = other.first;
  }
};

struct Rounded {
  std::int64_t value;
  bool is_tie;  // The number lay half way between two neighbours.
};

// Rounds v to `bits` significant bits, but to no finer a step than `quantum`; ties to even.
Rounded RoundBits(std::int64_t v, int bits, std::int64_t quantum) {
  const std::int64_t magnitude = std::abs(v);
  const int length = std::bit_width(static_cast<std::uint64_t>(magnitude));
  const std::int64_t step = std::max(quantum, std::int64_t{1} << std::max(0, length - bits));
  const std::int64_t below = magnitude / step * step;
  const std::int64_t rest = magnitude - below;
  const bool up = 2 * rest > step || (2 * rest == step && (below / step & 1) != 0);
  const std::int64_t rounded = up ? below + step : below;
  return {v < 0 ? -rounded : rounded, 2 * rest == step};
}

// One unit is the last place of M times 2^-kFraction; M is in the binade that lies `binades` above
// the smallest normal one.
constexpr int kFraction = 36;

struct Model {
  FormatSpec format;
  int b;
  int binades;

  std::int64_t Units(std::int64_t in_last_places) const { return in_last_places << kFraction; }
  std::int64_t Quantum() const { return Units(1) >> binades; }

  Absorption Decide(std::int64_t max, std::int64_t w, int r) const {
    const std::int64_t s = Units(max) >> (b - 1);
    const std::int64_t t = RoundBits(w + r * s, 24, 1).value;  // RN32
    const Rounded sampled = RoundBits(t, format.trailing_bits + 1, Quantum());
    Absorption one = {.cases = 1};
    if (sampled.value != w) return one;
    one.absorbed = 1;
    one.at_ties = sampled.is_tie ? 1 : 0;
    one.first =
        fmt::format("{}: b = {}, M = {}, w = {} last places of M, R = {}", FormatName(format), b,
                    max, static_cast<double>(w) / static_cast<double>(Units(1)), r);
    return one;
  }

  // What the reference says about the same case, with M in its binade of the format.
  bool AbsorbedByReference(std::int64_t max, std::int64_t w, int r) const {
    const int last_place = format.quantum_exponent() + binades;  // log2 of M's.
    const Code m32 = *formats::EncodeExact(formats::kFloat32, false,
                                           static_cast<std::uint64_t>(max), last_place);
    const Code w32 = *formats::EncodeExact(formats::kFloat32, false, static_cast<std::uint64_t>(w),
                                           last_place - kFraction);
    const Code bits = *formats::EncodeExact(formats::kFloat32, false, static_cast<unsigned>(b), 0);
    const Code noise =
        *formats::EncodeExact(formats::kFloat32, r < 0, static_cast<unsigned>(std::abs(r)), 0);
    const Code t = reference::Fma32(noise, reference::Scale(m32, bits, false), w32);
    const auto cast = [&](Code x) {
      return reference::Cast(formats::kFloat32, x, format, {}, formats::Overflow::kIeee);
    };
    const bool zero = (cast(t) & format.magnitude_mask()) == 0 && w == 0;
    return zero || cast(t) == cast(w32);
  }
};

// All maxima of one binade (every `step`-th) and all weights up to each. Weights below s / 2 in
// magnitude are not absorbed, since |w + R s| >= s - |w| > |w| rounds to no less than |w|, with
// equality of values only at w = 0, so binades further down than b + 2 are left out.
Absorption Count(const Model& model, std::int64_t step) {
  const std::int64_t first = std::int64_t{1} << model.format.trailing_bits;
  Absorption total;
  for (std::int64_t max = first; max < 2 * first; max += step) {
    const int lowest = std::min(model.binades, model.b + 2);
    for (int down = 0; down <= lowest; ++down) {
      // Normal weights of the binade `down` below M's; in the lowest one subnormals and zero too.
      const bool with_subnormals = down == model.binades;
      for (std::int64_t j = with_subnormals ? 0 : first; j < 2 * first; ++j) {
        const std::int64_t w = model.Units(j) >> down;
        if (w > model.Units(max)) break;
        for (const int r : {-2, -1, 1, 2}) {
          Absorption one = model.Decide(max, w, r);
          if ((total.cases + 1) % 4093 == 0) {
            one.disagreements = model.AbsorbedByReference(max, w, r) != (one.absorbed != 0);
          }
          total.Add(one);
        }
      }
    }
  }
  return total;
}

// Formats by shape: what differs in specials or bias only behaves alike here.
std::vector<FormatSpec> Shapes() {
  std::vector<FormatSpec> shapes;
  std::set<std::pair<int, int>> seen;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const FormatSpec& spec = entry.spec;
    if (!spec.is_signed || spec.storage_bits() > 16) continue;
    if (seen.insert({spec.exponent_bits, spec.trailing_bits}).second) shapes.push_back(spec);
  }
  return shapes;
}

// `limit` is m + 1 in the theorem: no absorption for b <= m + shift, ties only for the next b, more
// from the one after on.
Outcome Threshold(Depth depth, int shift) {
  Outcome outcome;
  std::mutex mutex;
  std::uint64_t ties = 0;  // At b = limit + 1, where there must be some.
  const std::vector<FormatSpec> shapes = Shapes();
  base::ParallelFor(shapes.size(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const FormatSpec& format = shapes[i];
      // At the top of the range saturation would absorb; two binades below it there is none.
      const int top = std::max(0, format.max_exponent() - format.min_exponent() - 3);
      const std::int64_t step =
          depth == Depth::kFull ? 1
                                : (std::int64_t{1} << std::max(0, format.trailing_bits - 4)) - 1;
      const int limit = format.trailing_bits + shift;
      for (int b = 1; b <= 16; ++b) {
        if (depth == Depth::kQuick && std::abs(b - limit - 1) > 1) continue;
        for (const int binades : {0, std::min(top, 20)}) {
          const Model model = {format, b, binades};
          // s must be normal in binary32, and RN32 must not meet its own subnormals.
          if (format.quantum_exponent() + binades - b < -120) continue;
          const Absorption found = Count(model, std::max<std::int64_t>(1, step));
          const std::lock_guard lock(mutex);
          outcome.cases += found.cases;
          if (b == limit + 1) ties += found.at_ties;
          outcome.Check(found.disagreements == 0, [&] {
            return fmt::format("the integer model differs from the reference in {}, b = {}",
                               FormatName(format), b);
          });
          const bool right = b <= limit       ? found.absorbed == 0
                             : b == limit + 1 ? found.absorbed == found.at_ties
                                              : found.absorbed > found.at_ties;
          outcome.Check(right, [&] {
            return fmt::format("{} absorbed, {} of them at ties, of {}; {}", found.absorbed,
                               found.at_ties, found.cases, found.first);
          });
        }
      }
    }
  });
  outcome.Check(ties > 0, [] { return "no tie was met"; });
  outcome.figures = fmt::format("{} shapes of formats, up to 16 bits", shapes.size());
  return outcome;
}

// The largest b at which a format absorbs noise at ties only.
int LargestBitwidth(const FormatSpec& format) {
  int largest = 0;
  const int top = std::max(0, format.max_exponent() - format.min_exponent() - 3);
  for (int b = 1; b <= 16; ++b) {
    const Absorption found = Count({format, b, std::min(top, 12)}, 1 << (format.trailing_bits / 2));
    if (found.absorbed == found.at_ties) largest = b;
  }
  return largest;
}

Outcome Bitwidths(int bfloat16_bits) {
  Outcome outcome;
  for (const auto& [format, bits] :
       {std::pair{formats::kBfloat16, bfloat16_bits}, std::pair{formats::kFloat8E4m3fn, 5},
        std::pair{formats::kFloat8E5m2, 4}, std::pair{formats::kFloat6E3m2fn, 4},
        std::pair{formats::kFloat6E2m3fn, 5}, std::pair{formats::kFloat4E2m1fn, 3}}) {
    const int found = LargestBitwidth(format);
    outcome.figures +=
        fmt::format("{}{} {}", outcome.figures.empty() ? "" : ", ", FormatName(format), found);
    outcome.Check(found == bits,
                  [&] { return fmt::format("{} carries {} bits", FormatName(format), found); });
  }
  return outcome;
}

// What (e, m) a bitwidth needs: every normal maximum of every format with e = 2 .. 4 and m = 0 .. 5
// (full: 2 .. 5 and 0 .. 8), as if there were no largest value. `bits_spare` is m + 1 - b at the
// last b that is never absorbed: 0.
Outcome SufficientShapes(Depth depth, int bits_spare) {
  Outcome outcome;
  const bool is_full = depth == Depth::kFull;
  std::vector<FormatSpec> shapes;
  for (int e = 2; e <= (is_full ? 5 : 4); ++e) {
    for (int m = 0; m <= (is_full ? 8 : 5); ++m) {
      shapes.push_back({.exponent_bits = e,
                        .trailing_bits = m,
                        .bias = (1 << (e - 1)) - 1,
                        .specials = formats::Specials::kFinite});
    }
  }
  std::mutex mutex;
  base::ParallelFor(shapes.size(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const FormatSpec& format = shapes[i];
      const int m = format.trailing_bits;
      for (int b = 1; b <= m + 3; ++b) {
        Absorption found;
        const int top = format.max_exponent() - format.min_exponent();
        for (int binades = 0; binades <= top; ++binades) found.Add(Count({format, b, binades}, 1));
        const std::lock_guard lock(mutex);
        outcome.cases += found.cases;
        const bool is_never = found.absorbed == 0;
        const bool is_tie_only = found.absorbed == found.at_ties;
        outcome.Check(is_never == (b <= m + 1 - bits_spare) && is_tie_only == (b <= m + 2) &&
                          found.disagreements == 0,
                      [&] {
                        return fmt::format("e{}m{}, b = {}: {} of {} absorbed, {} at ties",
                                           format.exponent_bits, m, b, found.absorbed, found.cases,
                                           found.at_ties);
                      });
      }
    }
  });
  outcome.figures = fmt::format("{} formats; b = 2 needs m = 1, ..., b = {} needs m = {}",
                                shapes.size(), is_full ? 9 : 6, is_full ? 8 : 5);
  return outcome;
}

// At the top of the range, by the reference: maxima of the top binade of every format of up to 8
// bits, all weights, b <= m + 1. Absorbed is only +-the largest value, with outward R, and only
// where overflow gives that value. `but_the_largest`: without that weight.
Outcome AtTheTop(bool but_the_largest) {
  Outcome outcome;
  std::uint64_t absorbed = 0;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const FormatSpec& format = entry.spec;
    if (!format.is_signed || format.storage_bits() > 8) continue;
    const Code largest = format.max_finite_code();
    for (const formats::Overflow policy :
         {formats::Overflow::kIeee, formats::Overflow::kSaturate}) {
      const bool is_sticky =
          policy == formats::Overflow::kSaturate || (!format.has_infinity() && !format.has_nan());
      for (Code max = largest & format.exponent_mask(); max <= largest; ++max) {
        for (int b = 1; b <= format.trailing_bits + 1; ++b) {
          const Code s = reference::Scale(
              reference::ToFloat32(format, max),
              *formats::EncodeExact(formats::kFloat32, false, static_cast<unsigned>(b), 0), false);
          for (Code w = 0; w <= (format.sign_mask() | max); ++w) {
            const Code magnitude = w & format.magnitude_mask();
            if (magnitude > max || (but_the_largest && magnitude == largest)) continue;
            if (w == format.sign_mask()) continue;  // -0, or NaN.
            for (const int r : {-2, -1, 1, 2}) {
              const Code noise = *formats::EncodeExact(formats::kFloat32, r < 0,
                                                       static_cast<unsigned>(std::abs(r)), 0);
              const Code t = reference::Fma32(noise, s, reference::ToFloat32(format, w));
              const bool is_absorbed =
                  reference::Cast(formats::kFloat32, t, format, {}, policy) == w;
              const bool is_outward = magnitude != 0 && (r < 0) == format.IsNegative(w);
              absorbed += is_absorbed ? 1 : 0;
              outcome.Check(is_absorbed == (is_sticky && magnitude == largest && is_outward), [&] {
                return fmt::format("{} {}: b = {}, M = {:x}, w = {:x}, R = {}", entry.name,
                                   OverflowName(policy), b, max, w, r);
              });
            }
          }
        }
      }
    }
  }
  if (outcome.verdict != Verdict::kHolds || absorbed == 0) return outcome;
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition =
      "|w| is not the largest finite value, or overflow does not give that value (sat does, and "
      "ovf "
      "where there is neither infinity nor NaN)";
  outcome.counterexample = "float8_e4m3fn, sat: w = M = 448, b = 4, R = 1";
  return outcome;
}

}  // namespace

Outcome AbsorptionThreshold(Depth depth) { return Threshold(depth, 1); }
Outcome AbsorptionThresholdVariant(Depth) { return Threshold(Depth::kQuick, 2); }
Outcome AbsorptionShapes(Depth depth) { return SufficientShapes(depth, 0); }
Outcome AbsorptionShapesVariant(Depth) { return SufficientShapes(Depth::kQuick, 1); }
Outcome AbsorptionAtTheTop(Depth) { return AtTheTop(false); }
Outcome AbsorptionAtTheTopVariant(Depth) { return AtTheTop(true); }
Outcome PaperBitwidths(Depth) { return Bitwidths(9); }
Outcome PaperBitwidthsVariant(Depth) { return Bitwidths(10); }

}  // namespace ulproof::proofs
