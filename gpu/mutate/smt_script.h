// SPDX-License-Identifier: Apache-2.0
// A script for an SMT solver as it grows: bit vectors, definitions, unknowns and functions, in
// SMT-LIB 2.6.
#ifndef ULPROOF_GPU_MUTATE_SMT_SCRIPT_H_
#define ULPROOF_GPU_MUTATE_SMT_SCRIPT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ulproof::gpu {

inline std::string BitVector(int bits) { return "(_ BitVec " + std::to_string(bits) + ")"; }

inline std::string Constant(std::uint64_t value, int bits) {
  return "(_ bv" + std::to_string(bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1)) +
         " " + std::to_string(bits) + ")";
}

// A value: its SMT-LIB name or constant, and how wide it is. 0 bits: a truth value.
struct Term {
  std::string text;
  int bits = 0;

  friend bool operator==(const Term&, const Term&) = default;
};

// Definitions that both executions share: the same expression has the same name in both, so that
// what did not change is the same for the solver at a glance.
class Script {
 public:
  Term Define(const std::string& expression, int bits) {
    const auto [known, is_new] = names_.emplace(expression, "t" + std::to_string(names_.size()));
    if (is_new) {
      text_ += "(define-fun " + known->second + " () " + (bits == 0 ? "Bool" : BitVector(bits)) +
               " " + expression + ")\n";
    }
    return {known->second, bits};
  }

  // What the run finds in a register, with the bits that are known to be zero.
  Term Unknown(const std::string& name, int bits, std::uint64_t zeros) {
    const auto [known, is_new] = names_.emplace(name, "v" + std::to_string(names_.size()));
    const std::string& unknown = known->second;
    if (is_new) {
      text_ += "(declare-const " + unknown + " " + (bits == 0 ? "Bool" : BitVector(bits)) + ")\n";
      if (bits == 32) zeros &= 0xFFFFFFFF;
      if (bits != 0 && zeros != 0) {
        text_ += "(assert (= (bvand " + unknown + " " + Constant(zeros, bits) + ") " +
                 Constant(0, bits) + "))\n";
      }
    }
    return {unknown, bits};
  }

  // Some function of the arguments.
  Term Apply(const std::string& name, const std::vector<Term>& arguments, int bits) {
    std::string signature = name;
    for (const Term& argument : arguments) signature += "," + std::to_string(argument.bits);
    const auto [known, is_new] =
        names_.emplace("function " + signature, "f" + std::to_string(names_.size()));
    const std::string function = known->second;
    if (is_new) {
      text_ += "(declare-fun " + function + " (";
      for (const Term& argument : arguments) {
        text_ += (argument.bits == 0 ? "Bool" : BitVector(argument.bits)) + " ";
      }
      text_ += ") " + (bits == 0 ? "Bool" : BitVector(bits)) + ")\n";
    }
    if (arguments.empty()) return {function, bits};
    std::string call = "(" + function;
    for (const Term& argument : arguments) call += " " + argument.text;
    return Define(call + ")", bits);
  }

  const std::string& text() const { return text_; }

 private:
  std::map<std::string, std::string> names_;
  std::string text_ = "(set-logic ALL)\n";
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_SMT_SCRIPT_H_
