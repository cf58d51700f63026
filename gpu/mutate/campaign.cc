// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/campaign.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "base/parallel.h"
#include "gpu/mutate/equivalence.h"
#include "gpu/ptx/decode.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {

std::uint64_t Campaign::Count(Fate fate) const {
  return static_cast<std::uint64_t>(std::ranges::count(mutants, fate, &Mutant::fate));
}

double Campaign::KillRate() const {
  const std::uint64_t noticed =
      Count(Fate::kWrongBits) + Count(Fate::kFault) + Count(Fate::kSlower);
  const std::uint64_t noticeable = noticed + Count(Fate::kSurvived);
  return noticeable == 0 ? 1 : static_cast<double>(noticed) / static_cast<double>(noticeable);
}

base::Result<Campaign> RunCampaign(std::string_view text, const CampaignOptions& options,
                                   const MutationSuite& suite) {
  const base::Result<Mutator> mutator = Mutator::Make(text, options.file, options.entry);
  if (!mutator) return mutator.error();
  const base::Result<ptx::Program> original = ptx::DecodeEntry(mutator->module(), options.entry);
  if (!original) return original.error();
  const Equivalence equivalence(*original);

  Campaign campaign;
  MutationRng rng(options.seed);
  std::set<std::pair<int, std::string>> drawn;
  for (std::uint64_t tries = 0; tries < 4 * options.count; ++tries) {
    if (campaign.mutants.size() == options.count) break;
    std::optional<Mutation> mutation = mutator->Draw(rng);
    if (!mutation) break;
    if (!drawn.emplace(mutation->line, mutation->after).second) continue;
    campaign.mutants.push_back({.mutation = std::move(*mutation), .note = {}});
  }
  std::ranges::stable_sort(campaign.mutants, {},
                           [](const Mutant& mutant) { return mutant.mutation.line; });

  std::vector<Mutant> wanted;
  std::vector<std::uint64_t> places;
  for (std::uint64_t place = 0; place < campaign.mutants.size(); ++place) {
    if (options.is_wanted && !options.is_wanted(place)) continue;
    wanted.push_back(std::move(campaign.mutants[place]));
    places.push_back(place);
  }
  campaign.mutants = std::move(wanted);

  std::atomic<std::uint64_t> done = 0;
  base::ParallelFor(campaign.mutants.size(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      Mutant& mutant = campaign.mutants[i];
      const base::Result<ptx::Module> module = ptx::ParseModule(mutant.mutation.text, options.file);
      const std::string proof =
          module.ok() ? equivalence.Proof(mutant.mutation, *module) : std::string();
      if (!proof.empty()) {
        mutant.fate = Fate::kEquivalent;
        mutant.note = proof;
        const Discovery seen = options.check_proofs ? suite(mutant.mutation) : Discovery{};
        if (seen.fate == Fate::kWrongBits || seen.fate == Fate::kFault) {
          mutant.fate = seen.fate;
          mutant.note = "noticed against the proof that " + proof + ": " + seen.note;
        }
      } else {
        Discovery discovery = suite(mutant.mutation);
        mutant.fate = discovery.fate;
        mutant.note = std::move(discovery.note);
        if (mutant.fate == Fate::kSurvived && options.solver && module.ok()) {
          const base::Result<ptx::Program> changed = ptx::DecodeEntry(*module, options.entry);
          std::string solved =
              changed.ok() ? equivalence.SolverProof(mutant.mutation, *changed, options.solver)
                           : std::string();
          if (!solved.empty()) {
            mutant.fate = Fate::kEquivalent;
            mutant.note = std::move(solved);
          }
        }
      }
      mutant.mutation.text.clear();  // Modules are large.
      if (options.on_mutant) options.on_mutant(places[i], mutant);
      const std::uint64_t now = ++done;
      if (options.progress) options.progress(now);
    }
  });
  return campaign;
}

}  // namespace ulproof::gpu
