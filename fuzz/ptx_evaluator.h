// SPDX-License-Identifier: Apache-2.0
// A second definition of some ninety instructions of PTX, written from the words of the PTX ISA and
// apart from the simulator: integers bit by bit where that is how the words go, binary32 by exact
// numbers and one rounding. One lane, no control flow, no memory.
#ifndef ULPROOF_FUZZ_PTX_EVALUATOR_H_
#define ULPROOF_FUZZ_PTX_EVALUATOR_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ulproof::fuzz {

// The registers of one lane: %h (16 bits), %r (32), %d (64), %p (predicates), and the carry.
struct Lane {
  static constexpr int kRegisters = 4;

  std::array<std::uint16_t, kRegisters> h = {};
  std::array<std::uint32_t, kRegisters> r = {};
  std::array<std::uint64_t, kRegisters> d = {};
  std::array<bool, kRegisters> p = {};
  bool carry = false;

  friend bool operator==(const Lane&, const Lane&) = default;
};

// One instruction form. Operands are letters: h, r, d, p a register of that kind; i an immediate of
// 8 bits. `x` is an r that may also be an immediate of 32 bits.
struct EvaluatedForm {
  std::string_view opcode;  // "add.s32"
  char result;
  std::string_view sources;  // At most four.
  // The result's low bits, from the sources' zero-extended bits. `carry` is read and written by the
  // .cc forms alone.
  std::uint64_t (*compute)(const std::array<std::uint64_t, 4>& sources, bool& carry);
};

std::span<const EvaluatedForm> EvaluatedForms();

}  // namespace ulproof::fuzz

#endif  // ULPROOF_FUZZ_PTX_EVALUATOR_H_
