// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/block_error.h"

#include <optional>

#include "reference/quantizers/analysis/law_moments.h"

namespace ulproof::reference {
namespace {

// The values of a symmetric grid that are not negative.
std::vector<Number> PositiveValues(const Grid& grid, int bits) {
  std::vector<Number> values;
  for (const Dyadic& value : grid.values) {
    if (value.sign() >= 0) values.emplace_back(value, bits);
  }
  return values;
}

class BlockError {
 public:
  BlockError(const Grid& grid, WeightLaw law, int group, int bits)
      : law_(law, bits), values_(PositiveValues(grid, bits)), group_(group), sum_(0, bits) {
    ULPROOF_CHECK(grid.IsSymmetric() && grid.values.size() % 2 == 1);
  }

  // Maxima in [low, high) get this scale; no `high` is infinity.
  void Add(const Number& low, const std::optional<Number>& high, const Number& scale) {
    const Number below_low = Power(1 - 2 * law_.At(low).tail);
    const Number below_high = high ? Power(1 - 2 * law_.At(*high).tail) : Number(1, bits());
    const Number zero(0, bits());
    sum_ +=
        (below_high - below_low) * Error(scale, zero, low) + below_high * Error(scale, low, high);
  }

  const Number& sum() const { return sum_; }

 private:
  int bits() const { return law_.precision_bits(); }

  // F^(n - 1).
  Number Power(const Number& below) const {
    if (below.sign() <= 0) return Number(0, bits());
    return Exp((group_ - 1l) * Log(below));
  }

  // The integral of the squared error over low <= |x| < high.
  Number Error(const Number& scale, const Number& low, const std::optional<Number>& high) const {
    Number error(0, bits());
    Number from = low;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const bool last = i + 1 == values_.size();
      std::optional<Number> to = high;
      if (!last) {
        const Number edge = scale * (values_[i] + values_[i + 1]) / 2;
        if (edge <= from) continue;
        if (!to || edge < *to) to = edge;
      }
      const Number value = scale * values_[i];
      error += law_.At(from).SquareAround(value);
      if (!to) break;
      error = error - law_.At(*to).SquareAround(value);
      if (high && *to >= *high) break;
      from = *to;
    }
    return 2 * error;
  }

  LawMoments law_;
  std::vector<Number> values_;
  int group_;
  Number sum_;
};

// The elements of mxint8: -127/64 .. 127/64.
Grid MxInt8Grid() {
  Grid grid = UniformGrid(255);
  for (Dyadic& value : grid.values) value = value.Scale2(-6);
  return grid;
}

}  // namespace

Dyadic MxFloorError(const formats::BlockFormat& format, WeightLaw law, int digits) {
  ULPROOF_CHECK(!format.has_tensor_scale);
  const int bits = WorkingBits(digits);
  const Grid grid = format.is_int8 ? MxInt8Grid() : FormatGrid(format.element);
  BlockError error(grid, law, static_cast<int>(format.group), bits);
  const long largest_exponent = grid.highest().FloorLog2();
  // Maxima in [2^k, 2^(k+1)); below and above, the tails are out of reach of any digit. The ends
  // take the rest.
  const long lowest = -bits;
  long highest = 1;
  while ((1l << (2 * highest)) < 4l * bits) ++highest;
  const Number one(1, bits);
  error.Add(Number(0, bits), Scale2(one, lowest), Scale2(one, lowest - 1 - largest_exponent));
  for (long k = lowest; k <= highest; ++k) {
    std::optional<Number> high;
    if (k < highest) high = Scale2(one, k + 1);
    error.Add(Scale2(one, k), high, Scale2(one, k - largest_exponent));
  }
  return error.sum().ToDyadic();
}

Dyadic Nvfp4Error(WeightLaw law, const Dyadic& tensor_max, int digits) {
  ULPROOF_CHECK(tensor_max.sign() > 0);
  const int bits = WorkingBits(digits);
  BlockError error(FormatGrid(formats::kFloat4E2m1fn), law, 16, bits);
  const Grid scales = FormatGrid(formats::kFloat8E4m3fn);
  const std::vector<Number> values = PositiveValues(scales, bits);
  // max / 6 * G = max * 448 / tensor_max is rounded: the edges of the scale's format.
  const Number unit = Number(tensor_max, bits) / 448;
  Number low(0, bits);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::optional<Number> high;
    if (i + 1 < values.size()) high = (values[i] + values[i + 1]) / 2 * unit;
    error.Add(low, high, values[i] * unit / 6);
    if (high) low = *high;
  }
  return error.sum().ToDyadic();
}

}  // namespace ulproof::reference
