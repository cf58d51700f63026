// SPDX-License-Identifier: Apache-2.0
#include "trainer/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/random.h"
#include "trainer/statistics.h"

namespace ulproof::trainer {
namespace {

// A stream is (micro-step, matrix): 2^47 micro-steps of 2^16 matrices stay below the bit that
// stochastic rounding flips.
constexpr std::uint64_t kMatricesPerStep = std::uint64_t{1} << 16;

OperandRounding RoundingOf(const MethodSpec& method) {
  return method.name == "fp32" ? OperandRounding::kNone : OperandRounding::kBfloat16;
}

AdamOptions AdamOf(const TrainerOptions& options) {
  AdamOptions adam = options.adam;
  adam.rectified = adam.rectified || options.method.rectified;
  return adam;
}

base::Status CheckTeacher(const TrainerOptions& options) {
  if ((options.method.distill != 0) != (options.teacher != nullptr)) {
    return base::UsageError(options.teacher == nullptr
                                ? "a method with distill= learns from a teacher, and none is given"
                                : "a teacher is for a method with distill=");
  }
  if (options.teacher != nullptr &&
      options.teacher->size() != ParameterTable(options.model).total) {
    return base::UsageError("the teacher is a model of another shape");
  }
  if (options.teacher != nullptr && !std::all_of(options.teacher->begin(), options.teacher->end(),
                                                 [](float x) { return std::isfinite(x); })) {
    return base::UsageError("the teacher has a parameter that is not finite");
  }
  return base::Done{};
}

// A tensor of activations is one block (contract section 6 has at most 65536 x 65536).
base::Status CheckActivations(const TrainerOptions& options) {
  constexpr std::size_t kMost = 65536;
  if (options.method.activations &&
      (options.batch > kMost / options.model.context || 4 * options.model.width > kMost)) {
    return base::UsageError("act= takes at most 65536 tokens a micro-step and a width of 16384");
  }
  return base::Done{};
}

}  // namespace

void ApplyPreset(const Preset& preset, std::uint64_t steps, TrainerOptions& options) {
  options.model = preset.config;
  options.batch = preset.batch;
  options.schedule = {.top = preset.learning_rate,
                      .bottom = preset.learning_rate / 10,
                      .warmup = steps / 20,
                      .steps = steps};
}

Trainer::Trainer(const TrainerOptions& options, const Corpus& corpus, formats::Backend& backend)
    : options_(options),
      corpus_(&corpus),
      backend_(&backend),
      model_(std::make_unique<Model<float>>(options.model, RoundingOf(options.method))),
      adam_(model_->parameters().size(), AdamOf(options)),
      state_adam_(0, AdamOf(options)) {
  model_->parameters() = InitialParameters(options.model, options.seed);
  if (options.teacher != nullptr) {
    teacher_ = std::make_unique<Model<float>>(options.model, OperandRounding::kBfloat16);
    teacher_->parameters() = *options.teacher;
  }
  for (std::size_t layer = 0; layer < options.model.layers; ++layer) {
    for (std::size_t i = 0; i < kLinearsPerLayer; ++i) {
      const auto linear = static_cast<Linear>(i);
      if (!IsSampled(options.method.layers, linear)) continue;
      matrices_.push_back({layer, linear, &model_->table().weight(layer, linear)});
    }
  }
}

base::Result<Trainer> Trainer::Create(const TrainerOptions& options, const Corpus& corpus,
                                      formats::Backend& backend) {
  if (auto valid = ValidateConfig(options.model); !valid.ok()) return valid.error();
  if (options.batch == 0 || options.accumulate == 0)
    return base::UsageError("a step has at least one sequence");
  if (auto valid = CheckTeacher(options); !valid.ok()) return valid.error();
  if (auto valid = CheckActivations(options); !valid.ok()) return valid.error();
  if (auto valid = CheckCorpus(corpus, options.model.vocabulary, options.model.context);
      !valid.ok()) {
    return valid.error();
  }
  if (options.model.layers * kLinearsPerLayer > kMatricesPerStep)
    return base::UsageError("more matrices than streams");
  Trainer trainer(options, corpus, backend);
  std::vector<MatrixShape> shapes;
  for (const Matrix& matrix : trainer.matrices_)
    shapes.push_back({matrix.parameter->rows, matrix.parameter->cols});
  auto method = MakeMethod(options.method, shapes, backend, options.seed);
  if (!method.ok()) return method.error();
  trainer.method_ = std::move(*method);
  trainer.state_adam_ = AdamW(trainer.method_->state().size(), AdamOf(options));
  if (options.method.activations) {
    trainer.activations_ = std::make_unique<ActivationQuantizer>(
        *options.method.activations, options.method.layers, options.model.layers, backend);
  }
  if (trainer.method_->makes_codes()) {
    for (const MatrixShape& shape : shapes) trainer.codes_.emplace_back(shape.rows * shape.cols);
  }
  return trainer;
}

std::span<float> Trainer::activation_state() {
  if (activations_ == nullptr) return {};
  return activations_->state();
}

base::Status Trainer::ActivationError() {
  if (activations_ == nullptr) return base::Done{};
  return activations_->TakeError();
}

double Trainer::ProgressAt(std::uint64_t step) const {
  const auto steps = static_cast<double>(std::max<std::uint64_t>(options_.schedule.steps, 1));
  return std::min(1.0, static_cast<double>(step) / steps);
}

MatrixStep Trainer::MatrixAt(std::size_t index, std::uint64_t micro_step) const {
  const Parameter& parameter = *matrices_[index].parameter;
  return {.index = index,
          .rows = parameter.rows,
          .cols = parameter.cols,
          .weights = {model_->parameters().data() + parameter.offset, parameter.count()},
          .stream = micro_step * kMatricesPerStep + index,
          .progress = ProgressAt(step_),
          .share = 1 / static_cast<float>(options_.accumulate)};
}

base::Status Trainer::UseCodes(
    const std::function<base::Status(const MatrixStep&, std::vector<std::uint16_t>&)>& make) {
  codes_.resize(matrices_.size());
  for (std::size_t i = 0; i < matrices_.size(); ++i) {
    const MatrixStep step = MatrixAt(i, step_ * options_.accumulate);
    codes_[i].resize(step.weights.size());
    if (auto made = make(step, codes_[i]); !made.ok()) return made;
    model_->UseWeightCodes(matrices_[i].layer, matrices_[i].linear, codes_[i].data());
  }
  return base::Done{};
}

base::Status Trainer::PrepareCodes(std::uint64_t micro_step) {
  if (!method_->makes_codes()) {
    UseMasterWeights();
    return base::Done{};
  }
  for (std::size_t i = 0; i < matrices_.size(); ++i) {
    if (auto made = method_->Prepare(MatrixAt(i, micro_step), codes_[i]); !made.ok()) return made;
    model_->UseWeightCodes(matrices_[i].layer, matrices_[i].linear, codes_[i].data());
  }
  return base::Done{};
}

base::Status Trainer::MicroStep(std::uint64_t micro_step, StepRecord& record) {
  if (auto prepared = PrepareCodes(micro_step); !prepared.ok()) return prepared;
  UseQuantisedActivations();
  if (activations_ != nullptr) activations_->set_training(true);
  const Batch batch =
      TrainingBatch(*corpus_, options_.seed, micro_step, options_.batch, options_.model.context);
  const float loss = model_->Forward(batch.tokens, batch.targets, options_.model.context);
  if (auto ran = ActivationError(); !ran.ok()) return ran;
  if (!std::isfinite(loss)) {
    return base::Error{
        .exit_code = base::ExitCode::kMismatch,
        .message = fmt::format("step {}: the loss is {}; the first layer that is not finite is {}",
                               step_, loss, model_->FirstNonFinite().value_or("none"))};
  }
  const float share = 1 / static_cast<float>(options_.accumulate);
  record.loss += loss;
  Distillation<float> distillation;
  if (teacher_ != nullptr) {
    teacher_->Forward(batch.tokens, batch.targets, options_.model.context);
    distillation = {.teacher = teacher_->Probabilities(0).data(),
                    .weight = options_.method.distill,
                    .divergence = options_.method.divergence};
    record.divergence += model_->DivergenceFrom(distillation);
  }
  std::vector<float>& gradients = model_->gradients();
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  model_->Backward(batch.tokens, batch.targets, options_.model.context, share, distillation);
  if (auto ran = ActivationError(); !ran.ok()) return ran;
  for (std::size_t i = 0; i < matrices_.size(); ++i) {
    const Parameter& parameter = *matrices_[i].parameter;
    const std::span<float> gradient(gradients.data() + parameter.offset, parameter.count());
    if (auto ran = method_->Backward(MatrixAt(i, micro_step), gradient); !ran.ok()) return ran;
  }
  return base::Done{};
}

base::Status Trainer::MicroSteps(StepRecord& record) {
  for (std::size_t micro = 0; micro < options_.accumulate; ++micro) {
    if (auto done = MicroStep(step_ * options_.accumulate + micro, record); !done.ok()) return done;
    if (options_.accumulate == 1) continue;
    // Each micro-step's gradient stands alone, since b's backward needs it so.
    const std::vector<float>& gradients = model_->gradients();
    if (micro == 0) accumulated_.assign(gradients.size(), 0.0f);
    for (std::size_t i = 0; i < gradients.size(); ++i) accumulated_[i] += gradients[i];
  }
  record.loss /= static_cast<float>(options_.accumulate);
  record.divergence /= static_cast<float>(options_.accumulate);
  if (options_.accumulate > 1) model_->gradients() = accumulated_;
  return base::Done{};
}

base::Result<StepRecord> Trainer::Step() {
  StepRecord record = {.step = step_, .learning_rate = LearningRate(options_.schedule, step_)};
  std::vector<float>& state_gradients = method_->state_gradients();
  std::fill(state_gradients.begin(), state_gradients.end(), 0.0f);
  const std::vector<float> scales(activation_state().begin(), activation_state().end());
  if (auto done = MicroSteps(record); !done.ok()) {
    std::copy(scales.begin(), scales.end(), activation_state().begin());
    return done.error();
  }
  record.gradient_norm = ClipNorm(model_->gradients(), options_.clip);
  Update(record.learning_rate);
  ++step_;
  return record;
}

void Trainer::Update(float rate) {
  for (const Parameter& parameter : model_->table().all) {
    adam_.Update(parameter.offset,
                 {model_->parameters().data() + parameter.offset, parameter.count()},
                 {model_->gradients().data() + parameter.offset, parameter.count()}, step_, rate,
                 parameter.decays() ? options_.weight_decay : 0.0f);
  }
  state_adam_.Update(0, method_->state(), method_->state_gradients(), step_,
                     rate * method_->state_rate(), 0.0f);
  method_->Settle(ProgressAt(step_ + 1));
}

void Trainer::UseMasterWeights() {
  model_->UseParameters();
  model_->UseInputHook(nullptr);
}

void Trainer::UseQuantisedActivations() {
  if (activations_ != nullptr) activations_->set_training(false);
  model_->UseInputHook(activations_.get());
}

base::Status Trainer::UseSampledWeights() {
  UseQuantisedActivations();
  return PrepareCodes(step_ * options_.accumulate);
}

base::Status Trainer::UseCastWeights(const CastTarget& target) {
  model_->UseInputHook(nullptr);
  return UseCodes([&](const MatrixStep& step, std::vector<std::uint16_t>& codes) {
    return CastWeights(*backend_, target, step.rows, step.cols, step.weights, codes);
  });
}

base::Status Trainer::UseSteppedWeights() {
  UseQuantisedActivations();
  return UseCodes([&](const MatrixStep& step, std::vector<std::uint16_t>& codes) {
    return method_->Quantise(step, codes);
  });
}

Evaluation Trainer::Evaluate(const Batch& batch) {
  const std::size_t length = options_.model.context;
  const std::size_t chunk = options_.batch * length;
  std::vector<double> losses;
  for (std::size_t first = 0; first < batch.tokens.size(); first += chunk) {
    const std::size_t count = std::min(chunk, batch.tokens.size() - first);
    model_->Forward({batch.tokens.data() + first, count}, {batch.targets.data() + first, count},
                    length);
    for (std::size_t n = 0; n < count; n += length) {
      double sum = 0;
      for (const float loss : model_->losses().subspan(n, length)) sum += loss;
      losses.push_back(sum / static_cast<double>(length));
    }
  }
  const Interval interval = MeanInterval(losses);
  return {.loss = interval.mean, .half_width = interval.half_width, .sequences = losses.size()};
}

std::vector<std::int32_t> Trainer::Generate(std::vector<std::int32_t> tokens, std::size_t count,
                                            std::uint64_t seed) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = std::min(tokens.size(), options_.model.context);
    const std::span<const std::int32_t> window(tokens.data() + tokens.size() - length, length);
    model_->Forward(window, window, length);
    const std::span<const float> probabilities = model_->Probabilities(length - 1);
    double left = static_cast<double>(RandomBits(seed, 0x67656e, i) >> 11) * 0x1p-53;
    std::int32_t token = 0;
    while (token + 1 < static_cast<std::int32_t>(probabilities.size()) &&
           (left -= probabilities[token]) >= 0) {
      ++token;
    }
    tokens.push_back(token);
  }
  return tokens;
}

std::optional<double> Trainer::MeanBits() const {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < matrices_.size(); ++i) {
    for (const float b : method_->Bits(i, MatrixAt(i, 0).progress)) {
      sum += b;
      ++count;
    }
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

base::Result<SampleCounts> Trainer::CountAbsorbed() {
  SampleCounts total;
  if (auto used = UseSampledWeights(); !used.ok()) return used.error();
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    const auto counts = method_->Count(MatrixAt(i, step_ * options_.accumulate), codes_[i]);
    if (!counts.ok()) return counts.error();
    total.noisy += counts->noisy;
    total.absorbed += counts->absorbed;
  }
  return total;
}

std::size_t Trainer::SampledParameters() const {
  std::size_t count = 0;
  for (const Matrix& matrix : matrices_) count += matrix.parameter->count();
  return count;
}

std::size_t Trainer::ExtraBytes() const {
  std::size_t bytes = 4 * method_->state().size() * 4;  // State, gradient, two moments.
  if (!method_->makes_codes()) return bytes;
  for (const auto& codes : codes_) bytes += codes.size() * sizeof(codes[0]);
  return bytes;
}

}  // namespace ulproof::trainer
