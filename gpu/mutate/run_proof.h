// SPDX-License-Identifier: Apache-2.0
// Whether a changed instruction makes a difference that leaves the code around it: the straight
// piece between two places where control comes or goes, or a wider one in which paths part and meet
// but never go back. Written down for an SMT solver: registers that the run finds are unknowns,
// integer instructions are bit vectors, sums and comparisons of binary32 are IEEE 754's,
// all others are functions of which nothing is known but that they are functions. That no store,
// address, guard, branch or later read can differ is then a question of which "unsatisfiable" is
// the answer.
#ifndef ULPROOF_GPU_MUTATE_RUN_PROOF_H_
#define ULPROOF_GPU_MUTATE_RUN_PROOF_H_

#include <cstdint>
#include <functional>
#include <string>

#include "gpu/mutate/known_bits.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu {

// Whether a script in SMT-LIB 2.6 that ends with (check-sat) is unsatisfiable; false when the
// solver does not know. Thread-safe.
using IsUnsatisfiable = std::function<bool(const std::string& script)>;

// Whether the solver finds that the operation at `pc`, in which alone the programs differ, makes no
// such difference. False also where that cannot be asked. `known` and `demanded` are of the
// original.
bool RunProof(const ptx::Program& original, const ptx::Program& mutant, std::uint32_t pc,
              const KnownBits& known, const DemandedBits& demanded,
              const IsUnsatisfiable& is_unsatisfiable);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_RUN_PROOF_H_
