// SPDX-License-Identifier: Apache-2.0
// A stretch of a kernel run on unknowns: what it leaves in registers and what it shows to the
// outside, as terms of an SMT script. Every write is under the condition that the thread comes to
// it, so that paths need not be taken apart.
#ifndef ULPROOF_GPU_MUTATE_SYMBOLIC_RUN_H_
#define ULPROOF_GPU_MUTATE_SYMBOLIC_RUN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gpu/mutate/known_bits.h"
#include "gpu/mutate/smt_script.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu {

// What the slots of a program are, by names that two programs share.
class Slots {
 public:
  explicit Slots(const ptx::Program& program);

  // Its name and width, 0 for a predicate. Null: no register, parameter or special register.
  const std::pair<std::string, int>* Register(ptx::Slot slot) const;
  std::optional<std::uint64_t> Constant(ptx::Slot slot) const;

 private:
  std::map<ptx::Slot, std::pair<std::string, int>> registers_;
  std::map<ptx::Slot, std::uint64_t> constants_;
};

class Execution {
 public:
  // `known` (may be null) says what is asserted of unknowns.
  Execution(const ptx::Program& program, const KnownBits* known, Script& script)
      : program_(program), slots_(program), known_(known), script_(script) {}

  // Runs [begin, end), where control only goes on or leaves. False: it cannot be written down.
  bool Run(std::uint32_t begin, std::uint32_t end);
  const std::vector<Term>& observed() const { return observed_; }
  const std::map<std::string, Term>& state() const { return state_; }
  Term Read(ptx::Slot slot, int bits, std::uint64_t zeros);

 private:
  // Whether the thread runs the operation.
  Term Guard(std::uint32_t pc);
  Term And(const Term& a, const Term& b);
  Term Or(const Term& a, const Term& b);
  Term Not(const Term& x);
  // Another width: cut off, or filled with zeros.
  Term Fit(const Term& x, int bits);
  Term Signed(const Term& x, int bits);
  Term Choose(const Term& condition, const Term& yes, const Term& no);
  Term Two(const std::string& function, const Term& a, const Term& b);
  void Observe(const std::vector<Term>& terms);
  bool Step(std::uint32_t pc);
  // A register's own width; of a constant, that of the instruction's type.
  int NaturalBits(const ptx::Instruction& instruction, const ptx::Operation& operation,
                  ptx::Slot slot) const;
  // The result of an instruction that is understood.
  std::optional<Term> Result(const ptx::Instruction& instruction, const ptx::Operation& operation,
                             const std::vector<Term>& s);
  // Of binary32: sums and comparisons. The bits of a NaN stay open.
  std::optional<Term> Float32Result(const ptx::Instruction& instruction,
                                    const std::vector<Term>& s);
  // Row r of the table is taken where the sources' bits spell r, the first one's the highest.
  Term Lop3(std::uint64_t table, const std::vector<Term>& s);

  const ptx::Program& program_;
  const Slots slots_;
  const KnownBits* known_;
  Script& script_;
  std::map<std::string, Term> state_;
  std::vector<Term> observed_;
  Term active_ = {"true", 0};  // Whether the thread has come here.
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_SYMBOLIC_RUN_H_
