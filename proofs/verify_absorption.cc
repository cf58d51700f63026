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

}  // namespace

Outcome AbsorptionThreshold(Depth depth) { return Threshold(depth, 1); }
Outcome AbsorptionThresholdVariant(Depth) { return Threshold(Depth::kQuick, 2); }
Outcome PaperBitwidths(Depth) { return Bitwidths(9); }
Outcome PaperBitwidthsVariant(Depth) { return Bitwidths(10); }

}  // namespace ulproof::proofs
