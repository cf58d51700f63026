// SPDX-License-Identifier: Apache-2.0
// grad_b of a block under a variant (contract section 8).
#include <vector>

#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/sample_backward.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kBfloat16;
using formats::kFloat32;
using formats::Overflow;
using formats::Rounding;

struct Term {
  Code grad;
  Code noise;
  Code product;
};
using Matrix = std::vector<std::vector<Term>>;

Code InOrder(const std::vector<Code>& terms) {
  Code sum = 0;
  for (const Code term : terms) sum = Add32(sum, term);
  return sum;
}

std::vector<Code> Products(const std::vector<Term>& row) {
  std::vector<Code> products;
  for (const Term& term : row) products.push_back(term.product);
  return products;
}

// As CanonicalSum, with the butterfly's distances from 1 up.
Code UpwardSum(const std::vector<Code>& terms) {
  std::array<Code, kSumLanes> lanes{};
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Code& lane = lanes[i % kSumLanes];
    lane = i < kSumLanes ? terms[i] : Add32(lane, terms[i]);
  }
  for (int d = 1; d < kSumLanes; d *= 2) {
    for (int j = 0; j < kSumLanes; j += 2 * d) lanes[j] = Add32(lanes[j], lanes[j + d]);
  }
  return lanes[0];
}

template <typename Sum>
std::vector<Code> EachRow(const Matrix& rows, Sum sum) {
  std::vector<Code> sums;
  for (const auto& row : rows) sums.push_back(sum(Products(row)));
  return sums;
}

Matrix Transposed(const Matrix& rows) {
  Matrix columns(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) columns[c].push_back(row[c]);
  }
  return columns;
}

Code ExactSum(const Matrix& rows) {
  Dyadic sum;
  for (const auto& row : rows) {
    for (const Term& term : row) {
      if (!kFloat32.IsFinite(term.product)) return InOrder(EachRow(rows, InOrder));
      sum += Dyadic::FromCode(kFloat32, term.product);
    }
  }
  return RoundToFormat(kFloat32, sum, Rounding{}, Overflow::kIeee);
}

Code Reduce(ReductionRule rule, const Matrix& rows) {
  const auto tree = [](const std::vector<Code>& terms) { return CanonicalSum(terms); };
  switch (rule) {
    case ReductionRule::kContract:
    case ReductionRule::kLastRowMissed:
    case ReductionRule::kLastColumnMissed:
      break;
    case ReductionRule::kSequential: {
      Code sum = 0;
      for (const auto& row : rows) {
        for (const Term& term : row) sum = Add32(sum, term.product);
      }
      return sum;
    }
    case ReductionRule::kSequentialFused: {
      Code sum = 0;
      for (const auto& row : rows) {
        for (const Term& term : row) sum = Fma32(term.grad, term.noise, sum);
      }
      return sum;
    }
    case ReductionRule::kRowsThenSequential:
      return InOrder(EachRow(rows, tree));
    case ReductionRule::kSequentialThenTree:
      return CanonicalSum(EachRow(rows, InOrder));
    case ReductionRule::kColumnsFirst:
      return CanonicalSum(EachRow(Transposed(rows), tree));
    case ReductionRule::kButterflyReversed:
      return UpwardSum(EachRow(rows, UpwardSum));
    case ReductionRule::kRowsReversed:
      return UpwardSum(EachRow(rows, tree));
    case ReductionRule::kExact:
      return ExactSum(rows);
    case ReductionRule::kRowBitMissed: {
      std::vector<Code> sums = EachRow(rows, tree);
      for (std::size_t i = 1; i < sums.size(); i += 2) sums[i] = 0;
      return CanonicalSum(sums);
    }
  }
  return CanonicalSum(EachRow(rows, tree));
}

Code Finish(FactorRule rule, Code scale, Code sum) {
  switch (rule) {
    case FactorRule::kContract:
      break;
    case FactorRule::kNoLn2:
      return Mul32(scale ^ kFloat32.sign_mask(), sum);
    case FactorRule::kPositiveLn2:
      return Mul32(Mul32(kMinusLn2 ^ kFloat32.sign_mask(), scale), sum);
    case FactorRule::kLn2NextDown:
      return Mul32(Mul32(kMinusLn2 - 1, scale), sum);
    case FactorRule::kLn2NextUp:
      return Mul32(Mul32(kMinusLn2 + 1, scale), sum);
    case FactorRule::kLn2Bfloat16:
      return Mul32(Mul32(0xBF31'0000, scale), sum);
    case FactorRule::kScaleLast:
      return Mul32(kMinusLn2, Mul32(scale, sum));
    case FactorRule::kScaleAfter:
      return Mul32(Mul32(kMinusLn2, sum), scale);
    case FactorRule::kNoScale:
      return Mul32(kMinusLn2, sum);
    case FactorRule::kLog2E:
      return Mul32(Mul32(0xBFB8'AA3B, scale), sum);  // RN32(-1 / ln 2)
  }
  return Mul32(Mul32(kMinusLn2, scale), sum);
}

}  // namespace

Code VariantSum(const Variant& v, const std::vector<std::vector<Code>>& rows) {
  Matrix terms;
  for (const auto& row : rows) {
    auto& products = terms.emplace_back();
    for (const Code term : row) products.push_back({term, kOne32, term});
  }
  return Reduce(v.backward.reduction, terms);
}

Code VariantBackward(const Variant& v, const formats::ConstBuffer& grad,
                     const formats::ConstBuffer& scale, std::uint64_t block) {
  const formats::Operation& op = v.op;
  const BackwardVariant& backward = v.backward;
  const formats::BlockGrid grid = op.grid();
  formats::BlockGrid::Extent extent = grid.ExtentOf(block);
  if (backward.reduction == ReductionRule::kLastRowMissed) --extent.row_end;
  if (backward.reduction == ReductionRule::kLastColumnMissed) --extent.col_end;
  Matrix rows;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    std::vector<Term>& terms = rows.emplace_back();
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      Code code = grad.Get(MemoryIndex(op.shape, row, col));
      if (v.cast.flush_inputs && op.from.IsSubnormal(code)) code &= op.from.sign_mask();
      Term term = {ToFloat32(op.from, code), VariantRealNoise(v, VariantIndex(v, row, col)), 0};
      if (backward.magnitude_only) term.noise &= kFloat32.magnitude_mask();
      term.product = Mul32(term.grad, term.noise);
      if (backward.zero_skipped && kFloat32.IsZero(term.noise)) term.product = 0;
      if (backward.product_to_bfloat16) {
        term.product = ToFloat32(
            kBfloat16, Cast(kFloat32, term.product, kBfloat16, Rounding{}, Overflow::kIeee));
      }
      terms.push_back(term);
    }
  }
  std::uint64_t scale_block = block;
  if (backward.first_scale) scale_block = 0;
  if (backward.blocks_column_major) {
    scale_block = block % grid.cols() * grid.rows() + block / grid.cols();
  }
  const bool empty = rows.empty() || rows[0].empty();
  return Finish(backward.factor, scale.Get(scale_block),
                empty ? 0 : Reduce(backward.reduction, rows));
}

}  // namespace ulproof::reference
