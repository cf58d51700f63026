// SPDX-License-Identifier: Apache-2.0
// Mutants of a kernel against a suite of tests: how many the suite notices. The share of those that
// it notices among those that could be noticed measures the suite, not the kernel.
#ifndef ULPROOF_GPU_MUTATE_CAMPAIGN_H_
#define ULPROOF_GPU_MUTATE_CAMPAIGN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gpu/mutate/mutation.h"
#include "gpu/mutate/run_proof.h"

namespace ulproof::gpu {

// kSlower: the right bits, at more cost than the kernel's own; for a suite that looks at it.
enum class Fate : std::uint8_t { kWrongBits, kFault, kSlower, kEquivalent, kSurvived };

struct Mutant {
  Mutation mutation;
  Fate fate = Fate::kSurvived;
  std::string note;  // What gave it away, or the proof of equivalence.
};

// What a suite says of one mutant. Thread-safe.
struct Discovery {
  Fate fate = Fate::kSurvived;
  std::string note = {};
};
using MutationSuite = std::function<Discovery(const Mutation& mutation)>;

struct Campaign {
  std::vector<Mutant> mutants;  // In order of their lines.

  std::uint64_t Count(Fate fate) const;
  // Noticed, of all but the equivalent ones; 1 when there are none.
  double KillRate() const;
};

struct CampaignOptions {
  std::string file;  // In messages.
  std::string entry;
  std::uint64_t count = 100;
  std::uint64_t seed = 1;
  std::function<void(std::uint64_t done)> progress = {};  // Thread-safe.
  // Asked about mutants that the suite has not noticed. Empty: nobody is.
  IsUnsatisfiable solver = {};
  // Puts mutants with a proof of equivalence to the suite too, which must not notice them.
  bool check_proofs = false;
  // Which of the drawn mutants, by their place in order, are put to the suite; the others are left
  // out of the campaign. Empty: all.
  std::function<bool(std::uint64_t place)> is_wanted = {};
  // Called with each mutant once its fate is known. Thread-safe.
  std::function<void(std::uint64_t place, const Mutant& mutant)> on_mutant = {};
};

// Draws up to `count` different mutants of `text` and puts each to the suite. Deterministic.
// Errors: Mutator::Make's.
base::Result<Campaign> RunCampaign(std::string_view text, const CampaignOptions& options,
                                   const MutationSuite& suite);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_CAMPAIGN_H_
