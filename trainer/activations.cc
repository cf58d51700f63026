// SPDX-License-Identifier: Apache-2.0
#include "trainer/activations.h"

#include <algorithm>

#include "trainer/run_operation.h"

namespace ulproof::trainer {

using formats::Operation;
using formats::OpKind;

ActivationQuantizer::ActivationQuantizer(const formats::Levels& levels, SampledLayers sampled,
                                         std::size_t layers, formats::Backend& backend)
    : levels_(levels),
      sampled_(sampled),
      backend_(backend),
      state_(2 * layers * kLinearsPerLayer),
      sites_(layers * kLinearsPerLayer) {}

Operation ActivationQuantizer::OperationFor(OpKind kind, std::size_t cols,
                                            std::size_t count) const {
  const std::size_t rows = count / cols;
  return {
      .kind = kind,
      .block = {.rows = static_cast<std::uint32_t>(rows), .cols = static_cast<std::uint32_t>(cols)},
      .levels = levels_,
      .shape = {.rows = rows, .cols = cols}};
}

void ActivationQuantizer::Note(const base::Status& status) {
  if (status_.ok() && !status.ok()) status_ = status;
}

base::Status ActivationQuantizer::TakeError() {
  base::Status taken = status_;
  status_ = base::Done{};
  return taken;
}

void ActivationQuantizer::Forward(std::size_t layer, Linear linear, std::size_t cols,
                                  std::span<float> x) {
  if (!IsSampled(sampled_, linear)) return;
  const std::size_t index = layer * kLinearsPerLayer + static_cast<std::size_t>(linear);
  Site& site = sites_[index];
  float* state = state_.data() + 2 * index;
  site.x.assign(x.begin(), x.end());
  site.scale = state[0];
  site.zero = state[1];
  if (site.scale == 0) {
    Operation fit = OperationFor(OpKind::kFit, cols, x.size());
    fit.fit = formats::FitRule::kMinmax;
    Note(RunOperation(backend_, fit, {x.data()}, {&site.scale, &site.zero}));
  }
  if (training_) {
    Operation refit = OperationFor(OpKind::kRefit, cols, x.size());
    refit.mean_zero = true;
    Note(RunOperation(backend_, refit, {x.data(), &site.scale, &site.zero}, {state, state + 1}));
    site.scale = state[0];
    site.zero = state[1];
  }
  Note(RunOperation(backend_, OperationFor(OpKind::kFakeQuantize, cols, x.size()),
                    {site.x.data(), &site.scale, &site.zero}, {x.data()}));
}

void ActivationQuantizer::Backward(std::size_t layer, Linear linear, std::size_t cols,
                                   std::span<float> gradient) {
  if (!IsSampled(sampled_, linear)) return;
  const Site& site = sites_[layer * kLinearsPerLayer + static_cast<std::size_t>(linear)];
  const std::vector<float> given(gradient.begin(), gradient.end());
  float by_scale = 0;  // Of no use: the scale is fitted, not learned.
  Note(RunOperation(backend_, OperationFor(OpKind::kFakeBackward, cols, gradient.size()),
                    {given.data(), site.x.data(), &site.scale, &site.zero},
                    {gradient.data(), &by_scale}));
}

}  // namespace ulproof::trainer
