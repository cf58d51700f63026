// SPDX-License-Identifier: Apache-2.0
// Whether a changed instruction makes a difference that leaves its run, the straight piece of code
// between two places where control comes or goes. Written down for an SMT solver: registers that
// the run finds are unknowns, integer instructions are bit vectors, all others are functions of
// which nothing is known but that they are functions. That no store, address, guard or later read
// can differ is then a question of which "unsatisfiable" is the answer.
#ifndef ULPROOF_GPU_MUTATE_RUN_PROOF_H_
#define ULPROOF_GPU_MUTATE_RUN_PROOF_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "gpu/mutate/known_bits.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu {

// Whether a script in SMT-LIB 2.6 that ends with (check-sat) is unsatisfiable; false when the
// solver does not know. Thread-safe.
using IsUnsatisfiable = std::function<bool(const std::string& script)>;

// The question for the operation at `pc`; nothing where it cannot be asked: control flow itself
// changed, or other operations than that one did. `known` and `demanded` are of the original.
std::optional<std::string> RunQuestion(const ptx::Program& original, const ptx::Program& mutant,
                                       std::uint32_t pc, const KnownBits& known,
                                       const DemandedBits& demanded);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_RUN_PROOF_H_
