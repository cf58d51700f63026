// SPDX-License-Identifier: Apache-2.0
// The two questions of parity. Bits: do two backends give one run the same bits at every step?
// Methods: how far is a method's held-out loss from the baseline's, over seeds, with what
// certainty? Records only; the command line shows them.
#ifndef ULPROOF_TRAINER_PARITY_H_
#define ULPROOF_TRAINER_PARITY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "trainer/statistics.h"
#include "trainer/trainer.h"

namespace ulproof::trainer {

struct Divergence {
  std::uint64_t step = 0;
  std::string tensor;         // "sample of h.0.mlp.c_fc.weight", "loss", "gradient of b", ...
  std::uint64_t element = 0;  // Row-major.
  std::uint32_t truth = 0;    // The two codes: bfloat16 of samples, binary32 elsewhere.
  std::uint32_t subject = 0;
};

struct BitParity {
  std::uint64_t steps = 0;               // Compared; the diverging one included.
  std::vector<std::uint32_t> losses;     // Their bits.
  std::optional<Divergence> divergence;  // The first, in the order in which a step computes.
};

// The same run on two backends, in step: samples, loss, gradients, gradients of b and parameters
// are compared after each. Stops at the first difference. Errors: the runs'.
base::Result<BitParity> CompareBits(const TrainerOptions& options, const Corpus& corpus,
                                    formats::Backend& truth, formats::Backend& subject,
                                    std::uint64_t steps);

// One run's end.
struct Outcome {
  std::vector<float> curve;             // Training loss, averaged over equal parts of the run.
  double validation = 0;                // Held-out loss of the master weights in bfloat16.
  std::vector<double> cast_validation;  // Of the weights cast to each target.
  std::optional<double> mean_bits;
  std::optional<double> quantised_validation;  // Of Method::Quantise, where there is a b.
  std::optional<double> absorbed;  // Part of the noise at the end (contract section 10).
};

struct MethodRuns {
  MethodSpec method;
  std::vector<Outcome> seeds;  // seeds[i] has seed first_seed + i: same start, same text.
};

struct MethodParityOptions {
  TrainerOptions run;  // Its method and seed are replaced.
  std::vector<MethodSpec> methods;
  std::vector<CastTarget> casts;
  std::uint64_t first_seed = 1;
  std::size_t seeds = 5;
  std::size_t validation_sequences = 128;
  // The backend of a method. Must be thread-safe, as backends are.
  std::function<base::Result<formats::Backend*>(const MethodSpec&)> backend;
  std::function<void(std::uint64_t steps)> progress = {};  // Called from any thread.
};

// Every method with every seed, runs side by side on the threads; the results do not depend on how
// many. The teacher of a method with distill= is the bf16 run of the same seed, made first, and
// once where bf16 is among the methods. Errors: the first run's that failed.
base::Result<std::vector<MethodRuns>> RunMethods(const MethodParityOptions& options,
                                                 const Corpus& corpus);

// What is compared of two outcomes of one seed: the master's loss, or that of a cast.
inline constexpr std::size_t kMaster = SIZE_MAX;
double LossOf(const Outcome& outcome, std::size_t cast);
// Mean over seeds of (subject - baseline), paired by seed. Precondition: as many seeds.
Interval Difference(const MethodRuns& subject, std::size_t subject_cast, const MethodRuns& baseline,
                    std::size_t baseline_cast);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_PARITY_H_
