// SPDX-License-Identifier: Apache-2.0
// Makes a program's register file small: compilers write each register once and never again, so
// most of the thousands that a kernel names hold nothing most of the time.
#ifndef ULPROOF_GPU_PTX_SHARE_SLOTS_H_
#define ULPROOF_GPU_PTX_SHARE_SLOTS_H_

#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

// Registers of one width whose ranges in the program's text (Liveness::Ranges) have no operation in
// common get one slot. Program::registers lists the shared ones afterwards, without names. Nothing
// that the program computes changes: a lane writes to a slot only at operations of the range of the
// register that holds it, and between those its other registers are dead.
void ShareSlots(Program& program);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_SHARE_SLOTS_H_
