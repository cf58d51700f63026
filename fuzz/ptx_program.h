// SPDX-License-Identifier: Apache-2.0
// Straight-line PTX programs out of bytes, with what ptx_evaluator.h says they compute.
#ifndef ULPROOF_FUZZ_PTX_PROGRAM_H_
#define ULPROOF_FUZZ_PTX_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/byte_reader.h"

namespace ulproof::fuzz {

// A kernel k(in, out) for one warp. Each lane takes its registers from `in`, runs the same
// instructions on them, and stores them all to `out`.
struct PtxProgram {
  std::string text;
  std::vector<std::uint8_t> in;
  std::vector<std::uint8_t> out;  // As expected, of the size of `in`.
};

// Any bytes make a program; the first say which instructions, the rest fill the registers.
PtxProgram ReadPtxProgram(ByteReader& reader);

}  // namespace ulproof::fuzz

#endif  // ULPROOF_FUZZ_PTX_PROGRAM_H_
