// SPDX-License-Identifier: Apache-2.0
// GPT-2: the layers in order, forward and back. Holds parameters, gradients and the activations of
// one micro-step; knows nothing of optimisers, data or noise. Model<double> is the same code in
// double, for checking gradients.
#ifndef ULPROOF_TRAINER_MODEL_H_
#define ULPROOF_TRAINER_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainer/config.h"
#include "trainer/gemm.h"
#include "trainer/layers/distillation.h"
#include "trainer/parameters.h"

namespace ulproof::trainer {

// What becomes of the input of a linear layer before its product, in place.
template <typename T>
class InputHook {
 public:
  virtual ~InputHook() = default;
  // `x` has rows of `cols`.
  virtual void Forward(std::size_t layer, Linear linear, std::size_t cols, std::span<T> x) = 0;
  // Given the gradient by what Forward left, makes it that by what it got.
  virtual void Backward(std::size_t layer, Linear linear, std::size_t cols,
                        std::span<T> gradient) = 0;
};

template <typename T>
class Model {
 public:
  // Parameters start at 0: set parameters(). Precondition: ValidateConfig.
  Model(const ModelConfig& config, OperandRounding rounding);

  const ModelConfig& config() const { return config_; }
  const ParameterTable& table() const { return table_; }
  std::vector<T>& parameters() { return parameters_; }
  const std::vector<T>& parameters() const { return parameters_; }
  std::vector<T>& gradients() { return gradients_; }

  // The linear layer's operator reads these bfloat16 codes (in x out) instead of the parameters;
  // nullptr goes back. Gradients by the codes are added to the parameter's: straight through. The
  // codes must outlive their use.
  void UseWeightCodes(std::size_t layer, Linear linear, const std::uint16_t* codes);
  void UseParameters();  // For all linear layers.

  // For all linear layers; nullptr for none, as at the start. Must outlive its use.
  void UseInputHook(InputHook<T>* hook) { hook_ = hook; }

  // Mean cross entropy in nats over tokens.size() = batch * length predictions, summed in rising
  // order. Precondition: length <= context; tokens and targets below the vocabulary.
  T Forward(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
            std::size_t length);

  // Mean divergence of the predictions of the last Forward, in rising order. Precondition: a
  // teacher with as many predictions.
  T DivergenceFrom(const Distillation<T>& distillation);

  // Adds d(scale * mean loss) to the gradients, the loss mixed with the divergence where there is a
  // teacher. Once after a Forward with the same tokens.
  void Backward(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                std::size_t length, T scale, const Distillation<T>& distillation = {});

  // Cross entropy of each prediction of the last Forward.
  std::span<const T> losses() const { return losses_; }
  // After Forward: softmax over the vocabulary for prediction n; those of n + 1 follow.
  std::span<const T> Probabilities(std::size_t n) const;
  // The first activation of the last Forward, in order, that is not finite: "h.1.attn.c_attn".
  std::optional<std::string> FirstNonFinite() const;

 private:
  // What a block keeps for its backward; N = batch * length rows.
  struct Block {
    std::vector<T> norm1, mean1, rstd1;  // N x C, N, N
    std::vector<T> qkv;                  // N x 3C
    std::vector<T> probabilities;        // B x H x T x T
    std::vector<T> heads;                // N x C
    std::vector<T> middle;               // N x C: the residual stream after attention
    std::vector<T> norm2, mean2, rstd2;
    std::vector<T> up, gelu;  // N x 4C
    std::vector<T> out;       // N x C: the residual stream after the MLP
  };

  void Resize(std::size_t rows, std::size_t length);
  Operand<T> Weight(std::size_t layer, Linear linear) const;
  const T* At(const Parameter& parameter) const { return parameters_.data() + parameter.offset; }
  T* GradientAt(const Parameter& parameter) { return gradients_.data() + parameter.offset; }

  ModelConfig config_;
  ParameterTable table_;
  OperandRounding rounding_;
  std::vector<T> parameters_, gradients_;
  std::vector<const std::uint16_t*> codes_;  // layers * kLinearsPerLayer
  InputHook<T>* hook_ = nullptr;
  std::size_t rows_ = 0, length_ = 0;  // What the activations are sized for.
  std::vector<T> embedded_;            // N x C
  std::vector<Block> blocks_;
  std::vector<T> norm_, mean_, rstd_;  // The last norm.
  std::vector<T> probabilities_;       // N x V
  std::vector<T> losses_;              // N
};

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_MODEL_H_
