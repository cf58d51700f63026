// SPDX-License-Identifier: Apache-2.0
// Quantised activations, as StatQAT has them (arXiv 2605.17745): the inputs of the linear layers on
// a grid whose scale and zero point, one pair a tensor, take one least-squares step at every
// training forward from where the last left them (contract section 14, refit with zero=mean).
// Gradients pass straight through inside the grid and not at all outside.
#ifndef ULPROOF_TRAINER_ACTIVATIONS_H_
#define ULPROOF_TRAINER_ACTIVATIONS_H_

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "formats/levels.h"
#include "trainer/methods/method.h"
#include "trainer/model.h"

namespace ulproof::trainer {

class ActivationQuantizer final : public InputHook<float> {
 public:
  // For the linear layers of `layers` in a model of that many layers. The backend must outlive it.
  ActivationQuantizer(const formats::Levels& levels, SampledLayers sampled, std::size_t layers,
                      formats::Backend& backend);

  // A training forward moves the scales; another leaves them. A tensor that has no scale yet (0)
  // starts from MinMax.
  void set_training(bool training) { training_ = training; }

  void Forward(std::size_t layer, Linear linear, std::size_t cols, std::span<float> x) override;
  void Backward(std::size_t layer, Linear linear, std::size_t cols,
                std::span<float> gradient) override;

  // The backend's first error since the last call; a hook cannot return it.
  base::Status TakeError();

  // Scale and zero point of each linear layer's input, in the order of the forward pass.
  std::vector<float>& state() { return state_; }

 private:
  struct Site {
    std::vector<float> x;       // What the last Forward got.
    float scale = 0, zero = 0;  // What it used.
  };
  formats::Operation OperationFor(formats::OpKind kind, std::size_t cols, std::size_t count) const;
  void Note(const base::Status& status);

  formats::Levels levels_;
  SampledLayers sampled_;
  formats::Backend& backend_;
  bool training_ = true;
  std::vector<float> state_;
  std::vector<Site> sites_;
  base::Status status_ = base::Done{};
};

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_ACTIVATIONS_H_
