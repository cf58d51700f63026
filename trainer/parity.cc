// SPDX-License-Identifier: Apache-2.0
#include "trainer/parity.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>

#include "base/parallel.h"

namespace ulproof::trainer {
namespace {

constexpr std::size_t kCurvePoints = 20;

std::uint32_t CodeOf(float x) { return std::bit_cast<std::uint32_t>(x); }
std::uint32_t CodeOf(std::uint16_t code) { return code; }

// The first element whose code differs.
template <typename T>
std::optional<Divergence> FirstDifference(const std::string& tensor, std::span<const T> a,
                                          std::span<const T> b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (CodeOf(a[i]) != CodeOf(b[i])) {
      return Divergence{
          .tensor = tensor, .element = i, .truth = CodeOf(a[i]), .subject = CodeOf(b[i])};
    }
  }
  return std::nullopt;
}

std::optional<Divergence> FirstDifference(Trainer& a, Trainer& b, float a_loss, float b_loss) {
  const auto floats = [](const std::string& name, std::span<const float> x,
                         std::span<const float> y) { return FirstDifference<float>(name, x, y); };
  for (std::size_t i = 0; a.method().makes_codes() && i < a.matrices().size(); ++i) {
    const auto found = FirstDifference<std::uint16_t>(
        "sample of " + a.matrices()[i].parameter->name, a.codes(i), b.codes(i));
    if (found) return found;
  }
  if (const auto found = floats("loss", {&a_loss, 1}, {&b_loss, 1})) return found;
  for (const auto& [what, x, y] :
       {std::tuple{"gradient of ", &a.model().gradients(), &b.model().gradients()},
        std::tuple{"", &a.model().parameters(), &b.model().parameters()}}) {
    for (const Parameter& p : a.model().table().all) {
      const auto found = floats(what + p.name, {x->data() + p.offset, p.count()},
                                {y->data() + p.offset, p.count()});
      if (found) return found;
    }
    // The gradient of b comes before any parameter moves.
    const auto found =
        floats("gradient of b", a.method().state_gradients(), b.method().state_gradients());
    if (found) return found;
  }
  return floats("b", a.method().state(), b.method().state());
}

base::Result<Outcome> RunOnce(const MethodParityOptions& options, const Corpus& corpus,
                              const Batch& validation, const MethodSpec& method,
                              std::uint64_t seed) {
  TrainerOptions run = options.run;
  run.method = method;
  run.seed = seed;
  const auto backend = options.backend(method);
  if (!backend.ok()) return backend.error();
  auto trainer = Trainer::Create(run, corpus, **backend);
  if (!trainer.ok()) return trainer.error();
  const std::uint64_t steps = run.schedule.steps;
  Outcome outcome;
  std::vector<double> sums(kCurvePoints), counts(kCurvePoints);
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto record = trainer->Step();
    if (!record.ok()) return record.error();
    const std::size_t part = step * kCurvePoints / steps;
    sums[part] += record->loss;
    ++counts[part];
    if (options.progress) options.progress(1);
  }
  for (std::size_t i = 0; i < kCurvePoints; ++i) {
    if (counts[i] > 0) outcome.curve.push_back(static_cast<float>(sums[i] / counts[i]));
  }
  outcome.mean_bits = trainer->MeanBits();
  if (outcome.mean_bits) {
    const auto absorbed = trainer->CountAbsorbed();
    if (!absorbed.ok()) return absorbed.error();
    outcome.absorbed = static_cast<double>(absorbed->absorbed) /
                       static_cast<double>(std::max<std::uint64_t>(absorbed->noisy, 1));
  }
  trainer->UseMasterWeights();
  outcome.validation = trainer->Evaluate(validation).loss;
  if (outcome.mean_bits) {
    if (auto used = trainer->UseSteppedWeights(); !used.ok()) return used.error();
    outcome.quantised_validation = trainer->Evaluate(validation).loss;
  }
  for (const CastTarget& target : options.casts) {
    if (auto used = trainer->UseCastWeights(target); !used.ok()) return used.error();
    outcome.cast_validation.push_back(trainer->Evaluate(validation).loss);
  }
  return outcome;
}

}  // namespace

base::Result<BitParity> CompareBits(const TrainerOptions& options, const Corpus& corpus,
                                    formats::Backend& truth, formats::Backend& subject,
                                    std::uint64_t steps) {
  auto a = Trainer::Create(options, corpus, truth);
  if (!a.ok()) return a.error();
  auto b = Trainer::Create(options, corpus, subject);
  if (!b.ok()) return b.error();
  BitParity parity;
  for (std::uint64_t step = 0; step < steps && !parity.divergence; ++step) {
    const auto a_record = a->Step();
    if (!a_record.ok()) return a_record.error();
    const auto b_record = b->Step();
    if (!b_record.ok()) return b_record.error();
    parity.losses.push_back(CodeOf(a_record->loss));
    parity.divergence = FirstDifference(*a, *b, a_record->loss, b_record->loss);
    if (parity.divergence) parity.divergence->step = step;
    ++parity.steps;
  }
  return parity;
}

base::Result<std::vector<MethodRuns>> RunMethods(const MethodParityOptions& options,
                                                 const Corpus& corpus) {
  // One evaluation text for all: what differs between two runs is the run.
  if (auto valid = CheckCorpus(corpus, options.run.model.vocabulary, options.run.model.context);
      !valid.ok()) {
    return valid.error();
  }
  const Batch validation =
      ValidationBatch(corpus, options.validation_sequences, options.run.model.context);
  std::vector<MethodRuns> runs;
  for (const MethodSpec& method : options.methods)
    runs.push_back({method, std::vector<Outcome>(options.seeds)});
  std::mutex mutex;
  std::optional<base::Error> failed;
  std::uint64_t failed_at = UINT64_MAX;
  const std::uint64_t count = runs.size() * options.seeds;
  base::ParallelFor(count, 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) {
      // Seeds outermost, so that an early end leaves whole seeds.
      MethodRuns& method = runs[i % runs.size()];
      const std::uint64_t seed = i / runs.size();
      auto outcome = RunOnce(options, corpus, validation, method.method, options.first_seed + seed);
      const std::lock_guard lock(mutex);
      if (outcome.ok()) {
        method.seeds[seed] = std::move(*outcome);
      } else if (i < failed_at) {
        failed = outcome.error();
        failed->message = method.method.ToString() + ": " + failed->message;
        failed_at = i;
      }
    }
  });
  if (failed) return *failed;
  return runs;
}

double LossOf(const Outcome& outcome, std::size_t cast) {
  return cast == kMaster ? outcome.validation : outcome.cast_validation[cast];
}

Interval Difference(const MethodRuns& subject, std::size_t subject_cast, const MethodRuns& baseline,
                    std::size_t baseline_cast) {
  ULPROOF_CHECK(subject.seeds.size() == baseline.seeds.size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < subject.seeds.size(); ++i) {
    differences.push_back(LossOf(subject.seeds[i], subject_cast) -
                          LossOf(baseline.seeds[i], baseline_cast));
  }
  return MeanInterval(differences);
}

}  // namespace ulproof::trainer
