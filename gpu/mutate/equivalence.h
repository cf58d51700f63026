// SPDX-License-Identifier: Apache-2.0
// Mutants that nothing can tell from the original, where that can be proved: what nobody reads, and
// what gives the same bits for all operands that can occur (known_bits.h).
#ifndef ULPROOF_GPU_MUTATE_EQUIVALENCE_H_
#define ULPROOF_GPU_MUTATE_EQUIVALENCE_H_

#include <string>
#include <vector>

#include "gpu/mutate/known_bits.h"
#include "gpu/mutate/mutation.h"
#include "gpu/mutate/run_proof.h"
#include "gpu/ptx/module.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu {

class Equivalence {
 public:
  // `original` is decoded from the module that was mutated, and must outlive this.
  explicit Equivalence(const ptx::Program& original);

  // Why the mutant gives the same bits; empty: no proof.
  std::string Proof(const Mutation& mutation, const ptx::Module& mutant) const;
  // The same by a solver, which takes seconds: for what no test has noticed. `mutant` is decoded
  // from the changed module.
  std::string SolverProof(const Mutation& mutation, const ptx::Program& mutant,
                          const IsUnsatisfiable& is_unsatisfiable) const;

 private:
  std::string ProofAt(std::uint32_t pc, const ptx::Instruction& after) const;

  const ptx::Program& original_;
  const KnownBits known_;
  const DemandedBits demanded_;
  std::vector<bool> needed_;  // Operations whose result can reach memory or control flow.
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_EQUIVALENCE_H_
