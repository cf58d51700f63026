// SPDX-License-Identifier: Apache-2.0
// A training run: model, method, optimiser and data, one step at a time. All that a step does
// follows from (options, corpus, step, parameters, optimiser state), and all of that is in a
// checkpoint or given again, so a run that was stopped anywhere goes on with the same bits.
#ifndef ULPROOF_TRAINER_TRAINER_H_
#define ULPROOF_TRAINER_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "trainer/activations.h"
#include "trainer/cast_weights.h"
#include "trainer/corpus.h"
#include "trainer/methods/method.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"

namespace ulproof::trainer {

struct TrainerOptions {
  ModelConfig model = {};
  MethodSpec method = {};
  std::uint64_t seed = 1;      // Of the initial weights, the order of the text and the noise.
  std::size_t batch = 8;       // Sequences a micro-step, each model.context long.
  std::size_t accumulate = 1;  // Micro-steps a step.
  Schedule schedule = {};
  AdamOptions adam = {};
  float weight_decay = 0.1f;  // Of matrices.
  float clip = 1.0f;          // Of the gradient's norm over all parameters; 0 for none.
  // The parameters of the bf16 run that a method with distill= learns from.
  std::shared_ptr<const std::vector<float>> teacher = {};
};
// Sets the model, batch and learning rates (bottom = top / 10, a twentieth of the steps warm-up).
void ApplyPreset(const Preset& preset, std::uint64_t steps, TrainerOptions& options);

struct StepRecord {
  std::uint64_t step = 0;  // The first is 0.
  float loss = 0;          // Mean cross entropy over the step's tokens, in nats, before the update.
  float divergence = 0;    // Mean distance from the teacher, in nats; 0 without one.
  float learning_rate = 0;
  double gradient_norm = 0;  // Before clipping.
};

// A mean over held-out sequences with the half-width of its 95 % confidence interval (Student, over
// sequences; tokens of one sequence are not independent).
struct Evaluation {
  double loss = 0;
  double half_width = 0;
  std::size_t sequences = 0;
};

class Trainer {
 public:
  // Errors: a bad shape, method, corpus or teacher (one too many, too few, or of another shape).
  // Corpus and backend must outlive the trainer.
  static base::Result<Trainer> Create(const TrainerOptions& options, const Corpus& corpus,
                                      formats::Backend& backend);

  const TrainerOptions& options() const { return options_; }
  std::uint64_t step() const { return step_; }  // How many are done.
  std::uint64_t tokens_per_step() const {
    return options_.batch * options_.accumulate * options_.model.context;
  }

  // One step. Errors: the backend's; a loss that is not finite (exit code 1), naming the first
  // layer that is not, with the parameters and scales as they were before the step.
  base::Result<StepRecord> Step();

  // The mean loss of `batch` (ValidationBatch) with the weights that are in use: the master's,
  // sampled ones, or any (see the Use functions). Activations are quantised, where the method
  // quantises any, under sampled and stepped weights. The next Step prepares its own weights.
  Evaluation Evaluate(const Batch& batch);
  void UseMasterWeights();
  base::Status UseSampledWeights();  // With the noise of the step to come.
  base::Status UseCastWeights(const CastTarget& target);
  base::Status UseSteppedWeights();  // Method::Quantise, when the method has b.

  // `count` tokens drawn from the model (the weights in use) after `prompt`; `seed` decides.
  std::vector<std::int32_t> Generate(std::vector<std::int32_t> prompt, std::size_t count,
                                     std::uint64_t seed);

  // Mean b over all blocks, or nothing when the method has none.
  std::optional<double> MeanBits() const;
  // R != 0 and its absorbed part over all sampled matrices, of UseSampledWeights' noise.
  base::Result<SampleCounts> CountAbsorbed();
  // Bytes that the method holds beyond master weights, gradients and AdamW's state.
  std::size_t ExtraBytes() const;
  std::size_t SampledParameters() const;

  // Checkpoints: everything needed to go on (Hugging Face names for the parameters), written whole
  // or not at all. Load errors: the file's; a checkpoint of other options, naming what differs.
  base::Status Save(const std::string& path);
  base::Status Load(const std::string& path);
  // The options as one line of text: what must agree between a checkpoint and the run.
  std::string Fingerprint() const;

  // For comparisons of runs.
  struct Matrix {
    std::size_t layer;
    Linear linear;
    const Parameter* parameter;
  };
  const std::vector<Matrix>& matrices() const { return matrices_; }
  const std::vector<std::uint16_t>& codes(std::size_t matrix) const { return codes_[matrix]; }
  Model<float>& model() { return *model_; }
  Method& method() { return *method_; }
  // Scales and zero points of the activations; empty where they are not quantised.
  std::span<float> activation_state();

 private:
  Trainer(const TrainerOptions& options, const Corpus& corpus, formats::Backend& backend);

  double ProgressAt(std::uint64_t step) const;
  void UseQuantisedActivations();
  base::Status ActivationError();
  MatrixStep MatrixAt(std::size_t index, std::uint64_t micro_step) const;
  base::Status PrepareCodes(std::uint64_t micro_step);
  base::Status UseCodes(
      const std::function<base::Status(const MatrixStep&, std::vector<std::uint16_t>&)>& make);
  // Adds to the record's losses.
  base::Status MicroStep(std::uint64_t micro_step, StepRecord& record);
  base::Status MicroSteps(StepRecord& record);
  void Update(float rate);

  TrainerOptions options_;
  const Corpus* corpus_;
  formats::Backend* backend_;
  std::unique_ptr<Model<float>> model_;
  std::unique_ptr<Method> method_;
  std::unique_ptr<ActivationQuantizer> activations_;  // nullptr: they are left alone.
  std::unique_ptr<Model<float>> teacher_;             // nullptr: there is none.
  std::vector<Matrix> matrices_;                      // The sampled ones.
  std::vector<std::vector<std::uint16_t>> codes_;     // One a matrix; empty for methods without.
  std::vector<float> accumulated_;                    // Gradients of earlier micro-steps.
  AdamW adam_, state_adam_;
  std::uint64_t step_ = 0;
};

// The parameters in a checkpoint, of any method, for a model of this shape. Errors: the file's;
// a tensor that is missing or of another shape or type.
base::Result<std::vector<float>> ReadParameters(const std::string& path, const ModelConfig& config);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_TRAINER_H_
