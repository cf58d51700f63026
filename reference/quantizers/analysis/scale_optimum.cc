// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/scale_optimum.h"

#include <memory>

#include "base/parallel.h"
#include "reference/quantizers/analysis/grid_edges.h"
#include "reference/quantizers/analysis/uniform_law_optimum.h"

namespace ulproof::reference {
namespace {

constexpr int kScanBits = 128;
// A bound decides only beyond this share of the terms that were added: rounding stays far below.
constexpr int kMarginBits = 90;
constexpr int kUndecidedBits = 40;
constexpr int kPieces = 16;

// g and the slope of every edge at one scale.
struct Sample {
  Number scale;
  Number g;
  Number magnitude;            // Of what was added and subtracted to make g.
  std::vector<Number> slopes;  // d m h(u) of every edge.
};

class Scan {
 public:
  Scan(const Grid& grid, WeightLaw law)
      : law_(law, kScanBits), edges_(grid, law_), turning_slopes_() {
    const Number& u = law_.turning_point();
    for (const EdgeNumbers& edge : edges_.edges()) {
      turning_slopes_.push_back(Slope(edge, u, law_.At(u)));
      turning_scales_.push_back(u / edge.place);
    }
  }

  std::shared_ptr<const Sample> At(const Number& scale) {
    ++evaluations_;
    Sample sample = {
        scale, scale * edges_.b0() - edges_.a0(), scale * edges_.b0() + Abs(edges_.a0()), {}};
    sample.slopes.reserve(edges_.edges().size());
    for (const EdgeNumbers& edge : edges_.edges()) {
      const Number u = scale * edge.place;
      const TailMoments beyond = law_.At(u);
      const Number up = 2 * u * beyond.tail;
      sample.g += edge.jump * (up - beyond.first);
      sample.magnitude += edge.jump * (up + beyond.first);
      sample.slopes.push_back(Slope(edge, u, beyond));
    }
    return std::make_shared<const Sample>(std::move(sample));
  }

  // Enclosure of g' between two samples. Each edge's slope falls to its turning point and does not
  // fall after it, so its extremes are at the ends or there.
  struct Bounds {
    Number low, high;
  };
  Bounds SlopeBounds(const Sample& a, const Sample& b) const {
    Bounds bounds = {edges_.b0(), edges_.b0()};
    for (std::size_t i = 0; i < a.slopes.size(); ++i) {
      const bool turns = a.scale < turning_scales_[i] && turning_scales_[i] < b.scale;
      bounds.low += turns ? turning_slopes_[i] : std::min(a.slopes[i], b.slopes[i]);
      bounds.high += std::max(a.slopes[i], b.slopes[i]);
    }
    return bounds;
  }

  std::uint64_t evaluations() const { return evaluations_; }

 private:
  static Number Slope(const EdgeNumbers& edge, const Number& u, const TailMoments& beyond) {
    return edge.jump * edge.place * (2 * beyond.tail - u * beyond.density);
  }

