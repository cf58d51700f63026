// SPDX-License-Identifier: Apache-2.0
// A training method: what a linear layer multiplies by instead of its master weight. One interface;
// each method is one file beside this one. All arithmetic under test (noise, maxima, scales,
// samples, casts, the backward of b) goes through a formats::Backend, so two runs that differ only
// in the backend must have the same bits.
#ifndef ULPROOF_TRAINER_METHODS_METHOD_H_
#define ULPROOF_TRAINER_METHODS_METHOD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "formats/block_spec.h"
#include "formats/levels.h"
#include "formats/noise_law.h"
#include "trainer/layers/distillation.h"
#include "trainer/parameters.h"

namespace ulproof::trainer {

enum class SampledLayers : std::uint8_t { kAll, kAttention, kMlp };

// A method as text: its name, then options, as in "gaussws,law=rg32,target=3,layers=mlp".
//
//   bf16                 operands rounded to bfloat16, nothing else: the baseline
//   fp32                 not even that
//   gaussws              GaussWS (section 7) with a learned b a block
//   gaussws-fixed        the same with b falling linearly from init to target over the run
//   diffq                uniform noise, learned b; law=normal2 is its Gaussian form, block=1x8 its
//                        published grouping
//   statqat              a grid of target bits a block, the step from the block's deviation
//   lsq                  the same with a learned step
//   gdnsq                a grid whose step, and so b, is learned from init down to target
//   nipq                 uniform noise, learned b and truncation
//   rtn:FORMAT           weights cast to FORMAT each step (CastWeights), straight-through gradients
//
// Options: law=, block=RxC, init=, target= (b before and after), lambda= (decay loss lambda * mean
// b a layer; of gdnsq the penalty's weight), rate= (learning rate of b's coordinate, times that of
// the weights), layers=all|attention|mlp. And one that breaks it on purpose: backward-stream=N
// draws the backward's R from the stream N further on.
//
// settle=F holds the mean b to a budget (methods/bit_budget.h): it falls to target in the part F of
// the run, and then each b is whole and stays; nipq's noise ends there too. act=LEVELS (int8, 8,
// float8_e4m3fn) quantises the inputs of the same linear layers (activations.h).
// noise=uniform|histogram is nipq's (error_histogram.h).
// optimizer=adamw|radam and distill=W, divergence=jeffreys|kl change the whole run: with a teacher,
// the loss is (1 - W) * cross entropy + W * divergence.
struct MethodSpec {
  std::string name = "bf16";  // Without options.
  std::string format;         // Of rtn.
  SampledLayers layers = SampledLayers::kAll;
  formats::NoiseLaw law = formats::NoiseLaw::kRg16;
  formats::BlockShape block = {};
  float bits_init = 6;
  float bits_target = 4;
  float lambda = 1e-3f;
  float rate = 1;
  std::uint64_t backward_stream = 0;
  float settle = 1;  // 1: b is left to the method.
  std::optional<formats::Levels> activations = {};
  bool rectified = false;  // optimizer=radam.
  bool histogram = false;  // noise=histogram.
  float distill = 0;       // Of a teacher's divergence in the loss; 0: no teacher.
  TeacherDistance divergence = TeacherDistance::kJeffreys;

  bool settles() const { return settle < 1; }
  bool is_settled(double progress) const { return settles() && progress >= settle; }
  std::string ToString() const;  // Parses back to this.
};
// Errors: unknown method or option, with the nearest known one; values out of range.
base::Result<MethodSpec> ParseMethod(std::string_view text);

bool IsSampled(SampledLayers layers, Linear linear);

// One matrix at one micro-step.
struct MatrixStep {
  std::size_t index = 0;  // Of the sampled matrix, counted from 0.
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::span<const float> weights;  // The master, rows x cols.
  std::uint64_t stream = 0;        // Of its noise: no other matrix or micro-step has it.
  double progress = 0;             // The run's part that is done, in [0, 1].
  float share = 1;                 // Of the step that this micro-step is: 1 / accumulate.
};

struct MatrixShape {
  std::size_t rows;
  std::size_t cols;
};

struct SampleCounts {
  std::uint64_t noisy = 0;     // R != 0
  std::uint64_t absorbed = 0;  // R != 0, and the sample is the weight cast (contract section 10)
};

class Method {
 public:
  virtual ~Method() = default;

  // Whether Prepare writes codes; else the layers read the master weights.
  virtual bool makes_codes() const { return true; }

  // Writes the bfloat16 codes of the matrix that the layer is to use.
  virtual base::Status Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) = 0;

  // Writes what the weights are after training: quantised, without noise. Precondition: the method
  // has Bits.
  virtual base::Status Quantise(const MatrixStep& step, std::span<std::uint16_t> codes) {
    return Prepare(step, codes);
  }

  // Given the gradient by those codes, adds to state_gradients(), and makes it the master's own:
  // the same numbers (section 8) unless the method clips.
  virtual base::Status Backward(const MatrixStep&, std::span<float>) { return base::Done{}; }

  // What the method learns, one number a block, of all matrices in order; may be empty. `rate` and
  // no decay are AdamW's for it.
  std::vector<float>& state() { return state_; }
  std::vector<float>& state_gradients() { return state_gradients_; }
  virtual float state_rate() const { return 1; }

  // After each update of the state: makes it meet its budget for the step that begins at
  // `progress`.
  virtual void Settle(double) {}

  // b of each block of matrix `index`; empty for methods without b.
  virtual std::vector<float> Bits(std::size_t, double) const { return {}; }
  virtual base::Result<SampleCounts> Count(const MatrixStep&, std::span<const std::uint16_t>) {
    return SampleCounts{};
  }

 protected:
  std::vector<float> state_, state_gradients_;
};

// Errors: rtn's unknown format. The backend must outlive the method; `seed` is that of the noise.
base::Result<std::unique_ptr<Method>> MakeMethod(const MethodSpec& spec,
                                                 const std::vector<MatrixShape>& matrices,
                                                 formats::Backend& backend, std::uint64_t seed);

// Each in its file; MakeMethod chooses.
std::unique_ptr<Method> MakeBf16();
std::unique_ptr<Method> MakeGaussws(const MethodSpec& spec,
                                    const std::vector<MatrixShape>& matrices,
                                    formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeGausswsFixed(const MethodSpec& spec,
                                         const std::vector<MatrixShape>& matrices,
                                         formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeDiffq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                  formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeStatqat(const MethodSpec& spec,
                                    const std::vector<MatrixShape>& matrices,
                                    formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeLsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeGdnsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                  formats::Backend& backend, std::uint64_t seed);
std::unique_ptr<Method> MakeNipq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                 formats::Backend& backend, std::uint64_t seed);
base::Result<std::unique_ptr<Method>> MakeRtn(const MethodSpec& spec, formats::Backend& backend);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_METHODS_METHOD_H_
