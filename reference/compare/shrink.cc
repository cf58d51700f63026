// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/shrink.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "formats/codec.h"

namespace ulproof::reference {
namespace {

using formats::BlockGrid;
using formats::Case;
using formats::Code;
using formats::Operation;
using formats::OpKind;
using formats::Port;
using formats::Tensor;

// Beyond these sizes elements are left alone until the shape has shrunk.
constexpr std::uint64_t kMaxElementsToZero = 4096;
constexpr std::uint64_t kMaxElementsToSimplify = 64;

BlockGrid GridOf(const Operation& op) {
  return op.kind == OpKind::kDequantize || op.kind == OpKind::kQuantize ? op.scale_grid()
                                                                        : op.grid();
}

void AddShapes(const Case& c, std::vector<Case>& candidates) {
  const std::uint64_t rows = c.op.shape.rows;
  const std::uint64_t cols = c.op.shape.cols;
  const auto add = [&](std::uint64_t r0, std::uint64_t r1, std::uint64_t c0, std::uint64_t c1) {
    if (r0 >= r1 || c0 >= c1 || (r1 - r0 == rows && c1 - c0 == cols)) return;
    if (auto part = SubMatrix(c, r0, r1, c0, c1)) candidates.push_back(std::move(*part));
  };
  // Cut a half, a quarter, ... one from either end.
  for (std::uint64_t cut = (rows + 1) / 2; cut > 0; cut /= 2) {
    add(0, rows - cut, 0, cols);
    add(cut, rows, 0, cols);
  }
  for (std::uint64_t cut = (cols + 1) / 2; cut > 0; cut /= 2) {
    add(0, rows, 0, cols - cut);
    add(0, rows, cut, cols);
  }
}

void AddKeys(const Case& c, std::vector<Case>& candidates) {
  const auto add = [&](auto change) {
    Case changed = c;
    change(changed.op);
    if (changed.op != c.op && formats::ValidateOperation(changed.op).ok()) {
      candidates.push_back(std::move(changed));
    }
  };
  for (const auto word :
       {&formats::RandomKey::offset, &formats::RandomKey::seed, &formats::RandomKey::stream}) {
    add([&](Operation& op) { op.key.*word = 0; });
    add([&](Operation& op) { op.key.*word /= 2; });
    add([&](Operation& op) { op.key.*word -= op.key.*word > 0; });
  }
  add([](Operation& op) { op.shape.index_stride = 0; });
}

// Zeroes whole inputs, then halves of them, down to single elements.
void AddZeroed(const Case& c, std::vector<Case>& candidates) {
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const std::uint64_t count = c.inputs[p].count();
    if (count > kMaxElementsToZero) continue;
    const std::uint64_t smallest = count > kMaxElementsToSimplify ? count / 16 : 1;
    for (std::uint64_t chunk = count; chunk >= smallest; chunk = chunk > 1 ? (chunk + 1) / 2 : 0) {
      for (std::uint64_t begin = 0; begin < count; begin += chunk) {
        const std::uint64_t end = std::min(begin + chunk, count);
        bool changed = false;
        Case zeroed = c;
        for (std::uint64_t i = begin; i < end; ++i) {
          changed |= zeroed.inputs[p].Get(i) != 0;
          zeroed.inputs[p].Set(i, 0);
        }
        if (changed) candidates.push_back(std::move(zeroed));
      }
      if (chunk == 1) break;
    }
  }
}

// Simpler codes for one element: one, the same without its sign, with fewer bits. Each has fewer
// set bits than `code`, so that shrinking ends.
std::vector<Code> SimplerCodes(const formats::ElementType& type, Code code) {
  std::vector<Code> codes;
  const auto add = [&](Code simpler) {
    if (std::popcount(simpler) < std::popcount(code)) codes.push_back(simpler);
  };
  if (type.kind == formats::ElementKind::kCode) {
    if (const auto one = formats::EncodeExact(type.format, false, 1, 0)) add(*one);
    add(code & type.format.magnitude_mask());
    for (int bits = type.format.trailing_bits; bits > 1; bits /= 2) {
      add(code & ~((Code{1} << bits) - 1));
    }
  }
  for (Code rest = code; rest != 0; rest &= rest - 1) add(code & ~(rest & (~rest + 1)));
  return codes;
}

void AddSimplerElements(const Case& c, std::vector<Case>& candidates) {
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const Tensor& input = c.inputs[p];
    if (input.count() > kMaxElementsToSimplify) continue;
    for (std::uint64_t i = 0; i < input.count(); ++i) {
      for (const Code simpler : SimplerCodes(input.type(), input.Get(i))) {
        candidates.push_back(c);
        candidates.back().inputs[p].Set(i, simpler);
      }
    }
  }
}

}  // namespace

std::optional<Case> SubMatrix(const Case& c, std::uint64_t row_begin, std::uint64_t row_end,
                              std::uint64_t col_begin, std::uint64_t col_end) {
  Operation op = c.op;
  const formats::Shape& whole = c.op.shape;
  op.shape = {.rows = row_end - row_begin, .cols = col_end - col_begin};
  if (op.shape.rows > 1 && whole.stride() != op.shape.cols) op.shape.index_stride = whole.stride();
  // Operations without noise keep an offset of 0, which their spelling does not show.
  Operation with_offset = op;
  with_offset.key.offset += row_begin * whole.stride() + col_begin;
  if (formats::OperationName(with_offset) != formats::OperationName(op)) op = with_offset;
  if (!formats::ValidateOperation(op).ok()) return std::nullopt;

  Case part = formats::EmptyCase(op);
  const BlockGrid old_grid = GridOf(c.op);
  const BlockGrid new_grid = GridOf(op);
  for (std::size_t p = 0; p < part.inputs.size(); ++p) {
    const Tensor& from = c.inputs[p];
    Tensor& to = part.inputs[p];
    for (std::uint64_t i = 0; i < to.count(); ++i) {
      std::uint64_t source = 0;  // One value for the whole tensor.
      if (from.count() == whole.count()) {
        source = (row_begin + i / op.shape.cols) * whole.cols + col_begin + i % op.shape.cols;
      } else if (from.count() == old_grid.count()) {
        const BlockGrid::Extent extent = new_grid.ExtentOf(i);
        source = (row_begin + extent.row_begin) / old_grid.block.rows * old_grid.cols() +
                 (col_begin + extent.col_begin) / old_grid.block.cols;
      }
      to.Set(i, from.Get(source));
    }
  }
  return part;
}

std::vector<Case> ShrinkCandidates(const Case& c) {
  std::vector<Case> candidates;
  AddShapes(c, candidates);
  AddKeys(c, candidates);
  AddZeroed(c, candidates);
  AddSimplerElements(c, candidates);
  return candidates;
}

Case Minimise(Case c, const std::function<bool(const Case&)>& fails, int max_tries) {
  for (bool progress = true; progress;) {
    progress = false;
    for (Case& candidate : ShrinkCandidates(c)) {
      if (--max_tries < 0) return c;
      if (!fails(candidate)) continue;
      c = std::move(candidate);
      progress = true;
      break;
    }
  }
  return c;
}

}  // namespace ulproof::reference