  LawMoments law_;
  GridEdges edges_;
  std::vector<Number> turning_slopes_;
  std::vector<Number> turning_scales_;
  std::uint64_t evaluations_ = 0;
};

enum class Found { kNothing, kMinimum, kUndecided };

// What lies between two samples.
Found Decide(const Scan& scan, const Sample& a, const Sample& b) {
  const Number margin = Scale2(a.magnitude + b.magnitude, -kMarginBits);
  const Scan::Bounds slope = scan.SlopeBounds(a, b);
  const Number width = b.scale - a.scale;
  const Number slope_margin = margin / width;
  if (slope.low > slope_margin) {
    return a.g.sign() < 0 && b.g.sign() >= 0 ? Found::kMinimum : Found::kNothing;
  }
  if (slope.high < -slope_margin) return Found::kNothing;  // At most a maximum.
  // Two lines from the ends bound g from below (slopes low, high) and two from above; where they
  // cross is the extreme of the bound. The slopes have different signs here.
  const Number range = slope.high - slope.low;
  if (range.sign() == 0) return Found::kUndecided;
  if (a.g > margin && b.g > margin) {
    const Number at = (slope.high * width + a.g - b.g) / range;
    if (a.g + slope.low * at > margin) return Found::kNothing;
  } else if (a.g < -margin && b.g < -margin) {
    const Number at = (b.g - a.g - slope.low * width) / range;
    if (a.g + slope.high * at < -margin) return Found::kNothing;
  }
  return Found::kUndecided;
}

// g, g' and B at one scale.
struct Stationarity {
  Number g, slope, b;
};
Stationarity StationarityAt(const GridEdges& edges, const LawMoments& law, const Number& s) {
  Stationarity at = {s * edges.b0() - edges.a0(), edges.b0(), edges.b0()};
  for (const EdgeNumbers& edge : edges.edges()) {
    const Number u = s * edge.place;
    const TailMoments beyond = law.At(u);
    at.g += edge.jump * (2 * u * beyond.tail - beyond.first);
    at.slope += edge.jump * edge.place * (2 * beyond.tail - u * beyond.density);
    at.b += 2 * edge.jump * edge.place * beyond.tail;
  }
  return at;
}

ScaleMinimum MinimumAt(const GridEdges& edges, const LawMoments& law, const Number& s) {
  const GridEdges::Sums sums = edges.At(s);
  const Stationarity at = StationarityAt(edges, law, s);
  return {s.ToDyadic(), (1 - 2 * s * sums.a + s * s * sums.b).ToDyadic(),
          (1 - at.slope / at.b).ToDyadic()};
}

// The zero of an increasing g between two scales: Newton's step where it stays between, else
// halving.
Number Refine(const GridEdges& edges, const LawMoments& law, Number low, Number high) {
  const int bits = law.precision_bits();
  Number s = (low + high) / 2;
  const Number tolerance = Scale2(s, -(bits - 48));
  for (int step = 0; step < 20 + 4 * bits; ++step) {
    const Stationarity at = StationarityAt(edges, law, s);
    (at.g.sign() < 0 ? low : high) = s;
    Number next = at.slope.sign() > 0 ? s - at.g / at.slope : low;
    if (next <= low || next >= high) next = (low + high) / 2;
    const bool done = Abs(next - s) <= tolerance;
    s = next;
    if (done) break;
  }
  return s;
}

ScaleMinima Collect(const GridEdges& edges, const LawMoments& law, const ScaleRange& range,
                    const std::vector<Number>& scales) {
  ScaleMinima result = {.range = range, .minima = {}};
  for (const Number& s : scales) {
    result.minima.push_back(MinimumAt(edges, law, s));
    const std::size_t last = result.minima.size() - 1;
    if (result.minima[last].mse < result.minima[result.best].mse) result.best = last;
  }
  return result;
}

struct Piece {
  std::vector<Number> scales;
  std::uint64_t evaluations = 0;
  bool is_decided = true;
};

Piece SearchPiece(const Grid& grid, WeightLaw law, const Number& low, const Number& high,
                  int bits) {
  const LawMoments moments(law, bits);
  const GridEdges edges(grid, moments);
  Scan scan(grid, law);
  Piece piece;
  struct Interval {
    std::shared_ptr<const Sample> a, b;
  };
  std::vector<Interval> open = {{scan.At(low), scan.At(high)}};
  while (!open.empty()) {
    const Interval interval = std::move(open.back());
    open.pop_back();
    const Sample& a = *interval.a;
    const Sample& b = *interval.b;
    const Found found = Decide(scan, a, b);
    if (found == Found::kMinimum) {
      piece.scales.push_back(Refine(edges, moments, Number(a.scale.ToDyadic(), bits),
                                    Number(b.scale.ToDyadic(), bits)));
    } else if (found == Found::kUndecided) {
      if (b.scale - a.scale < Scale2(a.scale, -kUndecidedBits)) {
        piece.is_decided = false;
        break;
      }
      const auto middle =
          scan.At(b.scale > 2 * a.scale ? Sqrt(a.scale * b.scale) : (a.scale + b.scale) / 2);
      open.push_back({middle, interval.b});
      open.push_back({interval.a, middle});
    }
  }
  piece.evaluations = scan.evaluations();
  return piece;
}

}  // namespace

ScaleRange RangeOfAllMinima(const Grid& grid, WeightLaw law_name) {
  const LawMoments law(law_name, kScanBits);
  const GridEdges edges(grid, law);
  // An edge adds d (2 u T - M) to g, negative up to one u and positive after it: M is greater near
  // 0, and to the turning point and beyond the sum only rises to its top and falls to 0.
  Number negative(0, kScanBits);
  Number positive = law.turning_point();
  for (int i = 0; i < 20; ++i) {
    const Number middle = (negative + positive) / 2;
    const TailMoments beyond = law.At(middle);
    (2 * middle * beyond.tail < beyond.first ? negative : positive) = middle;
  }
  // With a jump at 0 itself, the rest s b0 - a0 changes its sign at a0 / b0.
  const bool has_own = edges.b0().sign() > 0;
  const bool has_edges = !edges.edges().empty();
  ULPROOF_CHECK(has_own || has_edges);
  Number low = has_own ? edges.a0() / edges.b0() : negative / edges.edges().back().place;
  Number high = has_own ? low : positive / edges.edges().front().place;
  if (has_edges) {
    low = std::min(low, negative / edges.edges().back().place);
    high = std::max(high, positive / edges.edges().front().place);
  }
  return {(low * 1023 / 1024).ToDyadic(), (high * 1025 / 1024).ToDyadic()};
}

std::optional<ScaleMinima> FindScaleMinima(const Grid& grid, WeightLaw law, const ScaleRange& range,
                                           int digits) {
  ULPROOF_CHECK(range.low.sign() > 0 && range.low < range.high);
  const int bits = WorkingBits(digits);
  const LawMoments moments(law, bits);
  const GridEdges edges(grid, moments);
  if (law == WeightLaw::kUniform) {
    std::vector<Number> scales = UniformLawMinima(grid, bits);
    const Number low(range.low, bits), high(range.high, bits);
    std::erase_if(scales, [&](const Number& s) { return s < low || s > high; });
    return Collect(edges, moments, range, scales);
  }
  // Pieces of equal ratio, each with an analysis of its own, so that threads can share the work.
  const Number first(range.low, kScanBits);
  const Number ratio = Exp(Log(Number(range.high, kScanBits) / first) / kPieces);
  std::vector<Number> ends = {first};
  for (int i = 1; i < kPieces; ++i) ends.push_back(ends.back() * ratio);
  ends.emplace_back(range.high, kScanBits);
  std::vector<Piece> pieces(kPieces);
  base::ParallelFor(kPieces, 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      pieces[i] = SearchPiece(grid, law, ends[i], ends[i + 1], bits);
    }
  });
  std::vector<Number> scales;
  std::uint64_t evaluations = 0;
  for (const Piece& piece : pieces) {
    if (!piece.is_decided) return std::nullopt;
    scales.insert(scales.end(), piece.scales.begin(), piece.scales.end());
    evaluations += piece.evaluations;
  }
  ScaleMinima result = Collect(edges, moments, range, scales);
  result.evaluations = evaluations;
  return result;
}

Dyadic IterateScale(const Grid& grid, WeightLaw law, const Dyadic& start, int steps, int digits) {
  ULPROOF_CHECK(start.sign() > 0 && steps >= 0);
  const int bits = WorkingBits(digits);
  const LawMoments moments(law, bits);
  const GridEdges edges(grid, moments);
  Number s(start, bits);
  for (int step = 0; step < steps; ++step) {
    const GridEdges::Sums sums = edges.At(s);
    s = sums.a / sums.b;
  }
  return s.ToDyadic();
}

}  // namespace ulproof::reference
