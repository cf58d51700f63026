// SPDX-License-Identifier: Apache-2.0
// From a parsed function to a Program: every instruction matched against the table of forms, every
// operand given a slot, every call expanded in place.
#ifndef ULPROOF_GPU_PTX_DECODE_H_
#define ULPROOF_GPU_PTX_DECODE_H_

#include <string_view>

#include "base/result.h"
#include "gpu/ptx/module.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

struct DecodeOptions {
  // Fuse every product that is used by an addition or subtraction of the same basic block, where
  // neither has a rounding modifier: the most that ptxas may contract.
  bool contract = false;
};

// The program holds pointers into `module`, which must outlive it. Errors, with line and column: an
// unknown instruction or modifier, operands that do not fit the form, recursion, indirect calls.
base::Result<Program> DecodeEntry(const Module& module, std::string_view entry,
                                  const DecodeOptions& options = {});

// Parts of DecodeEntry, in their own files.
// Replaces additions by fused operations; see DecodeOptions::contract. Returns how many.
int ContractProducts(Program& program);
// Fills Program::maybe_uninitialised.
void FindUninitialisedRegisters(Program& program);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_DECODE_H_
