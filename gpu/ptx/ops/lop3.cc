// SPDX-License-Identifier: Apache-2.0
// lop3: any function of three bits, by a table of its eight values. Each of the 256 tables is its
// own instantiation, which the compiler reduces to two or three instructions.
#include <array>
#include <utility>

#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// Bit 4a + 2b + c of the table is the result for bits a, b, c.
template <std::uint8_t kTable>
std::uint32_t Lop3(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const auto pick = [&](int row) -> std::uint32_t {
    const bool if_zero = (kTable >> row & 1) != 0;
    const bool if_one = (kTable >> (row + 1) & 1) != 0;
    if (if_zero == if_one) return if_zero ? ~std::uint32_t{0} : 0;
    return if_one ? c : ~c;
  };
  const std::uint32_t a0 = (b & pick(2)) | (~b & pick(0));
  const std::uint32_t a1 = (b & pick(6)) | (~b & pick(4));
  return (a & a1) | (~a & a0);
}

constexpr auto kLop3 = []<std::size_t... kTable>(std::index_sequence<kTable...>) {
  return std::array<Execute, 256>{&Lanes<&Lop3<static_cast<std::uint8_t>(kTable)>>...};
}
(std::make_index_sequence<256>());

// lop3.and/.or: d as above, and p = (d != 0) BoolOp q. Operands: d, p, a, b, c, q.
void Lop3Predicate(const Operation& operation, Warp& warp, LaneMask mask) {
  Operation plain = operation;
  plain.operand = {operation.operand[0], operation.operand[2], operation.operand[3],
                   operation.operand[4]};
  kLop3[operation.parameter & 0xFF](plain, warp, mask);
  LaneMask nonzero = 0;
  const auto* const d = warp.At<std::uint32_t>(operation.operand[0]);
  for (int lane = 0; lane < kLanes; ++lane) {
    if (d[lane] != 0) nonzero |= kLaneBit[lane];
  }
  LaneMask q = *warp.At<LaneMask>(operation.operand[5]);
  if ((operation.negated >> 5 & 1) != 0) q = ~q;
  const bool is_and = (operation.parameter >> 8 & 1) != 0;
  SetPredicate(warp, operation.operand[1], mask, is_and ? nonzero & q : nonzero | q);
}

}  // namespace

// The decoder knows the table and picks the code by Lop3WithTable.
Binding LogicThree(const Form&) { return {kLop3[0]}; }
Binding LogicThreePredicate(const Form& form) {
  return {&Lop3Predicate, form.Has("and") ? std::uint64_t{1} << 8 : 0};
}

Execute Lop3WithTable(std::uint8_t table) { return kLop3[table]; }

}  // namespace ulproof::gpu::ptx::ops
