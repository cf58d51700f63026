// SPDX-License-Identifier: Apache-2.0
// Code that the decoder picks by the operands: by the value of a constant, by the width of a
// register, by the shape of a mov.
#ifndef ULPROOF_GPU_PTX_OPS_BY_OPERAND_H_
#define ULPROOF_GPU_PTX_OPS_BY_OPERAND_H_

#include <cstdint>

#include "gpu/ptx/form.h"

namespace ulproof::gpu::ptx::ops {

// lop3.b32 d, a, b, c with this table.
Execute Lop3WithTable(std::uint8_t table);

// shl or shr whose count is the same constant in every lane.
Execute ShiftByConstantOf(const Form& form);

// cvt whose destination register has its type's width and whose source register has its type's lane
// width; null when there is no fast code for the form.
Execute FastConversion(const Form& form);

// ld and st of registers of 64 bits, whatever the type's width.
Execute WideLoad(const Form& form);
Execute WideStore(const Form& form);

// operand[0] <- operand[1]: lanes of 32 or 64 bits, or (1 bit) predicates.
Execute CopyOf(int bits);

// operand[0..count) <- the parts of operand[count], lowest first; register_bytes[0] is the width of
// a part, [1] of the whole.
void UnpackLanes(const Operation& operation, Warp& warp, LaneMask mask);

// operand[0] <- operand[1..count], lowest first; register_bytes[0] is the width of the whole, [1]
// of a part.
void PackLanes(const Operation& operation, Warp& warp, LaneMask mask);

// A product and a sum made into one: +-(operand[1] * operand[2]) +- operand[3], rounded once.
struct Fusion {
  Type type = Type::kF32;
  bool flush = false;
  bool saturate = false;
  bool negates_product = false;
  bool negates_addend = false;
};
Binding FusedProduct(const Fusion& fusion);

}  // namespace ulproof::gpu::ptx::ops

#endif  // ULPROOF_GPU_PTX_OPS_BY_OPERAND_H_
