// SPDX-License-Identifier: Apache-2.0
// The SMT solver z3, run as a program where it is installed: proofs that a mutant is equivalent.
#ifndef ULPROOF_GPU_MUTATE_SOLVER_H_
#define ULPROOF_GPU_MUTATE_SOLVER_H_

#include "gpu/mutate/run_proof.h"

namespace ulproof::gpu {

// Asks the z3 of PATH, some seconds at most. Empty: there is none.
IsUnsatisfiable FindSolver();

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_SOLVER_H_
