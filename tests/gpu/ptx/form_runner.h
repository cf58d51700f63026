// SPDX-License-Identifier: Apache-2.0
// Runs one instruction over many inputs: writes a ten-line .ptx around it, simulates it, and gives
// its results. Each call runs the instruction twice, for all lanes and for the odd lanes only, and
// checks that the two agree and that masked lanes keep what was in their register.
#ifndef ULPROOF_TESTS_GPU_PTX_FORM_RUNNER_H_
#define ULPROOF_TESTS_GPU_PTX_FORM_RUNNER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/ptx/launch.h"

namespace ulproof::gpu::ptx {

using Bits = std::vector<std::uint64_t>;

// Parses "t.ptx": three lines of .version, .target and .address_size, then `text`. Fails the test
// and gives an empty module when that has an error.
Module ParseText(std::string_view text);

struct FormCase {
  // With %d for the result and %a, %b, %c ... for the sources: "add.rn.f32 %d, %a, %b;". May be
  // several instructions. Scratch registers: %x (predicate), %y (32 bits), %z (64 bits).
  std::string_view text;
  Type result = Type::kB32;        // kPred: 0 or 1.
  std::vector<Type> sources = {};  // Widths in memory and register; kPred: nonzero means true.
};

// The result for each position of the sources, which all have the same length. The simulated text
// is in the failure message when the case does not run.
Bits RunForm(const FormCase& form, const std::vector<Bits>& sources);

// Edge values of a type: for integers the ends and powers of two +-1; for floats zeros, subnormals,
// ends of binades, largest, infinities, NaNs, halves and integers. Both with a few random codes.
Bits EdgesOf(Type type);

// `count` random codes, half of them with structured exponents or small values.
Bits RandomsOf(Type type, std::size_t count, std::uint64_t seed);

// Sources of conversions: all codes of a type of at most 16 bits; else edges, random codes, and
// codes near the rounding points of every narrower format in many binades (all, for binary32).
Bits RoundingInputsOf(Type type);

// Every pair of the values.
std::vector<Bits> Pairs(const Bits& a, const Bits& b);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_TESTS_GPU_PTX_FORM_RUNNER_H_
