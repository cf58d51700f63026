// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/explain_scope.h"

#include <algorithm>

namespace ulproof::reference {
namespace {

using formats::BlockGrid;
using formats::Operation;
using formats::OpKind;

// Whether the element is in one of the runs of kRun elements that are full.
template <std::uint64_t kRun>
bool InFullRun(const Spot& s) {
  return s.is_value_of_block || s.index < s.op->shape.count() / kRun * kRun;
}

template <std::uint64_t kDivisor>
bool ColumnsDivisible(const Spot& s) {
  return s.op->shape.cols % kDivisor == 0;
}

// Whether it is a call of a format whose scale rule the caller chooses, with that rule.
template <formats::ScaleRule kRule>
bool HasRule(const Spot& s) {
  return s.op->kind == OpKind::kQuantize && !s.op->block_format.has_tensor_scale &&
         s.op->rule == kRule;
}

#define ULPROOF_MULTIPLES_OF_8 "calls whose columns, stride and offset are multiples of 8"

constexpr Scope kScopes[] = {
    {"", [](const Spot&) { return true; }},
    {"in " ULPROOF_MULTIPLES_OF_8, [](const Spot& s) { return s.is_aligned; }},
    {"outside " ULPROOF_MULTIPLES_OF_8, [](const Spot& s) { return !s.is_aligned; }},
    {"in whole blocks", [](const Spot& s) { return s.in_whole_block; }},
    {"in edge blocks", [](const Spot& s) { return !s.in_whole_block; }},
    {"in whole blocks of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return s.is_aligned && s.in_whole_block; }},
    {"outside whole blocks of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return !(s.is_aligned && s.in_whole_block); }},
    {"in full runs of 8 elements", InFullRun<8>},
    {"past the last full run of 8 elements", [](const Spot& s) { return !InFullRun<8>(s); }},
    {"in full runs of 8 elements of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return s.is_aligned && InFullRun<8>(s); }},
    {"in full runs of 16 elements of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return s.is_aligned && InFullRun<16>(s); }},
    {"outside full runs of 16 elements of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return !(s.is_aligned && InFullRun<16>(s)); }},
    {"in full runs of 32 elements of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return s.is_aligned && InFullRun<32>(s); }},
    {"outside full runs of 32 elements of " ULPROOF_MULTIPLES_OF_8,
     [](const Spot& s) { return !(s.is_aligned && InFullRun<32>(s)); }},
    {"in calls whose columns are a multiple of 16", ColumnsDivisible<16>},
    {"in calls whose columns are no multiple of 16",
     [](const Spot& s) { return !ColumnsDivisible<16>(s); }},
    {"in calls whose columns are a multiple of 32", ColumnsDivisible<32>},
    {"in calls whose columns are no multiple of 32",
     [](const Spot& s) { return !ColumnsDivisible<32>(s); }},
    {"in calls with rule floor", HasRule<formats::ScaleRule::kFloor>},
    {"in calls with rule ceil", HasRule<formats::ScaleRule::kCeil>},
    {"in calls with rule even", HasRule<formats::ScaleRule::kEven>},
    {"in calls with rule rceil", HasRule<formats::ScaleRule::kRceil>},
    {"in calls with another rule than rceil",
     [](const Spot& s) {
       return s.op->kind == OpKind::kQuantize && !s.op->block_format.has_tensor_scale &&
              s.op->rule != formats::ScaleRule::kRceil;
     }},
};

#undef ULPROOF_MULTIPLES_OF_8

BlockGrid GridOf(const Operation& op) {
  return op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize ? op.scale_grid()
                                                                        : op.grid();
}

}  // namespace

const Scope& Everywhere() { return kScopes[0]; }

std::span<const Scope> AllScopes() { return kScopes; }

bool InScope(const Scope& scope, const formats::Case& c, const formats::Port& port,
             std::uint64_t index) {
  if (scope.phrase.empty()) return true;
  const Operation& op = c.op;
  const BlockGrid grid = GridOf(op);
  const bool is_word = port.type.kind == formats::ElementKind::kNibbleWord;
  const bool is_value = !is_word && port.count != op.shape.count();
  std::uint64_t element = is_word ? std::min(8 * index, op.shape.count() - 1) : index;
  BlockGrid::Extent extent = {};
  if (is_value) {
    extent = grid.ExtentOf(std::min(index, grid.count() - 1));
    element = extent.row_begin * op.shape.cols + extent.col_begin;
  } else {
    const std::uint64_t row = element / op.shape.cols, col = element % op.shape.cols;
    extent = grid.ExtentOf(row / grid.block.rows * grid.cols() + col / grid.block.cols);
  }
  const bool whole = extent.row_end - extent.row_begin == grid.block.rows &&
                     extent.col_end - extent.col_begin == grid.block.cols;
  const bool aligned = ((op.shape.cols | op.shape.stride() | op.key.offset) & 7) == 0;
  return scope.holds({&op, element, is_value, whole, aligned});
}

}  // namespace ulproof::reference
