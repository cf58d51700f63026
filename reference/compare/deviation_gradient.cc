// SPDX-License-Identifier: Apache-2.0
// The gradients of fake_quantize under a variant (contract section 14).
#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/elements.h"
#include "reference/quantizers/block_sum.h"
#include "reference/quantizers/levels.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Estimator;
using formats::kFloat32;

constexpr Code kSign32 = kFloat32.sign_mask();
constexpr Code kXi = 0x3E93'CD3A;             // 1 / (2 sqrt 3)
constexpr Code kLargestStep = 0x3F7D'70A4;    // 0.99
constexpr Code kLeastVariance = 0x3A83'126F;  // 0.001

struct Element {
  Code grad;
  Code level;
  Code noise;  // q - u
  bool is_inside;
};

class BlockGradient {
 public:
  BlockGradient(const Variant& v, const formats::Case& c, std::uint64_t block)
      : v_(v),
        uniform_(v),
        case_(c),
        extent_(v.op.grid().ExtentOf(block)),
        scale_(c.inputs[2].Get(block)),
        zero_(c.inputs[3].Get(block)),
        elements_(Elements()),
        delta_(v.op.estimator == Estimator::kAewgs ? Delta() : 0) {
    uniform_.op.law = formats::NoiseLaw::kUniform;
  }

  Code OfElement(std::uint64_t row, std::uint64_t col) const {
    const Element& e = At(row, col);
    if (!e.is_inside && !v_.gradient.passes_outside) return 0;
    if (v_.op.estimator != Estimator::kAewgs || !e.is_inside) return e.grad;
    Code step = Mul32(delta_, Against(e));
    if (!v_.gradient.no_largest_step && IsLess32(kLargestStep, step)) step = kLargestStep;
    return Mul32(e.grad, Sub32(kOne32, step));
  }

  Code OfScale() const {
    return VariantSum(v_, extent_, [&](std::uint64_t row, std::uint64_t col) {
      const Element& e = At(row, col);
      if (v_.gradient.nothing_outside && !e.is_inside) return Code{0};
      return Mul32(e.grad,
                   e.is_inside && !v_.gradient.level_everywhere ? Slope(e, row, col) : e.level);
    });
  }

 private:
  Code Value(std::size_t port, std::uint64_t row, std::uint64_t col) const {
    return ToFloat32(v_.op.from, case_.inputs[port].Get(MemoryIndex(v_.op.shape, row, col)));
  }

  Element ElementAt(std::uint64_t row, std::uint64_t col) const {
    const LeveledElement leveled = VariantLevel(v_, Value(1, row, col), scale_, zero_);
    const Code low = LowestCode(v_.op.levels), high = HighestCode(v_.op.levels), u = leveled.scaled;
    bool is_inside = IsLess32(low, u) && IsLess32(u, high);
    if (v_.gradient.ends_inside) is_inside |= u == low || u == high;
    const Code noise =
        v_.gradient.noise_inverted ? Sub32(u, leveled.level) : Sub32(leveled.level, u);
    return {Value(0, row, col), leveled.level, noise, is_inside};
  }

  std::vector<Element> Elements() const {
    std::vector<Element> elements;
    for (std::uint64_t row = extent_.row_begin; row < extent_.row_end; ++row) {
      for (std::uint64_t col = extent_.col_begin; col < extent_.col_end; ++col)
        elements.push_back(ElementAt(row, col));
    }
    return elements;
  }

  const Element& At(std::uint64_t row, std::uint64_t col) const {
    return elements_[(row - extent_.row_begin) * (extent_.col_end - extent_.col_begin) +
                     (col - extent_.col_begin)];
  }

  Code Slope(const Element& e, std::uint64_t row, std::uint64_t col) const {
    if (v_.op.estimator == Estimator::kLsq) return e.noise;
    const Code drawn = VariantRealNoise(uniform_, VariantIndex(v_, row, col));
    const Code xi = kFloat32.IsNegative(drawn) != v_.gradient.xi_inverted ? kXi | kSign32 : kXi;
    return v_.gradient.xi_two_roundings ? Add32(Mul32(scale_, xi), e.noise)
                                        : Fma32(scale_, xi, e.noise);
  }

  // The rounding noise as seen against the gradient.
  Code Against(const Element& e) const {
    if (kFloat32.IsZero(e.grad)) return 0;
    return IsLess32(e.grad, 0) && !v_.gradient.sign_ignored ? e.noise ^ kSign32 : e.noise;
  }

  Code Delta() const {
    const Code count = BlockCount(extent_);
    const auto noise = [&](std::uint64_t row, std::uint64_t col) { return At(row, col).noise; };
    const Code mean = v_.gradient.about_zero ? 0 : Div32(VariantSum(v_, extent_, noise), count);
    const Code squares = VariantSum(v_, extent_, [&](std::uint64_t row, std::uint64_t col) {
      const Code distance = Sub32(noise(row, col), mean);
      return Mul32(distance, distance);
    });
    Code variance = Div32(squares, count);
    if (!v_.gradient.no_least_variance && IsLess32(variance, kLeastVariance))
      variance = kLeastVariance;
    const Code against = VariantSum(
        v_, extent_, [&](std::uint64_t row, std::uint64_t col) { return Against(At(row, col)); });
    return Div32(Div32(against, count), variance);
  }

  const Variant& v_;
  Variant uniform_;  // The law that xi takes its sign from.
  const formats::Case& case_;
  formats::BlockGrid::Extent extent_;
  Code scale_, zero_;
  std::vector<Element> elements_;  // Row-major.
  Code delta_;
};

}  // namespace

std::vector<Code> VariantGradient(const Variant& v, const formats::Case& c, std::uint64_t block) {
  const BlockGradient gradient(v, c, block);
  const formats::BlockGrid::Extent extent = v.op.grid().ExtentOf(block);
  std::vector<Code> codes = {gradient.OfScale()};
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col)
      codes.push_back(gradient.OfElement(row, col));
  }
  return codes;
}

}  // namespace ulproof::reference
