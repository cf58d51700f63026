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
  if (const auto found = floats("b", a.method().state(), b.method().state())) return found;
  return floats("scales of activations", a.activation_state(), b.activation_state());
}

using Weights = std::shared_ptr<const std::vector<float>>;

struct FinishedRun {
  Outcome outcome;
  Weights weights;
};

base::Result<FinishedRun> RunOnce(const MethodParityOptions& options, const Corpus& corpus,
                                  const Batch& validation, const MethodSpec& method,
                                  std::uint64_t seed, const Weights& teacher) {
  TrainerOptions run = options.run;
  run.method = method;
  run.seed = seed;
  if (method.distill != 0) run.teacher = teacher;
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
  return FinishedRun{std::move(outcome), std::make_shared<const std::vector<float>>(
                                             std::move(trainer->model().parameters()))};
}

// One call of RunMethods: the runs that are done and the first error.
class Runs {
 public:
  Runs(const MethodParityOptions& options, const Corpus& corpus)
      : options_(options),
        corpus_(corpus),
        validation_(
            ValidationBatch(corpus, options.validation_sequences, options.run.model.context)),
        teachers_(options.seeds) {
    for (const MethodSpec& method : options.methods)
      runs_.push_back({method, std::vector<Outcome>(options.seeds)});
  }

  // The teachers, where there are any, then the rest.
  base::Result<std::vector<MethodRuns>> Run() {
    const auto distils = [](const MethodSpec& method) { return method.distill != 0; };
    const bool has_teacher = std::ranges::any_of(options_.methods, distils);
    if (has_teacher) RunAll({MethodSpec{}}, true);
    if (!failed_) RunAll(options_.methods, false);
    if (failed_) return *failed_;
    return std::move(runs_);
  }

 private:
  void RunAll(const std::vector<MethodSpec>& methods, bool are_teachers) {
    const std::uint64_t count = methods.size() * options_.seeds;
    base::ParallelFor(count, 1, [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t i = begin; i < end; ++i) {
        // Seeds outermost, so that an early end leaves whole seeds.
        const std::uint64_t seed = i / methods.size(), method = i % methods.size();
        const bool is_done = !are_teachers && teachers_[seed] != nullptr && IsBf16(methods[method]);
        if (!is_done) RunOne(methods[method], method, seed, are_teachers);
      }
    });
  }

  void RunOne(const MethodSpec& method, std::uint64_t index, std::uint64_t seed, bool is_teacher) {
    auto run = RunOnce(options_, corpus_, validation_, method, options_.first_seed + seed,
                       teachers_[seed]);
    const std::lock_guard lock(mutex_);
    if (!run.ok()) {
      const std::uint64_t at = seed * options_.methods.size() + index;
      if (failed_ && failed_at_ < at) return;
      failed_ = run.error();
      failed_->message = method.ToString() + ": " + failed_->message;
      failed_at_ = at;
      return;
    }
    if (is_teacher) {
      teachers_[seed] = run->weights;
      for (MethodRuns& runs : runs_) {
        if (IsBf16(runs.method)) runs.seeds[seed] = run->outcome;
      }
      return;
    }
    runs_[index].seeds[seed] = std::move(run->outcome);
  }

  static bool IsBf16(const MethodSpec& method) { return method.ToString() == "bf16"; }

  const MethodParityOptions& options_;
  const Corpus& corpus_;
  const Batch validation_;  // One text for all: what differs between two runs is the run.
  std::vector<Weights> teachers_;
  std::vector<MethodRuns> runs_;
  std::mutex mutex_;
  std::optional<base::Error> failed_;
  std::uint64_t failed_at_ = UINT64_MAX;
};

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
  if (auto valid = CheckCorpus(corpus, options.run.model.vocabulary, options.run.model.context);
      !valid.ok()) {
    return valid.error();
  }
  return Runs(options, corpus).Run();
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
